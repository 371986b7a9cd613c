/** Attributes of the Image Pixel, Multi-frame and Cine modules that a picture or video says of itself. */
import {
  formatTag,
  lossyMethod,
  requiredAttributes,
  Tags,
  type DicomJsonObject,
  type Tag,
} from '../dicom/index.js';
import { anyOf, hasValue, same, withDerived, type Derived } from './derived.js';
import type { NativePixels, PixelDescription, StreamDescription } from './description.js';

function number(tag: Tag, value: number, agrees = same(value)): Derived {
  return { tag, vr: 'US', value: [value], agrees };
}

/** What a picture that its part describes in full may contradict. */
function sizeOf({ rows, columns, samplesPerPixel }: PixelDescription): readonly Derived[] {
  return [
    number(Tags.SamplesPerPixel, samplesPerPixel),
    number(Tags.Rows, rows),
    number(Tags.Columns, columns),
  ];
}

function samplesOf(pixels: PixelDescription, bitsAllocated: number): readonly Derived[] {
  const { precision, signed, photometricInterpretations } = pixels;
  const [usual] = photometricInterpretations;
  return [
    {
      tag: Tags.PhotometricInterpretation,
      vr: 'CS',
      value: [usual],
      agrees: anyOf(...photometricInterpretations),
    },
    number(Tags.BitsStored, precision),
    number(Tags.HighBit, precision - 1),
    number(Tags.PixelRepresentation, Number(signed ?? false), signed === undefined ? anyOf(0, 1) : undefined),
    number(Tags.BitsAllocated, bitsAllocated),
  ];
}

const planes = ({ samplesPerPixel }: PixelDescription, agrees?: Derived['agrees']): readonly Derived[] =>
  samplesPerPixel === 1 ? [] : [number(Tags.PlanarConfiguration, 0, agrees)];

/** Number of Frames where there are several or the SOP class wants to know; what leads from one to the next. */
function framesOf(pixels: PixelDescription, object: DicomJsonObject): readonly Derived[] {
  const sopClassUid = object[formatTag(Tags.SOPClassUID)]?.Value?.[0];
  const isMultiFrame =
    typeof sopClassUid === 'string' && requiredAttributes(sopClassUid).includes(Tags.NumberOfFrames);
  const { frames, frameTimes } = pixels;
  // One of the frames, each of which comes by itself.
  if (frames === undefined) return isMultiFrame ? [{ tag: Tags.NumberOfFrames, vr: 'IS', value: [1] }] : [];
  const count: Derived = { tag: Tags.NumberOfFrames, vr: 'IS', value: [frames], agrees: same(frames) };
  return [count, ...timesOf(frameTimes, object)];
}

const milliseconds = (value: number): number => Number(value.toFixed(6));

/** Nothing where the metadata say what leads from frame to frame. @see PS3.3 C.7.6.5.1 */
function timesOf(times: PixelDescription['frameTimes'], object: DicomJsonObject): readonly Derived[] {
  if (times === undefined || hasValue(object[formatTag(Tags.FrameIncrementPointer)])) return [];
  const isOne = typeof times === 'number';
  const tag = isOne ? Tags.FrameTime : Tags.FrameTimeVector;
  return [
    { tag: Tags.FrameIncrementPointer, vr: 'AT', value: [formatTag(tag)] },
    { tag, vr: 'DS', value: isOne ? [milliseconds(times)] : times },
  ];
}

function lossOf(stream: StreamDescription, ratio: number): readonly Derived[] {
  if (!stream.lossy) return [];
  return [
    { tag: Tags.LossyImageCompression, vr: 'CS', value: ['01'], agrees: same('01') },
    { tag: Tags.LossyImageCompressionRatio, vr: 'DS', value: [Number(ratio.toFixed(2))] },
    { tag: Tags.LossyImageCompressionMethod, vr: 'CS', value: [lossyMethod(stream.syntax)] },
  ];
}

export interface StreamUse {
  /** Bytes of all frames. */
  readonly bytes: number;
  /** Whether the part said in which transfer syntax it is: then of what it says only its size is held against it. */
  readonly isNamed: boolean;
}

/**
 * `object` with what a picture or video that is stored as it is says of itself, where `object` does not.
 *
 * @throws GatewayError `bad-request` that names the attributes in which the two differ
 * @see PS3.18 10.5.2, rule S-06
 */
export function withStream(
  object: DicomJsonObject,
  stream: StreamDescription,
  { bytes, isNamed }: StreamUse,
): DicomJsonObject {
  const { precision, rows, columns, samplesPerPixel } = stream;
  const bitsAllocated = precision > 8 ? 16 : 8;
  const frames = stream.frames ?? Number(object[formatTag(Tags.NumberOfFrames)]?.Value?.[0] ?? 1);
  const native = rows * columns * samplesPerPixel * (bitsAllocated / 8) * frames;
  const attributes = [
    ...samplesOf(stream, bitsAllocated).map((one) =>
      // Samples may have more room than they need.
      one.tag === Tags.BitsAllocated ? { ...one, agrees: anyOf(bitsAllocated, 16) } : one,
    ),
    ...planes(stream, anyOf(0, 1)),
    ...framesOf(stream, object),
    ...lossOf(stream, native / Math.max(1, bytes)),
  ];
  const lenient = ({ tag, vr, value }: Derived): Derived => ({ tag, vr, value });
  return withDerived(object, [...sizeOf(stream), ...(isNamed ? attributes.map(lenient) : attributes)]);
}

/**
 * `object` with what a picture that was decoded says of itself.
 *
 * @throws GatewayError `bad-request` that names the attributes in which the two differ
 */
export function withNativePixels(object: DicomJsonObject, pixels: NativePixels): DicomJsonObject {
  const { bitsAllocated, derivation, iccProfile } = pixels;
  const whole = withDerived(object, [
    ...sizeOf(pixels),
    ...samplesOf(pixels, bitsAllocated),
    ...planes(pixels),
    ...framesOf(pixels, object),
    { tag: Tags.DerivationDescription, vr: 'ST', value: [derivation] },
  ]);
  const profile = formatTag(Tags.ICCProfile);
  if (iccProfile === undefined || hasValue(object[profile])) return whole;
  return { ...whole, [profile]: { vr: 'OB', InlineBinary: Buffer.from(iccProfile).toString('base64') } };
}
