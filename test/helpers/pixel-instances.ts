/** Instances with pictures as a PACS holds them, in any layout. */
import { deflateRawSync } from 'node:zlib';
import { TransferSyntaxes } from '../../src/dicom/index.js';
import type { FrameShape } from '../../src/dicom/frame-shape.js';
import { encapsulated, explicitLittle } from './fixtures-element.js';
import { readElements, readFrames, textOf, type ReadElement } from './independent-reader.js';
import { makeInstance, type Attributes, type RogueInstance } from './rogue-peer.js';
import type { RawResponse } from './test-gateway.js';

export const gray: FrameShape = {
  rows: 31,
  columns: 17,
  samplesPerPixel: 1,
  bitsAllocated: 16,
  bitsStored: 12,
  signed: false,
  photometricInterpretation: 'MONOCHROME2',
  planar: false,
};
export const colour: FrameShape = {
  ...gray,
  samplesPerPixel: 3,
  bitsAllocated: 8,
  bitsStored: 8,
  photometricInterpretation: 'RGB',
};

function attributesOf(shape: FrameShape, frames: number): Attributes {
  return {
    SamplesPerPixel: shape.samplesPerPixel,
    PhotometricInterpretation: shape.photometricInterpretation,
    ...(shape.samplesPerPixel > 1 ? { '00280006:US': Number(shape.planar) } : {}),
    ...(frames === 1 ? {} : { NumberOfFrames: String(frames) }),
    Rows: shape.rows,
    Columns: shape.columns,
    BitsAllocated: shape.bitsAllocated,
    BitsStored: shape.bitsStored,
    HighBit: shape.bitsStored - 1,
    PixelRepresentation: Number(shape.signed),
  };
}

export interface PictureOptions {
  readonly transferSyntaxUid?: string;
  readonly frames?: number;
  readonly extra?: Attributes;
}

/** An instance with native `pixels`, all frames in one. */
export function nativePicture(
  shape: FrameShape,
  pixels: Buffer,
  {
    transferSyntaxUid = TransferSyntaxes.ExplicitVrLittleEndian.uid,
    frames = 1,
    extra = {},
  }: PictureOptions = {},
): RogueInstance {
  const value = Buffer.concat([pixels, Buffer.alloc(pixels.length % 2)]);
  const all = { ...attributesOf(shape, frames), ...extra, '7FE00010:OW': value };
  const isDeflated = transferSyntaxUid === TransferSyntaxes.DeflatedExplicitVrLittleEndian.uid;
  if (!isDeflated) return makeInstance({ pixelBytes: 2, extra: all, transferSyntaxUid });
  const plain = makeInstance({ pixelBytes: 2, extra: all });
  return { ...plain, transferSyntaxUid, dataset: deflateRawSync(plain.dataset) };
}

/** An instance with pixels in `fragments`, behind a Basic Offset Table of `offsets`. */
export function encapsulatedPicture(
  shape: FrameShape,
  fragments: readonly Buffer[],
  transferSyntaxUid: string,
  {
    frames = fragments.length,
    extra = {},
    offsets = [],
    ended = true,
  }: Omit<PictureOptions, 'transferSyntaxUid'> & {
    readonly offsets?: readonly number[];
    readonly ended?: boolean;
  } = {},
): RogueInstance {
  const made = makeInstance({
    pixelBytes: 0,
    extra: { ...attributesOf(shape, frames), ...extra },
    transferSyntaxUid,
  });
  const head = made.dataset.subarray(0, made.dataset.indexOf(Buffer.from('e07f10004f42', 'hex')));
  const even = fragments.map((one) => Buffer.concat([one, Buffer.alloc(one.length % 2)]));
  return { ...made, dataset: Buffer.concat([head, encapsulated(even, { offsets, ended })(explicitLittle)]) };
}

/** A Part 10 file as it came, read by the tests' own reader. */
export interface ReadFile {
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly elements: readonly ReadElement[];
  readonly frames: readonly Buffer[];
}

/** The file in the body of an answer. */
export function fileIn({ body }: Pick<RawResponse, 'body'>): ReadFile {
  const metaEnd = 144 + body.readUInt32LE(140);
  const meta = readElements(body.subarray(132, metaEnd), TransferSyntaxes.ExplicitVrLittleEndian.uid);
  const transferSyntaxUid = textOf(meta, '00020010') ?? '';
  const dataset = body.subarray(metaEnd);
  return {
    sopInstanceUid: textOf(meta, '00020003') ?? '',
    transferSyntaxUid,
    elements: readElements(dataset, transferSyntaxUid),
    frames: readFrames(dataset, transferSyntaxUid),
  };
}

/** Elements as text that can be compared, without those of `but`. */
export const comparable = (
  elements: readonly ReadElement[],
  but: ReadonlySet<string> = new Set(),
): unknown[] =>
  elements
    .filter(({ path }) => !but.has(path))
    .map(({ path, vr, value, fragments }) => [
      path,
      vr,
      value.toString('hex'),
      fragments?.map((one) => one.toString('hex')),
    ]);

/** The elements that the PACS holds. */
export const heldElements = ({ dataset, transferSyntaxUid }: RogueInstance): readonly ReadElement[] =>
  readElements(Buffer.from(dataset as Buffer), transferSyntaxUid);
