import { describe, expect, test } from '@jest/globals';
import { nativeFrameBytes, type FrameShape } from '../../../src/dicom/frame-shape.js';
import { TransferSyntaxes as S } from '../../../src/dicom/index.js';
import { decodeFrame } from '../../../src/transcode/decode-frame.js';
import { encodeFrame } from '../../../src/transcode/encode-frame.js';
import { encodeFrameLossy } from '../../../src/transcode/lossy-frame.js';
import { shapes } from './frames.js';

const settings = { jpegQuality: 90, jpegLsError: 3, j2kRatio: 8, htJ2kStep: 0.001 };

const signedOrNot = (
  { bitsAllocated, signed }: FrameShape,
  { buffer }: Uint8Array,
): Int16Array | Uint16Array | Uint8Array =>
  bitsAllocated === 8 ? new Uint8Array(buffer) : signed ? new Int16Array(buffer) : new Uint16Array(buffer);

const endsOf = ({ bitsStored, signed }: FrameShape): readonly [number, number] =>
  signed ? [-(2 ** (bitsStored - 1)), 2 ** (bitsStored - 1) - 1] : [0, 2 ** bitsStored - 1];

/** A box of the highest value in the lowest one. */
function box(shape: FrameShape): Uint8Array {
  const bytes = new Uint8Array(nativeFrameBytes(shape));
  const [lowest, highest] = endsOf(shape);
  const values = signedOrNot(shape, bytes);
  for (let at = 0; at < values.length; at += 1) {
    const [row, column] = [Math.floor(at / shape.columns), at % shape.columns];
    values[at] = column > 80 && column < 360 && row > 80 && row < 240 ? highest : lowest;
  }
  return bytes;
}

/** Those of fewer bits than their bytes have: others have no room to leave. Wide colours are not encoded with loss. */
const narrow = shapes
  .filter(({ shape }) => shape.samplesPerPixel === 1 && shape.bitsStored > 8 && shape.bitsStored < 16)
  .map(({ name, shape }) => ({ name, shape: { ...shape, rows: 384, columns: 512 } }));

describe('wavelets that overshoot stay within the bits stored', () => {
  test.each(narrow)('PS3.3 C.7.6.3: HTJ2K with loss, $name', async ({ shape }) => {
    const native = box(shape);
    const { stream } = await encodeFrameLossy({ samples: native, shape }, S.HtJ2k.uid, settings);
    const { samples } = await decodeFrame(stream, S.HtJ2k.uid, shape);
    const [decoded, original] = [signedOrNot(shape, samples), signedOrNot(shape, native)];
    const [lowest, highest] = endsOf(shape);
    const range = highest - lowest;
    const bad: number[] = [];
    for (let at = 0; at < decoded.length; at += 1) {
      const value = decoded[at] ?? 0;
      // Black that comes out as white would be wrong by all of the range.
      const isGood = value >= lowest && value <= highest && Math.abs(value - (original[at] ?? 0)) < range / 2;
      if (!isGood) bad.push(value);
    }
    expect(bad).toEqual([]);
  });

  test.each(narrow.flatMap((one) => [1, 3].map((halvings) => ({ ...one, halvings }))))(
    'HTJ2K without loss, $name, halved $halvings times',
    async ({ shape, halvings }) => {
      const { stream } = await encodeFrame({ samples: box(shape), shape }, S.HtJ2kLossless.uid);
      const [lowest, highest] = endsOf(shape);
      const { samples } = await decodeFrame(stream, S.HtJ2kLossless.uid, shape, halvings);
      const values = [...signedOrNot(shape, samples)];
      expect(values.filter((value) => value < lowest || value > highest)).toEqual([]);
      // Nothing was turned round to the other end: the middle of the box is bright, and the corner is not.
      const columns = Math.ceil(shape.columns / 2 ** halvings);
      const at = (row: number, column: number): number =>
        values[Math.round(row / 2 ** halvings) * columns + Math.round(column / 2 ** halvings)] ?? Number.NaN;
      const middle = (lowest + highest) / 2;
      for (const row of [96, 160, 224])
        for (const column of [96, 224, 336]) expect(at(row, column)).toBeGreaterThan(middle);
      for (const row of [0, 352]) for (const column of [0, 480]) expect(at(row, column)).toBeLessThan(middle);
    },
  );
});
