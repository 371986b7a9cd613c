import { foldTwins, type Vr } from '../dicom/index.js';
import type { Verdict } from './verdict.js';
import { mayMatch, unreadable, Wildcards } from './wildcards.js';

/** The value representations that match by wildcard. @see PS3.4 C.2.2.2.4 */
const textVrs: ReadonlySet<Vr> = new Set(['AE', 'CS', 'LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UR', 'UT']);
const leadingSpaceKept: ReadonlySet<Vr> = new Set(['LT', 'ST', 'UC', 'UR', 'UT']);

/** Whether values of `vr` match by wildcard. */
export function isTextVr(vr: Vr): boolean {
  return textVrs.has(vr);
}

/** Text as it is compared: without padding, one form for each character. */
export function normalText(text: string, vr: Vr): string {
  return foldTwins((leadingSpaceKept.has(vr) ? text.trimEnd() : text.trim()).normalize('NFC'));
}

/**
 * Wildcard matching, case-sensitive: `*` is any text, `?` any character (PS3.4 C.2.2.2.4).
 *
 * What came unreadably and may match is `unverified`: filtering by it would drop what the peer matched.
 */
export function matchesPattern(pattern: string, vr: Vr): (stored: string) => Verdict {
  const wildcards = /[*?]/.test(pattern) ? new Wildcards(pattern) : undefined;
  return (stored) => {
    const text = normalText(stored, vr);
    if (text === pattern || wildcards?.matches(text) === true) return 'match';
    return text.includes(unreadable) && mayMatch(pattern, text) ? 'unverified' : 'no-match';
  };
}
