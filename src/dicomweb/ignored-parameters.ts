import type { QueryParameter } from './query-string.js';

/** Most parameters that a Warning names, and most characters of each. */
const mostNamed = 5;
const mostOfName = 32;

/**
 * The text of a Warning about parameters that mean nothing here, if there are any.
 *
 * It names what was ignored, in letters that a header can hold, and never a value; a name without one is not told either,
 * for it may be the rest of a value.
 */
export function ignoredWarnings(unknown: readonly QueryParameter[]): readonly string[] {
  if (unknown.length === 0) return [];
  const names = unknown.map(({ name, isBare }) =>
    isBare || name === '' ? 'one without a name or a value' : printable(name),
  );
  const distinct = [...new Set(names)];
  const more = distinct.length - mostNamed;
  const list = distinct.slice(0, mostNamed).join(', ') + (more > 0 ? ` and ${more} more` : '');
  return [`What is neither a supported parameter nor an attribute was ignored: ${list}`];
}

function printable(name: string): string {
  const characters = Array.from(name);
  const shown = characters.slice(0, mostOfName).map((one) => (/^[\w:[\]-]$/.test(one) ? one : '?'));
  return shown.join('') + (characters.length > mostOfName ? '...' : '');
}
