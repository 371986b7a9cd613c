import type { ByteSource } from '../core/index.js';
import {
  DatasetReader,
  readRanges,
  readSource,
  Tags,
  TransferSyntaxes,
  type Dataset,
  type DatasetIndex,
  type TransferSyntax,
} from '../dicom/index.js';
import { readFrameDelays } from './frame-delay.js';
import type { ImageLook, OverlayPlane } from './image-look.js';
import { lookOf } from './look.js';
import type { LookDatasets } from './look-datasets.js';
import { LookCollector, tooLong, type Located } from './look-collector.js';
import { locateOverlays, overlayPlane, type LocatedOverlay } from './overlay.js';

/** What a dataset says of how each of its frames is shown. */
export interface ImageLooks {
  /** Of frame `frame`, from 1. @throws GatewayError `malformed-dataset`, or what the source throws */
  of(frame: number): Promise<ImageLook>;
  /** How long a frame is to be seen, in milliseconds, where the dataset says so. */
  delayMs(frame: number): number | undefined;
}

/** The stored bytes of an instance, and what is known of them. */
export interface LookSource {
  readonly source: ByteSource;
  readonly stored: TransferSyntax;
  readonly index: DatasetIndex;
}

/** Most bytes of all that a dataset says of how it is shown: the largest are ICC profiles, of 3 MiB at most. */
const MOST_BYTES = 8 * 1024 * 1024;

/**
 * Reads what stands before the pixel data and says how frames are shown, in memory that grows neither with the pixels nor
 * with what is said of other frames.
 *
 * @throws GatewayError `malformed-dataset`, `not-acceptable` when there is more of it than is read, or what the source
 * throws
 */
export async function readImageLooks(from: LookSource): Promise<ImageLooks> {
  const collector = new LookCollector(from.stored, MOST_BYTES);
  const limits = { maxCollectedBytes: MOST_BYTES };
  for await (const { isDone } of readSource(from.source, from.stored, collector, limits)) if (isDone) break;
  return new CollectedLooks(from, collector);
}

class CollectedLooks implements ImageLooks {
  readonly #from: LookSource;
  readonly #collected: LookCollector;
  readonly #overlays: readonly LocatedOverlay[];
  #delays: ReturnType<typeof readFrameDelays> | undefined;

  constructor(from: LookSource, collected: LookCollector) {
    this.#from = from;
    this.#collected = collected;
    this.#overlays = locateOverlays(collected.dataset, collected.overlayData);
  }

  async of(frame: number): Promise<ImageLook> {
    const { dataset } = this.#collected;
    const groups: LookDatasets = {
      dataset,
      shared: dataset.items(Tags.SharedFunctionalGroupsSequence)[0],
      own: await this.#frameGroups(frame),
    };
    const overlays: OverlayPlane[] = [];
    let pixels = 0;
    for (const overlay of this.#overlays) {
      pixels += overlay.rows * overlay.columns;
      if (pixels > MOST_BYTES * 8) throw tooLong();
      const plane = await overlayPlane(overlay, frame, (located) => this.#read(located));
      if (plane) overlays.push(plane);
    }
    return { ...lookOf(groups, this.#from.index), overlays };
  }

  delayMs(frame: number): number | undefined {
    return (this.#delays ??= readFrameDelays(this.#collected.dataset))(frame);
  }

  /** The item of the frame in the Per-Frame Functional Groups Sequence. @see PS3.3 C.7.6.16 */
  async #frameGroups(frame: number): Promise<Dataset | undefined> {
    const item = this.#collected.frameItems[frame - 1];
    if (!item) return undefined;
    const { source, stored } = this.#from;
    const syntax = this.#collected.areItemsImplicit ? TransferSyntaxes.ImplicitVrLittleEndian : stored;
    const collector = new LookCollector(syntax, MOST_BYTES);
    const reader = new DatasetReader(syntax, collector, { maxCollectedBytes: MOST_BYTES });
    // Delimiters may follow the last value: what they end has been collected.
    for await (const chunk of readRanges(source, stored, [item])) reader.push(chunk);
    return collector.dataset;
  }

  async #read({ vr, start, end }: Located): Promise<Buffer> {
    const { source, stored } = this.#from;
    const chunks: Buffer[] = [];
    for await (const chunk of readRanges(source, stored, [{ start, end }], vr))
      chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }
}
