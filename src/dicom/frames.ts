import { GatewayError, type ByteSource } from '../core/index.js';
import type { DatasetIndex } from './dataset-index.js';
import type { ByteRange, PixelData } from './dataset-index-pixel-data.js';
import { frameStarts } from './frame-starts.js';
import { readRanges } from './read-ranges.js';
import { isVideo, transferSyntax } from './transfer-syntax.js';
import { TransferSyntaxes, type TransferSyntax } from './transfer-syntax-table.js';

type Native = Extract<PixelData, { kind: 'native' }>;
type Encapsulated = Extract<PixelData, { kind: 'encapsulated' }>;

/**
 * How many frames can be had: Number of Frames (1 when absent or unreadable), but no more than the pixel data holds.
 * Video is one. Without pixel data, or with native pixel data of unknown geometry, there is none.
 */
export function frameCount(index: DatasetIndex): number {
  const { pixelData } = index;
  if (!pixelData) return 0;
  const declared = index.numberOfFrames ?? 1;
  if (pixelData.kind === 'native') {
    const bits = frameBits(index, pixelData);
    const held = (pixelData.value.end - pixelData.value.start) * 8;
    return bits === 0 ? 0 : Math.min(declared, Math.floor(held / bits));
  }
  if (pixelData.fragments.length === 0) return 0;
  if (isVideo(syntaxOf(index))) return 1;
  return Math.min(declared, frameStarts(pixelData, declared)?.length ?? declared);
}

/**
 * That the pixel data hold the frames that the instance says, no fewer and, of code streams, no more: what is made of all
 * frames would else be told as all of it.
 *
 * @throws GatewayError `malformed-dataset`; of pixel data of unknown geometry nothing is said
 */
export function requireDeclaredFrames(index: DatasetIndex): void {
  const { pixelData, numberOfFrames: declared = 1 } = index;
  if (!pixelData) return;
  if (pixelData.kind === 'native' && frameBits(index, pixelData) === 0) return;
  const isFilm = isVideo(syntaxOf(index));
  if (frameCount(index) < (isFilm ? 1 : declared))
    throw new GatewayError('malformed-dataset', 'The pixel data hold fewer frames than the instance says.');
  if (pixelData.kind === 'encapsulated' && !isFilm && mostFrames(index, pixelData) > declared)
    throw new GatewayError('malformed-dataset', 'The pixel data hold more frames than the instance says.');
}

/** Frames that begin in the pixel data for all that can be seen. */
function mostFrames(
  { transferSyntaxUid, numberOfFrames = 1 }: DatasetIndex,
  pixelData: Encapsulated,
): number {
  const { codeStreamStarts, fragments, basicOffsetTable, extendedOffsetTable = [] } = pixelData;
  const hasTable = [basicOffsetTable.length, extendedOffsetTable.length].includes(numberOfFrames);
  // Of thousands of fragments within frames one may begin like a code stream by chance.
  if (hasTable && numberOfFrames > 1) return numberOfFrames;
  // Of RLE each frame is one fragment where no table says otherwise, and there is no other sign of where it begins.
  const isOneEach = transferSyntaxUid === TransferSyntaxes.RleLossless.uid && !hasTable;
  return Math.max(codeStreamStarts.length, isOneEach ? fragments.length : 0);
}

/**
 * Where frame `frame` (1-based) stands: of native pixel data the one range that covers it (it begins within a byte where
 * frames are not whole bytes), of encapsulated pixel data its fragments, to be put together.
 *
 * @throws GatewayError `not-found` past the last frame; `malformed-dataset` when nothing tells which fragments make a frame
 * @see PS3.5 A.4
 */
export function frameRanges(index: DatasetIndex, frame: number): readonly ByteRange[] {
  const { pixelData } = index;
  const count = frameCount(index);
  if (!pixelData || !Number.isInteger(frame) || frame < 1 || frame > count) {
    throw new GatewayError('not-found', `There is no frame ${frame}; the instance has ${count}.`);
  }
  if (pixelData.kind === 'native') {
    const bits = frameBits(index, pixelData);
    const start = pixelData.value.start + Math.floor(((frame - 1) * bits) / 8);
    return [{ start, end: pixelData.value.start + Math.ceil((frame * bits) / 8) }];
  }
  if (isVideo(syntaxOf(index))) return pixelData.fragments;
  const starts = frameStarts(pixelData, index.numberOfFrames ?? 1);
  if (!starts) {
    throw new GatewayError('malformed-dataset', 'Nothing in the pixel data tells where its frames begin.');
  }
  return withoutPadding(index, pixelData.fragments.slice(starts[frame - 1], starts[frame]));
}

/** Fragments are padded to an even length, which a code stream can have behind its end and a native frame cannot. */
function withoutPadding(index: DatasetIndex, ranges: readonly ByteRange[]): readonly ByteRange[] {
  const last = ranges.at(-1);
  const { rows = 0, columns = 0, bitsAllocated = 0, samplesPerPixel = 1 } = index;
  const expected = Math.ceil((rows * columns * samplesPerPixel * bitsAllocated) / 8);
  const isNative =
    index.transferSyntaxUid === TransferSyntaxes.EncapsulatedUncompressedExplicitVrLittleEndian.uid;
  if (!isNative || !last || lengthOf(ranges) !== expected + 1) return ranges;
  return [...ranges.slice(0, -1), { start: last.start, end: last.end - 1 }];
}

const lengthOf = (ranges: readonly ByteRange[]): number =>
  ranges.reduce((sum, { start, end }) => sum + end - start, 0);

/** Bytes that `readFrame` gives for frame `frame`. @throws GatewayError as `frameRanges` */
export function frameLength(index: DatasetIndex, frame: number): number {
  const ranges = frameRanges(index, frame);
  if (index.pixelData?.kind === 'native') return Math.ceil(frameBits(index, index.pixelData) / 8);
  return lengthOf(ranges);
}

/**
 * The bytes of frame `frame` (1-based): a code stream as it is stored, or native pixels in little endian; a frame of
 * single bits begins at the first bit of the first byte.
 *
 * @throws GatewayError at once as `frameRanges`; while reading what the source throws
 * @see PS3.18 8.7.3.3, PS3.5 8.1.1
 */
export function readFrame(source: ByteSource, index: DatasetIndex, frame: number): AsyncIterable<Buffer> {
  const ranges = frameRanges(index, frame);
  const syntax = syntaxOf(index);
  const { pixelData } = index;
  const [range] = ranges;
  if (pixelData?.kind !== 'native' || !range) return readRanges(source, syntax, ranges);
  const bits = frameBits(index, pixelData);
  const firstBit = ((frame - 1) * bits) % 8;
  const bytes =
    syntax.byteOrder === 'big'
      ? readSwapped(source, syntax, pixelData, range)
      : readRanges(source, syntax, ranges);
  return bits % 8 === 0 ? bytes : shifted(bytes, firstBit, bits);
}

/** Bits of one native frame, 0 when its geometry is not known. */
function frameBits(index: DatasetIndex, { value }: Native): number {
  const { rows = 0, columns = 0, bitsAllocated = 0, samplesPerPixel = 1 } = index;
  const full = rows * columns * samplesPerPixel * bitsAllocated;
  const subsampled = samplesPerPixel === 3 && (index.photometricInterpretation ?? '').endsWith('_422');
  // Two pixels share their chrominance; but writers that keep 422 after decoding store every sample.
  const storedFull = (value.end - value.start) * 8 >= full * (index.numberOfFrames ?? 1);
  return subsampled && !storedFull ? (full / 3) * 2 : full;
}

function syntaxOf({ transferSyntaxUid }: DatasetIndex): TransferSyntax {
  return transferSyntax(transferSyntaxUid) ?? TransferSyntaxes.ExplicitVrLittleEndian;
}

/** A frame of big endian words may begin or end within one: whole words are read and what is too much is cut off. */
async function* readSwapped(
  source: ByteSource,
  syntax: TransferSyntax,
  { value, vr }: Native,
  { start, end }: ByteRange,
): AsyncGenerator<Buffer, void, undefined> {
  const widest = 8;
  const from = start - ((start - value.start) % widest);
  const to = Math.min(value.end, end + ((widest - ((end - value.start) % widest)) % widest));
  let at = from;
  for await (const chunk of readRanges(source, syntax, [{ start: from, end: to }], vr)) {
    const wanted = chunk.subarray(Math.max(start - at, 0), Math.max(end - at, 0));
    at += chunk.length;
    if (wanted.length > 0) yield wanted;
  }
}

/** Moves a run of bits that begins at `firstBit` (0 = least significant) to the first bit; the rest of the last byte is 0. */
async function* shifted(
  chunks: AsyncIterable<Buffer>,
  firstBit: number,
  bits: number,
): AsyncGenerator<Buffer, void, undefined> {
  let length = Math.ceil(bits / 8);
  let low: number | undefined;
  const lastMask = 0xff >> (length * 8 - bits);
  const emit = (bytes: Buffer): Buffer => {
    length -= bytes.length;
    const last = bytes.length - 1;
    if (length === 0 && last >= 0) bytes[last] = (bytes[last] ?? 0) & lastMask;
    return bytes;
  };
  for await (const chunk of chunks) {
    const all: Buffer = low === undefined ? chunk : Buffer.concat([Buffer.of(low), chunk]);
    const out = Buffer.allocUnsafe(Math.min(length, all.length - 1));
    for (let at = 0; at < out.length; at++) {
      out[at] = ((((all[at + 1] ?? 0) << 8) | (all[at] ?? 0)) >> firstBit) & 0xff;
    }
    low = all[out.length];
    if (out.length > 0) yield emit(out);
  }
  if (length > 0 && low !== undefined) yield emit(Buffer.of(low >> firstBit));
}
