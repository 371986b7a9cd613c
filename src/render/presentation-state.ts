import { GatewayError } from '../core/index.js';
import { readRanges, readSource, Tags, type Dataset } from '../dicom/index.js';
import type { OverlayPlane } from './image-look.js';
import { LookCollector, tooLong } from './look-collector.js';
import { locateOverlays, overlayPlane } from './overlay.js';
import type { LookSource } from './read-looks.js';
import { readGraphics, type Annotations } from './state-graphics.js';
import { readReferences, type ReferencedImage } from './state-references.js';
import { StateContents } from './state-tags.js';

/** What a presentation state says of its images; held in memory, within `MOST_BYTES`. */
export interface PresentationState {
  readonly dataset: Dataset;
  readonly isColour: boolean;
  /** In the state's order. */
  readonly images: readonly ReferencedImage[];
  /** The state's own. */
  readonly overlays: readonly OverlayPlane[];
  readonly annotations: readonly Annotations[];
  /** What of it is not shown, for who is to know it. */
  readonly warnings: readonly string[];
}

/** Grayscale and color softcopy presentation states. @see PS3.4 B.5 */
const GRAYSCALE = '1.2.840.10008.5.1.4.1.1.11.1';
const COLOR = '1.2.840.10008.5.1.4.1.1.11.2';

/** Whether states of this SOP class are shown; the others blend images, or show volumes. */
export const isShownState = (sopClassUid: string): boolean =>
  sopClassUid === GRAYSCALE || sopClassUid === COLOR;

/** Most bytes of all that is read of a state. */
const MOST_BYTES = 8 * 1024 * 1024;

/**
 * Reads a grayscale or color softcopy presentation state.
 *
 * @throws GatewayError `malformed-dataset`, `not-acceptable` when there is more of it than is read, `not-implemented` for
 * one that subtracts a mask, or what the source throws
 * @see PS3.3 A.33.1, A.33.2
 */
export async function readPresentationState(
  { source, stored }: Pick<LookSource, 'source' | 'stored'>,
  fallbackCharacterSet?: string,
): Promise<PresentationState> {
  const fallback = fallbackCharacterSet?.split('\\') ?? [];
  const collector = new LookCollector(stored, MOST_BYTES, StateContents, fallback);
  const limits = { maxCollectedBytes: MOST_BYTES };
  for await (const { isDone } of readSource(source, stored, collector, limits)) if (isDone) break;
  const { dataset } = collector;
  if (dataset.items(Tags.MaskSubtractionSequence).length > 0)
    throw new GatewayError(
      'not-implemented',
      'The gateway does not subtract the mask of a presentation state.',
    );
  const overlays: OverlayPlane[] = [];
  let pixels = 0;
  for (const overlay of locateOverlays(dataset, collector.overlayData)) {
    pixels += overlay.rows * overlay.columns;
    if (pixels > MOST_BYTES * 8) throw tooLong();
    const plane = await overlayPlane(overlay, 1, async ({ vr, start, end }) => {
      const chunks: Buffer[] = [];
      for await (const chunk of readRanges(source, stored, [{ start, end }], vr))
        chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks);
    });
    if (plane) overlays.push(plane);
  }
  const { annotations, warnings } = readGraphics(dataset);
  return {
    dataset,
    isColour: dataset.string(Tags.SOPClassUID) === COLOR,
    images: readReferences(dataset),
    overlays,
    annotations,
    warnings: [...warnings, ...shutterWarnings(dataset)],
  };
}

const shutterWarnings = (dataset: Dataset): readonly string[] =>
  dataset.strings(Tags.ShutterShape).includes('BITMAP')
    ? ['The shutter of the state that is a bitmap is not closed.']
    : [];
