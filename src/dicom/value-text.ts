import { decodeValues } from './character-set.js';
import type { Vr } from './vr.js';

const space = 0x20;

/** Spaces in front are padding in these; elsewhere they are text (PS3.5 6.2). */
const leadingKept: ReadonlySet<Vr> = new Set(['LT', 'ST', 'UC', 'UR', 'UT']);

/** `text` without the `characters` at its end; a regular expression would look at a run inside of it again and again. */
export function trimTrailing(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** `value` without its padding: spaces, and NULs whoever wrote them. */
export function trimValue(value: string, vr: Vr): string {
  let end = value.length;
  while (end > 0 && (value.charCodeAt(end - 1) === space || value.charCodeAt(end - 1) === 0)) end--;
  let start = 0;
  if (!leadingKept.has(vr)) while (start < end && value.charCodeAt(start) === space) start++;
  return start === 0 && end === value.length ? value : value.slice(start, end);
}

/** The values of a text element without padding; `[]` when it has none. */
export function textValues(bytes: Buffer, characterSet: readonly string[], vr: Vr): readonly string[] {
  const values = decodeValues(bytes, characterSet, vr).map((value) => trimValue(value, vr));
  return values.length === 1 && values[0] === '' ? [] : values;
}
