import { GatewayError } from '../core/index.js';
import { encodeGb18030 } from './character-gb18030-encode.js';
import { encodeIso2022 } from './character-iso2022-encode.js';
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
 * The characters of `text` that `characterSet`, one of the candidates above, does not hold; none of ASCII alone, for
 * which nothing is declared. ISO-IR 13 lacks the tilde.
 */
export function unencodable(text: string, characterSet: string): ReadonlySet<string> {
  if (isAsciiText(text)) return new Set();
  return new Set(Array.from(text).filter((character) => encodeAs(character, characterSet) === undefined));
}
