import type { CodeStreamHeader } from './code-stream.js';
import { badFrame } from './frame-error.js';

const CODE_STREAM = 'ff0a';
const BOX_SIGNATURE = '0000000c4a584c20';
/** The whole stream, or the first piece of it behind four bytes of a number. */
const STREAM_BOXES: ReadonlyMap<string, number> = new Map([
  ['jxlc', 0],
  ['jxlp', 4],
]);
/** Width by height, by the number that stands for it; 0 stands for none of them. */
const RATIOS: readonly (readonly [number, number])[] = [
  [1, 1],
  [12, 10],
  [4, 3],
  [3, 2],
  [16, 9],
  [5, 4],
  [2, 1],
];
const SIZE_BITS = [9, 13, 18, 30];

/** Bits from the least significant one of the first byte on. */
class BitReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  bits(count: number): number {
    let value = 0;
    for (let n = 0; n < count; n += 1, this.#at += 1) {
      const byte = this.#bytes[this.#at >> 3];
      if (byte === undefined) throw badFrame('has a JPEG XL header that ends early');
      value += ((byte >> (this.#at & 7)) & 1) * 2 ** n;
    }
    return value;
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  /** One of four forms: a number, or so many bits on top of one. */
  oneOf(forms: readonly (readonly [base: number, bits: number])[]): number {
    const [base, bits] = forms[this.bits(2)] ?? [0, 0];
    return base + this.bits(bits);
  }
}

/**
 * Reads the start of a JPEG XL stream, with or without boxes around it.
 *
 * @throws GatewayError `malformed-dataset` for what is none, and for pictures of a kind that DICOM has no use for
 * @see ISO/IEC 18181-1 annex D, ISO/IEC 18181-2
 */
export function readJpegXlHeader(frame: Uint8Array): CodeStreamHeader {
  const bits = new BitReader(bareStream(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)));
  const { rows, columns } = readSize(bits);
  return { rows, columns, ...readMetadata(bits), subsampled: false };
}

/** Whether a file that begins with these bytes has boxes around its stream. */
export const isJpegXlBoxed = (head: Buffer): boolean => head.toString('hex', 0, 8) === BOX_SIGNATURE;

/** What follows the two bytes that a stream begins with. */
function bareStream(bytes: Buffer): Buffer {
  const stream = isJpegXlBoxed(bytes) ? inBoxes(bytes) : bytes;
  if (stream.toString('hex', 0, 2) !== CODE_STREAM) throw badFrame('is no JPEG XL stream');
  return stream.subarray(2);
}

function inBoxes(bytes: Buffer): Buffer {
  for (let at = 0; at + 8 <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const wide = length === 1;
    const skipped = STREAM_BOXES.get(bytes.toString('latin1', at + 4, at + 8));
    if (skipped !== undefined) return bytes.subarray(at + (wide ? 16 : 8) + skipped);
    // A box of 2^32 bytes or more is none of those that stand before the stream.
    if (wide || length < 8) break;
    at += length;
  }
  throw badFrame('is a JPEG XL file without a code stream');
}

function readSize(bits: BitReader): { rows: number; columns: number } {
  const isInEights = bits.flag();
  const length = (): number =>
    isInEights ? 8 * (1 + bits.bits(5)) : 1 + bits.bits(SIZE_BITS[bits.bits(2)] ?? 0);
  const rows = length();
  const ratio = RATIOS[bits.bits(3) - 1];
  return { rows, columns: ratio ? Math.floor((rows * ratio[0]) / ratio[1]) : length() };
}

type Metadata = Pick<CodeStreamHeader, 'components' | 'precision'>;

function readMetadata(bits: BitReader): Metadata {
  if (bits.flag()) return { components: 3, precision: 8 };
  if (bits.flag()) readExtra(bits);
  const isFloat = bits.flag();
  if (isFloat) throw badFrame('holds floating point samples');
  const precision = bits.oneOf([
    [8, 0],
    [10, 0],
    [12, 0],
    [1, 6],
  ]);
  bits.flag();
  const hasMoreChannels = bits.bits(2) !== 0;
  if (hasMoreChannels) throw badFrame('has channels beside those of its colours');
  bits.flag();
  return { components: readColours(bits), precision };
}

/** Orientation may differ from that of the dataset's rows and columns, so none is taken. */
function readExtra(bits: BitReader): void {
  const orientation = bits.bits(3);
  const [hasOtherSize, hasPreview, isAnimated] = [bits.flag(), bits.flag(), bits.flag()];
  if (orientation !== 0 || hasOtherSize || hasPreview || isAnimated)
    throw badFrame('is more than one upright JPEG XL picture');
}

const GRAY = 1;

function readColours(bits: BitReader): number {
  if (bits.flag()) return 3;
  bits.flag();
  const space = bits.oneOf([
    [0, 0],
    [1, 0],
    [2, 4],
    [18, 6],
  ]);
  return space === GRAY ? 1 : 3;
}
