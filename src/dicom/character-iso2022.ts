/**
 * Code extension by ISO 2022 as PS3.5 6.1.2.5 allows it: escape sequences designate a set to G0 or G1, and at the
 * delimiters of a value the sets of the first value of (0008,0005) come back.
 *
 * Rule for this file: a byte is a delimiter only where a single-byte set is in G0, or where it cannot be half of a
 * double-byte character; 5CH inside a character is never one.
 */
import {
  ascii,
  hangul,
  hanzi,
  kanji,
  katakana,
  romaji,
  singleByteRepertoires,
  supplementaryKanji,
  type Repertoire,
} from './character-repertoire.js';

/** The sets that are invoked at the start of every value. */
export interface Invocation {
  readonly g0: Repertoire;
  readonly g1: Repertoire | undefined;
}

/** Which delimiters the VR has besides the control characters. */
export interface Delimiters {
  /** Backslash between values. */
  readonly values: boolean;
  /** ^ and = of person names. */
  readonly names: boolean;
}

interface Designation {
  readonly to: 'g0' | 'g1';
  readonly set: Repertoire;
}

/** What follows ESC, by PS3.3 Tables C.12-3 and C.12-4; `$@` is the older edition of JIS X 0208. */
const escapeSequences: ReadonlyMap<string, Designation> = new Map<string, Designation>([
  ['(B', { to: 'g0', set: ascii }],
  ['(J', { to: 'g0', set: romaji }],
  [')I', { to: 'g1', set: katakana }],
  ['$B', { to: 'g0', set: kanji }],
  ['$@', { to: 'g0', set: kanji }],
  ['$(D', { to: 'g0', set: supplementaryKanji }],
  ['$)C', { to: 'g1', set: hangul }],
  ['$)A', { to: 'g1', set: hanzi }],
  ...Object.entries({
    '-A': 100,
    '-B': 101,
    '-C': 109,
    '-D': 110,
    '-L': 144,
    '-G': 127,
    '-F': 126,
    '-H': 138,
    '-M': 148,
    '-T': 166,
    '-b': 203,
  }).flatMap(([sequence, number]): [string, Designation][] => {
    const set = singleByteRepertoires.get(number);
    return set === undefined ? [] : [[sequence, { to: 'g1', set }]];
  }),
]);

const replacement = '\uFFFD';
const escape = 0x1b;
const backslash = 0x5c;
const resettingControls: ReadonlySet<number> = new Set([0x09, 0x0a, 0x0c, 0x0d]);

class Iso2022Decoder {
  readonly #bytes: Buffer;
  readonly #start: Invocation;
  readonly #delimiters: Delimiters;
  #g0: Repertoire;
  #g1: Repertoire | undefined;
  #offset = 0;
  #text = '';
  readonly #values: string[] = [];

  constructor(bytes: Buffer, start: Invocation, delimiters: Delimiters) {
    this.#bytes = bytes;
    this.#start = start;
    this.#delimiters = delimiters;
    this.#g0 = start.g0;
    this.#g1 = start.g1;
  }

  values(): readonly string[] {
    while (this.#offset < this.#bytes.length) this.#step(this.#at(this.#offset));
    this.#values.push(this.#text);
    return this.#values;
  }

  #at(offset: number): number {
    return this.#bytes[offset] ?? 0;
  }

  #step(byte: number): void {
    if (byte === escape) this.#designate();
    else if (byte <= 0x20 || byte === 0x7f) this.#control(byte);
    else if (byte >= 0x80) this.#graphic(this.#g1, 0xa1, 0xfe);
    else if (this.#g0.width === 1 && this.#isDelimiter(byte)) this.#delimit(byte);
    else this.#graphic(this.#g0, 0x21, 0x7e);
  }

  #designate(): void {
    for (const length of [2, 3]) {
      const sequence = this.#bytes.toString('latin1', this.#offset + 1, this.#offset + 1 + length);
      const designation = escapeSequences.get(sequence);
      if (designation === undefined) continue;
      if (designation.to === 'g0') this.#g0 = designation.set;
      else this.#g1 = designation.set;
      this.#offset += 1 + length;
      return;
    }
    this.#text += replacement;
    this.#offset++;
  }

  #control(byte: number): void {
    this.#text += String.fromCharCode(byte);
    this.#offset++;
    if (resettingControls.has(byte)) this.#reset();
  }

  #isDelimiter(byte: number): boolean {
    if (byte === backslash) return this.#delimiters.values;
    return this.#delimiters.names && (byte === 0x5e || byte === 0x3d);
  }

  #delimit(byte: number): void {
    this.#offset++;
    this.#reset();
    if (byte === backslash) {
      this.#values.push(this.#text);
      this.#text = '';
    } else {
      this.#text += String.fromCharCode(byte);
    }
  }

  #reset(): void {
    this.#g0 = this.#start.g0;
    this.#g1 = this.#start.g1;
  }

  /** The longest run of characters of one set from here; at least one byte is taken. */
  #graphic(set: Repertoire | undefined, low: number, high: number): void {
    const start = this.#offset;
    const isGraphic = (offset: number): boolean => {
      const byte = this.#at(offset);
      return byte >= low && byte <= high;
    };
    let end = start;
    if (set?.width === 2) {
      while (isGraphic(end) && isGraphic(end + 1)) end += 2;
    } else if (set !== undefined) {
      while (isGraphic(end) && !this.#isDelimiter(this.#at(end))) end++;
    }
    this.#offset = end;
    if (set !== undefined && end > start) this.#text += set.decode(this.#bytes.subarray(start, end));
    else this.#stray(this.#at(start));
  }

  /** A byte that is no character of the set in force: half of one, or of a set that nobody designated. */
  #stray(byte: number): void {
    if (this.#isDelimiter(byte)) {
      this.#delimit(byte);
    } else {
      this.#text += replacement;
      this.#offset++;
    }
  }
}

/** The values of `bytes`, split at backslashes if the VR has them. */
export function decodeIso2022(bytes: Buffer, start: Invocation, delimiters: Delimiters): readonly string[] {
  return new Iso2022Decoder(bytes, start, delimiters).values();
}
