import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import { TransferSyntaxes } from '../dicom/index.js';
import type { EncodedFrame, FrameShape, NativeFrame } from '../dicom/index.js';
import { encodeHtJ2k, encodeJ2k } from './j2k-codec.js';
import { encodeJpegLossless } from './jpeg-codec.js';
import { encodeJpegLs } from './jpeg-ls-codec.js';
import {
  atLeast2,
  atMost16,
  encoderFor,
  noBytesInWords,
  noSignedBytes,
  onePrecinct,
  oneOrThreeSamples,
  ownChrominance,
  wholeBytes,
  whyNot,
  type Limit,
} from './limits.js';
import { encodeRle } from './rle.js';
import { byPixel, requireWithinBitsStored, withAllChrominance } from './samples.js';

interface Encoder {
  readonly encode: (samples: Uint8Array, shape: FrameShape) => Promise<Uint8Array | EncodedFrame>;
  /** Of what it gives back what it got; of all else it does not. */
  readonly limits: readonly Limit[];
  /** Also those above the bits stored. */
  readonly keepsAllBits?: boolean;
  /** Samples stay in the order, and chrominance as it is shared, that the dataset says. */
  readonly keepsLayout?: boolean;
}

const S = TransferSyntaxes;
const deflate = promisify(deflateRaw);
const samplesOfPixels = [oneOrThreeSamples, ownChrominance];
const jpeg = [...samplesOfPixels, atMost16, wholeBytes, atLeast2, noBytesInWords];
const wavelets = [...jpeg, noSignedBytes];
const htJ2k: Encoder = { encode: encodeHtJ2k, limits: [...wavelets, onePrecinct] };
const asItIs = { limits: [], keepsAllBits: true, keepsLayout: true };

const encoders: ReadonlyMap<string, Encoder> = new Map<string, Encoder>([
  [
    S.RleLossless.uid,
    {
      encode: (samples, shape) => Promise.resolve(encodeRle(samples, shape)),
      limits: [...samplesOfPixels, wholeBytes],
      keepsAllBits: true,
    },
  ],
  [S.JpegLosslessSv1.uid, { encode: encodeJpegLossless, limits: jpeg }],
  [S.JpegLsLossless.uid, { encode: (samples, shape) => encodeJpegLs(samples, shape), limits: jpeg }],
  [S.Jpeg2000Lossless.uid, { encode: encodeJ2k, limits: wavelets }],
  [S.HtJ2kLossless.uid, htJ2k],
  [S.HtJ2kLosslessRpcl.uid, htJ2k],
  [
    S.EncapsulatedUncompressedExplicitVrLittleEndian.uid,
    { encode: (samples) => Promise.resolve(samples), ...asItIs },
  ],
  [S.DeflatedImageFrameCompression.uid, { encode: (samples) => deflate(samples), ...asItIs }],
]);

/** Whether frames of `shape` can be encoded without loss; of any shape when it is left out. */
export const canEncode = (transferSyntaxUid: string, shape?: FrameShape): boolean =>
  encoders.has(transferSyntaxUid) && (!shape || whyNotLossless(transferSyntaxUid, shape) === undefined);

/** What images can be encoded without loss. */
export const losslessLimits = (transferSyntaxUid: string): readonly Limit[] =>
  encoders.get(transferSyntaxUid)?.limits ?? [];

/** Why frames of `shape` cannot be encoded without loss, in words; undefined when they can. */
export const whyNotLossless = (transferSyntaxUid: string, shape: FrameShape): string | undefined =>
  whyNot(encoders, transferSyntaxUid, shape);

/**
 * Encodes one native frame without loss.
 *
 * @throws GatewayError `not-acceptable` for a transfer syntax or a shape that cannot be encoded
 */
export async function encodeFrame(frame: NativeFrame, transferSyntaxUid: string): Promise<EncodedFrame> {
  const encoder = encoderFor(encoders, transferSyntaxUid, frame.shape);
  const { samples, shape } = encoder.keepsLayout === true ? frame : byPixel(withAllChrominance(frame));
  if (encoder.keepsAllBits !== true) requireWithinBitsStored(samples, shape);
  const encoded = await encoder.encode(samples, shape);
  if ('stream' in encoded) return encoded;
  const { planar, photometricInterpretation } = shape;
  return { stream: encoded, photometricInterpretation, planar };
}
