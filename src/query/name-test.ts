import { matchesPattern } from './pattern.js';

/** Case, accents and the separators of components are the peer's business. */
function fold(name: string): string {
  return (
    name
      .normalize('NFKD')
      .replace(/\p{M}/gu, '')
      // Hangul has come apart as well, and is compared whole.
      .normalize('NFC')
      .toLowerCase()
      .replace(/[\^ ]+/g, ' ')
      .trim()
  );
}

const parts = (name: string, separator: string): readonly string[] =>
  name
    .split(separator)
    .map(fold)
    .filter((part) => part !== '');

/**
 * Whether a stored person name is one that a peer could mean by `asked`: every component group that is asked for is
 * found, as a group or a component of it, whatever the case and the accents.
 *
 * For names that were asked for more widely than the request does; never stricter than a peer's own matching.
 */
export function nameTest(asked: string): (stored: string) => boolean {
  const tests = parts(asked, '=').map((group) => matchesPattern(group, 'PN'));
  const whole = matchesPattern(fold(asked), 'PN');
  return (stored) => {
    const candidates = [...parts(stored, '='), ...stored.split('=').flatMap((group) => parts(group, '^'))];
    return whole(fold(stored)) || tests.every((test) => candidates.some(test));
  };
}
