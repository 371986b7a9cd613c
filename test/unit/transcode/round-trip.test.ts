import { describe, expect, test } from '@jest/globals';
import { TransferSyntaxes } from '../../../src/dicom/index.js';
import { decodeFrame } from '../../../src/transcode/decode-frame.js';
import { canEncode, encodeFrame } from '../../../src/transcode/encode-frame.js';
import { losslessSyntaxes, patterns, shapes } from './frames.js';

const S = TransferSyntaxes;
/** Which keep all bits that are allocated. */
const whole = new Set<string>(
  [S.RleLossless, S.EncapsulatedUncompressedExplicitVrLittleEndian, S.DeflatedImageFrameCompression].map(
    ({ uid }) => uid,
  ),
);
const cases = losslessSyntaxes.flatMap(({ uid, name }) =>
  shapes.map(({ name: what, shape }) => ({ uid, name, what, shape: { ...shape, planar: false } })),
);
const encodable = cases.filter(({ uid, shape }) => canEncode(uid, shape));

describe('what is encoded without loss is decoded to the same', () => {
  test.each(encodable)('$name: $what', async ({ uid, shape }) => {
    for (const samples of patterns(shape)) {
      const { stream, photometricInterpretation } = await encodeFrame({ samples, shape }, uid);
      const decoded = await decodeFrame(stream, uid, { ...shape, photometricInterpretation });
      expect(Buffer.compare(decoded.samples, samples)).toBe(0);
      expect(decoded.shape).toEqual(shape);
    }
  });

  test('what stands above the bits stored is kept, or nothing is encoded', async () => {
    const overlayable = encodable.filter(({ shape }) => shape.bitsStored < shape.bitsAllocated);
    expect(new Set(overlayable.map(({ shape }) => shape.bitsAllocated))).toEqual(new Set([8, 16]));
    for (const { uid, shape } of overlayable) {
      const [samples = new Uint8Array()] = patterns(shape);
      const overlaid = Buffer.from(samples);
      const highest = (shape.bitsAllocated >> 3) - 1;
      overlaid.writeUInt8(overlaid.readUInt8(highest) ^ 0x80, highest);
      const attempt = encodeFrame({ samples: new Uint8Array(overlaid), shape }, uid);
      if (whole.has(uid)) {
        const { samples: back } = await decodeFrame((await attempt).stream, uid, shape);
        expect(Buffer.compare(back, overlaid)).toBe(0);
      } else await expect(attempt).rejects.toMatchObject({ code: 'not-acceptable' });
    }
  });

  test('what an encoder would get wrong is refused', async () => {
    const refused = cases.filter(({ uid, shape }) => !canEncode(uid, shape));
    expect(refused.length).toBeGreaterThan(0);
    for (const { uid, shape } of refused) {
      const [samples = new Uint8Array()] = patterns(shape);
      await expect(encodeFrame({ samples, shape }, uid)).rejects.toMatchObject({ code: 'not-acceptable' });
    }
  });
});
