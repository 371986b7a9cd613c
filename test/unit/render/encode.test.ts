import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import type { PictureRequest } from '../../../src/render/index.js';
import { imageOf, pictureOf, type ImageOptions } from './images.js';

const noise = (samples: number): ImageOptions => ({
  rows: 64,
  columns: 64,
  samples,
  pixels: Array.from({ length: 64 * 64 * samples }, (_, at) => (at * 7919) % 251),
});
const bytesOf = async (options: ImageOptions, request: Partial<PictureRequest>): Promise<Buffer> =>
  Buffer.from((await pictureOf(await imageOf(options), request)).bytes);

/** The first frame header of a JPEG: its marker, and the sampling factors of its components. */
function frameHeader(jpeg: Buffer): {
  readonly marker: number;
  readonly bits: number;
  readonly sampling: readonly number[];
} {
  for (let at = 2; ; at += 2 + jpeg.readUInt16BE(at + 2)) {
    const marker = jpeg.readUInt16BE(at);
    if (marker < 0xffc0 || marker > 0xffcf || marker === 0xffc4) continue;
    const components = jpeg[at + 9] ?? 0;
    const sampling = Array.from({ length: components }, (_, index) => jpeg[at + 11 + index * 3] ?? 0);
    return { marker, bits: jpeg[at + 4] ?? 0, sampling };
  }
}

describe('encoded pictures', () => {
  test('JPEG is baseline with 8 bits: one component for greys, three for colours (W-50)', async () => {
    const grey = frameHeader(await bytesOf(noise(1), { mediaType: 'image/jpeg' }));
    expect(grey).toEqual({ marker: 0xffc0, bits: 8, sampling: [0x11] });
    const colour = frameHeader(await bytesOf(noise(3), { mediaType: 'image/jpeg' }));
    expect(colour).toEqual({ marker: 0xffc0, bits: 8, sampling: [0x11, 0x11, 0x11] });
  });

  test('of a lower quality are shorter, and share chrominance (W-52)', async () => {
    for (const mediaType of ['image/jpeg', 'image/webp'] as const) {
      const low = await bytesOf(noise(3), { mediaType, quality: 1 });
      const usual = await bytesOf(noise(3), { mediaType });
      const high = await bytesOf(noise(3), { mediaType, quality: 100 });
      expect(low.length).toBeLessThan(usual.length);
      expect(usual.length).toBeLessThan(high.length);
    }
    const { sampling } = frameHeader(await bytesOf(noise(3), { mediaType: 'image/jpeg', quality: 50 }));
    expect(sampling).toEqual([0x22, 0x11, 0x11]);
  });

  test('PNG is exact', async () => {
    const options = noise(3);
    const { data } = await sharp(await bytesOf(options, {}))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([...data]).toEqual(options.pixels);
  });
});
