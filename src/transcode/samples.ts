/** What is left to do with samples when a decoder has done its part. */
import { GatewayError } from '../core/index.js';
import { badFrame } from '../media/index.js';
import {
  nativeFrameBytes,
  sampleBytes,
  withOwnChrominance,
  type FrameShape,
  type NativeFrame,
} from '../dicom/index.js';

/** Samples as a decoder gives them. */
export interface DecodedSamples {
  readonly bytes: Uint8Array;
  /** Bits of a sample that the stream held; the others of its bytes say nothing. */
  readonly precision: number;
  /** Whether the samples stand in planes. */
  readonly planar: boolean;
}

/**
 * The native frame of `shape`: every sample in the bytes that are allocated for it, negative ones extended over them,
 * colours by pixel.
 *
 * @throws GatewayError `malformed-dataset` when there are more or fewer samples
 */
export function toNative({ bytes, precision, planar }: DecodedSamples, shape: FrameShape): Uint8Array {
  const samples = shape.rows * shape.columns * shape.samplesPerPixel;
  const narrow = bytes.length === samples && sampleBytes(shape) === 2;
  const wide = narrow ? widened(bytes) : bytes;
  if (wide.length !== nativeFrameBytes(shape))
    throw badFrame('was decoded to another size than its dataset says');
  if (shape.signed && precision < shape.bitsAllocated) extendSign(wide, precision, shape.bitsAllocated);
  return planar && shape.samplesPerPixel > 1 ? interleaved(wide, shape) : wide;
}

function widened(bytes: Uint8Array): Uint8Array {
  const wide = new Uint8Array(bytes.length * 2);
  for (let at = 0; at < bytes.length; at++) wide[at * 2] = bytes[at] ?? 0;
  return wide;
}

/** As 16-bit words; the bytes must be those of this machine, which are little endian on all that Node runs on. */
function words(bytes: Uint8Array): Int16Array {
  return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);
}

/**
 * Holds samples to what `precision` bits can be: wavelets overshoot where something is left out of them, and the bits
 * above are cut off later on, so that white would become black.
 */
export function limitToPrecision(
  bytes: Uint8Array,
  { precision, signed }: { readonly precision: number; readonly signed: boolean },
): void {
  if (precision === 8 || precision === 16) return;
  const narrow = signed ? new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes;
  const wide = signed ? words(bytes) : new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);
  const samples = precision < 8 ? narrow : wide;
  const highest = 2 ** (signed ? precision - 1 : precision) - 1;
  const lowest = signed ? -highest - 1 : 0;
  for (let at = 0; at < samples.length; at++) {
    const sample = samples[at] ?? 0;
    if (sample > highest) samples[at] = highest;
    else if (sample < lowest) samples[at] = lowest;
  }
}

function extendSign(bytes: Uint8Array, precision: number, bitsAllocated: number): void {
  const view =
    bitsAllocated === 8 ? new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length) : words(bytes);
  const shift = 32 - precision;
  for (let at = 0; at < view.length; at++) view[at] = ((view[at] ?? 0) << shift) >> shift;
}

/** Colours by pixel in place of planes. */
function interleaved(bytes: Uint8Array, shape: FrameShape): Uint8Array {
  const { samplesPerPixel } = shape;
  const width = sampleBytes(shape);
  const pixels = shape.rows * shape.columns;
  const out = new Uint8Array(bytes.length);
  for (let sample = 0; sample < samplesPerPixel; sample++) {
    let from = sample * pixels * width;
    for (let pixel = 0; pixel < pixels; pixel++) {
      const to = (pixel * samplesPerPixel + sample) * width;
      for (let byte = 0; byte < width; byte++, from++) out[to + byte] = bytes[from] ?? 0;
    }
  }
  return out;
}

/** The frame with its colours by pixel, as all encoders but that of RLE want them. */
export function byPixel({ samples, shape }: NativeFrame): NativeFrame {
  if (!shape.planar || shape.samplesPerPixel === 1) return { samples, shape };
  return { samples: interleaved(samples, shape), shape: { ...shape, planar: false } };
}

/** The frame with a chrominance for each pixel, where pairs of them share one or the name of the colours says so. */
export function withAllChrominance({ samples, shape }: NativeFrame): NativeFrame {
  if (shape.samplesPerPixel !== 3 || shape.photometricInterpretation !== 'YBR_FULL_422')
    return { samples, shape };
  const isShared = samples.length < nativeFrameBytes(shape);
  return {
    samples: isShared ? withOwnChrominance(samples, shape.rows * shape.columns) : samples,
    shape: { ...shape, photometricInterpretation: 'YBR_FULL', planar: shape.planar && !isShared },
  };
}

/** The samples of each component by themselves, of those of a frame by pixel. */
export function componentsOf(samples: Uint8Array, shape: FrameShape): readonly Uint8Array[] {
  const { samplesPerPixel, rows, columns } = shape;
  const width = sampleBytes(shape);
  return Array.from({ length: samplesPerPixel }, (_, component) => {
    const out = new Uint8Array(rows * columns * width);
    let from = component * width;
    for (let to = 0; to < out.length; from += samplesPerPixel * width)
      for (let byte = 0; byte < width; byte++, to++) out[to] = samples[from + byte] ?? 0;
    return out;
  });
}

/** @throws GatewayError `not-acceptable` for samples with something above their bits stored: no code stream holds that */
export function requireWithinBitsStored(samples: Uint8Array, shape: FrameShape): void {
  if (isWithinBitsStored(samples, shape)) return;
  throw new GatewayError(
    'not-acceptable',
    'The frame has more to it than its bits stored: no code stream holds that.',
  );
}

/**
 * Whether the bits stored are all there is to the samples: encoders see no others, but some datasets keep overlays above
 * them.
 */
function isWithinBitsStored(samples: Uint8Array, { bitsAllocated, bitsStored, signed }: FrameShape): boolean {
  if (bitsStored >= bitsAllocated || bitsAllocated === 1) return true;
  const shift = 32 - bitsStored;
  const fits = signed
    ? (value: number): boolean => (value << shift) >> shift === value
    : (value: number): boolean => (value << shift) >>> shift === value;
  if (bitsAllocated === 8)
    return (signed ? new Int8Array(samples.buffer, samples.byteOffset, samples.length) : samples).every(fits);
  if (bitsAllocated === 16)
    return (
      signed ? words(samples) : new Uint16Array(samples.buffer, samples.byteOffset, samples.length >> 1)
    ).every(fits);
  // No encoder takes wider ones but those that keep all bits.
  return false;
}

/**
 * Samples by pixel, of a decoder that takes the rows of one component after the other for one row of each in turn: OpenJPH
 * gives them so where it has no transform of components to undo.
 */
export function rowsInPlace(bytes: Uint8Array, { rows, columns, samplesPerPixel }: FrameShape): Uint8Array {
  const width = bytes.length / (rows * columns * samplesPerPixel);
  const step = samplesPerPixel * width;
  const out = new Uint8Array(bytes.length);
  for (let row = 0; row < rows * samplesPerPixel; row++) {
    let from = Math.floor(row / samplesPerPixel) * columns * step + (row % samplesPerPixel) * width;
    let to = (row % rows) * columns * step + Math.floor(row / rows) * width;
    for (let column = 0; column < columns; column++, from += step, to += step)
      for (let byte = 0; byte < width; byte++) out[to + byte] = bytes[from + byte] ?? 0;
  }
  return out;
}

/**
 * Whether a signed sample is so near to the highest or lowest that it can be, that with a little error it may become the other
 * one: white in the black of padding.
 */
export function isNearEnds(
  samples: Uint8Array,
  { bitsAllocated, bitsStored }: FrameShape,
  error: number,
): boolean {
  const values =
    bitsAllocated === 8 ? new Int8Array(samples.buffer, samples.byteOffset, samples.length) : words(samples);
  const end = 2 ** (bitsStored - 1);
  return values.some((value) => value >= end - error || value < error - end);
}
