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
