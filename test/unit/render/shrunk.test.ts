import { expect, test } from '@jest/globals';
import sharp from 'sharp';
import { Tags } from '../../../src/dicom/index.js';
import type { PictureRequest } from '../../../src/render/index.js';
import { meanDifference } from '../../helpers/picture-oracle.js';
import { element, us } from '../dicom/dataset-bytes.js';
import { meansOfBoxes } from '../../../src/render/sample-loops.js';
import { decoded, imageOf, numbers, pictureOf, type ImageOptions } from './images.js';

/** A soft picture with noise, of values from 0 to `most`; a part of it has none. */
function values(rows: number, columns: number, most: number): readonly number[] {
  let noise = 1;
  return Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    noise = (noise * 16_807) % 2_147_483_647;
    if (row > rows * 0.8 && column > columns * 0.6) return 0;
    const wave = 0.5 + 0.3 * Math.sin(row / 19) * Math.cos(column / 23);
    return Math.round((wave + (noise / 2_147_483_647) * 0.05) * most);
  });
}

const ct = { allocated: 16, stored: 12 };
const window = [element(Tags.WindowCenter, 'DS', '1800'), element(Tags.WindowWidth, 'DS', '900')];
const padding = [element(Tags.PixelPaddingValue, 'US', us(0))];
const small = { width: 32, height: 32 };

const image = (
  rows: number,
  columns: number,
  most: number,
  more: Omit<ImageOptions, 'pixels'>,
): ImageOptions => ({
  rows,
  columns,
  pixels: numbers(values(rows, columns, most), more.allocated ?? 8),
  ...more,
});

test.each<readonly [string, ImageOptions, NonNullable<PictureRequest['viewport']>]>([
  ['of 8 bits', image(256, 256, 255, {}), small],
  ['of 12 bits with a narrow window', image(256, 256, 4095, { ...ct, more: window }), small],
  ['of all values that there are, without a window', image(256, 256, 3000, ct), small],
  ['of signed samples', image(256, 256, 4095, { ...ct, signed: true }), small],
  [
    'of samples that begin at the fourth bit',
    {
      ...image(256, 256, 4095, ct),
      highBit: 15,
      pixels: numbers(
        values(256, 256, 4095).map((one) => one * 16),
        16,
      ),
    },
    small,
  ],
  [
    'of MONOCHROME1 with padding, which stays black',
    image(256, 256, 4095, { ...ct, photometric: 'MONOCHROME1', more: padding }),
    small,
  ],
  ['twenty times smaller one way and ten the other', image(640, 320, 255, {}), { width: 32, height: 32 }],
  ['of a size that no box divides', image(403, 331, 4095, ct), { width: 37, height: 40 }],
  [
    'of a part, turned over',
    image(512, 512, 4095, { ...ct, more: window }),
    { ...small, source: { x: 130.5, y: 60, width: 300, height: 300 }, flipHorizontal: true },
  ],
])('W-56: a small picture %s is the large one scaled', async (_name, options, viewport) => {
  const from = await imageOf(options);
  const { width: _width, height: _height, ...uncut } = viewport;
  const whole = await pictureOf(from, { viewport: uncut });
  const { bytes, width, height } = await pictureOf(from, { viewport });
  const scaled = await sharp(whole.bytes)
    .resize(width, height, { fit: 'fill', kernel: 'lanczos3' })
    .toColourspace('b-w')
    .png()
    .toBuffer();
  const samples = async (picture: Uint8Array): Promise<Parameters<typeof meanDifference>[0]> => ({
    width,
    height,
    channels: 1,
    data: Uint8Array.from(await decoded(picture)),
  });
  expect(meanDifference(await samples(bytes), await samples(scaled))).toBeLessThan(1);
});

test('W-56: the mean of more pixels than a sum of 32 bits holds is right', () => {
  const side = 4_200;
  const white = new Uint8Array(side * side).fill(255);
  const part = { left: 0, top: 0, width: side, height: side };
  const levels = Uint8Array.from({ length: 256 }, (_, code) => code);
  const { pixels } = meansOfBoxes(white, { columns: side, part }, { columns: 1, rows: 1 }, levels);
  expect([...pixels]).toEqual([255]);
});
