import { badFrame, readJpegHeader, requireEndOfImage, requireFit } from '../media/index.js';
import type { EncodedFrame, FrameShape, NativeFrame } from '../dicom/index.js';
import { attributesOf, native, streamAttributes } from './native-codecs.js';
import { toNative } from './samples.js';

const LOSSLESS = 0xc3;

/**
 * Decodes a frame of any JPEG process but hierarchical ones. YCbCr that was encoded with loss comes out as RGB; without
 * loss it stays as it is, for the way to RGB rounds; and so it does where the stream says that it holds no YCbCr, which
 * the library heeds whatever the dataset says.
 *
 * @throws GatewayError `malformed-dataset`
 * @see PS3.5 8.2.1, A.4.1
 */
export function decodeJpeg(frame: Uint8Array, shape: FrameShape): Promise<NativeFrame> {
  const header = readJpegHeader(frame);
  requireFit(header, shape);
  requireEndOfImage(frame);
  const isColour = shape.samplesPerPixel === 3;
  const { photometricInterpretation: stored } = shape;
  const convertColorspaceToRgb =
    isColour && stored !== 'RGB' && header.process !== LOSSLESS && !header.saysRgb;
  return native.use(({ NativeCodecs, Context }) => {
    const context = new Context({ ...streamAttributes(shape, header.precision), encodedBuffer: frame });
    const bytes = NativeCodecs.decodeJpeg(context, { convertColorspaceToRgb }).getDecodedBuffer();
    if (!bytes) throw badFrame('could not be decoded');
    const samples = toNative({ bytes, precision: header.precision, planar: false }, shape);
    const photometricInterpretation = convertColorspaceToRgb ? 'RGB' : stored;
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
    const signed = {
      ...attributesOf(shape),
      bitsAllocated: 8,
      bitsStored: precision,
      pixelRepresentation: 1,
    };
    const context = new Context({ ...signed, encodedBuffer: stream });
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
    const context = new Context({ ...attributesOf(shape), decodedBuffer: samples });
    const encoded = NativeCodecs.encodeJpeg(context, { lossy: false, predictor: 1, pointTransform: 0 });
    const stream = encoded.getEncodedBuffer();
    if (!stream) throw badFrame('could not be encoded');
    return stream;
  });
}

/** Both chrominances for every second pixel, as the standard's name for the colours says. */
const SAMPLED_422 = 1;

/**
 * Encodes bytes with loss, colours as YCbCr of which pairs of pixels share the chrominance.
 *
 * @throws GatewayError `malformed-dataset`
 * @see PS3.5 8.2.1
 */
export function encodeJpegBaseline(
  samples: Uint8Array,
  shape: FrameShape,
  quality: number,
): Promise<EncodedFrame> {
  return native.use(({ NativeCodecs, Context }) => {
    const context = new Context({ ...attributesOf(shape), decodedBuffer: samples });
    const encoded = NativeCodecs.encodeJpeg(context, { lossy: true, quality, sampleFactor: SAMPLED_422 });
    const stream = encoded.getEncodedBuffer();
    if (!stream) throw badFrame('could not be encoded');
    const isColour = shape.samplesPerPixel === 3;
    const photometricInterpretation = isColour ? 'YBR_FULL_422' : shape.photometricInterpretation;
    return { stream, photometricInterpretation, planar: false };
  });
}
