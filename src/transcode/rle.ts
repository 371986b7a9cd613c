/**
 * RLE Lossless, in TypeScript: faster than the native tools, and every offset and length is checked.
 *
 * @see PS3.5 annex G
 */
import {
  badFrame,
  MOST_RLE_SEGMENTS,
  readRleHeader,
  RLE_HEADER_BYTES,
  rleDifferenceOf,
} from '../media/index.js';
import { nativeFrameBytes, sampleBytes, type FrameShape } from '../dicom/index.js';

/** Where the bytes of one segment go: every `step`th byte from `first`. */
interface Plane {
  readonly first: number;
  readonly step: number;
}

/** One segment for each byte of a sample, the most significant first, sample by sample. */
function planesOf(shape: FrameShape): readonly Plane[] {
  const bytes = sampleBytes(shape);
  const { samplesPerPixel, planar } = shape;
  if (shape.bitsAllocated < 8 && samplesPerPixel > 1)
    throw badFrame('has several samples of less than a byte');
  const planeBytes = nativeFrameBytes(shape) / samplesPerPixel;
  return Array.from({ length: samplesPerPixel * bytes }, (_, segment) => {
    const sample = Math.floor(segment / bytes);
    const byte = bytes - 1 - (segment % bytes);
    return planar
      ? { first: sample * planeBytes + byte, step: bytes }
      : { first: sample * bytes + byte, step: samplesPerPixel * bytes };
  });
}

/**
 * The native samples of an RLE frame.
 *
 * @throws GatewayError `malformed-dataset` when segments are missing, lie outside the frame or end early
 */
export function decodeRle(frame: Uint8Array, shape: FrameShape): Uint8Array {
  const planes = planesOf(shape);
  const segments = readRleHeader(frame, frame.length);
  const difference = rleDifferenceOf(segments, shape);
  if (difference !== undefined) throw badFrame(difference);
  const out = new Uint8Array(nativeFrameBytes(shape));
  const planeLength = out.length / planes.length;
  for (const [segment, plane] of planes.entries()) {
    const { start = 0, end = 0 } = segments[segment] ?? {};
    unpack(frame.subarray(start, end), out, plane, planeLength);
  }
  return out;
}

/**
 * Writes `length` bytes of a packed segment. Both loops are written out, byte by byte: views and fills of some ten bytes
 * each take longer.
 */
function unpack(packed: Uint8Array, out: Uint8Array, { first, step }: Plane, length: number): void {
  const end = first + length * step;
  let to = first;
  let from = 0;
  while (to < end) {
    const control = packed[from] ?? NOTHING_LEFT;
    from += 1;
    if (control === 128) continue;
    const isLiteral = control < 128;
    const count = isLiteral ? control + 1 : 257 - control;
    const runEnd = Math.min(to + count * step, end);
    if (from + (isLiteral ? (runEnd - to) / step : 1) > packed.length)
      throw badFrame('has an RLE segment that ends early');
    if (isLiteral) {
      for (let at = from; to < runEnd; at++, to += step) out[to] = packed[at] ?? 0;
      from += count;
    } else {
      const value = packed[from] ?? 0;
      for (; to < runEnd; to += step) out[to] = value;
      from += 1;
    }
  }
}

/** Any control byte of a run: it is found out that its value is missing. */
const NOTHING_LEFT = 255;

/** The RLE frame of native samples; rows are packed one by one, as the standard asks. */
export function encodeRle(samples: Uint8Array, shape: FrameShape): Uint8Array {
  const planes = planesOf(shape);
  if (planes.length > MOST_RLE_SEGMENTS)
    throw badFrame('has more bytes in a pixel than RLE has segments for');
  const planeLength = nativeFrameBytes(shape) / planes.length;
  const rowLength = planeLength / shape.rows;
  // The worst case: a control byte for every 128 bytes of a row.
  const worst = shape.rows * (Math.ceil(rowLength) + Math.ceil(rowLength / 128)) + 1;
  const out = new Uint8Array(RLE_HEADER_BYTES + planes.length * worst);
  const view = new DataView(out.buffer);
  view.setUint32(0, planes.length, true);
  const row = new Uint8Array(Math.ceil(rowLength));
  let at = RLE_HEADER_BYTES;
  for (const [segment, { first, step }] of planes.entries()) {
    view.setUint32(4 + 4 * segment, at, true);
    for (let done = 0; done < planeLength; done += row.length) {
      const length = Math.min(row.length, planeLength - done);
      let from = first + done * step;
      for (let n = 0; n < length; n++, from += step) row[n] = samples[from] ?? 0;
      at = pack(row, length, out, at);
    }
    at += at % 2;
  }
  return out.subarray(0, at);
}

/** Packs the first `length` bytes of `row`; returns where the next goes. */
function pack(row: Uint8Array, length: number, out: Uint8Array, start: number): number {
  let at = start;
  let literal = 0;
  let from = 0;
  while (from < length) {
    const value = row[from];
    let run = from + 1;
    while (run < length && run - from < 128 && row[run] === value) run += 1;
    // Two alike within literals are cheaper as such.
    if (run - from > 2 || (run - from === 2 && literal === from)) {
      at = flush(row.subarray(literal, from), out, at);
      out[at] = 257 - (run - from);
      out[at + 1] = value ?? 0;
      at += 2;
      literal = run;
    }
    from = run;
  }
  return flush(row.subarray(literal, length), out, at);
}

function flush(literals: Uint8Array, out: Uint8Array, start: number): number {
  let at = start;
  for (let next = 0; next < literals.length; next += 128) {
    const count = Math.min(128, literals.length - next);
    out[at] = count - 1;
    out.set(literals.subarray(next, next + count), at + 1);
    at += count + 1;
  }
  return at;
}
