import { badFrame, readJpegHeader, requireFit, withEndOfImage } from '../media/index.js';
import { GatewayError } from '../core/index.js';
import type { FrameShape, NativeFrame } from '../dicom/index.js';
import { attributesOf, native } from './native-codecs.js';
import { Renewable } from './renewable.js';
import { isNearEnds, toNative } from './samples.js';

const SILENT = (): WasmCodec.Options => ({ print: () => undefined, printErr: () => undefined });
const BY_PLANES = 0;
const BY_SAMPLES = 2;

const charls = new Renewable(async () =>
  (await import('@cornerstonejs/codec-charls/wasmjs')).default(SILENT()),
);

/** Decodes a JPEG-LS frame, lossless or nearly so. @throws GatewayError `malformed-dataset` @see PS3.5 8.2.3 */
export function decodeJpegLs(frame: Uint8Array, shape: FrameShape): Promise<NativeFrame> {
  const header = readJpegHeader(frame);
  requireFit(header, shape);
  const whole = withEndOfImage(frame);
  return charls.use(({ JpegLSDecoder }) => {
    const decoder = new JpegLSDecoder();
    try {
      decoder.getEncodedBuffer(whole.length).set(whole);
      decoder.decode();
      const planar = decoder.getInterleaveMode() === BY_PLANES;
      const bytes = Uint8Array.from(decoder.getDecodedBuffer());
      const samples = toNative({ bytes, precision: header.precision, planar }, shape);
      return { samples, shape: { ...shape, planar: false } };
    } finally {
      decoder.delete();
    }
  });
}

/**
 * Encodes so that no sample is wrong by more than `allowed`; 0 for none.
 *
 * @throws GatewayError `malformed-dataset`
 * @see PS3.5 A.4.3
 */
export async function encodeJpegLs(samples: Uint8Array, shape: FrameShape, allowed = 0): Promise<Uint8Array> {
  // The code stream knows no signs: the codes of the highest value and of the lowest are neighbours.
  const error = shape.signed && isNearEnds(samples, shape, allowed) ? 0 : allowed;
  try {
    return await encodeInPlace(samples, shape, error);
  } catch (thrown) {
    // The library has no more room than the samples take, and noise takes more than that as a code stream.
    if (!(thrown instanceof GatewayError)) throw thrown;
    return await encodeRoomily(samples, shape, error);
  }
}

// DCMTK takes streams of bytes for what is allocated as bytes, and no others.
const precisionOf = ({ bitsAllocated, bitsStored }: FrameShape): number =>
  bitsAllocated === 8 ? 8 : bitsStored;

/** Whatever the length of the stream; slower. */
function encodeRoomily(samples: Uint8Array, shape: FrameShape, error: number): Promise<Uint8Array> {
  return native.use(({ NativeCodecs, Context }) => {
    const attributes = { ...attributesOf(shape), bitsStored: precisionOf(shape) };
    const context = new Context({ ...attributes, decodedBuffer: samples });
    const loss = { lossy: error > 0, allowedLossyError: error };
    const stream = NativeCodecs.encodeJpegLs(context, loss).getEncodedBuffer();
    if (!stream) throw badFrame('could not be encoded');
    return stream;
  });
}

function encodeInPlace(samples: Uint8Array, shape: FrameShape, error: number): Promise<Uint8Array> {
  return charls.use(({ JpegLSEncoder }) => {
    const encoder = new JpegLSEncoder();
    try {
      const info = {
        width: shape.columns,
        height: shape.rows,
        bitsPerSample: precisionOf(shape),
        componentCount: shape.samplesPerPixel,
      };
      const room = encoder.getDecodedBuffer(info);
      if (room.length !== samples.length) throw new RangeError('the encoder expects other samples');
      room.set(samples);
      encoder.setNearLossless(error);
      if (shape.samplesPerPixel > 1) encoder.setInterleaveMode(BY_SAMPLES);
      encoder.encode();
      return Uint8Array.from(encoder.getEncodedBuffer());
    } finally {
      encoder.delete();
    }
  });
}
