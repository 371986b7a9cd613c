import { GatewayError } from '../core/index.js';
import type { ElementHeader, ValueMode } from './reader.js';
import type { Tag } from './tag.js';
import { Tags } from './tags.js';
import type { Vr } from './vr.js';

/** Bytes from `start` up to `end`, exclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Where top-level pixel data stands. */
export type PixelData =
  | { readonly kind: 'native'; readonly tag: Tag; readonly vr: Vr; readonly value: ByteRange }
  | {
      readonly kind: 'encapsulated';
      /** Values of the fragments, without the Basic Offset Table. */
      readonly fragments: readonly ByteRange[];
      readonly basicOffsetTable: readonly number[];
      readonly extendedOffsetTable?: readonly number[];
      /** Indices of the fragments that begin with the start of a JPEG, JPEG-LS, JPEG 2000 or JPEG XL code stream. */
      readonly codeStreamStarts: readonly number[];
      /** Some of these are in the boxes of a file format. */
      readonly boxed?: true;
      /** The sequence delimiter was missing at the end of the dataset. */
      readonly unterminated?: true;
    };

type Encapsulated = Extract<PixelData, { kind: 'encapsulated' }>;
type Native = Extract<PixelData, { kind: 'native' }>;

/** Each costs about 40 bytes of index; the largest slides have some 200,000 tiles. */
const maxFragments = 1_000_000;
/** The largest offset table of so many fragments; a longer one is left aside. */
export const maxOffsetTableBytes = maxFragments * 8;
/** Enough for SOC and SIZ of JPEG 2000: an inner fragment may begin with FF4F by chance. */
const signatureBytes = 4;
/** Length of the box that JP2 and JPEG XL files begin with. */
const BOX = 0x0000000c;

/** Collects what is to be known of pixel data while a dataset passes. */
export class PixelDataIndexer {
  readonly #little: boolean;
  #native: Native | undefined;
  #fragments: ByteRange[] | undefined;
  #basicOffsetTable: readonly number[] = [];
  #extendedOffsetTable: readonly number[] | undefined;
  readonly #codeStreamStarts: number[] = [];
  #boxed = false;
  readonly #head = Buffer.alloc(signatureBytes);
  #headBytes = 0;

  constructor(little: boolean) {
    this.#little = little;
  }

  /** A top-level element that may be about pixel data. */
  element({ tag, vr, length, valueOffset }: ElementHeader): ValueMode {
    if (tag === Tags.ExtendedOffsetTable) return isTable(length, 8) ? 'collect' : 'skip';
    if (tag !== Tags.PixelData && tag !== Tags.FloatPixelData && tag !== Tags.DoubleFloatPixelData)
      return 'skip';
    if (length < 0) this.#fragments = [];
    else this.#native = { kind: 'native', tag, vr, value: { start: valueOffset, end: valueOffset + length } };
    return 'skip';
  }

  /** An item of the pixel data. @throws GatewayError `malformed-dataset` when there are too many */
  fragment(index: number, valueOffset: number, length: number): ValueMode {
    if (index === 0) return isTable(length, 4) ? 'collect' : 'skip';
    const fragments = (this.#fragments ??= []);
    if (fragments.length >= maxFragments) {
      throw new GatewayError('malformed-dataset', 'The pixel data has too many fragments.');
    }
    fragments.push({ start: valueOffset, end: valueOffset + length });
    this.#headBytes = 0;
    return 'stream';
  }

  /** A collected value: an offset table. */
  value({ tag }: ElementHeader, bytes: Buffer): void {
    if (tag === Tags.ExtendedOffsetTable) this.#extendedOffsetTable = offsets(bytes, 8, this.#little);
    else this.#basicOffsetTable = offsets(bytes, 4, this.#little);
  }

  /** The next bytes of a fragment. */
  chunk(bytes: Buffer): void {
    if (this.#headBytes === signatureBytes) return;
    this.#headBytes += bytes.copy(this.#head, this.#headBytes, 0, signatureBytes - this.#headBytes);
    if (this.#headBytes < signatureBytes || !isCodeStreamStart(this.#head)) return;
    this.#codeStreamStarts.push((this.#fragments?.length ?? 0) - 1);
    this.#boxed ||= this.#head.readUInt32BE(0) === BOX;
  }

  finish(unterminated: boolean): PixelData | undefined {
    if (!this.#fragments) return this.#native;
    const encapsulated: Encapsulated = {
      kind: 'encapsulated',
      fragments: this.#fragments,
      basicOffsetTable: this.#basicOffsetTable,
      codeStreamStarts: this.#codeStreamStarts,
      ...(this.#boxed && { boxed: true }),
      ...(this.#extendedOffsetTable && { extendedOffsetTable: this.#extendedOffsetTable }),
      ...(unterminated && { unterminated }),
    };
    return encapsulated;
  }
}

function isTable(length: number, size: 4 | 8): boolean {
  return length % size === 0 && length / size <= maxFragments;
}

function offsets(bytes: Buffer, size: 4 | 8, little: boolean): readonly number[] {
  return Array.from({ length: bytes.length / size }, (_, index) => {
    const at = index * size;
    if (size === 4) return little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
    return Number(little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
  });
}

/** SOI of JPEG and JPEG-LS; SOC and SIZ of JPEG 2000; a JP2 or JPEG XL box; a bare JPEG XL code stream. */
function isCodeStreamStart(head: Buffer): boolean {
  const marker = head.readUInt16BE(0);
  return (
    (marker === 0xffd8 && head[2] === 0xff) ||
    marker === 0xff0a ||
    head.readUInt32BE(0) === 0xff4fff51 ||
    head.readUInt32BE(0) === BOX
  );
}
