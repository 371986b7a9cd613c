/**
 * Writing with code extension by ISO 2022: the reverse of `character-iso2022.ts`.
 *
 * Rule for this file: before every delimiter and control character, and at the end, the set of the first value is back in
 * G0 (PS3.5 6.1.2.5.3), so that readers that keep to the standard and those that look for backslashes read the same.
 */
import {
  hangul,
  hanzi,
  kanji,
  katakana,
  singleByteRepertoires,
  supplementaryKanji,
  type Repertoire,
} from './character-repertoire.js';
import { twinOf } from './character-twins.js';

/** A set as it is written: where it goes, what designates it, and its codes without the high bit of G1. */
interface CodedSet {
  readonly to: 'g0' | 'g1';
  /** What follows ESC. */
  readonly designation: string;
  code(character: string): readonly number[] | undefined;
}

/** Lead bytes of the rows that the national standard itself fills; decoders read vendors' additions in others. */
type Rows = readonly (readonly [first: number, last: number])[];

const isIn = (rows: Rows, byte: number): boolean =>
  rows.some(([first, last]) => byte >= first && byte <= last);

/** What GBK puts into the square of GB 2312. */
const gbkAdditions: Rows = [
  [0x2221, 0x222a],
  [0x2263, 0x2263],
  [0x2660, 0x2675],
  [0x283b, 0x2840],
];

function lazily(make: () => ReadonlyMap<string, readonly number[]>): CodedSet['code'] {
  let codes: ReadonlyMap<string, readonly number[]> | undefined;
  return (character) => (codes ??= make()).get(character);
}

function doubleByte(
  repertoire: Repertoire,
  placed: Pick<CodedSet, 'to' | 'designation'>,
  rows: Rows,
  without: Rows = [],
): CodedSet {
  const make = (): ReadonlyMap<string, readonly number[]> => {
    const codes = new Map<string, readonly number[]>();
    for (let lead = 0x21; lead <= 0x7e; lead++) {
      for (let trail = 0x21; isIn(rows, lead) && trail <= 0x7e; trail++) {
        const character = repertoire.decode(Buffer.of(lead, trail));
        const isOne = !character.includes('\uFFFD') && !isIn(without, (lead << 8) | trail);
        if (isOne && !codes.has(character)) codes.set(character, [lead, trail]);
      }
    }
    return codes;
  };
  return { ...placed, code: lazily(make) };
}

function upperHalf(repertoire: Repertoire, designation: string): CodedSet {
  const make = (): ReadonlyMap<string, readonly number[]> => {
    const codes = new Map<string, readonly number[]>();
    for (let code = 0x20; code <= 0x7f; code++) {
      const character = repertoire.decode(Buffer.of(code | 0x80));
      if (character !== '\uFFFD') codes.set(character, [code]);
    }
    return codes;
  };
  return { to: 'g1', designation, code: lazily(make) };
}

const japaneseRows: Rows = [
  [0x21, 0x28],
  [0x30, 0x74],
];
const supplementaryRows: Rows = [[0x22, 0x6d]];
const koreanRows: Rows = [
  [0x21, 0x2c],
  [0x30, 0x48],
  [0x4a, 0x7d],
];
const chineseRows: Rows = [
  [0x21, 0x29],
  [0x30, 0x77],
];

/** By ISO-IR number. @see PS3.3 Tables C.12-3 and C.12-4 */
const codedSets: ReadonlyMap<number, CodedSet> = new Map<number, CodedSet>([
  [13, upperHalf(katakana, ')I')],
  [58, doubleByte(hanzi, { to: 'g1', designation: '$)A' }, chineseRows, gbkAdditions)],
  [87, doubleByte(kanji, { to: 'g0', designation: '$B' }, japaneseRows)],
  [149, doubleByte(hangul, { to: 'g1', designation: '$)C' }, koreanRows)],
  [159, doubleByte(supplementaryKanji, { to: 'g0', designation: '$(D' }, supplementaryRows)],
  ...Object.entries({
    100: '-A',
    101: '-B',
    109: '-C',
    110: '-D',
    126: '-F',
    127: '-G',
    138: '-H',
    144: '-L',
    148: '-M',
    166: '-T',
    203: '-b',
  }).flatMap(([number, designation]): [number, CodedSet][] => {
    const repertoire = singleByteRepertoires.get(Number(number));
    return repertoire === undefined ? [] : [[Number(number), upperHalf(repertoire, designation)]];
  }),
]);

/** Where PS3.5 6.1.2.5.3 brings the sets of the first value back. */
const resetting: ReadonlySet<string> = new Set(['\t', '\n', '\f', '\r']);
/** Where it does so in names, or in VRs of several values, alone. */
const perhapsResetting: ReadonlySet<string> = new Set(['\\', '^', '=']);

class Iso2022Encoder {
  readonly #romaji: boolean;
  readonly #initial: CodedSet | undefined;
  readonly #sets: readonly CodedSet[];
  readonly #bytes: number[] = [];
  /** `undefined`: ASCII, or the romaji of ISO-IR 14. */
  #g0: CodedSet | undefined;
  #g1: CodedSet | undefined;

  constructor(numbers: readonly number[]) {
    const [first] = numbers;
    this.#romaji = first === 13;
    this.#initial = first === undefined ? undefined : codedSets.get(first);
    this.#sets = numbers.flatMap((number) => codedSets.get(number) ?? []);
    this.#g1 = this.#initial;
  }

  encode(text: string): Buffer | undefined {
    for (const character of text) if (!this.#put(character)) return undefined;
    this.#leaveDoubleByte();
    return Buffer.from(this.#bytes);
  }

  #put(character: string): boolean {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80 || (this.#romaji && character === '\u203E')) return this.#putLowerHalf(code);
    const twin = twinOf(character);
    return this.#putFrom(character) || (twin !== undefined && this.#putFrom(twin));
  }

  #putFrom(character: string): boolean {
    for (const set of this.#active()) {
      const codes = set.code(character);
      if (codes === undefined) continue;
      this.#designate(set);
      for (const byte of codes) this.#bytes.push(set.to === 'g1' ? byte | 0x80 : byte);
      return true;
    }
    return false;
  }

  /** The sets that are there already before those that an escape sequence brings. */
  *#active(): Generator<CodedSet> {
    if (this.#g0 !== undefined) yield this.#g0;
    if (this.#g1 !== undefined) yield this.#g1;
    yield* this.#sets;
  }

  #putLowerHalf(code: number): boolean {
    if (this.#romaji && code === 0x7e) return false;
    this.#leaveDoubleByte();
    this.#bytes.push(code === 0x203e ? 0x7e : code);
    const character = String.fromCharCode(code);
    if (resetting.has(character)) this.#g1 = this.#initial;
    // Readers may see the one or the other set in G1 now: the next character says which it is in.
    else if (perhapsResetting.has(character) && this.#g1 !== this.#initial) this.#g1 = undefined;
    return true;
  }

  #leaveDoubleByte(): void {
    if (this.#g0 !== undefined) this.#escape(this.#romaji ? '(J' : '(B');
    this.#g0 = undefined;
  }

  #designate(set: CodedSet): void {
    if (set === (set.to === 'g0' ? this.#g0 : this.#g1)) return;
    this.#escape(set.designation);
    if (set.to === 'g0') this.#g0 = set;
    else this.#g1 = set;
  }

  #escape(sequence: string): void {
    this.#bytes.push(0x1b, ...Buffer.from(sequence, 'latin1'));
  }
}

/**
 * The bytes of `text` in the sets of a (0008,0005) of several values, or `undefined` when a character is in none of them.
 *
 * @param numbers the ISO-IR numbers of its values; the first one is 6, 13 or that of a single-byte set
 * @see PS3.5 6.1.2.5
 */
export function encodeIso2022(text: string, numbers: readonly number[]): Buffer | undefined {
  const [first = 0, ...others] = numbers;
  const startsRight = first === 6 || first === 13 || singleByteRepertoires.has(first);
  const isKnown = others.every((number) => number === 6 || codedSets.has(number));
  return startsRight && isKnown ? new Iso2022Encoder(numbers).encode(text) : undefined;
}
