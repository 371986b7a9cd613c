import { foldTwins } from '../dicom/index.js';
import { matchesPattern } from './pattern.js';

/** Case, accents and the separators of components are the peer's business. */
function fold(name: string): string {
  return (
    foldTwins(name)
      .normalize('NFKD')
      .replace(/\p{M}/gu, '')
      // Hangul has come apart as well, and is compared whole.
      .normalize('NFC')
      .toLowerCase()
      // As upper case writes it.
      .replace(/ß/g, 'ss')
      .replace(/[\^ ]+/g, ' ')
      .trim()
  );
}

/** Whether it surely matches; of what came unreadably nobody knows. */
function sureTest(pattern: string): (stored: string) => boolean {
  const test = matchesPattern(pattern, 'PN');
  return (stored) => test(stored) === 'match';
}

const parts = (name: string, separator: string): readonly string[] =>
  name
    .split(separator)
    .map(fold)
    .filter((part) => part !== '');

/** A group as a whole or one component, or each of its words wherever it stands. */
function groupTest(group: string): (candidates: readonly string[], words: readonly string[]) => boolean {
  const whole = sureTest(group);
  const each = group.split(' ').map((word) => sureTest(word));
  return (candidates, words) => candidates.some(whole) || each.every((test) => words.some(test));
}

/**
 * Whether a stored person name is one that a peer could mean by `asked`: every component group that is asked for is
 * found, in whatever group or component, case and order of words; of a name that has fewer groups one of them.
 *
 * Never stricter than a peer's own matching. @see PS3.4 C.2.2.2.1.1
 */
export function nameTest(asked: string): (stored: string) => boolean {
  const tests = parts(asked, '=').map(groupTest);
  const whole = sureTest(fold(asked));
  return (stored) => {
    const groups = parts(stored, '=');
    const candidates = [...groups, ...stored.split('=').flatMap((group) => parts(group, '^'))];
    const words = groups.flatMap((group) => group.split(' '));
    const found = tests.filter((test) => test(candidates, words)).length;
    return whole(fold(stored)) || found >= Math.min(tests.length, groups.length);
  };
}
