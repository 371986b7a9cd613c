import { TextDecoder } from 'node:util';

import { GatewayError } from '../core/index.js';
import { singleByteRepertoires } from './character-repertoire.js';

/** Text as bytes, with the value of (0008,0005) that says how to read them. */
export interface EncodedText {
  readonly bytes: Buffer;
  /** `undefined`: the default repertoire, nothing to declare. */
  readonly characterSet: string | undefined;
}

const defaultCandidates: readonly string[] = ['ISO_IR 100', 'ISO_IR 192'];

// eslint-disable-next-line no-control-regex -- ASCII is what it looks for; ESC begins an escape sequence and is no character
const asciiText = /^[\x00-\x1A\x1C-\x7F]*$/;

/** Whether `text` needs no character set declared. */
export function isAsciiText(text: string): boolean {
  return asciiText.test(text);
}

let gbkCodes: Map<string, number> | undefined;

/** The two-byte characters of GBK, which GB18030 shares; made on first use (24,000 entries). */
function gbkTable(): ReadonlyMap<string, number> {
  if (gbkCodes !== undefined) return gbkCodes;
  const decoder = new TextDecoder('gbk');
  const codes = new Map<string, number>();
  for (let lead = 0x81; lead <= 0xfe; lead++) {
    for (let trail = 0x40; trail <= 0xfe; trail++) {
      const character = decoder.decode(Uint8Array.of(lead, trail));
      if (trail !== 0x7f && !character.includes('\uFFFD')) codes.set(character, (lead << 8) | trail);
    }
  }
  return (gbkCodes = codes);
}

function encodeGbk(text: string): Buffer | undefined {
  const codes = gbkTable();
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.charCodeAt(0) < 0x80 ? character.charCodeAt(0) : codes.get(character);
    if (code === undefined) return undefined;
    if (code > 0xff) bytes.push(code >> 8, code & 0xff);
    else bytes.push(code);
  }
  return Buffer.from(bytes);
}

/** ISO-IR 13 and 14. The yen sign cannot be written: its code is the delimiter of values. */
function encodeJisX0201(text: string): Buffer | undefined {
  const bytes = Buffer.allocUnsafe(text.length);
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x203e) bytes[index] = 0x7e;
    else if (code < 0x80 && code !== 0x7e) bytes[index] = code;
    else if (code >= 0xff61 && code <= 0xff9f) bytes[index] = code - 0xff61 + 0xa1;
    else return undefined;
  }
  return bytes;
}

function encodeAs(text: string, term: string): Buffer | undefined {
  if (term === 'ISO_IR 192') return Buffer.from(text, 'utf8');
  if (term === 'GB18030' || term === 'GBK') return encodeGbk(text);
  const number = /^(?:ISO_IR|ISO 2022 IR) (\d+)$/.exec(term)?.[1];
  if (number === undefined) return undefined;
  return number === '13' ? encodeJisX0201(text) : singleByteRepertoires.get(Number(number))?.encode(text);
}

/**
 * `text` in the first of ASCII and the `candidates` that holds all of it; backslashes are delimiters.
 *
 * Candidates that this gateway can read but not write (the ISO 2022 double-byte sets) are passed over.
 *
 * @param candidates terms of (0008,0005), best first; ISO_IR 100, then ISO_IR 192 when left out
 * @throws GatewayError `bad-request` when none of them holds it, or when it has an escape character
 * @see PS3.4 C.4.1.1.3.1
 */
export function encodeText(text: string, candidates: readonly string[] = defaultCandidates): EncodedText {
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
