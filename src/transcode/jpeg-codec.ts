import type * as codecs from 'dcmjs-codecs';
import { badFrame } from './frame-error.js';
import type { FrameShape, NativeFrame } from '../dicom/index.js';
import { requireFit } from './code-stream.js';
import { readJpegHeader, requireEndOfImage } from './jpeg-header.js';
import { Renewable } from './renewable.js';
import { toNative } from './samples.js';

type Native = typeof codecs;

/** The one package that reads all of 8 and 12 bits, extended, progressive and lossless JPEG. */
const native = new Renewable<Native>(async () => {
  const module = (await import('dcmjs-codecs')) as Native & { readonly default?: Native };
  const loaded = module.default ?? module;
  if (loaded.NativeCodecs.isInitialized()) loaded.NativeCodecs.release();
  await loaded.NativeCodecs.initializeAsync();
  return loaded;
});

/**
 * Decodes a frame of any JPEG process but hierarchical ones. YCbCr comes out as RGB.
 *
 * @throws GatewayError `malformed-dataset`
 * @see PS3.5 8.2.1, A.4.1
 */
export function decodeJpeg(frame: Uint8Array, shape: FrameShape): Promise<NativeFrame> {
  const header = readJpegHeader(frame);
  requireFit(header, shape);
  requireEndOfImage(frame);
  const isColour = shape.samplesPerPixel === 3;
  const convertColorspaceToRgb = isColour && shape.photometricInterpretation !== 'RGB';
  return native.use(({ NativeCodecs, Context }) => {
    const context = new Context({
      width: header.columns,
      height: header.rows,
      // Of what the stream holds: a byte in two that are allocated is widened afterwards.
      bitsAllocated: header.precision <= 8 ? 8 : shape.bitsAllocated,
      bitsStored: header.precision,
      samplesPerPixel: shape.samplesPerPixel,
      pixelRepresentation: Number(shape.signed),
      planarConfiguration: 0,
      photometricInterpretation: shape.photometricInterpretation,
      encodedBuffer: frame,
    });
    const bytes = NativeCodecs.decodeJpeg(context, { convertColorspaceToRgb }).getDecodedBuffer();
    if (!bytes) throw badFrame('could not be decoded');
    const samples = toNative({ bytes, precision: header.precision, planar: false }, shape);
    const photometricInterpretation = isColour ? 'RGB' : shape.photometricInterpretation;
    return { samples, shape: { ...shape, photometricInterpretation, planar: false } };
  });
}

/** Decodes JPEG 2000 of signed bytes, which OpenJPEG's other build clamps at 0. The stream must be that of `shape`. */
export function decodeSignedBytes(
  stream: Uint8Array,
  shape: FrameShape,
  precision: number,
): Promise<Uint8Array> {
  return native.use(({ NativeCodecs, Context }) => {
    const context = new Context({
      width: shape.columns,
      height: shape.rows,
      bitsAllocated: 8,
      bitsStored: precision,
      samplesPerPixel: shape.samplesPerPixel,
      pixelRepresentation: 1,
      planarConfiguration: 0,
      photometricInterpretation: shape.photometricInterpretation,
      encodedBuffer: stream,
    });
    const bytes = NativeCodecs.decodeJpeg2000(context).getDecodedBuffer();
    if (!bytes) throw badFrame('could not be decoded');
    return bytes;
  });
}

/**
 * Encodes without loss: process 14, selection value 1.
 *
 * @throws GatewayError `malformed-dataset`
 * @see PS3.5 A.4.2
 */
export function encodeJpegLossless(samples: Uint8Array, shape: FrameShape): Promise<Uint8Array> {
  return native.use(({ NativeCodecs, Context }) => {
    const context = new Context({
      width: shape.columns,
      height: shape.rows,
      bitsAllocated: shape.bitsAllocated,
      bitsStored: shape.bitsStored,
      samplesPerPixel: shape.samplesPerPixel,
      pixelRepresentation: Number(shape.signed),
      planarConfiguration: 0,
      photometricInterpretation: shape.photometricInterpretation,
      decodedBuffer: samples,
    });
    const encoded = NativeCodecs.encodeJpeg(context, { lossy: false, predictor: 1, pointTransform: 0 });
    const stream = encoded.getEncodedBuffer();
    if (!stream) throw badFrame('could not be encoded');
    return stream;
  });
}
