import { readJpegHeader, requireFit, withEndOfImage } from '../media/index.js';
import type { FrameShape, NativeFrame } from '../dicom/index.js';
import { Renewable } from './renewable.js';
import { toNative } from './samples.js';

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

/** Encodes so that no sample is wrong by more than `error`; 0 for none. @see PS3.5 A.4.3 */
export function encodeJpegLs(samples: Uint8Array, shape: FrameShape, error = 0): Promise<Uint8Array> {
  return charls.use(({ JpegLSEncoder }) => {
    const encoder = new JpegLSEncoder();
    try {
      const info = {
        width: shape.columns,
        height: shape.rows,
        // DCMTK takes streams of bytes for what is allocated as bytes, and no others.
        bitsPerSample: shape.bitsAllocated === 8 ? 8 : shape.bitsStored,
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
