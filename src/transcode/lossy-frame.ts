import { TransferSyntaxes, type EncodedFrame, type FrameShape, type NativeFrame } from '../dicom/index.js';
import { encodeLossyHtJ2k, encodeLossyJ2k } from './j2k-codec.js';
import { encodeJpegBaseline } from './jpeg-codec.js';
import { encodeJpegLs } from './jpeg-ls-codec.js';
import {
  allStored,
  encoderFor,
  narrowColours,
  noSignedBytes,
  picture,
  unsignedBytes,
  whyNot,
  type Limit,
} from './limits.js';
import { byPixel, requireWithinBitsStored } from './samples.js';

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
  readonly limits: readonly Limit[];
  /** What the setting is that the encoder goes by. */
  readonly setting: keyof LossySettings;
}

const S = TransferSyntaxes;
const pictures = [picture, allStored];
const wavelets = [...pictures, noSignedBytes, narrowColours];
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
      limits: [...pictures, unsignedBytes],
      setting: 'jpegQuality',
    },
  ],
  [
    S.JpegLsNearLossless.uid,
    {
      encode: (samples, shape, { jpegLsError }) => encodeJpegLs(samples, shape, jpegLsError).then(as(shape)),
      limits: pictures,
      setting: 'jpegLsError',
    },
  ],
  [
    S.Jpeg2000.uid,
    {
      encode: (samples, shape, { j2kRatio }) => encodeLossyJ2k(samples, shape, j2kRatio),
      limits: wavelets,
      setting: 'j2kRatio',
    },
  ],
  [
    S.HtJ2k.uid,
    {
      encode: (samples, shape, { htJ2kStep }) => encodeLossyHtJ2k(samples, shape, htJ2kStep),
      limits: wavelets,
      setting: 'htJ2kStep',
    },
  ],
]);

/** Whether frames of `shape` can be encoded with loss; of any shape when it is left out. */
export const canEncodeLossy = (transferSyntaxUid: string, shape?: FrameShape): boolean =>
  encoders.has(transferSyntaxUid) && (!shape || whyNotLossy(transferSyntaxUid, shape) === undefined);

/** What images can be encoded with loss. */
export const lossyLimits = (transferSyntaxUid: string): readonly Limit[] =>
  encoders.get(transferSyntaxUid)?.limits ?? [];

/** Why frames of `shape` cannot be encoded with loss, in words; undefined when they can. */
export const whyNotLossy = (transferSyntaxUid: string, shape: FrameShape): string | undefined =>
  whyNot(encoders, transferSyntaxUid, shape);

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
  const encoder = encoderFor(encoders, transferSyntaxUid, shape);
  requireWithinBitsStored(samples, shape);
  return await encoder.encode(samples, shape, settings);
}
