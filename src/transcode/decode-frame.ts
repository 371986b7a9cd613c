import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { GatewayError } from '../core/index.js';
import { TransferSyntaxes } from '../dicom/index.js';
import { badFrame, uncompressedDifferenceOf } from '../media/index.js';
import {
  nativeFrameBytes,
  uncompressedFrameBytes,
  type FrameShape,
  type NativeFrame,
} from '../dicom/index.js';
import { decodeHtJ2k, decodeJ2k, decodeJ2kPart2 } from './j2k-codec.js';
import { decodeJpeg } from './jpeg-codec.js';
import { decodeJpegLs } from './jpeg-ls-codec.js';
import { decodeJpegXl } from './jpeg-xl-codec.js';
import { decodeRle } from './rle.js';

type Decode = (
  frame: Uint8Array,
  shape: FrameShape,
  halvings: number,
  transferSyntaxUid: string,
) => Promise<NativeFrame>;

const inflate = promisify(inflateRaw);
const S = TransferSyntaxes;

// Planes stay planes: who knows the dataset's Planar Configuration expects them. @see PS3.3 C.7.6.3.1.3
const rle: Decode = (frame, shape) => Promise.resolve({ samples: decodeRle(frame, shape), shape });

/** Frames deflated one by one: no more is inflated than the frame can hold. @see PS3.5 A.4.15 */
const deflated: Decode = async (frame, shape) => {
  try {
    const samples = await inflate(frame, { maxOutputLength: nativeFrameBytes(shape) + 1 });
    const expected = uncompressedFrameBytes(shape, samples.length);
    if (samples.length < expected || samples.length > expected + 1)
      throw badFrame('inflates to another size');
    return { samples: samples.subarray(0, expected), shape };
  } catch (cause) {
    throw cause instanceof GatewayError ? cause : badFrame('cannot be inflated', cause);
  }
};

const native: Decode = (frame, shape) => {
  const difference = uncompressedDifferenceOf(frame.length, shape);
  if (difference !== undefined) throw badFrame(difference);
  const expected = uncompressedFrameBytes(shape, frame.length);
  return Promise.resolve({ samples: frame.subarray(0, expected), shape });
};

const jpegXl: Decode = (frame, shape, _halvings, uid) => decodeJpegXl(frame, shape, uid);

const decoders: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ...[S.JpegBaseline, S.JpegExtended, S.JpegSpectralSelection68, S.JpegFullProgression1012].map(
    of(decodeJpeg),
  ),
  ...[S.JpegLossless, S.JpegLosslessSv1].map(of(decodeJpeg)),
  ...[S.JpegLsLossless, S.JpegLsNearLossless].map(of(decodeJpegLs)),
  ...[S.Jpeg2000Lossless, S.Jpeg2000].map(of(decodeJ2k)),
  ...[S.Jpeg2000Part2Lossless, S.Jpeg2000Part2].map(of(decodeJ2kPart2)),
  ...[S.HtJ2kLossless, S.HtJ2kLosslessRpcl, S.HtJ2k].map(of(decodeHtJ2k)),
  ...[S.JpegXlLossless, S.JpegXlJpegRecompression, S.JpegXl].map(of(jpegXl)),
  ...[S.RleLossless].map(of(rle)),
  ...[S.DeflatedImageFrameCompression].map(of(deflated)),
  ...[S.EncapsulatedUncompressedExplicitVrLittleEndian].map(of(native)),
]);

function of(decode: Decode): (syntax: { readonly uid: string }) => [string, Decode] {
  return ({ uid }) => [uid, decode];
}

const toRgb: ReadonlySet<string> = new Set(
  [S.JpegBaseline, S.JpegExtended, S.JpegSpectralSelection68, S.JpegFullProgression1012].map(
    ({ uid }) => uid,
  ),
);

/** What frames of `shape` are like once they are decoded `from` a syntax, as far as the dataset tells: what is encoded then. */
export function decodedShape(shape: FrameShape, from: string | undefined): FrameShape {
  if (from === undefined || shape.samplesPerPixel !== 3) return shape;
  const { photometricInterpretation: name } = shape;
  const isTransformed = name === 'YBR_RCT' || name === 'YBR_ICT' || toRgb.has(from);
  if (isTransformed) return { ...shape, photometricInterpretation: 'RGB' };
  return name === 'YBR_FULL_422' ? { ...shape, photometricInterpretation: 'YBR_FULL' } : shape;
}

/** Whether frames of a transfer syntax can be decoded. */
export const canDecode = (transferSyntaxUid: string): boolean => decoders.has(transferSyntaxUid);

/**
 * Decodes one encapsulated frame; with `halvings` at most so many times smaller in each direction, where the code stream
 * allows it.
 *
 * @throws GatewayError `malformed-dataset` for a frame that is not what its dataset says, `not-acceptable` for a transfer
 * syntax, or a part of one, that cannot be decoded
 */
export async function decodeFrame(
  frame: Uint8Array,
  transferSyntaxUid: string,
  shape: FrameShape,
  halvings = 0,
): Promise<NativeFrame> {
  const decode = decoders.get(transferSyntaxUid);
  if (!decode)
    throw new GatewayError('not-acceptable', `Frames in ${transferSyntaxUid} cannot be decoded here.`);
  return withFullColour(await decode(frame, shape, halvings, transferSyntaxUid));
}

/** Where every pixel has a chrominance of its own now, none is that of two. @see PS3.3 C.7.6.3.1.2 */
function withFullColour({ samples, shape }: NativeFrame): NativeFrame {
  const isFull = samples.length >= nativeFrameBytes(shape);
  if (shape.samplesPerPixel !== 3 || shape.photometricInterpretation !== 'YBR_FULL_422' || !isFull)
    return { samples, shape };
  return { samples, shape: { ...shape, photometricInterpretation: 'YBR_FULL' } };
}
