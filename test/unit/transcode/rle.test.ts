import { describe, expect, test } from '@jest/globals';
import { decodeRle, encodeRle } from '../../../src/transcode/rle.js';
import type { FrameShape } from '../../../src/dicom/frame-shape.js';
import { patterns, shapes } from './frames.js';

const gray: FrameShape = {
  rows: 2,
  columns: 4,
  samplesPerPixel: 1,
  bitsAllocated: 8,
  bitsStored: 8,
  signed: false,
  photometricInterpretation: 'MONOCHROME2',
  planar: false,
};

/** A frame of segments, as an encoder of another make would write it. */
function frameOf(...segments: readonly (readonly number[])[]): Uint8Array {
  const header = Buffer.alloc(64);
  header.writeUInt32LE(segments.length, 0);
  let at = 64;
  for (const [index, segment] of segments.entries()) {
    header.writeUInt32LE(at, 4 + 4 * index);
    at += segment.length;
  }
  return Buffer.concat([header, ...segments.map((segment) => Buffer.from(segment))]);
}

describe('RLE Lossless (PS3.5 G)', () => {
  test('reads runs, literals and the byte that means nothing', () => {
    const frame = frameOf([2, 1, 2, 3, 128, 0xfd, 9, 0, 5]);
    expect([...decodeRle(frame, gray)]).toEqual([1, 2, 3, 9, 9, 9, 9, 5]);
  });

  test('puts bytes of samples together, the most significant segment first', () => {
    const shape = { ...gray, rows: 1, columns: 2, bitsAllocated: 16, bitsStored: 16 };
    expect([...decodeRle(frameOf([1, 0x12, 0x34], [1, 0x56, 0x78]), shape)]).toEqual([
      0x56, 0x12, 0x78, 0x34,
    ]);
  });

  test('interleaves colours, or leaves them in planes', () => {
    const shape = { ...gray, rows: 1, columns: 2, samplesPerPixel: 3, photometricInterpretation: 'RGB' };
    const frame = frameOf([1, 1, 2], [1, 3, 4], [1, 5, 6]);
    expect([...decodeRle(frame, shape)]).toEqual([1, 3, 5, 2, 4, 6]);
    expect([...decodeRle(frame, { ...shape, planar: true })]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test.each([
    ['shorter than its header', Buffer.alloc(63)],
    ['without its segment', frameOf()],
    ['with a segment too many', frameOf([7, 1, 2, 3, 4, 5, 6, 7, 8], [0, 1])],
    ['that ends early', frameOf([2, 1, 2, 3])],
    ['that ends within a literal', frameOf([7, 1, 2, 3])],
    ['that ends within a run', frameOf([0xf9])],
    ['of nothing but fillers', frameOf([128, 128, 128])],
  ])('refuses a frame %s', (_what, frame) => {
    expect(() => decodeRle(frame, gray)).toThrow(expect.objectContaining({ code: 'malformed-dataset' }));
  });

  test.each([[0], [63], [1000], [2 ** 32 - 1]])('refuses a segment at %i', (offset) => {
    const frame = Buffer.from(frameOf([7, 1, 2, 3, 4, 5, 6, 7, 8]));
    frame.writeUInt32LE(offset, 4);
    expect(() => decodeRle(frame, gray)).toThrow(expect.objectContaining({ code: 'malformed-dataset' }));
  });

  test('a run or literal beyond the last pixel is cut off', () => {
    expect([...decodeRle(frameOf([0xc0, 7, 3, 1]), gray)]).toEqual(Array(8).fill(7));
    expect([...decodeRle(frameOf([9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), gray)]).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
  });

  test.each(shapes)('decodes what it encodes: $name', ({ shape }) => {
    for (const samples of patterns(shape)) {
      expect(Buffer.compare(decodeRle(encodeRle(samples, shape), shape), samples)).toBe(0);
    }
  });
});
