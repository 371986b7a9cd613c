/**
 * Characters that are one in the standards of Japan, Korea and China, and two in Unicode: its own tables of those standards
 * have the first, the tables that decoders use, Microsoft's, the second.
 */
const pairs: readonly (readonly [string, string])[] = [
  ['\u301C', '\uFF5E'], // wave dash, full-width tilde
  ['\u2212', '\uFF0D'], // minus sign, full-width hyphen-minus
  ['\u2016', '\u2225'], // double vertical line, parallel to
  ['\u2014', '\u2015'], // em dash, horizontal bar
  ['\u00A2', '\uFFE0'], // cent sign
  ['\u00A3', '\uFFE1'], // pound sign
  ['\u00AC', '\uFFE2'], // not sign
  ['\u00A6', '\uFFE4'], // broken bar
];
const twins: ReadonlyMap<string, string> = new Map(
  pairs.flatMap(([one, other]) => [
    [one, other],
    [other, one],
  ]),
);
const folded: ReadonlyMap<string, string> = new Map(pairs);
const foldable = new RegExp(`[${pairs.map(([one]) => one).join('')}]`, 'g');

/** The other code point of a character that has two. */
export function twinOf(character: string): string | undefined {
  return twins.get(character);
}

/** `text` with one code point for each of those characters: whoever compares texts sees no difference in them. */
export function foldTwins(text: string): string {
  return text.replace(foldable, (one) => folded.get(one) ?? one);
}
