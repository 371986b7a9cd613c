import type { Vr } from '../dicom/index.js';

/** The value representations that match by wildcard. @see PS3.4 C.2.2.2.4 */
const textVrs: ReadonlySet<Vr> = new Set(['AE', 'CS', 'LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UR', 'UT']);
const leadingSpaceKept: ReadonlySet<Vr> = new Set(['LT', 'ST', 'UC', 'UR', 'UT']);

/** What a decoder writes for bytes that it cannot read. */
const unreadable = '\uFFFD';

/** Whether values of `vr` match by wildcard. */
export function isTextVr(vr: Vr): boolean {
  return textVrs.has(vr);
}

/** Text as it is compared: without padding, one form for each character. */
export function normalText(text: string, vr: Vr): string {
  return (leadingSpaceKept.has(vr) ? text.trimEnd() : text.trim()).normalize('NFC');
}

/**
 * Wildcard matching, case-sensitive: `*` is any text, `?` any character (PS3.4 C.2.2.2.4).
 *
 * A character that the peer sent unreadably equals any: filtering on it would drop what the peer matched.
 */
export function matchesPattern(pattern: string, vr: Vr): (stored: string) => boolean {
  const characters = Array.from(pattern);
  const isLiteral = !/[*?]/.test(pattern);
  return (stored) => {
    const text = normalText(stored, vr);
    if (text === pattern) return true;
    if (isLiteral && !text.includes(unreadable)) return false;
    return matchesFrom(characters, Array.from(text));
  };
}

/**
 * Whether a name is like a pattern: without regard to case, accents, and which component or group a part stands in.
 *
 * @see PS3.4 C.2.2.2.1.1
 */
export function resemblesName(pattern: string): (stored: string) => boolean {
  const wanted = nameGroups(pattern).map((group) => ({ group, words: group.split(' ') }));
  return (stored) => {
    const groups = nameGroups(stored);
    const words = groups.flatMap((group) => group.split(' '));
    return wanted.some(
      (one) => matchesAny(one.group, groups) || one.words.every((word) => matchesAny(word, words)),
    );
  };
}

/** The component groups of a name in small letters without accents, their components as words. */
function nameGroups(name: string): readonly string[] {
  const plain = name.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  return plain
    .split('=')
    .map((group) => group.replace(/[\^\s]+/g, ' ').trim())
    .filter((group) => group !== '');
}

function matchesAny(pattern: string, texts: readonly string[]): boolean {
  const characters = Array.from(pattern);
  return texts.some((text) => matchesFrom(characters, Array.from(text)));
}

/** Goes back to the last `*` alone, so the work is at most pattern length x text length. */
function matchesFrom(pattern: readonly string[], text: readonly string[]): boolean {
  let position = 0;
  let inText = 0;
  let star = -1;
  let afterStar = 0;
  while (inText < text.length) {
    const wanted = pattern[position];
    if (wanted === '*') {
      star = position++;
      afterStar = inText;
    } else if (
      wanted !== undefined &&
      (wanted === '?' || wanted === text[inText] || text[inText] === unreadable)
    ) {
      position++;
      inText++;
    } else if (star >= 0) {
      position = star + 1;
      inText = ++afterStar;
    } else {
      return false;
    }
  }
  while (pattern[position] === '*') position++;
  return position === pattern.length;
}
