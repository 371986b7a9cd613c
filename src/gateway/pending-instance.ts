import { GatewayError, type PatientIdentity } from '../core/index.js';
import {
  elementHeader,
  encapsulatedFrames,
  encodeDicomJson,
  formatTag,
  missingAttributes,
  offsetTags,
  requireStandardVrs,
  requireUnits,
  Tags,
  TransferSyntaxes,
  vrTraits,
  type BulkGap,
  type DatasetPiece,
  type DatasetUids,
  type DicomJsonObject,
  type Part10Meta,
  type Tag,
  type TransferSyntax,
} from '../dicom/index.js';
import { requireDocumentOfClass, withDocument, withNativePixels, withStream } from '../media/index.js';
import { bytesOf, type BulkValue } from './bulk-value.js';
import { requireFramesFit } from './frames-fit.js';
import type { OutgoingInstance } from './instance-sender.js';

interface Awaited {
  readonly gap: BulkGap;
  readonly values: BulkValue[];
}

/** An instance whose attributes are there, and of whose bulk data some is still to come. */
export class PendingInstance {
  readonly meta: Partial<Part10Meta>;
  readonly gaps: readonly BulkGap[];
  /** URIs of values that the instance goes without. */
  readonly unneeded: readonly string[];
  readonly #awaited = new Map<BulkGap, Awaited>();
  #object: DicomJsonObject;
  #pieces: readonly DatasetPiece[];
  /** Why it cannot be stored any more. */
  problem: GatewayError | undefined;

  /** @throws GatewayError `bad-request` when a VR cannot hold a value, or is not that of the attribute */
  constructor(object: DicomJsonObject) {
    requireStandardVrs(object);
    requireOnePixelData(object);
    const { kept, unneeded } = withoutOffsets(object);
    this.unneeded = unneeded;
    this.#object = kept;
    this.meta = PendingInstance.metaOf(kept);
    this.#pieces = encodeDicomJson(kept);
    this.gaps = gapsIn(this.#pieces);
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

  /**
   * Adds what the values say of themselves, and names the attributes of type 1 that are missing even so.
   *
   * @throws GatewayError `bad-request` when the values, or the SOP class, contradict the attributes
   */
  complete(): readonly string[] {
    let object = this.#object;
    for (const { gap, values } of this.#awaited.values()) object = withValues(object, gap, values);
    if (object !== this.#object) {
      this.#object = object;
      this.#pieces = encodeDicomJson(object);
    }
    requireDocumentOfClass(object);
    return missingAttributes(this.#withoutEmpty(object));
  }

  /** The whole instance. @throws GatewayError `bad-request` when its values do not fit together */
  outgoing(): OutgoingInstance {
    const { sopClassUid = '', sopInstanceUid = '' } = this.meta;
    const pixels = [...this.#awaited.values()].find(({ gap }) => isPixelData(gap));
    const syntax = syntaxOf(pixels?.values[0]);
    this.#requireFit(pixels?.values ?? [], syntax);
    return {
      meta: { sopClassUid, sopInstanceUid, transferSyntaxUid: syntax.uid },
      uids: this.#uids(),
      patient: this.#patient(),
      isWritten: !syntax.encapsulated,
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
    let at = 0;
    for (const piece of this.#pieces) {
      if (Buffer.isBuffer(piece)) yield piece;
      else {
        // Attributes that were added have made other gaps of the same order.
        const gap = this.gaps[at++];
        yield* elementOf(piece, (gap && this.#awaited.get(gap)?.values) ?? []);
      }
    }
  }

  /** `object` without the values that came and have not one byte, which are no values. */
  #withoutEmpty(object: DicomJsonObject): DicomJsonObject {
    const whole = { ...object };
    for (const { gap, values } of this.#awaited.values())
      if (!gap.nested && lengthOf(values) === 0) whole[formatTag(gap.tag)] = { vr: gap.vr };
    return whole;
  }

  #lacks({ gap, values }: Awaited): number {
    const [first] = values;
    if (first === undefined) return 1;
    return (isPixelData(gap) && first.isFrame ? this.#frames() : 1) - values.length;
  }

  #frames(): number {
    const frames = Number(this.#text(Tags.NumberOfFrames) ?? 1);
    return Number.isSafeInteger(frames) && frames > 0 ? frames : 1;
  }

  /** That the values are what an instance in `syntax` can have. */
  #requireFit(pixels: readonly BulkValue[], syntax: TransferSyntax): void {
    if (pixels.some((value) => syntaxOf(value) !== syntax))
      throw new GatewayError(
        'bad-request',
        'The frames of an instance are in more than one transfer syntax.',
      );
    if (pixels.some((value) => bytesOf(value) === 0))
      throw new GatewayError('bad-request', 'Pixel data, or a frame of them, are empty.');
    requireFramesFit(pixels, (tag) => this.#text(tag));
    if (pixels.length > 0 && !syntax.encapsulated) this.#requireLength(lengthOf(pixels));
    const inline = this.#object[formatTag(Tags.PixelData)]?.InlineBinary;
    if (inline !== undefined) this.#requireLength(Buffer.byteLength(inline, 'base64'));
    for (const { gap, values } of this.#awaited.values())
      if (!isPixelData(gap)) requireUnits(gap.vr, lengthOf(values));
  }

  /** Native pixel data have the length that the attributes say: another one would be another image. */
  #requireLength(length: number): void {
    const number = (tag: Tag): number => Number(this.#text(tag) ?? NaN);
    const samples = number(Tags.Rows) * number(Tags.Columns) * number(Tags.SamplesPerPixel) * this.#frames();
    const expected = Math.ceil((samples * number(Tags.BitsAllocated)) / 8);
    if (Number.isNaN(expected)) return;
    const isShared = (this.#text(Tags.PhotometricInterpretation) ?? '').endsWith('_422');
    // Pairs of pixels share their chrominance, unless the writer has kept that name and all samples. @see PS3.3 C.7.6.3.1.2
    if (isShared && (number(Tags.Columns) % 2 === 1 || length === Math.ceil((expected / 3) * 2))) return;
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

  #patient(): PatientIdentity | undefined {
    const id = this.#text(Tags.PatientID);
    const issuer = this.#text(Tags.IssuerOfPatientID);
    return id === undefined ? undefined : { id, ...(issuer !== undefined && { issuer }) };
  }

  #text(tag: Tag): string | undefined {
    return textIn(this.#object, tag);
  }
}

const offsets = [...offsetTags].map(formatTag);

/** Offsets are those of fragments that somebody else has made; pixel data are written anew. @see PS3.3 C.7.6.3.1.8 */
function withoutOffsets(object: DicomJsonObject) {
  if (object[formatTag(Tags.PixelData)] === undefined) return { kept: object, unneeded: [] };
  const kept = Object.fromEntries(Object.entries(object).filter(([name]) => !offsets.includes(name)));
  const unneeded = offsets.flatMap((name) => object[name]?.BulkDataURI ?? []);
  return { kept, unneeded };
}

const samples = [Tags.PixelData, Tags.FloatPixelData, Tags.DoubleFloatPixelData] as const;

/** Of two nobody would know which are the image. @throws GatewayError `bad-request` @see PS3.3 C.7.6.3, C.7.6.24, C.7.6.25 */
function requireOnePixelData(object: DicomJsonObject): void {
  const held = samples.filter((tag) => Object.keys(object[formatTag(tag)] ?? {}).length > 1);
  if (held.length > 1)
    throw new GatewayError(
      'bad-request',
      'An instance has more than one of Pixel Data, Float Pixel Data and Double Float Pixel Data.',
    );
}

/** The attributes whose values are elsewhere, in ascending order. */
const gapsIn = (pieces: readonly DatasetPiece[]): readonly BulkGap[] =>
  pieces.filter((piece): piece is BulkGap => !Buffer.isBuffer(piece));

function textIn(object: DicomJsonObject, tag: Tag): string | undefined {
  const value = object[formatTag(tag)]?.Value?.[0];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** Whether the value of `gap` is that of the image itself, not of an icon. */
export const isPixelData = ({ tag, nested }: BulkGap): boolean => tag === Tags.PixelData && !nested;

/** What an instance with `value` as its pixel data, or without any, is written in. */
const syntaxOf = (value: BulkValue | undefined): TransferSyntax =>
  value?.syntax ?? TransferSyntaxes.ExplicitVrLittleEndian;

const lengthOf = (values: readonly BulkValue[]): number =>
  values.reduce((length, value) => length + bytesOf(value), 0);

/** What the values of one attribute say of themselves. */
function withValues(object: DicomJsonObject, gap: BulkGap, values: readonly BulkValue[]): DicomJsonObject {
  let whole = object;
  const bytes = lengthOf(values);
  for (const value of values) {
    const { stream, pixels, mediaType } = value;
    if (stream) whole = withStream(whole, stream, { bytes, isNamed: stream.isNamed });
    if (pixels) whole = withNativePixels(whole, pixels);
    if (gap.tag === Tags.EncapsulatedDocument && !gap.nested)
      whole = withDocument(whole, { mediaType, length: bytes });
  }
  return whole;
}

async function* elementOf(
  gap: BulkGap,
  values: readonly BulkValue[],
): AsyncGenerator<Buffer, void, undefined> {
  const [first] = values;
  if (first === undefined) return;
  const read = ({ spool, range: { start, end } }: BulkValue) => spool.read(start, end);
  if (isPixelData(gap) && first.syntax?.encapsulated) {
    yield* encapsulatedFrames(values.map((value) => ({ length: bytesOf(value), read: () => read(value) })));
    return;
  }
  const length = lengthOf(values);
  const decoded = first.pixels && (first.pixels.bitsAllocated === 16 ? 'OW' : 'OB');
  const vr = decoded ?? gap.vr;
  yield elementHeader(gap.tag, vr, length);
  for (const value of values) yield* read(value);
  if (length % 2 === 1) yield Buffer.of(vrTraits(vr).pad);
}
