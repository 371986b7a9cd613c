import { sampleBytes, type FrameShape } from '../dicom/index.js';

/** How the samples of a frame are cut out of its bytes. */
export interface StoredSamples {
  readonly count: number;
  /** Bits of a sample, and the lowest of them in the bits that are allocated. */
  readonly bits: number;
  readonly isSigned: boolean;
  /** The bits of a sample as an unsigned number. */
  code(at: number): number;
  /** The value that a code stands for. */
  valueOf(code: number): number;
}

/**
 * Cuts integer samples of 1 to 32 bits out of a native frame; negative ones in two's complement.
 *
 * @see PS3.5 8.1.1
 */
export function storedSamples(bytes: Uint8Array, shape: FrameShape, lowestBit = 0): StoredSamples {
  const { bitsAllocated, signed } = shape;
  const bits = Math.min(shape.bitsStored, bitsAllocated - lowestBit);
  const mask = 2 ** bits - 1;
  const sign = 2 ** (bits - 1);
  const valueOf = (code: number): number => (signed && code >= sign ? code - 2 * sign : code);
  const count = shape.rows * shape.columns * shape.samplesPerPixel;
  return { count, bits, isSigned: signed, code: reader(bytes, shape, lowestBit, mask), valueOf };
}

function reader(
  bytes: Uint8Array,
  { bitsAllocated }: FrameShape,
  shift: number,
  mask: number,
): (at: number) => number {
  if (bitsAllocated === 1) return (at) => ((bytes[at >> 3] ?? 0) >> (at & 7)) & 1;
  const words = unitsOf(bytes, bitsAllocated);
  if (words) return (at) => ((words[at] ?? 0) >>> shift) & mask & 0xffff;
  const width = sampleBytes({ bitsAllocated });
  return (at) => {
    let value = 0;
    for (let byte = Math.min(width, 4) - 1; byte >= 0; byte--)
      value = value * 256 + (bytes[at * width + byte] ?? 0);
    return Math.floor(value / 2 ** shift) % (mask + 1);
  };
}

/** Samples of a byte or a word each. */
export type Units = Uint8Array | Uint16Array;

/** Bytes, or words; undefined for anything wider. */
export function unitsOf(bytes: Uint8Array, bitsAllocated: number): Units | undefined {
  if (bitsAllocated === 8) return bytes;
  if (bitsAllocated !== 16) return undefined;
  const isAligned = bytes.byteOffset % 2 === 0;
  const own = isAligned ? bytes : new Uint8Array(bytes);
  return new Uint16Array(own.buffer, own.byteOffset, own.length >> 1);
}
