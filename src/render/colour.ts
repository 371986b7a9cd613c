import { GatewayError } from '../core/index.js';
import { nativeFrameBytes, withOwnChrominance, type FrameShape, type NativeFrame } from '../dicom/index.js';
import { badLook } from './bad-look.js';
import { entryOf } from './grey-stages.js';
import type { ImageLook, LookUpTable, Palette } from './image-look.js';
import { storedSamples } from './stored-samples.js';

/** Red, green and blue of every pixel, 0 to 255. @throws GatewayError `not-acceptable` for colours that are not known @see PS3.3 C.7.6.3.1.2 */
export function colourPixels(frame: NativeFrame, look: ImageLook): Uint8Array {
  const { photometricInterpretation, samplesPerPixel } = frame.shape;
  if (look.palette) return palettePixels(frame, look.palette, look.lowestBit);
  if (samplesPerPixel !== 3 || !conversions.has(photometricInterpretation)) {
    const message = `Pictures of ${samplesPerPixel} samples of ${photometricInterpretation} cannot be made here.`;
    throw new GatewayError('not-acceptable', message);
  }
  const pixels = isSubsampled(frame) ? doubled(frame) : interleavedBytes(frame, look.lowestBit);
  const matrix = conversions.get(photometricInterpretation);
  if (matrix) toRgb(pixels, matrix);
  return pixels;
}

interface Matrix {
  readonly black: number;
  readonly luminance: number;
  readonly redByCr: number;
  readonly greenByCb: number;
  readonly greenByCr: number;
  readonly blueByCb: number;
}

/** @see ITU-R BT.601, as PS3.3 C.7.6.3.1.2 has it */
const FULL: Matrix = {
  black: 0,
  luminance: 1,
  redByCr: 1.402,
  greenByCb: -0.344136,
  greenByCr: -0.714136,
  blueByCb: 1.772,
};
/** Luminance from 16 to 235, chrominance from 16 to 240. */
const PARTIAL: Matrix = {
  black: 16,
  luminance: 255 / 219,
  redByCr: (1.402 * 255) / 224,
  greenByCb: (-0.344136 * 255) / 224,
  greenByCr: (-0.714136 * 255) / 224,
  blueByCb: (1.772 * 255) / 224,
};

/** From what to RGB; undefined where nothing is to be done. */
const conversions: ReadonlyMap<string, Matrix | undefined> = new Map<string, Matrix | undefined>([
  ['RGB', undefined],
  // Decoders of JPEG 2000 have undone these; a stream without the transform never had them.
  ['YBR_RCT', undefined],
  ['YBR_ICT', undefined],
  ['YBR_FULL', FULL],
  ['YBR_FULL_422', FULL],
  ['YBR_PARTIAL_422', PARTIAL],
  ['YBR_PARTIAL_420', PARTIAL],
]);

function toRgb(pixels: Uint8Array, matrix: Matrix): void {
  const { black, luminance, redByCr, greenByCb, greenByCr, blueByCb } = matrix;
  for (let at = 0; at + 2 < pixels.length; at += 3) {
    const y = ((pixels[at] ?? 0) - black) * luminance;
    const cb = (pixels[at + 1] ?? 0) - 128;
    const cr = (pixels[at + 2] ?? 0) - 128;
    pixels[at] = byteOf(y + redByCr * cr);
    pixels[at + 1] = byteOf(y + greenByCb * cb + greenByCr * cr);
    pixels[at + 2] = byteOf(y + blueByCb * cb);
  }
}

const byteOf = (value: number): number => (value <= 0 ? 0 : value >= 255 ? 255 : (value + 0.5) | 0);

/** Writers that keep the name after decoding store every sample. */
function isSubsampled({ samples, shape }: NativeFrame): boolean {
  return (
    shape.bitsAllocated === 8 &&
    shape.photometricInterpretation.endsWith('_422') &&
    samples.length < nativeFrameBytes(shape)
  );
}

function doubled({ samples, shape }: NativeFrame): Uint8Array {
  const pixels = shape.rows * shape.columns;
  if (samples.length < pixels * 2) throw badLook('has fewer samples than its frames need');
  return withOwnChrominance(samples, pixels);
}

/** Samples by pixel in one byte each: of wider ones the highest bits. */
function interleavedBytes({ samples, shape }: NativeFrame, lowestBit: number): Uint8Array {
  const stored = storedSamples(samples, shape, lowestBit);
  const pixels = shape.rows * shape.columns;
  const isPlain = shape.bitsAllocated === 8 && stored.bits === 8;
  if (isPlain && !shape.planar) return new Uint8Array(samples.subarray(0, pixels * 3));
  const scale = 255 / (2 ** stored.bits - 1);
  const out = new Uint8Array(pixels * 3);
  for (let at = 0; at < out.length; at++) {
    const to = shape.planar ? (at % pixels) * 3 + Math.floor(at / pixels) : at;
    out[to] = isPlain ? (samples[at] ?? 0) : Math.round(stored.code(at) * scale);
  }
  return out;
}

function palettePixels({ samples, shape }: NativeFrame, palette: Palette, lowestBit: number): Uint8Array {
  const stored = storedSamples(samples, shape, lowestBit);
  const tables = [palette.red, palette.green, palette.blue].map((table) => levels(table));
  const out = new Uint8Array(stored.count * 3);
  tables.forEach((table, channel) => {
    for (let at = 0; at < stored.count; at++)
      out[at * 3 + channel] = entryOf(table, stored.valueOf(stored.code(at)));
  });
  return out;
}

/** A table of colours in one byte each. */
function levels(table: LookUpTable): LookUpTable {
  const scale = 255 / (2 ** table.bits - 1);
  return { ...table, bits: 8, entries: table.entries.map((entry) => Math.round(entry * scale)) };
}

/** Whether a frame has colours. */
export const isColour = ({ samplesPerPixel, photometricInterpretation }: FrameShape): boolean =>
  samplesPerPixel > 1 || !photometricInterpretation.startsWith('MONOCHROME');
