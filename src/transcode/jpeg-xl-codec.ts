import { TransferSyntaxes } from '../dicom/index.js';
import { badFrame, readJpegXlHeader, requireFit } from '../media/index.js';
import type { FrameShape, NativeFrame } from '../dicom/index.js';
import { isTransformOfStream } from './j2k-codec.js';
import { native, streamAttributes } from './native-codecs.js';
import { toNative } from './samples.js';

/**
 * Decodes a JPEG XL frame; colours that the stream has transformed come out as RGB.
 *
 * @throws GatewayError `malformed-dataset`
 * @see PS3.5 8.2.17, A.4.16
 */
export function decodeJpegXl(
  frame: Uint8Array,
  shape: FrameShape,
  transferSyntaxUid: string,
): Promise<NativeFrame> {
  const header = readJpegXlHeader(frame);
  requireFit(header, shape);
  return native.use(({ NativeCodecs, Context }) => {
    const context = new Context({
      ...streamAttributes(shape, header.precision),
      encodedBuffer: frame,
    });
    const bytes = NativeCodecs.decodeJpegXl(context).getDecodedBuffer();
    if (!bytes) throw badFrame('could not be decoded');
    const samples = toNative({ bytes, precision: header.precision, planar: false }, shape);
    return {
      samples,
      shape: { ...shape, photometricInterpretation: coloursOf(shape, transferSyntaxUid), planar: false },
    };
  });
}

/** What is encoded without loss keeps the colours that it was given, unless they are called what the stream makes of RGB. */
const coloursOf = ({ samplesPerPixel, photometricInterpretation }: FrameShape, uid: string): string =>
  samplesPerPixel === 1 ||
  (uid === TransferSyntaxes.JpegXlLossless.uid &&
    photometricInterpretation !== 'XYB' &&
    !isTransformOfStream(photometricInterpretation))
    ? photometricInterpretation
    : 'RGB';
