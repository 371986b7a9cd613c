import { afterAll, describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import type { Observation, OperationContext } from '../../../src/core/index.js';
import { TransferSyntaxes as S, Tags } from '../../../src/dicom/index.js';
import { encodeFrame } from '../../../src/transcode/encode-frame.js';
import { createFramePool, type FramePool, type FramePoolOptions } from '../../../src/transcode/index.js';
import { element } from '../dicom/dataset-bytes.js';
import { decoded, imageOf, type Image } from '../render/images.js';

const pools: FramePool[] = [];
afterAll(async () => {
  for (const pool of pools) await pool.close();
});

function start(options: Partial<FramePoolOptions> = {}): { pool: FramePool; observed: Observation[] } {
  const observed: Observation[] = [];
  const limits = { frameMs: 20_000, heapMegabytes: 128, frameBytes: 2 ** 27, picturePixels: 2 ** 20 };
  const all = { workers: 2, queue: 10, ...limits, ...options };
  const pool = createFramePool(all, (observation) => observed.push(observation));
  pools.push(pool);
  return { pool, observed };
}

const context: OperationContext = { requestId: 'r', signal: new AbortController().signal };
const size = 128;
const image = (): Promise<Image> =>
  imageOf({
    rows: size,
    columns: size,
    allocated: 16,
    stored: 12,
    // Left half dark, right half bright.
    pixels: Array.from({ length: size * size }, (_, at) => (at % size < size / 2 ? 1000 : 3000)),
    more: [element(Tags.WindowCenter, 'DS', '2000'), element(Tags.WindowWidth, 'DS', '4000')],
  });

describe('pictures in worker threads', () => {
  test('are made of native frames, and JPEG of greys has one component, 8 bits and no progression (W-50)', async () => {
    const { pool, observed } = start();
    const { shape, looks, frame } = await image();
    const place = await pool.enter(context);
    const look = await looks.of(1);
    const request = { mediaType: 'image/jpeg' } as const;
    const picture = await place.render({ frame: await frame(), from: undefined, shape, look, request });
    place.leave();
    const metadata = await sharp(picture.bytes).metadata();
    expect(metadata).toMatchObject({
      format: 'jpeg',
      channels: 1,
      width: size,
      height: size,
      isProgressive: false,
    });
    const levels = await decoded(picture.bytes);
    // (1000 - 1999.5) / 3999 + 0.5, and the same of 3000.
    expect(levels[0]).toBeCloseTo(64, -0.5);
    expect(levels[size - 1]).toBeCloseTo(191, -0.5);
    expect(observed).toContainEqual(
      expect.objectContaining({ kind: 'frame', from: 'native', to: 'image/jpeg', outcome: 'done' }),
    );
  });

  test.each([
    ['JPEG 2000', S.Jpeg2000Lossless.uid],
    ['HTJ2K', S.HtJ2kLossless.uid],
    ['JPEG-LS', S.JpegLsLossless.uid],
    ['RLE', S.RleLossless.uid],
  ])('of %s, also much smaller ones, show the same', async (_name, from) => {
    const { pool } = start({ workers: 1 });
    const { shape, looks, frame } = await image();
    const { stream } = await encodeFrame({ samples: await frame(), shape }, from);
    const place = await pool.enter(context);
    const look = await looks.of(1);
    for (const viewport of [undefined, { width: 16, height: 40 }]) {
      const request = { mediaType: 'image/png', ...(viewport && { viewport }) } as const;
      const picture = await place.render({ frame: new Uint8Array(stream), from, shape, look, request });
      expect(picture).toMatchObject(viewport ? { width: 16, height: 16 } : { width: size, height: size });
      const levels = await decoded(picture.bytes);
      expect(levels[1]).toBeCloseTo(64, -0.5);
      expect(levels[picture.width - 2]).toBeCloseTo(191, -0.5);
    }
    place.leave();
  });

  test.each(['image/jpeg', 'image/png', 'image/gif', 'image/webp'] as const)(
    'in the format %s',
    async (mediaType) => {
      const { pool } = start({ workers: 1 });
      const { shape, looks, frame } = await image();
      const place = await pool.enter(context);
      const look = await looks.of(1);
      const picture = await place.render({
        frame: await frame(),
        from: undefined,
        shape,
        look,
        request: { mediaType },
      });
      place.leave();
      const { format, width } = await sharp(picture.bytes).metadata();
      expect({ mediaType: `image/${format}`, width }).toEqual({ mediaType, width: size });
    },
  );

  test('what cannot be shown costs one request', async () => {
    const { pool, observed } = start({ workers: 1 });
    const { shape, looks, frame } = await image();
    const look = await looks.of(1);
    const place = await pool.enter(context);
    const made = async (bytes: Uint8Array, viewport?: { width: number; height: number }): Promise<unknown> =>
      await place.render({
        frame: bytes,
        from: undefined,
        shape,
        look,
        request: { mediaType: 'image/png', ...(viewport && { viewport }) },
      });
    await expect(made(new Uint8Array(10))).rejects.toMatchObject({ code: 'malformed-dataset' });
    await expect(made(await frame(), { width: 2000, height: 2000 })).rejects.toMatchObject({
      code: 'not-acceptable',
    });
    expect(await made(await frame())).toMatchObject({ width: size });
    place.leave();
    expect(observed.filter(({ kind }) => kind === 'frame')).toMatchObject([
      { outcome: 'refused' },
      { outcome: 'refused' },
      { outcome: 'done' },
    ]);
  });

  test('take no longer than frames may', async () => {
    const { pool, observed } = start({ workers: 1, frameMs: 1 });
    const { shape, looks, frame } = await image();
    const place = await pool.enter(context);
    const request = { mediaType: 'image/webp' } as const;
    const late = place.render({
      frame: await frame(),
      from: undefined,
      shape,
      look: await looks.of(1),
      request,
    });
    await expect(late).rejects.toMatchObject({ code: 'transcode-timeout' });
    place.leave();
    expect(observed.filter(({ kind }) => kind === 'frame')).toMatchObject([{ outcome: 'late' }]);
  });
});
