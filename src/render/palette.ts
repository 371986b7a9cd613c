import { Tags, type Dataset } from '../dicom/index.js';
import { badLook } from './bad-look.js';
import type { LookUpTable, Palette } from './image-look.js';
import { bytesOf, readDescriptor, readEntries, tableOf, type LutDescriptor } from './look-values.js';

/** Reads the tables of PALETTE COLOR. @throws GatewayError `malformed-dataset` @see PS3.3 C.7.6.3.1.5, C.7.9.2 */
export function readPalette(dataset: Dataset, isSigned: boolean): Palette {
  const read = (color: 'Red' | 'Green' | 'Blue'): LookUpTable => {
    const descriptor = readDescriptor(dataset, Tags[`${color}PaletteColorLookupTableDescriptor`], isSigned);
    const plain = bytesOf(dataset, Tags[`${color}PaletteColorLookupTableData`]);
    const segmented = bytesOf(dataset, Tags[`Segmented${color}PaletteColorLookupTableData`]);
    if (plain.length > 0) return tableOf(descriptor, readEntries(plain, descriptor));
    if (segmented.length > 0) return tableOf(descriptor, expandSegments(segmented, descriptor));
    throw badLook('has no look-up table for one of its colours');
  };
  return oneScale({ red: read('Red'), green: read('Green'), blue: read('Blue') });
}

/** All of one number of bits: a colour that is never bright must not be brightened. */
function oneScale({ red, green, blue }: Palette): Palette {
  const bits = Math.max(red.bits, green.bits, blue.bits);
  return { red: { ...red, bits }, green: { ...green, bits }, blue: { ...blue, bits } };
}

/** More than a table can have entries. */
const MOST_SEGMENTS = 0x10000;

const Segments = { discrete: 0, linear: 1, indirect: 2 } as const;

/**
 * The entries of a table that is written as runs, lines between two entries, and earlier segments again.
 *
 * @throws GatewayError `malformed-dataset` when they are not as many as the descriptor says
 * @see PS3.3 C.7.9.2
 */
function expandSegments(bytes: Buffer, descriptor: LutDescriptor): Uint16Array {
  return new SegmentExpander(bytes, descriptor).expand();
}

class SegmentExpander {
  readonly #units: Uint8Array | Uint16Array;
  readonly #unitBytes: 1 | 2;
  readonly #entries: Uint16Array;
  #filled = 0;
  #segments = 0;

  constructor(bytes: Buffer, { bits, count }: LutDescriptor) {
    this.#unitBytes = bits === 8 ? 1 : 2;
    this.#units = bits === 8 ? bytes : wordsOf(bytes);
    this.#entries = new Uint16Array(count);
  }

  expand(): Uint16Array {
    for (let at = 0; at < this.#units.length && this.#filled < this.#entries.length;) at = this.#segment(at);
    if (this.#filled < this.#entries.length) throw badLook('has a segmented look-up table that ends early');
    return this.#entries;
  }

  /** Expands the segment at `at`, and says where the next one begins. */
  #segment(at: number): number {
    if (this.#unit(at) !== Segments.indirect) return this.#direct(at);
    // An offset in bytes, the lower half first: two units, or four of bytes.
    let offset = 0;
    const width = 4 / this.#unitBytes;
    for (let part = 0; part < width; part++)
      offset += this.#unit(at + 2 + part) * 2 ** (8 * this.#unitBytes * part);
    let from = Math.floor(offset / this.#unitBytes);
    // The segments that it points to are no indirect ones themselves: so there is no going round in circles.
    for (let left = this.#unit(at + 1); left > 0; left--) from = this.#direct(from);
    return at + 2 + width;
  }

  #direct(at: number): number {
    // Empty ones, pointed to again and again, would never fill the table.
    if (++this.#segments > MOST_SEGMENTS) throw badLook('has a segmented look-up table of too many segments');
    const opcode = this.#unit(at);
    const length = this.#unit(at + 1);
    if (opcode === Segments.discrete) {
      for (let index = 0; index < length; index++) this.#push(this.#unit(at + 2 + index));
      return at + 2 + length;
    }
    if (opcode !== Segments.linear || this.#filled === 0)
      throw badLook('has a segmented look-up table that cannot be read');
    const from = this.#entries[this.#filled - 1] ?? 0;
    const to = this.#unit(at + 2);
    for (let step = 1; step <= length; step++) this.#push(Math.round(from + ((to - from) * step) / length));
    return at + 3;
  }

  #push(entry: number): void {
    if (this.#filled >= this.#entries.length) throw badLook('has a segmented look-up table that is too long');
    this.#entries[this.#filled++] = entry;
  }

  #unit(at: number): number {
    const unit = this.#units[at];
    if (unit === undefined) throw badLook('has a segmented look-up table that ends early');
    return unit;
  }
}

function wordsOf(bytes: Buffer): Uint16Array {
  return Uint16Array.from({ length: bytes.length >> 1 }, (_, at) => bytes.readUInt16LE(at * 2));
}
