/** The header of RLE frames. @see PS3.5 G.5 */
import { sampleBytes, type ByteRange, type FrameShape } from '../dicom/index.js';
import { badFrame } from './frame-error.js';

/** Bytes of it. */
export const RLE_HEADER_BYTES = 64;
export const MOST_RLE_SEGMENTS = 15;

/**
 * Where the segments of an RLE frame of `length` bytes that begins with `head` are in it.
 *
 * @throws GatewayError `malformed-dataset` when they are not within it
 */
export function readRleHeader(head: Uint8Array, length: number): readonly ByteRange[] {
  if (head.length < RLE_HEADER_BYTES) throw badFrame('is shorter than the header of its RLE segments');
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const count = view.getUint32(0, true);
  if (count > MOST_RLE_SEGMENTS) throw badFrame('has more RLE segments than there can be');
  return Array.from({ length: count }, (_, segment) => {
    const start = view.getUint32(4 + 4 * segment, true);
    const end = segment + 1 < count ? view.getUint32(8 + 4 * segment, true) : length;
    if (start < RLE_HEADER_BYTES || start > end || end > length)
      throw badFrame('has an RLE segment outside itself');
    return { start, end };
  });
}

/** Why samples of `shape` cannot be in so many segments; continues "The frame". */
export function rleDifferenceOf(
  segments: readonly ByteRange[],
  shape: Pick<FrameShape, 'samplesPerPixel' | 'bitsAllocated'>,
): string | undefined {
  return segments.length === shape.samplesPerPixel * sampleBytes(shape)
    ? undefined
    : 'does not have the RLE segments that its samples need';
}
