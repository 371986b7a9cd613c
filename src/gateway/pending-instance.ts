import type { Spool } from '../cache/index.js';
import { GatewayError } from '../core/index.js';
import {
  elementHeader,
  encapsulatedFrames,
  encodeDicomJson,
  formatTag,
  Tags,
  isVideo,
  TransferSyntaxes,
  type BulkGap,
  type DatasetPiece,
  type DatasetUids,
  type DicomJsonObject,
  type Part10Meta,
  type Tag,
  type TransferSyntax,
} from '../dicom/index.js';
import type { OutgoingInstance } from './instance-sender.js';

/** The value of an attribute, as it came in a part of its own. */
export interface BulkValue {
  readonly spool: Spool;
  readonly length: number;
  /** Of compressed frames and video; undefined for plain bytes. */
  readonly syntax: TransferSyntax | undefined;
}

interface Awaited {
  readonly gap: BulkGap;
  readonly values: BulkValue[];
}

/** An instance whose attributes are there, and of whose bulk data some is still to come. */
export class PendingInstance {
  readonly meta: Partial<Part10Meta>;
  readonly #object: DicomJsonObject;
  readonly #pieces: readonly DatasetPiece[];
  readonly #awaited = new Map<BulkGap, Awaited>();
  /** Why it cannot be stored any more. */
  problem: GatewayError | undefined;

  /** @throws GatewayError `bad-request` when a VR cannot hold a value */
  constructor(object: DicomJsonObject) {
    this.#object = object;
    this.meta = PendingInstance.metaOf(object);
    this.#pieces = encodeDicomJson(object);
    for (const gap of this.gaps) this.#awaited.set(gap, { gap, values: [] });
  }

  /** Which instance `object` says it is. */
  static metaOf(object: DicomJsonObject): Partial<Part10Meta> {
    const [sopClassUid, sopInstanceUid] = [Tags.SOPClassUID, Tags.SOPInstanceUID].map((tag) =>
      textIn(object, tag),
    );
    return {
      ...(sopClassUid !== undefined && { sopClassUid }),
      ...(sopInstanceUid !== undefined && { sopInstanceUid }),
    };
  }

  /** The attributes whose values are elsewhere, in ascending order. */
  get gaps(): readonly BulkGap[] {
    return this.#pieces.filter((piece): piece is BulkGap => !Buffer.isBuffer(piece));
  }

  /** Whether every value has come. */
  get isWhole(): boolean {
    return [...this.#awaited.values()].every((awaited) => this.#lacks(awaited) === 0);
  }

  /** How many values of the attribute have come. */
  received(gap: BulkGap): number {
    return this.#awaited.get(gap)?.values.length ?? 0;
  }

  /** Whether another value of the attribute is expected: frames come one by one. */
  expects(gap: BulkGap): boolean {
    const awaited = this.#awaited.get(gap);
    return this.problem === undefined && awaited !== undefined && this.#lacks(awaited) > 0;
  }

  /** Takes a value that is expected. */
  take(gap: BulkGap, value: BulkValue): void {
    this.#awaited.get(gap)?.values.push(value);
  }

  /** The whole instance. @throws GatewayError `bad-request` when its values do not fit together */
  outgoing(): OutgoingInstance {
    const { sopClassUid = '', sopInstanceUid = '' } = this.meta;
    const pixels = [...this.#awaited.values()].find(({ gap }) => isPixelData(gap));
    const syntax = pixels?.values[0]?.syntax ?? TransferSyntaxes.ExplicitVrLittleEndian;
    if (pixels?.values.some((value) => (value.syntax ?? TransferSyntaxes.ExplicitVrLittleEndian) !== syntax))
      throw new GatewayError(
        'bad-request',
        'The frames of an instance are in more than one transfer syntax.',
      );
    if (pixels && !syntax.encapsulated) this.#requireLength(pixels.values[0]?.length ?? 0);
    return {
      meta: { sopClassUid, sopInstanceUid, transferSyntaxUid: syntax.uid },
      uids: this.#uids(),
      bytes: () => this.#bytes(),
      discard: () => {
        this.discard();
      },
    };
  }

  /** Lets go of the values that have come. */
  discard(): void {
    for (const { values } of this.#awaited.values()) for (const { spool } of values) spool.discard();
  }

  async *#bytes(): AsyncGenerator<Buffer, void, undefined> {
    for (const piece of this.#pieces) {
      if (Buffer.isBuffer(piece)) yield piece;
      else yield* elementOf(piece, this.#awaited.get(piece)?.values ?? []);
    }
  }

  #lacks({ gap, values }: Awaited): number {
    const [first] = values;
    if (first === undefined) return 1;
    const framed = isPixelData(gap) && first.syntax !== undefined && isByFrame(first.syntax);
    return (framed ? this.#frames() : 1) - values.length;
  }

  #frames(): number {
    const frames = Number(this.#text(Tags.NumberOfFrames) ?? 1);
    return Number.isSafeInteger(frames) && frames > 0 ? frames : 1;
  }

  /** Native pixel data have the length that the attributes say: another one would be another image. */
  #requireLength(length: number): void {
    const number = (tag: Tag): number => Number(this.#text(tag) ?? NaN);
    const samples = number(Tags.Rows) * number(Tags.Columns) * number(Tags.SamplesPerPixel) * this.#frames();
    const expected = Math.ceil((samples * number(Tags.BitsAllocated)) / 8);
    const isSubsampled = (this.#text(Tags.PhotometricInterpretation) ?? '').endsWith('_422');
    if (Number.isNaN(expected) || isSubsampled) return;
    if (length !== expected && length !== expected + (expected % 2))
      throw new GatewayError('bad-request', 'Pixel data are of another length than their attributes say.');
  }

  #uids(): DatasetUids {
    const { sopClassUid, sopInstanceUid } = this.meta;
    const study = this.#text(Tags.StudyInstanceUID);
    const series = this.#text(Tags.SeriesInstanceUID);
    return {
      ...(sopClassUid !== undefined && { sopClassUid }),
      ...(sopInstanceUid !== undefined && { sopInstanceUid }),
      ...(study !== undefined && { studyInstanceUid: study }),
      ...(series !== undefined && { seriesInstanceUid: series }),
    };
  }

  #text(tag: Tag): string | undefined {
    return textIn(this.#object, tag);
  }
}

function textIn(object: DicomJsonObject, tag: Tag): string | undefined {
  const value = object[formatTag(tag)]?.Value?.[0];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

const isPixelData = ({ tag, nested }: BulkGap): boolean => tag === Tags.PixelData && !nested;

/** Video is one stream for all its frames. @see rule W-29 */
const isByFrame = (syntax: TransferSyntax): boolean => syntax.encapsulated && !isVideo(syntax);

async function* elementOf(
  gap: BulkGap,
  values: readonly BulkValue[],
): AsyncGenerator<Buffer, void, undefined> {
  const [first] = values;
  if (first === undefined) return;
  if (isPixelData(gap) && first.syntax?.encapsulated) {
    const frames = values.map(({ spool, length }) => ({ length, read: () => spool.read() }));
    yield* encapsulatedFrames(frames);
    return;
  }
  yield elementHeader(gap.tag, gap.vr, first.length);
  yield* first.spool.read();
  if (first.length % 2 === 1) yield Buffer.of(0);
}
