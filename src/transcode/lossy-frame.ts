import { GatewayError } from '../core/index.js';
import { TransferSyntaxes, type EncodedFrame, type FrameShape, type NativeFrame } from '../dicom/index.js';
import { canEncodeWavelets, encodeLossyHtJ2k, encodeLossyJ2k } from './j2k-codec.js';
import { encodeJpegBaseline } from './jpeg-codec.js';
import { encodeJpegLs } from './jpeg-ls-codec.js';
import { byPixel, isWithinBitsStored } from './samples.js';

/** How much may be lost. */
export interface LossySettings {
  /** JPEG: 1 to 100. */
  readonly jpegQuality: number;
  /** JPEG-LS: by how much a sample may be wrong. */
  readonly jpegLsError: number;
  /** JPEG 2000: so many times smaller. */
  readonly j2kRatio: number;
  /** HTJ2K: the step of quantisation, as a part of the range of samples. */
  readonly htJ2kStep: number;
}

interface LossyEncoder {
  readonly encode: (samples: Uint8Array, shape: FrameShape, settings: LossySettings) => Promise<EncodedFrame>;
  readonly takes: (shape: FrameShape) => boolean;
  /** What the setting is that the encoder goes by. */
  readonly setting: keyof LossySettings;
}

const S = TransferSyntaxes;
/** Numbers of a palette's entries have no neighbours that would do as well. */
const isPicture = ({ samplesPerPixel, photometricInterpretation }: FrameShape): boolean =>
  samplesPerPixel === 3
    ? photometricInterpretation === 'RGB'
    : samplesPerPixel === 1 && photometricInterpretation.startsWith('MONOCHROME');
const isWhole = ({ bitsAllocated, bitsStored }: FrameShape): boolean =>
  bitsAllocated === 8 ? bitsStored === 8 : bitsAllocated === 16 && bitsStored > 8;
const bytesAlone = ({ bitsAllocated, signed }: FrameShape): boolean => bitsAllocated === 8 && !signed;
const as = (shape: FrameShape) => (stream: Uint8Array) => ({
  stream,
  photometricInterpretation: shape.photometricInterpretation,
  planar: false,
});

const encoders: ReadonlyMap<string, LossyEncoder> = new Map<string, LossyEncoder>([
  [
    S.JpegBaseline.uid,
    {
      encode: (samples, shape, { jpegQuality }) => encodeJpegBaseline(samples, shape, jpegQuality),
      takes: bytesAlone,
      setting: 'jpegQuality',
    },
  ],
  [
    S.JpegLsNearLossless.uid,
    {
      encode: (samples, shape, { jpegLsError }) => encodeJpegLs(samples, shape, jpegLsError).then(as(shape)),
      takes: () => true,
      setting: 'jpegLsError',
    },
  ],
  [
    S.Jpeg2000.uid,
    {
      encode: (samples, shape, { j2kRatio }) => encodeLossyJ2k(samples, shape, j2kRatio),
      takes: canEncodeWavelets,
      setting: 'j2kRatio',
    },
  ],
  [
    S.HtJ2k.uid,
    {
      encode: (samples, shape, { htJ2kStep }) => encodeLossyHtJ2k(samples, shape, htJ2kStep),
      takes: canEncodeWavelets,
      setting: 'htJ2kStep',
    },
  ],
]);

/** Whether frames of `shape` can be encoded with loss; of any shape when it is left out. */
export function canEncodeLossy(transferSyntaxUid: string, shape?: FrameShape): boolean {
  const encoder = encoders.get(transferSyntaxUid);
  return encoder !== undefined && (!shape || (isPicture(shape) && isWhole(shape) && encoder.takes(shape)));
}

/** The setting that decides how much is lost in a transfer syntax, as text. */
export function settingOf(transferSyntaxUid: string, settings: LossySettings): string {
  const setting = encoders.get(transferSyntaxUid)?.setting;
  return setting === undefined ? '' : `${setting} ${settings[setting]}`;
}

/**
 * Encodes one native frame with loss.
 *
 * @throws GatewayError `not-acceptable` for a transfer syntax or a shape that cannot be encoded
 */
export async function encodeFrameLossy(
  frame: NativeFrame,
  transferSyntaxUid: string,
  settings: LossySettings,
): Promise<EncodedFrame> {
  const { samples, shape } = byPixel(frame);
  const encoder = encoders.get(transferSyntaxUid);
  if (!encoder || !canEncodeLossy(transferSyntaxUid, shape) || !isWithinBitsStored(samples, shape))
    throw new GatewayError('not-acceptable', `These frames cannot be encoded in ${transferSyntaxUid} here.`);
  return await encoder.encode(samples, shape, settings);
}
