import { TextDecoder } from 'node:util';

import { decodeIso2022, type Invocation } from './character-iso2022.js';
import { ascii, hangul, hanzi, katakana, romaji, singleByteRepertoires } from './character-repertoire.js';
import { vrTraits, type Vr } from './vr.js';

/** How the text of one value of (0008,0005) is read. */
type Decoder =
  | { readonly kind: 'whole'; readonly decode: (bytes: Buffer) => string }
  | { readonly kind: 'single-byte'; readonly decode: (bytes: Buffer) => string; readonly iso2022: Invocation }
  | { readonly kind: 'iso2022'; readonly iso2022: Invocation };

const undelimitedVrs: ReadonlySet<Vr> = new Set(['LT', 'ST', 'UR', 'UT']);

/** Whether a backslash separates values in this VR (PS3.5 6.2). */
function isDelimited(vr: Vr): boolean {
  return !undelimitedVrs.has(vr);
}

/** A code string has 16 characters (PS3.5 6.2); hostile ones have any number. */
const maxTermLength = 32;

/** Parts of ISO 8859 by their ISO-IR numbers: some writers name the one and mean the other. */
const partsOf8859: Readonly<Record<string, number>> = {
  1: 100,
  2: 101,
  3: 109,
  4: 110,
  5: 144,
  6: 127,
  7: 126,
  8: 138,
  9: 148,
  11: 166,
  15: 203,
};

/** The ISO-IR number that a term of (0008,0005) means, whatever separator its writer chose; 6 for an empty term. */
export function registration(term: string): number | undefined {
  if (term.length > maxTermLength) return undefined;
  const text = term.trim().toUpperCase();
  if (text === '') return 6;
  const part = /^ISO[ _-]*8859[ _-]*(\d{1,2})$/.exec(text)?.[1];
  if (part !== undefined) return partsOf8859[part];
  const number = /^ISO[ _-]*(?:2022)?[ _-]*IR[ _-]*(\d{1,3})$/.exec(text)?.[1];
  return number === undefined ? undefined : Number(number);
}

/** The sets that ISO 2022 designates and no table has: JIS, Korean and Chinese. */
const multiByteNumbers: ReadonlySet<number> = new Set([13, 58, 87, 149, 159]);

/**
 * The values of (0008,0005), or none when they name nothing but the default repertoire or sets that nobody knows: then
 * they say as much as a missing element does of bytes above 7FH.
 */
export function readableTerms(terms: readonly string[]): readonly string[] {
  const isReadable = (term: string): boolean => {
    if (standaloneLabel(term) !== undefined) return true;
    const number = registration(term);
    return number !== undefined && (singleByteRepertoires.has(number) || multiByteNumbers.has(number));
  };
  return terms.some(isReadable) ? terms : [];
}

function invocationOf(number: number | undefined): Invocation {
  switch (number) {
    case 13:
      return { g0: romaji, g1: katakana };
    case 58:
      return { g0: ascii, g1: hanzi };
    case 149:
      return { g0: ascii, g1: hangul };
    default:
      return { g0: ascii, g1: number === undefined ? undefined : singleByteRepertoires.get(number) };
  }
}

/** The encodings of the sets without code extension, by what their terms look like. */
const standaloneLabels: readonly (readonly [RegExp, string])[] = [
  [/^(?:ISO[ _-]*(?:2022[ _-]*)?IR[ _-]*192|UTF[ _-]?8)$/, 'utf-8'],
  [/^(?:ISO[ _-]*2022[ _-]*)?GB[ _-]?(?:18030|K|2312)$/, 'gb18030'],
  // No set of DICOM, but named all the same by writers in Japan.
  [/^(?:SHIFT[ _-]?JIS|SJIS|MS_KANJI)$/, 'shift_jis'],
];

/** The sets without code extension stand alone: where one is named, it is what the writer used. */
function standaloneLabel(term: string): string | undefined {
  if (term.length > maxTermLength) return undefined;
  const text = term.trim().toUpperCase();
  return standaloneLabels.find(([pattern]) => pattern.test(text))?.[1];
}

function labelled(label: string): Decoder {
  if (label === 'utf-8') return { kind: 'whole', decode: (bytes) => bytes.toString('utf8') };
  const decoder = new TextDecoder(label, { ignoreBOM: true });
  return { kind: 'whole', decode: (bytes) => decoder.decode(bytes) };
}

const shiftJis = labelled('shift_jis');

/**
 * Whether text that is said to be ISO-IR 13 is Shift_JIS, which writers in Japan take for the same: JIS X 0201 has no
 * characters at 80H to A0H and above DFH, where a double-byte character of Shift_JIS begins. Its second half may be 5CH.
 */
function isShiftJis(decoder: Decoder, bytes: Buffer): boolean {
  if (decoder.kind !== 'iso2022' || decoder.iso2022.g0 !== romaji) return false;
  return bytes.some((byte) => (byte >= 0x81 && byte <= 0x9f) || (byte >= 0xe0 && byte <= 0xfc));
}

function createDecoder(terms: readonly string[]): Decoder {
  for (const term of terms) {
    const standalone = standaloneLabel(term);
    if (standalone !== undefined) return labelled(standalone);
  }
  const numbers = terms.map(registration);
  const first = invocationOf(numbers[0]);
  // Some writers leave out the escape sequence that designates the only other set they use.
  const undesignated = numbers.map((number) => invocationOf(number).g1).find((set) => set !== undefined);
  const iso2022: Invocation = { g0: first.g0, g1: first.g1 ?? undesignated };
  const single = numbers[0] === undefined ? undefined : singleByteRepertoires.get(numbers[0]);
  if (single === undefined) return { kind: 'iso2022', iso2022 };
  return { kind: 'single-byte', decode: (bytes) => single.decode(bytes), iso2022 };
}

/** Decoders by their terms; a peer that makes up terms without end starts it anew. */
const decoders = new Map<string, Decoder>();
const maxDecoders = 128;
const maxDecoderKey = 256;

function decoderOf(characterSet: readonly string[]): Decoder {
  const key = characterSet.join('\\');
  let decoder = decoders.get(key);
  if (decoder === undefined) {
    decoder = createDecoder(characterSet);
    if (key.length > maxDecoderKey) return decoder;
    if (decoders.size >= maxDecoders) decoders.clear();
    decoders.set(key, decoder);
  }
  return decoder;
}

const escape = 0x1b;

/** Whether every byte is an ASCII character that no escape sequence turns into another. */
export function isPlainAscii(bytes: Buffer): boolean {
  // By index: the iterator of a Buffer costs more than all else here.
  for (let index = bytes.length - 1; index >= 0; index--) {
    const byte = bytes[index] ?? 0;
    if (byte >= 0x80 || byte === escape) return false;
  }
  return true;
}

/** ISO-IR 13 as first value is the one set whose lower half is not ASCII: backslash and tilde are other characters. */
function hasAsciiLowerHalf(decoder: Decoder): boolean {
  return decoder.kind === 'whole' || decoder.iso2022.g0 === ascii;
}

/**
 * The values of a text element, split where the VR has delimiters and with their padding.
 *
 * The split is made with the character sets in mind: a 5CH inside a double-byte character is no delimiter.
 */
export function decodeValues(bytes: Buffer, characterSet: readonly string[], vr: Vr): readonly string[] {
  if (bytes.length === 0) return [];
  const delimited = isDelimited(vr);
  if (isPlainAscii(bytes)) {
    const text = bytes.toString('latin1');
    const isSame = !/[\\~]/.test(text) || !vrTraits(vr).encoded || hasAsciiLowerHalf(decoderOf(characterSet));
    if (isSame) return delimited && text.includes('\\') ? text.split('\\') : [text];
  }
  const decoder = decoderFor(bytes, characterSet);
  if (decoder.kind === 'iso2022')
    return decodeIso2022(bytes, decoder.iso2022, { values: delimited, names: vr === 'PN' });
  const text = decoder.decode(bytes);
  return delimited ? text.split('\\') : [text];
}

/** How these bytes read: code extension costs more, and is not needed where no escape sequence stands. */
function decoderFor(bytes: Buffer, characterSet: readonly string[]): Decoder {
  const decoder = decoderOf(characterSet);
  if (decoder.kind === 'whole') return decoder;
  if (bytes.includes(escape)) return { kind: 'iso2022', iso2022: decoder.iso2022 };
  return isShiftJis(decoder, bytes) ? shiftJis : decoder;
}

/**
 * The text of a whole value field, several values joined by backslashes, with its padding; what cannot be decoded
 * becomes U+FFFD and nothing throws.
 *
 * @param characterSet the values of (0008,0005); empty for the default repertoire
 * @see PS3.5 6.1, PS3.3 C.12.1.1.2
 */
export function decodeText(bytes: Buffer, characterSet: readonly string[], vr: Vr): string {
  return decodeValues(bytes, characterSet, vr).join('\\');
}
