import { GatewayError } from '../core/index.js';
import { encodeGb18030 } from './character-gb18030-encode.js';
import { encodeIso2022 } from './character-iso2022-encode.js';
import { singleByteRepertoires } from './character-repertoire.js';
import { registration } from './character-set.js';

/** Text as bytes, with the value of (0008,0005) that says how to read them. */
export interface EncodedText {
  readonly bytes: Buffer;
  /** `undefined`: the default repertoire, nothing to declare. */
  readonly characterSet: string | undefined;
}

/** What `encodeText` chooses from when it is given nothing else. */
export const defaultCharacterSets: readonly string[] = ['ISO_IR 100', 'ISO_IR 192'];

// eslint-disable-next-line no-control-regex -- ASCII is what it looks for; ESC begins an escape sequence and is no character
const asciiText = /^[\x00-\x1A\x1C-\x7F]*$/;

/** Whether `text` needs no character set declared. */
export function isAsciiText(text: string): boolean {
  return asciiText.test(text);
}

function encodeAs(text: string, terms: string): Buffer | undefined {
  if (terms === 'ISO_IR 192') return Buffer.from(text, 'utf8');
  if (terms === 'GB18030' || terms === 'GBK') return encodeGb18030(text, terms);
  const numbers = terms.split('\\').map((term) => registration(term));
  return numbers.every((number) => number !== undefined) ? encodeIso2022(text, numbers) : undefined;
}

/** Ideographs, kana, hangul and their punctuation: what double-byte sets are for. */
const eastAsianText = /[\u1100-\u11FF\u2E80-\u{3FFFF}]/u;

/** Letters with accents, Greek and Cyrillic ones. */
const europeanLetter = /[\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u052F]/;

/**
 * Whether nobody writes `text` in the set although it holds it: the double-byte sets have letters of Greek and Russian too,
 * which are found where a text is in one of them, and not as a name of its own. An archive that compares bytes has it in a set of single bytes.
 */
function isUnusual(text: string, terms: string): boolean {
  if (!europeanLetter.test(text) || eastAsianText.test(text)) return false;
  const numbers = terms.split('\\').map((term) => registration(term));
  const single = numbers.filter((one) => one === 6 || one === 13 || singleByteRepertoires.has(one ?? 0));
  return single.length < numbers.length && encodeIso2022(text, single.map(Number)) === undefined;
}

/**
 * Those of `candidates` in which `text` may be expected, or all of them where it may in none.
 *
 * @see PS3.3 C.12.1.1.2
 */
export function usualCharacterSets(
  text: string,
  candidates: readonly string[] = defaultCharacterSets,
): readonly string[] {
  const usual = candidates.filter((terms) => isStandalone(terms) || !isUnusual(text, terms));
  return usual.length > 0 ? usual : candidates;
}

/** Whether `text`, which is not ASCII, can be written in the set at all. */
export function holdsText(text: string, terms: string): boolean {
  return !text.includes('\x1B') && encodeAs(text, terms) !== undefined;
}

const doubleByteAlone = /^ISO 2022 IR (?:58|87|149|159)$/;

/** Without code extension; these hold all there is of their language. */
function isStandalone(terms: string): boolean {
  return terms === 'ISO_IR 192' || terms === 'GB18030' || terms === 'GBK';
}

/** Some writers leave out that ASCII comes first. */
function withFirstTerm(terms: string): string {
  return doubleByteAlone.test(terms) ? `\\${terms}` : terms;
}

/**
 * Those of the sets that a peer's answers came in, `seen`, in which `text` may stand there, in the order of
 * `preferredCharacterSets`: also those in which few would write it.
 */
export function seenSetsWith(text: string, seen: readonly string[]): readonly string[] {
  const known = new Set(seen.map(withFirstTerm));
  return preferredCharacterSets(seen).filter((terms) => known.has(terms) && holdsText(text, terms));
}

/**
 * The sets in which text may be sent to a peer: those that its answers came in, `seen` as values of (0008,0005), the smallest
 * first (single bytes, code extension, what holds everything), then ISO_IR 100 and ISO_IR 192.
 */
export function preferredCharacterSets(seen: readonly string[]): readonly string[] {
  const [latin1 = '', unicode = ''] = defaultCharacterSets;
  const others = seen.filter((terms) => terms !== unicode).map(withFirstTerm);
  const isSingle = (terms: string): boolean => !isStandalone(terms) && !terms.includes('\\');
  const standalone = others.filter(isStandalone);
  const place = (terms: string): number =>
    [/IR (?:87|159)/, /IR 149/].findIndex((one) => one.test(terms)) >>> 0;
  // An ideograph may be in several; of other characters each lacks what only the next ones have.
  const extended = others
    .filter((terms) => !isStandalone(terms) && !isSingle(terms))
    .sort((left, right) => place(left) - place(right));
  // An archive in Unicode that compares bytes has no Latin-1.
  const known = seen.includes(unicode) ? [unicode] : [];
  return [...new Set([...others.filter(isSingle), ...extended, ...standalone, ...known, latin1, unicode])];
}

/**
 * `text` in the first of ASCII and the `candidates` that holds all of it; backslashes are delimiters.
 *
 * Candidates that are no value of (0008,0005), such as a double-byte set in the first place, are passed over.
 *
 * @param candidates values of (0008,0005), several joined by backslashes, best first; ISO_IR 100, then ISO_IR 192 when
 * left out
 * @throws GatewayError `bad-request` when none of them holds it, or when it has an escape character
 * @see PS3.4 C.4.1.1.3.1
 */
export function encodeText(text: string, candidates: readonly string[] = defaultCharacterSets): EncodedText {
  if (isAsciiText(text)) return { bytes: Buffer.from(text, 'latin1'), characterSet: undefined };
  if (!text.includes('\x1B')) {
    for (const characterSet of candidates) {
      const bytes = encodeAs(text, characterSet);
      if (bytes !== undefined) return { bytes, characterSet };
    }
  }
  throw new GatewayError(
    'bad-request',
    'A value holds characters that cannot be written in the character sets the peer takes.',
  );
}

/**
 * The characters of `text` that `characterSet`, one of the candidates above, does not hold, or not as anybody writes them; none of ASCII alone, for
 * which nothing is declared. ISO-IR 13 lacks the tilde.
 */
export function unencodable(text: string, characterSet: string): ReadonlySet<string> {
  if (isAsciiText(text)) return new Set();
  const isMissing = (character: string): boolean =>
    encodeAs(character, characterSet) === undefined ||
    (!isStandalone(characterSet) && isUnusual(character, characterSet));
  return new Set(Array.from(text).filter(isMissing));
}
