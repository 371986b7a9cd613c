/** Generated frames of every layout that the codecs meet. */
import { nativeFrameBytes, type FrameShape } from '../../../src/dicom/frame-shape.js';
import { TransferSyntaxes } from '../../../src/dicom/index.js';

/** A small frame. */
export function shapeOf(
  bitsAllocated: number,
  bitsStored: number,
  more: Partial<FrameShape> = {},
): FrameShape {
  const samplesPerPixel = more.samplesPerPixel ?? 1;
  return {
    rows: 37,
    columns: 53,
    samplesPerPixel,
    bitsAllocated,
    bitsStored,
    signed: false,
    photometricInterpretation: samplesPerPixel === 3 ? 'RGB' : 'MONOCHROME2',
    planar: false,
    ...more,
  };
}

/** Shapes by name. */
export const shapes: readonly { readonly name: string; readonly shape: FrameShape }[] = [
  { name: '8 bits', shape: shapeOf(8, 8) },
  { name: '6 of 8 bits', shape: shapeOf(8, 6) },
  { name: 'signed 7 of 8 bits', shape: shapeOf(8, 7, { signed: true }) },
  { name: '10 of 16 bits', shape: shapeOf(16, 10) },
  { name: '12 of 16 bits', shape: shapeOf(16, 12) },
  { name: '16 bits', shape: shapeOf(16, 16) },
  { name: 'signed 8 bits', shape: shapeOf(8, 8, { signed: true }) },
  { name: 'signed 12 of 16 bits', shape: shapeOf(16, 12, { signed: true }) },
  { name: 'signed 16 bits', shape: shapeOf(16, 16, { signed: true }) },
  { name: '8 of 16 bits', shape: shapeOf(16, 8) },
  { name: 'colour', shape: shapeOf(8, 8, { samplesPerPixel: 3 }) },
  { name: 'planar colour', shape: shapeOf(8, 8, { samplesPerPixel: 3, planar: true }) },
  {
    name: 'colour as YCbCr',
    shape: shapeOf(8, 8, { samplesPerPixel: 3, photometricInterpretation: 'YBR_FULL' }),
  },
  { name: '12-bit colour', shape: shapeOf(16, 12, { samplesPerPixel: 3 }) },
  { name: 'large 16-bit colour', shape: shapeOf(16, 16, { samplesPerPixel: 3, rows: 301, columns: 517 }) },
  { name: '16-bit colour', shape: shapeOf(16, 16, { samplesPerPixel: 3 }) },
  { name: 'one column', shape: shapeOf(16, 16, { rows: 64, columns: 1 }) },
  { name: 'one row', shape: shapeOf(8, 8, { rows: 1, columns: 301 }) },
];

/** A seeded generator of numbers below `limit`. */
function random(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** Samples of `shape`: a slope, noise, one value, and runs; all within the bits stored. */
export function patterns(shape: FrameShape): readonly Uint8Array[] {
  const values = 2 ** shape.bitsStored;
  const next = random(shape.bitsStored * 31 + shape.samplesPerPixel);
  let held = 0;
  const makers: readonly ((index: number) => number)[] = [
    (index) => Math.floor((index * 7) / 3) % values,
    () => next(values),
    () => values - 1,
    (index) => (index % 9 === 0 ? (held = next(values)) : held),
  ];
  return makers.map((valueAt) => framed(shape, valueAt));
}

function framed(shape: FrameShape, valueAt: (index: number) => number): Uint8Array {
  const bytes = Buffer.alloc(nativeFrameBytes(shape));
  const wide = shape.bitsAllocated === 16;
  const half = 2 ** (shape.bitsStored - 1);
  for (let index = 0; index * (wide ? 2 : 1) < bytes.length; index += 1) {
    const value = valueAt(index);
    // Signed samples are sign-extended over the bits allocated.
    const stored = shape.signed && value >= half ? value - 2 * half : value;
    if (!wide) bytes.writeUInt8(stored & 0xff, index);
    else bytes.writeUInt16LE(stored & 0xffff, index * 2);
  }
  return bytes;
}

/** Y, Y, Cb, Cr of pairs of pixels, as PS3.3 C.7.6.3.1.2 has them, and Y, Cb, Cr of each pixel. */
export function pairsOf({ rows, columns }: FrameShape): {
  readonly shared: Uint8Array;
  readonly own: Uint8Array;
} {
  const shared: number[] = [];
  const own: number[] = [];
  for (let pair = 0; pair * 2 < rows * columns; pair += 1) {
    const [left, right, cb, cr] = [pair * 5, pair * 5 + 3, pair * 7 + 1, 255 - pair * 3];
    shared.push(left, right, cb, cr);
    own.push(left, cb, cr, right, cb, cr);
  }
  return { shared: Uint8Array.from(shared), own: Uint8Array.from(own) };
}

/** In which frames are encoded without loss. */
export const losslessSyntaxes = [
  TransferSyntaxes.RleLossless,
  TransferSyntaxes.JpegLosslessSv1,
  TransferSyntaxes.JpegLsLossless,
  TransferSyntaxes.Jpeg2000Lossless,
  TransferSyntaxes.HtJ2kLossless,
  TransferSyntaxes.HtJ2kLosslessRpcl,
  TransferSyntaxes.EncapsulatedUncompressedExplicitVrLittleEndian,
  TransferSyntaxes.DeflatedImageFrameCompression,
];
