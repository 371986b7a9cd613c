import { describe, expect, jest, test } from '@jest/globals';
import sharp from 'sharp';
import { Dataset, Tags } from '../../../src/dicom/index.js';
import { GIF_END } from '../../../src/render/index.js';
import { element } from '../dicom/dataset-bytes.js';
import { imageOf, pictureOf } from './images.js';

const delays = (...more: readonly Buffer[]): Promise<readonly (number | undefined)[]> =>
  imageOf({ frames: 3, pixels: [0, 1, 2], more }).then(({ looks }) => [1, 2, 3].map((n) => looks.delayMs(n)));

describe('GIF', () => {
  test('the vector of frame times is read once for all frames', async () => {
    const { looks } = await imageOf({
      frames: 3,
      pixels: [0, 1, 2],
      more: [element(Tags.FrameTimeVector, 'DS', '0\\40\\50')],
    });
    const reads = jest.spyOn(Dataset.prototype, 'strings');
    try {
      expect([1, 2, 3].map((frame) => looks.delayMs(frame))).toEqual([40, 50, 50]);
      expect(reads.mock.calls.filter(([tag]) => tag === Tags.FrameTimeVector)).toHaveLength(1);
    } finally {
      reads.mockRestore();
    }
  });

  test('holds every grey level exactly', async () => {
    const pixels = Array.from({ length: 256 }, (_, level) => level);
    const { bytes } = await pictureOf(await imageOf({ pixels }), { mediaType: 'image/gif' });
    const { data } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    expect([...data].filter((_, at) => at % 3 === 0)).toEqual(pixels);
  });

  test.each([
    ['grey', 1, [0, 255, 255, 0, 0, 0]],
    ['coloured', 3, [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 9, 9, 9]],
  ])('%s frames become one animation, block after block', async (_name, samples, pixels) => {
    const image = await imageOf({ frames: 3, samples, columns: 2, pixels });
    const blocks: Uint8Array[] = [];
    for (const frame of [1, 2, 3]) {
      const animation = { isFirst: frame === 1, delayMs: 40 };
      blocks.push((await pictureOf(image, { mediaType: 'image/gif', animation }, frame)).bytes);
    }
    const gif = Buffer.concat([...blocks, GIF_END]);
    const metadata = await sharp(gif, { animated: true }).metadata();
    expect(metadata).toMatchObject({ pages: 3, width: 2, pageHeight: 1, delay: [40, 40, 40], loop: 0 });
    const { data } = await sharp(gif, { animated: true })
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const seen = samples === 3 ? pixels : [0, 255, 255, 0, 0, 0].flatMap((level) => [level, level, level]);
    expect([...data]).toEqual(seen);
  });
});

describe('how long a frame is seen (PS3.3 C.7.6.5)', () => {
  test('is the time to the next of the vector, else the frame time, else by a rate', async () => {
    const vector = element(Tags.FrameTimeVector, 'DS', '0\\40\\60');
    const time = element(Tags.FrameTime, 'DS', '33.3');
    const cine = element(Tags.CineRate, 'IS', '25');
    const recommended = element(Tags.RecommendedDisplayFrameRate, 'IS', '10');
    expect(await delays(vector, time)).toEqual([40, 60, 60]);
    expect(await delays(time, cine)).toEqual([33.3, 33.3, 33.3]);
    expect(await delays(cine, recommended)).toEqual([100, 100, 100]);
    expect(await delays(cine)).toEqual([40, 40, 40]);
    expect(await delays()).toEqual([undefined, undefined, undefined]);
  });
});
