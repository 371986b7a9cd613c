import type { CodeStreamHeader } from './code-stream.js';
import { badFrame } from './frame-error.js';

/** A JPEG 2000 or HTJ2K stream by its main header. */
export interface J2kHeader extends CodeStreamHeader {
  readonly signed: boolean;
  /** Whether the first three components were transformed: to YBR_RCT or YBR_ICT, and back by the decoder. */
  readonly colourTransformed: boolean;
  /** Whether nothing was lost by the transforms. */
  readonly reversible: boolean;
  /** What Rsiz says that the stream needs of a decoder. */
  readonly capabilities: number;
  /** Halvings of the picture that a decoder can leave out. */
  readonly decompositions: number;
}

/** Of Rsiz: the stream is that of ISO/IEC 15444-2, and which of it a single component has nothing to do with. */
const PART_2 = 0x8000;
const COMPONENT_TRANSFORM = 0x0100;

export const isPart2 = ({ capabilities }: Pick<J2kHeader, 'capabilities'>): boolean =>
  (capabilities & PART_2) !== 0;

/** Whether a decoder of part 1 is not enough: a transform of components is nothing to one of them. */
export const needsPart2 = (header: Pick<J2kHeader, 'capabilities' | 'components'>): boolean =>
  isPart2(header) &&
  ((header.capabilities & ~(PART_2 | COMPONENT_TRANSFORM)) !== 0 || header.components !== 1);

/** @see ISO/IEC 15444-1 Table A.2 */
export const J2kMarkers = {
  codeStream: 0xff4f,
  size: 0xff51,
  codingStyle: 0xff52,
  tilePartLengths: 0xff55,
  tilePart: 0xff90,
  end: 0xffd9,
} as const;
const BOX_SIGNATURE = '0000000c6a502020';
const CODE_STREAM_BOX = 'jp2c';
/** Length and type; and a length of 64 bits. */
const BOX_HEADER = 8;
const WIDE_BOX_HEADER = 16;

/** The code stream, taken out of the boxes that some writers put around it although DICOM forbids them (W-29). */
export function bareCodeStream(frame: Uint8Array): Buffer {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  if (!isBoxed(bytes)) return bytes;
  for (let at = 0; at + BOX_HEADER <= bytes.length;) {
    const box = readBox(bytes.subarray(at));
    if (box.isCodeStream) return bytes.subarray(at + box.headBytes);
    if (box.bytes < box.headBytes) break;
    at += box.bytes;
  }
  throw badFrame('is a JPEG 2000 file without a code stream');
}

/** Whether a frame that begins with `head` is a JPEG 2000 file. */
export const isBoxed = (head: Buffer): boolean => head.toString('hex', 0, 8) === BOX_SIGNATURE;

/** A box of a JPEG 2000 file. */
export interface Box {
  readonly isCodeStream: boolean;
  readonly headBytes: number;
  /** With its head, as it says; infinite for one that goes on to the end. */
  readonly bytes: number;
}

/** Reads the box that `bytes` begins with, of which the first 16 bytes are enough. @see ISO/IEC 15444-1 I.4 */
export function readBox(bytes: Buffer): Box {
  const short = bytes.readUInt32BE(0);
  const isWide = short === 1;
  const long = isWide && bytes.length >= WIDE_BOX_HEADER ? Number(bytes.readBigUInt64BE(BOX_HEADER)) : 0;
  return {
    isCodeStream: bytes.toString('latin1', 4, BOX_HEADER) === CODE_STREAM_BOX,
    headBytes: isWide ? WIDE_BOX_HEADER : BOX_HEADER,
    bytes: isWide ? long : short === 0 ? Infinity : short,
  };
}

/**
 * Reads the main header of a bare code stream, and follows its tile-parts to the end.
 *
 * @throws GatewayError `malformed-dataset` when that is none
 * @see ISO/IEC 15444-1 annex A
 */
export function readJ2kHeader(bytes: Buffer): J2kHeader {
  const { header, tileParts } = readMainHeader(bytes);
  requireTileParts(bytes, tileParts);
  return header;
}

/**
 * Reads the main header of a bare code stream, of which the rest need not be there.
 *
 * @throws GatewayError `malformed-dataset` when that is none
 */
export const readJ2kMainHeader = (bytes: Buffer): J2kHeader => readMainHeader(bytes).header;

function readMainHeader(bytes: Buffer): { header: J2kHeader; tileParts: number } {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== J2kMarkers.codeStream)
    throw badFrame('is no JPEG 2000 code stream');
  let size: Size | undefined;
  let style: Style = { colourTransformed: false, decompositions: 0, reversible: true };
  for (const { marker, segment, at } of j2kSegments(bytes)) {
    if (marker === J2kMarkers.size) size = readSize(segment);
    else if (marker === J2kMarkers.codingStyle) style = readStyle(segment);
    else if (marker === J2kMarkers.tilePart && size) return { header: { ...size, ...style }, tileParts: at };
  }
  throw badFrame('has a JPEG 2000 header that cannot be read');
}

type Style = Pick<J2kHeader, 'colourTransformed' | 'decompositions' | 'reversible'>;
type Size = Omit<J2kHeader, keyof Style>;

/** The marker segments of the main header, and the first of the first tile-part. */
export function* j2kSegments(bytes: Buffer): Generator<{ marker: number; segment: Buffer; at: number }> {
  for (let at = 2; at + 4 <= bytes.length;) {
    const marker = bytes.readUInt16BE(at);
    const length = bytes.readUInt16BE(at + 2);
    const segment = bytes.subarray(at + 4, at + 2 + length);
    if (marker < 0xff00 || length < 2 || segment.length < length - 2) return;
    yield { marker, segment, at };
    if (marker === J2kMarkers.tilePart) return;
    at += 2 + length;
  }
}

const readStyle = (segment: Buffer): Style => ({
  colourTransformed: segment[4] === 1,
  decompositions: segment[5] ?? 0,
  reversible: segment[9] !== 0,
});

function readSize(segment: Buffer): Size {
  if (segment.length < 39) throw badFrame('has a JPEG 2000 header that ends early');
  const components = segment.readUInt16BE(34);
  if (components === 0 || segment.length < 36 + 3 * components)
    throw badFrame('has a JPEG 2000 header that ends early');
  const depths = Array.from({ length: components }, (_, index) => segment[36 + 3 * index] ?? 0);
  const steps = Array.from({ length: 2 * components }, (_, n) => segment[37 + 3 * (n >> 1) + (n & 1)] ?? 0);
  return {
    capabilities: segment.readUInt16BE(0),
    columns: segment.readUInt32BE(2) - segment.readUInt32BE(10),
    rows: segment.readUInt32BE(6) - segment.readUInt32BE(14),
    components,
    precision: Math.max(...depths.map((depth) => (depth & 0x7f) + 1)),
    signed: depths.some((depth) => (depth & 0x80) !== 0),
    subsampled: steps.some((step) => step !== 1),
  };
}

/** OpenJPH gives a whole picture for half a stream, without a word: so the tile-parts are followed to the end. */
function requireTileParts(bytes: Buffer, first: number): void {
  for (let at = first; at + 12 <= bytes.length;) {
    if (bytes.readUInt16BE(at) !== J2kMarkers.tilePart) break;
    const length = bytes.readUInt32BE(at + 6);
    // The last tile-part may go on until the end, whatever that is.
    if (length === 0 && hasEnd(bytes.subarray(at))) return;
    if (length < 14 || at + length > bytes.length) break;
    at += length;
    if (at + 2 <= bytes.length && bytes.readUInt16BE(at) === J2kMarkers.end) return;
  }
  throw badFrame('is a JPEG 2000 code stream that ends early');
}

const hasEnd = (bytes: Buffer): boolean => bytes.lastIndexOf(Buffer.from('ffd9', 'hex')) >= 0;
