/** The coded character sets of PS3.3 C.12.1.1.2 as tables: what a byte or a pair of bytes means once it is invoked. */

import { TextDecoder } from 'node:util';

const replacement = '\uFFFD';

/** A coded character set that ISO 2022 can designate to G0 (bytes 21H–7EH) or G1 (bytes A1H–FEH). */
export interface Repertoire {
  /** Bytes of one character. */
  readonly width: 1 | 2;
  /** A run of whole characters, with the bytes as they stand in the value. */
  decode(bytes: Buffer): string;
}

const textDecoder = (label: string): TextDecoder => new TextDecoder(label, { ignoreBOM: true });

/** The upper half (80H–FFH) of a single-byte set: C1 controls as they are, unassigned places as U+FFFD. */
function upperHalf(label: string): readonly string[] {
  const decoder = textDecoder(label);
  // Node reads the windows-125x supersets under the ISO names: only A0H and above are the same in both. Latin 1 is the
  // beginning of Unicode, and Node's own reading of it loses FFH where that stands alone.
  const isSame = (index: number): boolean => index < 0x20 || label === 'iso-8859-1';
  return Array.from({ length: 128 }, (_, index) =>
    isSame(index) ? String.fromCharCode(0x80 + index) : decoder.decode(Uint8Array.of(0x80 + index)),
  );
}

/** A single-byte repertoire whose table is made on first use. */
export class SingleByteRepertoire implements Repertoire {
  readonly width = 1;
  readonly #label: string;
  #upper: readonly string[] | undefined;

  constructor(label: string) {
    this.#label = label;
  }

  decode(bytes: Buffer): string {
    const upper = (this.#upper ??= upperHalf(this.#label));
    let text = '';
    for (const byte of bytes) text += byte < 0x80 ? String.fromCharCode(byte) : (upper[byte - 0x80] ?? '');
    return text;
  }
}

/** A double-byte set, read as the EUC form of itself: both bytes with the high bit set, after a shift if it has one. */
function doubleByte(label: string, shift?: number): Repertoire {
  let decoder: TextDecoder | undefined;
  return {
    width: 2,
    decode(bytes) {
      const step = shift === undefined ? 2 : 3;
      const euc = Buffer.alloc((bytes.length >> 1) * step);
      for (let from = 0, to = 0; from + 1 < bytes.length; from += 2, to += step) {
        if (shift !== undefined) euc[to] = shift;
        euc[to + step - 2] = (bytes[from] ?? 0) | 0x80;
        euc[to + step - 1] = (bytes[from + 1] ?? 0) | 0x80;
      }
      return (decoder ??= textDecoder(label)).decode(euc);
    },
  };
}

/** ISO-IR 6, the default repertoire: ASCII. */
export const ascii: Repertoire = {
  width: 1,
  decode: (bytes) => bytes.toString('latin1').replace(/[\x80-\xFF]/g, replacement),
};

/** ISO-IR 14, JIS X 0201 romaji: ASCII but for the yen sign and the overline. */
export const romaji: Repertoire = {
  width: 1,
  decode: (bytes) => ascii.decode(bytes).replaceAll('\\', '\u00A5').replaceAll('~', '\u203E'),
};

/** ISO-IR 13, JIS X 0201 half-width katakana. */
export const katakana: Repertoire = {
  width: 1,
  decode: (bytes) =>
    bytes
      .toString('latin1')
      .replace(/[^]/g, (character) =>
        character >= '\xA1' && character <= '\xDF'
          ? String.fromCharCode(0xff61 + character.charCodeAt(0) - 0xa1)
          : replacement,
      ),
};

/** ISO-IR 87 and 159: JIS X 0208 and JIS X 0212, in G0. */
export const kanji = doubleByte('euc-jp');
export const supplementaryKanji = doubleByte('euc-jp', 0x8f);
/** ISO-IR 149 and 58: KS X 1001 and GB 2312, in G1. */
export const hangul = doubleByte('euc-kr');
export const hanzi = doubleByte('gbk');

/** The single-byte sets by ISO-IR number. */
export const singleByteRepertoires: ReadonlyMap<number, SingleByteRepertoire> = new Map(
  Object.entries({
    100: 'iso-8859-1',
    101: 'iso-8859-2',
    109: 'iso-8859-3',
    110: 'iso-8859-4',
    126: 'iso-8859-7',
    127: 'iso-8859-6',
    138: 'iso-8859-8',
    144: 'iso-8859-5',
    148: 'iso-8859-9',
    166: 'windows-874',
    203: 'iso-8859-15',
  }).map(([number, label]) => [Number(number), new SingleByteRepertoire(label)]),
);
