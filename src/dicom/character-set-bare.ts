/**
 * Patterns for archives that compare the bytes of text in a set with code extension.
 *
 * A part of a run of double-byte characters has other escape sequences around it than the run: what is written by the
 * standard is found where the run begins and ends with it alone.
 */
import { registration } from './character-set.js';
import { encodeIso2022 } from './character-iso2022-encode.js';

// eslint-disable-next-line no-control-regex -- ESC begins what designates a set
const designation = /\x1B[$()-]{1,2}[A-Za-z]/g;
/** Bytes that are not what they look like, in a pattern or between values and components. */
const misread = /[*?\\^=]/g;
const extended = /[^\0-\x7F]/;

/** Whether `text` begins or ends a run of characters beyond ASCII with a wildcard, and the set has escape sequences there. */
export function isCutInRun(text: string, characterSet: string): boolean {
  const isTouched = /[*?][^\0-\x7F]|[^\0-\x7F][*?]/.test(text);
  return isTouched && characterSet.includes('\\');
}

/**
 * The codes of `text` in a set with code extension, each byte as the character of ISO-IR 100 that has it, with `*` in place of
 * escape sequences and of what would be misread; undefined where the set does not hold it.
 *
 * @see PS3.5 6.1.2.5
 */
export function bareCodes(text: string, characterSet: string): string | undefined {
  const numbers = characterSet.split('\\').map((term) => registration(term));
  const known = numbers.filter((number) => number !== undefined);
  if (known.length < numbers.length) return undefined;
  let last: string | undefined;
  let pattern = '';
  for (const character of text.normalize('NFC')) {
    const [set, codes] = extended.test(character)
      ? bareCode(character, known)
      : ['', character.replace('?', '*')];
    if (codes === undefined) return undefined;
    pattern += set === last ? codes : `${last === undefined && set === '' ? '' : '*'}${codes}`;
    last = set;
  }
  return `${pattern}${last === '' ? '' : '*'}`.replace(/\*+/g, '*');
}

function bareCode(
  character: string,
  numbers: readonly number[],
): readonly [set: string, codes: string | undefined] {
  const bytes = encodeIso2022(character, numbers)?.toString('latin1');
  const [set = 'first'] = bytes?.match(designation) ?? [];
  return [set, bytes?.replace(designation, '').replace(misread, '*')];
}
