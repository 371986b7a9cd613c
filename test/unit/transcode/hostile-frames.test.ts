import { describe, expect, test } from '@jest/globals';
import { TransferSyntaxes as S } from '../../../src/dicom/index.js';
import { decodeFrame } from '../../../src/transcode/decode-frame.js';
import { encodeFrame } from '../../../src/transcode/encode-frame.js';
import { createFramePool } from '../../../src/transcode/index.js';
import { Renewable } from '../../../src/transcode/renewable.js';
import type { FrameShape } from '../../../src/dicom/frame-shape.js';
import { patterns, shapes } from './frames.js';

const shapeOf = (wanted: string): FrameShape => {
  const found = shapes.find(({ name }) => name === wanted);
  if (!found) throw new RangeError('there is no such shape');
  return found.shape;
};
const bytes = shapeOf('8 bits');
const [slope = new Uint8Array()] = patterns(bytes);
const jpeg = async (): Promise<Buffer> =>
  Buffer.from((await encodeFrame({ samples: slope, shape: bytes }, S.JpegLosslessSv1.uid)).stream);

describe('a JPEG frame', () => {
  test('that ends early is refused, and not made up', async () => {
    const whole = await jpeg();
    for (const length of [whole.length >> 1, whole.lastIndexOf('ffd9', undefined, 'hex')]) {
      const cut = new Uint8Array(whole.subarray(0, length));
      await expect(decodeFrame(cut, S.JpegLosslessSv1.uid, bytes)).rejects.toThrow('ends early');
    }
    const padded = Buffer.concat([whole, Buffer.alloc(2)]);
    const { samples } = await decodeFrame(padded, S.JpegLosslessSv1.uid, bytes);
    expect(Buffer.compare(samples, slope)).toBe(0);
  });

  test('whose header depends on who reads it is refused', async () => {
    const whole = await jpeg();
    const start = whole.indexOf('ffc3', 0, 'hex');
    const segment = whole.subarray(start, start + 13);
    const twice = Buffer.concat([whole.subarray(0, start), segment, whole.subarray(start)]);
    // To a reader that takes it for a segment all up to another header is its content.
    const hidden = Buffer.concat([
      Buffer.from('ffd8ff01', 'hex'),
      whole.subarray(2),
      Buffer.alloc(0x10000),
    ]).subarray(0, 4 + 0xffe0);
    const masked = Buffer.concat([hidden, whole.subarray(2)]);
    for (const frame of [twice, masked])
      await expect(decodeFrame(new Uint8Array(frame), S.JpegLosslessSv1.uid, bytes)).rejects.toThrow(
        'header',
      );
  });
});

test('JPEG 2000 of signed bytes keeps what is below zero', async () => {
  const shape = { ...bytes, signed: true };
  const frame = Buffer.from(
    (await encodeFrame({ samples: slope, shape: bytes }, S.Jpeg2000Lossless.uid)).stream,
  );
  // The same stream with a sign, which the level shift of unsigned samples stands for: 0 becomes -128.
  const depth = frame.indexOf('ff51', 0, 'hex') + 40;
  expect(frame[depth]).toBe(7);
  frame[depth] = 0x87;
  const { samples } = await decodeFrame(new Uint8Array(frame), S.Jpeg2000Lossless.uid, shape);
  expect(
    Buffer.compare(
      samples,
      slope.map((value) => value ^ 0x80),
    ),
  ).toBe(0);
});

test('RLE of several samples to a byte is refused', async () => {
  const shape = { ...bytes, bitsAllocated: 1, bitsStored: 1, samplesPerPixel: 3 };
  const frame = Buffer.alloc(200);
  frame.writeUInt32LE(3, 0);
  for (const segment of [1, 2, 3]) frame.writeUInt32LE(64, 4 * segment);
  await expect(decodeFrame(frame, S.RleLossless.uid, shape)).rejects.toThrow('less than a byte');
});

test('a codec that could not be loaded is loaded again', async () => {
  let times = 0;
  const codec = new Renewable(() =>
    ++times === 1 ? Promise.reject(new RangeError('no memory')) : Promise.resolve('loaded'),
  );
  await expect(codec.use(String)).rejects.toMatchObject({ code: 'malformed-dataset' });
  await expect(codec.use(String)).resolves.toBe('loaded');
});

test('a frame that is worked on when the gateway ends is not called a bad one', async () => {
  const options = {
    workers: 1,
    queue: 1,
    frameMs: 60_000,
    heapMegabytes: 128,
    frameBytes: 2 ** 27,
    picturePixels: 2 ** 24,
  };
  const pool = createFramePool(options, () => undefined);
  const place = await pool.enter({ requestId: 'r', signal: new AbortController().signal });
  const task = { frame: new Uint8Array(slope), from: undefined, to: S.RleLossless.uid, shape: bytes };
  const refused = expect(place.run(task)).rejects.toMatchObject({ code: 'shutting-down' });
  await pool.close();
  await refused;
});

test('a small picture in a huge stream is too large', async () => {
  const options = {
    workers: 1,
    queue: 1,
    frameMs: 60_000,
    heapMegabytes: 128,
    frameBytes: 2 ** 20,
    picturePixels: 2 ** 24,
  };
  const pool = createFramePool(options, () => undefined);
  expect([pool.takes(bytes, 2 ** 20), pool.takes(bytes, 2 ** 20 + 1)]).toEqual([true, false]);
  await pool.close();
});

test('deflated planes stay planes, as their dataset says', async () => {
  const shape = shapeOf('planar colour');
  const [samples = new Uint8Array()] = patterns(shape);
  const { stream } = await encodeFrame({ samples, shape }, S.DeflatedImageFrameCompression.uid);
  const back = await decodeFrame(stream, S.DeflatedImageFrameCompression.uid, shape);
  expect(Buffer.compare(back.samples, samples)).toBe(0);
});
