import { describe, expect, test } from '@jest/globals';
import { TransferSyntaxes as S } from '../../../src/dicom/index.js';
import { decodeFrame } from '../../../src/transcode/decode-frame.js';
import { nativeFrameBytes, type FrameShape } from '../../../src/dicom/frame-shape.js';
import {
  canEncodeLossy,
  encodeFrameLossy,
  settingOf,
  type LossySettings,
} from '../../../src/transcode/lossy-frame.js';
import { byPixel } from '../../../src/transcode/samples.js';
import { shapes } from './frames.js';

const settings: LossySettings = { jpegQuality: 90, jpegLsError: 3, j2kRatio: 8, htJ2kStep: 0.001 };
const syntaxes = [S.JpegBaseline, S.JpegLsNearLossless, S.Jpeg2000, S.HtJ2k];

/** A picture as scanners make them: soft, over the whole range, with some noise in it. */
function soft(shape: FrameShape): Uint8Array {
  const bytes = Buffer.alloc(nativeFrameBytes(shape));
  const most = 2 ** shape.bitsStored - 1;
  const least = shape.signed ? -(2 ** (shape.bitsStored - 1)) : 0;
  const width = shape.bitsAllocated / 8;
  const perPixel = shape.planar ? 1 : shape.samplesPerPixel;
  for (let at = 0; at * width < bytes.length; at += 1) {
    const pixel = Math.floor(at / perPixel) % (shape.rows * shape.columns);
    const [row, column] = [Math.floor(pixel / shape.columns), pixel % shape.columns];
    const level = 0.5 + 0.4 * Math.sin(row / 9) * Math.cos(column / 11) + ((pixel * 7919) % 13) / 1000;
    const value = least + Math.round(level * most);
    if (width === 1) bytes.writeUInt8(value & 0xff, at);
    else bytes.writeUInt16LE(value & 0xffff, 2 * at);
  }
  return new Uint8Array(bytes);
}

function samplesOf(bytes: Uint8Array, { bitsAllocated, signed }: FrameShape): ArrayLike<number> {
  const { buffer } = new Uint8Array(bytes);
  if (bitsAllocated === 8) return signed ? new Int8Array(buffer) : new Uint8Array(buffer);
  return signed ? new Int16Array(buffer) : new Uint16Array(buffer);
}

/** How wrong the worst sample is, and all of them in decibels below the range. */
function loss(
  one: ArrayLike<number>,
  other: ArrayLike<number>,
  range: number,
): { worst: number; psnr: number } {
  expect(one).toHaveLength(other.length);
  let [worst, squares] = [0, 0];
  for (let at = 0; at < one.length; at += 1) {
    const wrong = Math.abs((one[at] ?? 0) - (other[at] ?? 0));
    worst = Math.max(worst, wrong);
    squares += wrong ** 2;
  }
  return { worst, psnr: 10 * Math.log10(range ** 2 / Math.max(squares / one.length, 1e-9)) };
}

const cases = syntaxes.flatMap(({ uid, name }) =>
  shapes.map(({ name: what, shape }) => ({
    uid,
    name,
    what,
    // Of a picture of a thousand pixels much is headers.
    shape: shape.columns === 1 || shape.rows === 1 ? shape : { ...shape, rows: 150, columns: 211 },
  })),
);

describe('what is encoded with loss', () => {
  test.each(cases.filter(({ uid, shape }) => canEncodeLossy(uid, shape)))(
    '$name: $what is nearly what it was',
    async ({ uid, shape }) => {
      const native = soft(shape);
      const { samples } = byPixel({ samples: native, shape });
      const { stream, photometricInterpretation } = await encodeFrameLossy(
        { samples: native, shape },
        uid,
        settings,
      );
      const decoded = await decodeFrame(stream, uid, { ...shape, planar: false, photometricInterpretation });
      expect(decoded.shape).toEqual({ ...shape, planar: false });
      const { worst, psnr } = loss(
        samplesOf(decoded.samples, shape),
        samplesOf(samples, shape),
        2 ** shape.bitsStored - 1,
      );
      if (uid === S.JpegLsNearLossless.uid) expect(worst).toBeLessThanOrEqual(settings.jpegLsError);
      expect(psnr).toBeGreaterThan(35);
      if (shape.rows > 1 && shape.columns > 1) expect(stream.length).toBeLessThan(samples.length * 0.6);
    },
  );

  test('PS3.5 8.2.1, 8.2.4: colours have the name of what is in the stream', async () => {
    const shape = shapes.find(({ name }) => name === 'colour')?.shape;
    if (!shape) throw new RangeError('there is no such shape');
    const names = await Promise.all(
      syntaxes.map(async ({ uid }) => {
        const encoded = await encodeFrameLossy({ samples: soft(shape), shape }, uid, settings);
        return encoded.photometricInterpretation;
      }),
    );
    expect(names).toEqual(['YBR_FULL_422', 'RGB', 'YBR_ICT', 'YBR_ICT']);
  });

  test('palettes, samples with more to them than their bits stored, and what no encoder takes are not', async () => {
    const [gray] = shapes;
    const twelve = shapes.find(({ name }) => name === '12 of 16 bits')?.shape;
    if (!gray || !twelve) throw new RangeError('there is no such shape');
    const palette = { ...gray.shape, photometricInterpretation: 'PALETTE COLOR' };
    for (const { uid } of syntaxes) expect(canEncodeLossy(uid, palette)).toBe(false);
    expect(canEncodeLossy(S.JpegBaseline.uid, twelve)).toBe(false);
    expect(canEncodeLossy(S.JpegBaseline.uid, { ...gray.shape, signed: true })).toBe(false);
    expect(canEncodeLossy(S.JpegExtended.uid)).toBe(false);
    const overlaid = Buffer.from(soft(twelve));
    overlaid.writeUInt8(0xf0 | overlaid.readUInt8(1), 1);
    for (const [samples, shape] of [
      [new Uint8Array(overlaid), twelve],
      [soft(palette), palette],
    ] as const)
      await expect(
        encodeFrameLossy({ samples, shape }, S.JpegLsNearLossless.uid, settings),
      ).rejects.toMatchObject({ code: 'not-acceptable' });
  });

  test('depends on the setting of its transfer syntax alone', () => {
    expect(syntaxes.map(({ uid }) => settingOf(uid, settings))).toEqual([
      'jpegQuality 90',
      'jpegLsError 3',
      'j2kRatio 8',
      'htJ2kStep 0.001',
    ]);
    expect(settingOf(S.RleLossless.uid, settings)).toBe('');
  });
});
