import { describe, expect, test } from '@jest/globals';
import { TransferSyntaxes as S } from '../../../src/dicom/index.js';
import { readJ2kHeader } from '../../../src/media/index.js';
import { decodeFrame } from '../../../src/transcode/decode-frame.js';
import { encodeFrame, whyNotLossless } from '../../../src/transcode/encode-frame.js';
import { losslessSyntaxes, pairsOf, patterns, shapeOf } from './frames.js';

const colour = { samplesPerPixel: 3 } as const;
const pairs = { ...colour, columns: 54, photometricInterpretation: 'YBR_FULL_422' } as const;
const shared = shapeOf(8, 8, pairs);
const asStored = new Set<string>([
  S.EncapsulatedUncompressedExplicitVrLittleEndian.uid,
  S.DeflatedImageFrameCompression.uid,
]);
const codeStreams = losslessSyntaxes.filter(({ uid }) => !asStored.has(uid));

describe('PS3.5 8.2: what pixels share is written for each of them', () => {
  test.each(codeStreams)('$name', async ({ uid }) => {
    const { shared: samples, own } = pairsOf(shared);
    const { stream, photometricInterpretation, planar } = await encodeFrame({ samples, shape: shared }, uid);
    expect([photometricInterpretation, planar]).toEqual(['YBR_FULL', false]);
    const back = await decodeFrame(stream, uid, { ...shared, photometricInterpretation, planar });
    expect(back.shape.photometricInterpretation).toBe('YBR_FULL');
    expect(Buffer.compare(back.samples, own)).toBe(0);
  });

  test.each(losslessSyntaxes.filter(({ uid }) => asStored.has(uid)))(
    '$name keeps them as they are',
    async ({ uid }) => {
      const { shared: samples } = pairsOf(shared);
      const { stream, photometricInterpretation } = await encodeFrame({ samples, shape: shared }, uid);
      expect(photometricInterpretation).toBe('YBR_FULL_422');
      const back = await decodeFrame(stream, uid, shared);
      expect(Buffer.compare(back.samples, samples)).toBe(0);
    },
  );

  test('also where the writer has kept the name and all samples', async () => {
    const full = { ...shared, photometricInterpretation: 'YBR_FULL' };
    const [samples = new Uint8Array()] = patterns(full);
    for (const { uid } of codeStreams) {
      const { photometricInterpretation, stream } = await encodeFrame({ samples, shape: shared }, uid);
      expect(photometricInterpretation).toBe('YBR_FULL');
      const back = await decodeFrame(stream, uid, full);
      expect(Buffer.compare(back.samples, samples)).toBe(0);
    }
  });
});

describe('PS3.5 8.2.4: components that no encoder transforms', () => {
  const [j2k, ...htJ2k] = [S.Jpeg2000Lossless, S.HtJ2kLossless, S.HtJ2kLosslessRpcl];
  const wide = shapeOf(16, 16, { ...colour, rows: 301, columns: 517 });

  test.each([
    ['16-bit colour', wide, 'RGB'],
    ['YCbCr', shapeOf(8, 8, { ...colour, photometricInterpretation: 'YBR_FULL' }), 'YBR_FULL'],
  ])('%s is named as it is, and the stream says that there is no transform', async (_what, shape, name) => {
    const [samples = new Uint8Array()] = patterns(shape);
    for (const { uid } of [j2k, ...htJ2k]) {
      const { stream, photometricInterpretation } = await encodeFrame({ samples, shape }, uid);
      expect(photometricInterpretation).toBe(name);
      const header = readJ2kHeader(Buffer.from(stream));
      expect(header).toMatchObject({ components: 3, colourTransformed: false, reversible: true });
      expect(header.precision).toBe(shape.bitsStored);
    }
  });

  test.each([
    ['three components', wide],
    ['one component', { ...wide, samplesPerPixel: 1, photometricInterpretation: 'MONOCHROME2' }],
    ['three that are transformed', shapeOf(8, 8, { ...colour, rows: 301, columns: 517 })],
  ])(
    'PS3.5 10.18: HTJ2K with RPCL options has tile-part lengths, the smallest 64 at most: %s',
    async (_, shape) => {
      const [samples = new Uint8Array()] = patterns(shape);
      const { uid } = S.HtJ2kLosslessRpcl;
      const stream = Buffer.from((await encodeFrame({ samples, shape }, uid)).stream);
      const { decompositions } = readJ2kHeader(stream);
      expect(Math.ceil(shape.rows / 2 ** decompositions)).toBeLessThanOrEqual(64);
      const lengths = lengthsOf(stream);
      expect(lengths.told).toEqual(lengths.found);
      expect(lengths.found.length % (decompositions + 1)).toBe(0);
      expect(lengths.order).toBe(2);
    },
  );
});

/** What the main header tells of the tile-parts, and what they are. */
function lengthsOf(stream: Buffer): { told: number[]; found: number[]; order: number } {
  const told: number[] = [];
  const found: number[] = [];
  let order = -1;
  let at = 2;
  for (; stream.readUInt16BE(at) !== 0xff90; at += 2 + stream.readUInt16BE(at + 2)) {
    const marker = stream.readUInt16BE(at);
    if (marker === 0xff52) order = stream.readUInt8(at + 5);
    // Of one tile each entry is its number in two bytes, and a length in four.
    if (marker === 0xff55)
      for (let entry = at + 6; entry < at + 2 + stream.readUInt16BE(at + 2); entry += 6)
        told.push(stream.readUInt32BE(entry + 2));
  }
  for (; stream.readUInt16BE(at) === 0xff90; at += stream.readUInt32BE(at + 6)) {
    expect([stream.readUInt8(at + 10), stream.readUInt8(at + 11)]).toEqual([found.length, told.length]);
    found.push(stream.readUInt32BE(at + 6));
  }
  return { told, found, order };
}

test.each([
  [S.JpegLsLossless, shapeOf(32, 32), /^JPEG-LS Lossless .* at most 16 bits .* has 32\.$/],
  [S.JpegLosslessSv1, shapeOf(32, 32), /at most 16 bits .* has 32\.$/],
  [S.Jpeg2000Lossless, shapeOf(32, 32), /at most 16 bits .* has 32\.$/],
  [S.HtJ2kLossless, shapeOf(32, 12), /at most 16 bits .* has 32\.$/],
  [S.RleLossless, shapeOf(1, 1), /at least 8 bits .* has 1\.$/],
  [S.Jpeg2000Lossless, shapeOf(1, 1), /at least 8 bits .* has 1\.$/],
  [S.JpegLsLossless, shapeOf(8, 1), /at least 2 bits stored .* has 1\.$/],
  [S.JpegLsLossless, shapeOf(16, 8), /more than 8 bits stored .* has 8\.$/],
  [S.HtJ2kLossless, shapeOf(8, 8, { signed: true }), /signed; this one has 8\.$/],
  [S.HtJ2kLossless, shapeOf(16, 16, { ...colour, columns: 40_000 }), /at most 32768 .* 37 and 40000\.$/],
  [
    S.RleLossless,
    shapeOf(8, 8, { samplesPerPixel: 4 }),
    /one sample in a pixel, or three; this one has 4\.$/,
  ],
  [S.RleLossless, { ...shared, columns: 53 }, /chrominance/],
  [S.RleLossless, { ...shared, photometricInterpretation: 'YBR_PARTIAL_420' }, /chrominance/],
  [S.JpegExtended, shapeOf(8, 8), /^JPEG Extended .* is not made here\.$/],
  [{ uid: '1.2.3' }, shapeOf(8, 8), /^What was asked for is not made here\.$/],
])('W-12: what cannot be encoded is refused with the reason: %p', async ({ uid }, shape, reason) => {
  expect(whyNotLossless(uid, shape)).toMatch(reason);
  const attempt = encodeFrame({ samples: new Uint8Array(8), shape }, uid);
  await expect(attempt).rejects.toMatchObject({ code: 'not-acceptable' });
});
