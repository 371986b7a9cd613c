import type { CodeStreamHeader } from './code-stream.js';
import { badFrame } from './frame-error.js';

/** A JPEG or JPEG-LS stream by its markers. */
export interface JpegHeader extends CodeStreamHeader {
  /** Low byte of the start-of-frame marker: C0 baseline, C1 extended, C2 progressive, C3 lossless, F7 JPEG-LS. */
  readonly process: number;
  /** Of the first scan: the predictor of lossless JPEG, or by how much JPEG-LS may be off. */
  readonly selector: number;
  /** Whether markers or the names of the components say that the colours are no YCbCr. */
  readonly saysRgb: boolean;
  /** Where the data of the first scan begin. */
  readonly scanStart: number;
}

const MARKER = 0xff;
const START_OF_IMAGE = 0xd8;
const END_OF_IMAGE = 0xd9;
const RESTART_0 = 0xd0;
const LEAST_WITH_LENGTH = 0xc0;
const START_OF_SCAN = 0xda;
const JFIF = 0xe0;
const ADOBE = 0xee;
const JPEG_LS = 0xf7;
/** In the range of start-of-frame markers, and none: Huffman tables, extensions, arithmetic conditioning. */
const NO_FRAMES: ReadonlySet<number> = new Set([0xc4, 0xc8, 0xcc]);
const JFIF_NAME = 'JFIF\0';
const ADOBE_NAME = 'Adobe';
/** Of an Adobe marker, for colours that were not transformed. */
const NO_TRANSFORM = 0;
const RGB_COMPONENTS = 'RGB';

const isFrame = (marker: number): boolean =>
  marker === JPEG_LS || (marker >= 0xc0 && marker <= 0xcf && !NO_FRAMES.has(marker));

export const isJpegLs = ({ process }: Pick<JpegHeader, 'process'>): boolean => process === JPEG_LS;

/**
 * Reads the marker segments up to the first scan.
 *
 * @throws GatewayError `malformed-dataset` when that is no JPEG
 * @see ISO/IEC 10918-1 annex B, ISO/IEC 14495-1 annex C
 */
export function readJpegHeader(frame: Uint8Array): JpegHeader {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  if (bytes[0] !== MARKER || bytes[1] !== START_OF_IMAGE) throw badFrame('is no JPEG stream');
  let start: StartOfFrame | undefined;
  let saysRgb: boolean | undefined;
  for (const { marker, segment, end } of segments(bytes)) {
    if (isFrame(marker)) {
      if (start) throw badFrame('has more than one JPEG header');
      start = readFrameSegment(marker, segment);
    } else if (marker === JFIF || marker === ADOBE) saysRgb ??= coloursOf(marker, segment);
    else if (marker === START_OF_SCAN && start) {
      const { names, ...header } = start;
      const selector = selectorOf(segment);
      return { ...header, selector, saysRgb: saysRgb ?? names === RGB_COMPONENTS, scanStart: end };
    }
  }
  throw badFrame('has a JPEG header that cannot be read');
}

type StartOfFrame = Omit<JpegHeader, 'saysRgb' | 'selector' | 'scanStart'> & { readonly names: string };

/** Stands behind two bytes for each component of the scan. */
const selectorOf = (scan: Buffer): number => scan[1 + 2 * (scan[0] ?? 0)] ?? 0;

/** The marker segments up to the first scan. */
function* segments(bytes: Buffer): Generator<{ marker: number; segment: Buffer; end: number }> {
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === MARKER;) {
    const marker = bytes[at + 1] ?? 0;
    if (marker === MARKER) {
      at += 1; // fill byte
      continue;
    }
    const length = bytes.readUInt16BE(at + 2);
    const segment = bytes.subarray(at + 4, at + 2 + length);
    // Markers without a length have no business here, and a decoder that steps over one reads another header.
    if (marker < LEAST_WITH_LENGTH || (marker >= RESTART_0 && marker <= END_OF_IMAGE)) return;
    if (length < 2 || segment.length < length - 2) return;
    yield { marker, segment, end: at + 2 + length };
    if (marker === START_OF_SCAN) return;
    at += 2 + length;
  }
}

/** Whether the segment says that the colours are no YCbCr; undefined when it says nothing of them. */
function coloursOf(marker: number, segment: Buffer): boolean | undefined {
  const name = segment.toString('latin1', 0, 5);
  if (marker === JFIF) return name === JFIF_NAME ? false : undefined;
  const transform = segment[11];
  return name === ADOBE_NAME && transform !== undefined ? transform === NO_TRANSFORM : undefined;
}

function readFrameSegment(process: number, segment: Buffer): StartOfFrame {
  const components = segment[5] ?? 0;
  if (segment.length < 6 + 3 * components || components === 0)
    throw badFrame('has a JPEG header that cannot be read');
  const names = Array.from({ length: components }, (_, index) => segment[6 + 3 * index] ?? 0);
  const factors = Array.from({ length: components }, (_, index) => segment[7 + 3 * index] ?? 0);
  return {
    process,
    precision: segment[0] ?? 0,
    rows: segment.readUInt16BE(1),
    columns: segment.readUInt16BE(3),
    components,
    subsampled: new Set(factors).size > 1,
    names: String.fromCharCode(...names),
  };
}

/**
 * Holds a JPEG stream to its end-of-image marker, which no entropy-coded data can be taken for: of half a stream the
 * decoder makes a whole picture, without a word.
 *
 * @throws GatewayError `malformed-dataset`
 */
export function requireEndOfImage(frame: Uint8Array): void {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  const end = bytes.lastIndexOf(Buffer.of(MARKER, END_OF_IMAGE));
  if (end < bytes.lastIndexOf(Buffer.of(MARKER, START_OF_SCAN)))
    throw badFrame('is a JPEG stream that ends early');
}

/**
 * The stream with an end-of-image marker: without it CharLS reads on for seconds, and with it fails at once.
 *
 * Bytes of padding after the marker stay.
 */
export function withEndOfImage(frame: Uint8Array): Uint8Array {
  let end = frame.length;
  while (end > 0 && frame[end - 1] === 0) end -= 1;
  if (frame[end - 2] === MARKER && frame[end - 1] === END_OF_IMAGE) return frame;
  const whole = new Uint8Array(frame.length + 2);
  whole.set(frame);
  whole.set([MARKER, END_OF_IMAGE], frame.length);
  return whole;
}
