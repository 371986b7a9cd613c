/** Writing GBK and GB18030, by tables that are made of what the decoder reads when they are first used. */
import { TextDecoder } from 'node:util';

import { twinOf } from './character-twins.js';

type Codes = ReadonlyMap<string, number>;

let twoByteCodes: Codes | undefined;
let fourByteCodes: Codes | undefined;

/** The two-byte characters of GBK, which GB18030 shares: 24,000 entries. */
function twoBytes(): Codes {
  if (twoByteCodes !== undefined) return twoByteCodes;
  const decoder = new TextDecoder('gb18030');
  const codes = new Map<string, number>();
  for (let lead = 0x81; lead <= 0xfe; lead++) {
    for (let trail = 0x40; trail <= 0xfe; trail++) {
      const character = decoder.decode(Uint8Array.of(lead, trail));
      // A3A0H, which the standard leaves free, is read as a space as well: the first code is the character's own.
      const isOne = trail !== 0x7f && !character.includes('\uFFFD') && !codes.has(character);
      if (isOne) codes.set(character, (lead << 8) | trail);
    }
  }
  return (twoByteCodes = codes);
}

/** How many four-byte codes stand for the characters of the Basic Multilingual Plane, from 81308130H on. */
const basicPlane = 39_420;
/** The place of 90308130H, U+10000, among the four-byte codes. */
const supplementary = 189_000;

/** Four bytes count by 10, 126, 10 and 126. */
function fourBytesAt(place: number): readonly number[] {
  return [
    0x81 + Math.floor(place / 12_600),
    0x30 + (Math.floor(place / 1_260) % 10),
    0x81 + (Math.floor(place / 10) % 126),
    0x30 + (place % 10),
  ];
}

/** The places of the four-byte characters of the Basic Multilingual Plane. */
function fourBytes(): Codes {
  if (fourByteCodes !== undefined) return fourByteCodes;
  const decoder = new TextDecoder('gb18030');
  const codes = new Map<string, number>();
  for (let place = 0; place < basicPlane; place++) {
    const character = decoder.decode(Uint8Array.from(fourBytesAt(place)));
    if (!character.includes('\uFFFD')) codes.set(character, place);
  }
  return (fourByteCodes = codes);
}

function codeOf(character: string, set: 'GBK' | 'GB18030'): readonly number[] | undefined {
  const point = character.codePointAt(0) ?? 0;
  if (point < 0x80) return [point];
  // GB18030 has a code for either of two that are one in GBK.
  const pair =
    twoBytes().get(character) ?? (set === 'GBK' ? twoBytes().get(twinOf(character) ?? '') : undefined);
  if (pair !== undefined) return [pair >> 8, pair & 0xff];
  if (set === 'GBK') return undefined;
  const place = point >= 0x10000 ? supplementary + point - 0x10000 : fourBytes().get(character);
  return place === undefined ? undefined : fourBytesAt(place);
}

/** The bytes of `text`, or `undefined` when a character is not in the set; GBK is GB18030 without its four-byte codes. */
export function encodeGb18030(text: string, set: 'GBK' | 'GB18030'): Buffer | undefined {
  const bytes: number[] = [];
  for (const character of text) {
    const code = codeOf(character, set);
    if (code === undefined) return undefined;
    bytes.push(...code);
  }
  return Buffer.from(bytes);
}
