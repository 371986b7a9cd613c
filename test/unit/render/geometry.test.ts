import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { Tags } from '../../../src/dicom/index.js';
import type { PictureRequest } from '../../../src/render/index.js';
import { halvingsFor } from '../../../src/render/index.js';
import { element } from '../dicom/dataset-bytes.js';
import { imageOf, levelsOf, pictureOf, type ImageOptions } from './images.js';

type Viewport = NonNullable<PictureRequest['viewport']>;

const grey = (rows: number, columns: number, more: readonly Buffer[] = []): ImageOptions => ({
  rows,
  columns,
  pixels: Array.from({ length: rows * columns }, (_, at) => at % 251),
  more,
});
async function sizeOf(options: ImageOptions, viewport?: Viewport): Promise<readonly number[]> {
  const { width, height, bytes } = await pictureOf(await imageOf(options), viewport && { viewport });
  expect(await sharp(bytes).metadata()).toMatchObject({ width, height });
  return [width, height];
}

describe('the viewport (W-53)', () => {
  test('a picture without one has the pixels of the image, whatever their shape', async () => {
    expect(await sizeOf(grey(10, 20))).toEqual([20, 10]);
    expect(await sizeOf(grey(10, 20, [element(Tags.PixelAspectRatio, 'IS', '2\\1')]))).toEqual([20, 10]);
  });

  test('is filled in one direction and keeps the proportions; pictures are also made larger', async () => {
    expect(await sizeOf(grey(10, 20), { width: 10, height: 10 })).toEqual([10, 5]);
    expect(await sizeOf(grey(10, 20), { width: 100, height: 20 })).toEqual([40, 20]);
    expect(await sizeOf(grey(10, 20), { width: 60 })).toEqual([60, 30]);
    expect(await sizeOf(grey(10, 20), { height: 5 })).toEqual([10, 5]);
    expect(await sizeOf(grey(1, 200), { width: 10, height: 10 })).toEqual([10, 1]);
  });

  test.each([
    [Tags.PixelAspectRatio, '2\\1'],
    [Tags.PixelSpacing, '0.5\\0.25'],
    [Tags.ImagerPixelSpacing, '1.0\\0.5'],
  ])('pixels that are higher than wide are shown so (PS3.3 C.7.6.3.1.7)', async (tag, value) => {
    const vr = tag === Tags.PixelAspectRatio ? 'IS' : 'DS';
    expect(await sizeOf(grey(10, 20, [element(tag, vr, value)]), { width: 40, height: 40 })).toEqual([
      40, 40,
    ]);
  });

  test('a side that follows from the other is as long as it may be, or the picture is refused', async () => {
    const options = grey(10, 20, [element(Tags.PixelAspectRatio, 'IS', '2\\1')]);
    expect(await sizeOf(options, { width: 40, mostSide: 40 })).toEqual([40, 40]);
    await expect(sizeOf(options, { width: 40, mostSide: 39 })).rejects.toMatchObject({ code: 'bad-request' });
  });

  test('shows a part, turned over where it is asked for', async () => {
    const options = { rows: 2, columns: 3, pixels: [0, 51, 102, 153, 204, 255] };
    const shown = (viewport: Viewport): Promise<readonly number[]> => levelsOf(options, { viewport });
    expect(await shown({ source: { x: 1, y: 0, width: 2, height: 2 } })).toEqual([51, 102, 204, 255]);
    expect(await shown({ source: { y: 1 } })).toEqual([153, 204, 255]);
    expect(await shown({ flipHorizontal: true })).toEqual([102, 51, 0, 255, 204, 153]);
    expect(await shown({ flipVertical: true, source: { width: 2 } })).toEqual([153, 204, 0, 51]);
  });

  test.each([{ x: 4 }, { x: -1 }, { x: 2, width: 3 }, { height: 0 }, { y: Number.NaN }])(
    'a part that is not in the image is refused: %j',
    async (source) => {
      const image = await imageOf(grey(4, 4));
      const picture = pictureOf(image, { viewport: { width: 2, height: 2, source } });
      await expect(picture).rejects.toMatchObject({ code: 'bad-request' });
    },
  );

  test('of more pixels than are made is refused, and so is a picture that its format has no numbers for', async () => {
    const image = await imageOf(grey(4, 4));
    const large = pictureOf(image, { viewport: { width: 5000, height: 5000 } });
    await expect(large).rejects.toMatchObject({ code: 'not-acceptable' });
    const wide = await imageOf(grey(1, 16_384));
    await expect(pictureOf(wide, { mediaType: 'image/webp' })).rejects.toMatchObject({
      code: 'not-acceptable',
    });
  });
});

describe('what may be left out of a code stream', () => {
  const halvings = async (viewport?: Viewport, more: readonly Buffer[] = []): Promise<number> => {
    const { shape, looks } = await imageOf(grey(64, 128, more));
    const request = { mediaType: 'image/png', ...(viewport && { viewport }) } as const;
    return halvingsFor({ shape, look: await looks.of(1), request, mostPixels: 2 ** 20 });
  };

  test('leaves all pixels that the picture needs', async () => {
    expect(await halvings()).toBe(0);
    expect(await halvings({ width: 128, height: 64 })).toBe(0);
    expect(await halvings({ width: 65 })).toBe(0);
    expect(await halvings({ width: 64 })).toBe(1);
    expect(await halvings({ width: 10 })).toBe(3);
    expect(await halvings({ width: 32, source: { width: 64, height: 32 } })).toBe(1);
  });

  test('is nothing where something is drawn into the full picture', async () => {
    const more = [
      element(0x60000010, 'US', Buffer.from([1, 0])),
      element(0x60000011, 'US', Buffer.from([8, 0])),
      element(0x60003000, 'OW', Buffer.from([1, 0])),
    ];
    expect(await halvings({ width: 10 }, more)).toBe(0);
  });
});
