import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nativeFrameBytes, TransferSyntaxes, type FrameShape } from '../../src/dicom/index.js';
import { decodeFrame } from '../../src/transcode/decode-frame.js';
import { canEncode, encodeFrame } from '../../src/transcode/encode-frame.js';
import { encodeFrameLossy } from '../../src/transcode/lossy-frame.js';
import { losslessSyntaxes } from '../unit/transcode/frames.js';

/** What no code makes shorter: the bits stored are as good as random, those above them 0. */
function noiseOf(shape: FrameShape, seed: number): Uint8Array {
  const samples = new Uint8Array(nativeFrameBytes(shape));
  const width = shape.bitsAllocated / 8;
  let state = seed | 1;
  for (let at = 0; at < samples.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const bits = Math.max(0, Math.min(8, shape.bitsStored - 8 * (at % width)));
    samples[at] = (state >>> 8) & (2 ** bits - 1);
  }
  return samples;
}

const layout = fc.constantFrom(
  ...[
    [8, 8],
    [8, 7],
    [16, 10],
    [16, 12],
    [16, 15],
    [16, 16],
  ].map(([bitsAllocated = 0, bitsStored = 0]) => ({ bitsAllocated, bitsStored })),
);
const small = fc.integer({ min: 1, max: 40 });
const large = fc.integer({ min: 300, max: 420 });
const size = fc.oneof(fc.record({ rows: small, columns: small }), fc.record({ rows: large, columns: large }));
const shape = fc
  .record({ layout, size, samplesPerPixel: fc.constantFrom(1, 3) })
  .map(({ layout: bits, size: extent, samplesPerPixel }): FrameShape => ({
    ...bits,
    ...extent,
    samplesPerPixel,
    signed: false,
    photometricInterpretation: samplesPerPixel === 3 ? 'RGB' : 'MONOCHROME2',
    planar: false,
  }));
const largest = (samplesPerPixel: number, bits: number): [FrameShape, number] => [
  {
    rows: 500,
    columns: 500,
    samplesPerPixel,
    bitsAllocated: bits,
    bitsStored: bits,
    signed: false,
    photometricInterpretation: samplesPerPixel === 3 ? 'RGB' : 'MONOCHROME2',
    planar: false,
  },
  1,
];

const signedLargest: [FrameShape, number] = [{ ...largest(1, 16)[0], signed: true }, 1];

describe('noise, which no code makes shorter, is encoded without loss too (PS3.5 A.4)', () => {
  test.each(losslessSyntaxes)(
    '$name',
    async ({ uid }) => {
      await fc.assert(
        fc.asyncProperty(shape, fc.nat(), async (given, seed) => {
          fc.pre(canEncode(uid, given));
          const samples = noiseOf(given, seed);
          const { stream, photometricInterpretation } = await encodeFrame({ samples, shape: given }, uid);
          const decoded = await decodeFrame(stream, uid, { ...given, photometricInterpretation });
          expect(Buffer.compare(decoded.samples, samples)).toBe(0);
        }),
        {
          numRuns: 8,
          examples: [largest(1, 16), largest(1, 8), largest(3, 8), signedLargest],
        },
      );
    },
    120_000,
  );
});

describe('noise is encoded with loss too, and no sample is wrong by more than was allowed', () => {
  const settings = { jpegQuality: 90, jpegLsError: 1, j2kRatio: 2, htJ2kStep: 0.001 };
  const { uid } = TransferSyntaxes.JpegLsNearLossless;
  test.each([
    ['bytes', largest(1, 8)[0]],
    ['words', largest(1, 16)[0]],
    ['signed words', signedLargest[0]],
    ['signed words of 12 bits', { ...signedLargest[0], bitsStored: 12 }],
    ['colour', largest(3, 8)[0]],
  ])('PS3.5 A.4.3: JPEG-LS, %s', async (_name, given) => {
    const samples = noiseOf(given, 1);
    const unused = 32 - given.bitsStored;
    if (given.signed)
      new Int16Array(samples.buffer).forEach((value, at, all) => (all[at] = (value << unused) >> unused));
    const { stream } = await encodeFrameLossy({ samples, shape: given }, uid, settings);
    const decoded = await decodeFrame(stream, uid, given);
    const valuesOf = ({ buffer, length }: Uint8Array): ArrayLike<number> => {
      if (given.bitsAllocated === 8) return new Uint8Array(buffer, 0, length);
      return given.signed ? new Int16Array(buffer, 0, length / 2) : new Uint16Array(buffer, 0, length / 2);
    };
    const [before, after] = [valuesOf(samples), valuesOf(Uint8Array.from(decoded.samples))];
    expect(after).toHaveLength(before.length);
    let most = 0;
    for (let at = 0; at < before.length; at += 1)
      most = Math.max(most, Math.abs((before[at] ?? 0) - (after[at] ?? 0)));
    expect(most).toBeLessThanOrEqual(settings.jpegLsError);
  });
});
