/** What XML 1.0 cannot say even by a reference, and what it can; C0 and C1 are both Cc. */
const notable = /[&<>"\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu;
const lastC0 = 0x1f;
const replacement = '\uFFFD';

const references: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '\r': '&#13;',
};

function escapeNotable(character: string): string {
  const reference = references[character];
  if (reference !== undefined) return reference;
  const code = character.charCodeAt(0);
  const isForbidden = code <= lastC0 || code >= 0xd800;
  return isForbidden && character !== '\t' && character !== '\n' ? replacement : character;
}

/**
 * `text` as the content of an element that keeps its white space.
 *
 * Characters that XML 1.0 does not have become U+FFFD. A line that begins with two hyphens has its break as a
 * reference, so that no text within a part can be taken for the delimiter of the multipart body around it.
 *
 * @see XML 1.0 2.2, 2.4, 2.11
 */
export function escapeXmlText(text: string): string {
  return text.replace(notable, (character: string, at: number) =>
    character === '\n' && text.startsWith('--', at + 1) ? '&#10;' : escapeNotable(character),
  );
}

/** `text` between double quotes, white space that a parser would make spaces of included. @see XML 1.0 3.3.3 */
export function escapeXmlAttribute(text: string): string {
  return text.replace(notable, (character: string) => {
    if (character === '"') return '&quot;';
    return character === '\t' || character === '\n'
      ? `&#${character.charCodeAt(0)};`
      : escapeNotable(character);
  });
}
