import { describe, expect, test } from '@jest/globals';
import { TransferSyntaxes as S } from '../../../src/dicom/index.js';
import { decodeFrame } from '../../../src/transcode/decode-frame.js';
import { byPixel } from '../../../src/transcode/samples.js';
import { encodeJpegXl } from '../../helpers/jpeg-xl.js';
import { patterns, shapes } from './frames.js';

const uid = S.JpegXlLossless.uid;
const known = shapes.filter(({ name }) => !name.startsWith('8 of 16') && !name.startsWith('10 of'));

describe('JPEG XL', () => {
  test.each(known)('$name: is decoded to what was encoded without loss', async ({ shape: given }) => {
    for (const native of patterns(given)) {
      const { samples, shape } = byPixel({ samples: native, shape: given });
      const frame = await encodeJpegXl(samples, shape, false);
      for (const padded of [frame, Buffer.concat([frame, Buffer.alloc(1)])]) {
        const decoded = await decodeFrame(new Uint8Array(padded), uid, shape);
        expect(Buffer.compare(decoded.samples, samples)).toBe(0);
        expect(decoded.shape).toEqual(shape);
      }
    }
  });

  test('of a picture that is not that of its dataset is refused before it is decoded', async () => {
    const shape = shapes[0]?.shape ?? attributes();
    const frame = await encodeJpegXl(patterns(shape)[0] ?? new Uint8Array(), shape, false);
    for (const other of [
      { ...shape, rows: shape.rows + 1 },
      { ...shape, columns: shape.columns - 1 },
      { ...shape, samplesPerPixel: 3 },
    ])
      await expect(decodeFrame(new Uint8Array(frame), uid, other)).rejects.toThrow('dataset');
    const wide = shapes.find(({ name }) => name === '16 bits')?.shape ?? attributes();
    const deep = await encodeJpegXl(patterns(wide)[1] ?? new Uint8Array(), wide, false);
    const narrow = { ...wide, bitsAllocated: 8, bitsStored: 8 };
    await expect(decodeFrame(new Uint8Array(deep), uid, narrow)).rejects.toThrow('more than the 8');
  });

  test('that is none, or ends early, is refused', async () => {
    const shape = shapes[0]?.shape ?? attributes();
    const frame = await encodeJpegXl(patterns(shape)[1] ?? new Uint8Array(), shape, false);
    for (const bad of [Buffer.alloc(0), Buffer.from('ff0a', 'hex'), Buffer.alloc(64), frame.subarray(0, 200)])
      await expect(decodeFrame(new Uint8Array(bad), uid, shape)).rejects.toMatchObject({
        code: 'malformed-dataset',
      });
    const { samples } = await decodeFrame(new Uint8Array(frame), uid, shape);
    expect(Buffer.compare(samples, patterns(shape)[1] ?? samples)).toBe(0);
  });

  test('that has lost something is RGB when it was of colour', async () => {
    const shape = shapes.find(({ name }) => name === 'colour')?.shape ?? attributes();
    const samples = new Uint8Array(shape.rows * shape.columns * 3).map((_, at) => 100 + ((at / 159) | 0));
    const frame = await encodeJpegXl(samples, shape, true);
    const decoded = await decodeFrame(new Uint8Array(frame), S.JpegXl.uid, {
      ...shape,
      photometricInterpretation: 'XYB',
    });
    expect(decoded.shape.photometricInterpretation).toBe('RGB');
    const worst = decoded.samples.reduce(
      (most, value, at) => Math.max(most, Math.abs(value - (samples[at] ?? 0))),
      0,
    );
    expect(worst).toBeLessThan(12);
  });
});

function attributes(): never {
  throw new RangeError('there is no such shape');
}
