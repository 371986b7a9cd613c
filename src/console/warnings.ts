/** The texts of a `Warning` header. @see RFC 7234 5.5 */
export function warningTexts(header: string | null): readonly string[] {
  if (header === null) return [];
  const quoted = [...header.matchAll(/\b\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)];
  if (quoted.length === 0) return [header];
  return quoted.map(([, text = '']) => text.replace(/\\(.)/g, '$1'));
}
