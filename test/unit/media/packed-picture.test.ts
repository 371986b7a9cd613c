import { describe, expect, test } from '@jest/globals';
import { readPackedPicture } from '../../../src/media/index.js';
import { gif, png } from '../../helpers/media.js';

const small = { width: 4, height: 3, depth: 8, colourType: 0, rows: Buffer.alloc(12) };

describe('S-06: headers of pictures that are decoded', () => {
  test('of a PNG', () => {
    expect(readPackedPicture(png(small))).toEqual({ rows: 3, columns: 4, frames: 1, sampleBytes: 1 });
    const wide = png({ ...small, depth: 16, rows: Buffer.alloc(24) });
    expect(readPackedPicture(wide).sampleBytes).toBe(2);
  });

  test('an animated PNG is refused: a decoder shows its first picture alone', () => {
    const frames = Buffer.from('0000000200000000', 'hex');
    expect(() => readPackedPicture(png({ ...small, extra: [['acTL', frames]] }))).toThrow('animated');
  });

  test('of a GIF, with the time that each frame is shown', async () => {
    const delays = [40, 120, 50];
    expect(readPackedPicture(await gif({ width: 5, height: 4 }, delays))).toEqual({
      rows: 4,
      columns: 5,
      frames: 3,
      sampleBytes: 1,
      delays,
    });
  });

  test('of a GIF with one frame, which has no time', async () => {
    const still = readPackedPicture(await gif({ width: 5, height: 4 }, [40]));
    expect(still).toEqual({ rows: 4, columns: 5, frames: 1, sampleBytes: 1 });
  });

  test('times that are too short to be meant are those that browsers take', async () => {
    expect(readPackedPicture(await gif({ width: 5, height: 4 }, [0, 10])).delays).toEqual([100, 100]);
  });

  test('what ends early or is neither is refused, wherever it ends', async () => {
    const whole = [png(small), await gif({ width: 5, height: 4 }, [40, 40])];
    for (const bytes of [...whole, Buffer.from('hello')])
      for (let length = 0; length < Math.min(bytes.length - 1, 40); length += 1)
        expect(() => readPackedPicture(bytes.subarray(0, length))).toThrow(/The frame/);
  });
});
