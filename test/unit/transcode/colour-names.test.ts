import { describe, expect, test } from '@jest/globals';
import { TransferSyntaxes as S } from '../../../src/dicom/index.js';
import type { FrameShape } from '../../../src/dicom/frame-shape.js';
import { decodeFrame } from '../../../src/transcode/decode-frame.js';
import { encodeFrame } from '../../../src/transcode/encode-frame.js';

const rgb: FrameShape = {
  rows: 16,
  columns: 16,
  samplesPerPixel: 3,
  bitsAllocated: 8,
  bitsStored: 8,
  signed: false,
  photometricInterpretation: 'RGB',
  planar: false,
};
const samples = new Uint8Array(16 * 16 * 3).map((_, at) => 100 + (at % 48));

async function streamOf(uid: string): Promise<Uint8Array> {
  return (await encodeFrame({ samples, shape: rgb }, uid)).stream;
}

/** What the colours of a frame that is labelled so are called when it has been decoded. */
async function nameOf(stream: Uint8Array, uid: string, label: string): Promise<string> {
  const { shape } = await decodeFrame(stream, uid, { ...rgb, photometricInterpretation: label });
  return shape.photometricInterpretation;
}

/** The same stream, saying that it has no transform of components. */
function untransformed(stream: Uint8Array): Uint8Array {
  const out = Buffer.from(stream);
  out[out.indexOf('ff52', 0, 'hex') + 8] = 0;
  return out;
}

describe('W-28: colours of decoded frames', () => {
  test.each([
    [S.Jpeg2000Lossless.name, S.Jpeg2000Lossless.uid, 'YBR_RCT'],
    [S.Jpeg2000.name, S.Jpeg2000Lossless.uid, 'YBR_ICT'],
    [S.HtJ2kLossless.name, S.HtJ2kLossless.uid, 'YBR_RCT'],
  ])('%s: are RGB with the transform of components and without it', async (_name, uid, label) => {
    const stream = await streamOf(uid);
    expect(await nameOf(stream, uid, label)).toBe('RGB');
    expect(await nameOf(untransformed(stream), uid, label)).toBe('RGB');
    expect(await nameOf(untransformed(stream), uid, 'YBR_FULL')).toBe('YBR_FULL');
  });

  test.each([
    [S.JpegLsLossless.name, S.JpegLsLossless.uid],
    [S.JpegLosslessSv1.name, S.JpegLosslessSv1.uid],
    [S.RleLossless.name, S.RleLossless.uid],
  ])('%s: have a chrominance for every pixel', async (_name, uid) => {
    expect(await nameOf(await streamOf(uid), uid, 'YBR_FULL_422')).toBe('YBR_FULL');
  });

  test('JPEG 2000: have a chrominance for every pixel', async () => {
    const { uid } = S.Jpeg2000Lossless;
    expect(await nameOf(untransformed(await streamOf(uid)), uid, 'YBR_FULL_422')).toBe('YBR_FULL');
  });

  test('that share their chrominance keep their name', async () => {
    const shared = samples.subarray(0, 16 * 16 * 2);
    const { uid } = S.EncapsulatedUncompressedExplicitVrLittleEndian;
    expect(await nameOf(shared, uid, 'YBR_FULL_422')).toBe('YBR_FULL_422');
    expect(await nameOf(samples, uid, 'YBR_FULL_422')).toBe('YBR_FULL');
  });
});
