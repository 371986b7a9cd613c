import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import { GatewayError } from '../core/index.js';
import { TransferSyntaxes } from '../dicom/index.js';
import type { EncodedFrame, FrameShape, NativeFrame } from '../dicom/index.js';
import { canEncodeWavelets, encodeHtJ2k, encodeJ2k } from './j2k-codec.js';
import { encodeJpegLossless } from './jpeg-codec.js';
import { encodeJpegLs } from './jpeg-ls-codec.js';
import { encodeRle } from './rle.js';
import { byPixel, isWithinBitsStored } from './samples.js';

interface Encoder {
  readonly encode: (samples: Uint8Array, shape: FrameShape) => Promise<Uint8Array | EncodedFrame>;
  /** Whether it gives back what it got. */
  readonly takes: (shape: FrameShape) => boolean;
  /** Also those above the bits stored. */
  readonly keepsAllBits?: boolean;
  /** Samples stay in the order that the dataset says they have. */
  readonly keepsPlanes?: boolean;
}

const S = TransferSyntaxes;
const deflate = promisify(deflateRaw);
/** Native samples of which every pixel has all: chrominance for every other one has no place in a code stream here. */
const grayOrColour = ({ samplesPerPixel, photometricInterpretation }: FrameShape): boolean =>
  (samplesPerPixel === 1 || samplesPerPixel === 3) && !/_42[02]$/.test(photometricInterpretation);
/** Samples of 8 bits in 16 make streams of 8 bits, which other decoders read as they like. */
const upTo16 = (shape: FrameShape): boolean =>
  grayOrColour(shape) &&
  shape.bitsStored > 1 &&
  (shape.bitsAllocated === 8 || (shape.bitsAllocated === 16 && shape.bitsStored > 8));
const wavelets = (shape: FrameShape): boolean => upTo16(shape) && canEncodeWavelets(shape);

const encoders: ReadonlyMap<string, Encoder> = new Map<string, Encoder>([
  [
    S.RleLossless.uid,
    {
      encode: (samples, shape) => Promise.resolve(encodeRle(samples, shape)),
      takes: (shape) => grayOrColour(shape) && shape.bitsAllocated >= 8,
      keepsAllBits: true,
    },
  ],
  [S.JpegLosslessSv1.uid, { encode: encodeJpegLossless, takes: upTo16 }],
  [S.JpegLsLossless.uid, { encode: (samples, shape) => encodeJpegLs(samples, shape), takes: upTo16 }],
  [S.Jpeg2000Lossless.uid, { encode: encodeJ2k, takes: wavelets }],
  [S.HtJ2kLossless.uid, { encode: encodeHtJ2k, takes: wavelets }],
  [S.HtJ2kLosslessRpcl.uid, { encode: encodeHtJ2k, takes: wavelets }],
  [
    S.EncapsulatedUncompressedExplicitVrLittleEndian.uid,
    {
      encode: (samples) => Promise.resolve(samples),
      takes: () => true,
      keepsAllBits: true,
      keepsPlanes: true,
    },
  ],
  [
    S.DeflatedImageFrameCompression.uid,
    { encode: (samples) => deflate(samples), takes: () => true, keepsAllBits: true, keepsPlanes: true },
  ],
]);

/** Whether frames of `shape` can be encoded without loss; of any shape when it is left out. */
export function canEncode(transferSyntaxUid: string, shape?: FrameShape): boolean {
  const encoder = encoders.get(transferSyntaxUid);
  return encoder !== undefined && (shape === undefined || encoder.takes(shape));
}

/**
 * Encodes one native frame without loss.
 *
 * @throws GatewayError `not-acceptable` for a transfer syntax or a shape that cannot be encoded
 */
export async function encodeFrame(frame: NativeFrame, transferSyntaxUid: string): Promise<EncodedFrame> {
  const encoder = encoders.get(transferSyntaxUid);
  const { samples, shape } = encoder?.keepsPlanes === true ? frame : byPixel(frame);
  if (!encoder?.takes(shape))
    throw new GatewayError('not-acceptable', `These frames cannot be encoded in ${transferSyntaxUid} here.`);
  if (encoder.keepsAllBits !== true && !isWithinBitsStored(samples, shape))
    throw new GatewayError(
      'not-acceptable',
      'The frame has more to it than its bits stored: no code stream holds that.',
    );
  const encoded = await encoder.encode(samples, shape);
  if ('stream' in encoded) return encoded;
  const { planar, photometricInterpretation } = shape;
  return { stream: encoded, photometricInterpretation, planar };
}
