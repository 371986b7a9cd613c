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

/** The ISO-IR number that a term of (0008,0005) means, whatever separator its writer chose; 6 for an empty term. */
function registration(term: string): number | undefined {
  const text = term.trim().toUpperCase();
  if (text === '') return 6;
  if (text.length > maxTermLength) return undefined;
  const number = /^ISO[ _-]*(?:2022)?[ _-]*IR[ _-]*(\d{1,3})$/.exec(text)?.[1];
  return number === undefined ? undefined : Number(number);
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

/** The sets without code extension stand alone: where one is named, it is what the writer used. */
function standaloneDecoder(term: string): Decoder | undefined {
  if (term.length > maxTermLength) return undefined;
  const text = term.trim().toUpperCase();
  if (/^ISO[ _-]*IR[ _-]*192$|^UTF-?8$/.test(text)) {
    return { kind: 'whole', decode: (bytes) => bytes.toString('utf8') };
  }
  if (text === 'GB18030' || text === 'GBK') {
    const decoder = new TextDecoder('gb18030', { ignoreBOM: true });
    return { kind: 'whole', decode: (bytes) => decoder.decode(bytes) };
  }
  return undefined;
}

function createDecoder(terms: readonly string[]): Decoder {
  for (const term of terms) {
    const standalone = standaloneDecoder(term);
    if (standalone !== undefined) return standalone;
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
  const decoder = decoderOf(characterSet);
  if (decoder.kind === 'whole' || (decoder.kind === 'single-byte' && !bytes.includes(escape))) {
    const text = decoder.decode(bytes);
    return delimited ? text.split('\\') : [text];
  }
  return decodeIso2022(bytes, decoder.iso2022, { values: delimited, names: vr === 'PN' });
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
