/** What a token says, as far as it is a group of names and values. */
export type Claims = Readonly<Record<string, unknown>>;

/** Values of one claim that are looked at. */
const MOST_VALUES = 200;
const MOST_CHARACTERS = 1000;

/** The value of a claim; a name with dots goes into claims of claims, unless there is one of just that name. */
function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let place: unknown = claims;
  for (const part of name.split('.')) {
    if (typeof place !== 'object' || place === null || !Object.hasOwn(place, part)) return undefined;
    place = (place as Claims)[part];
  }
  return place;
}

/** The texts of a claim: of a list each, of a number its digits; none where it is anything else. */
export function textsOf(claims: Claims, name: string): readonly string[] {
  const value = claimOf(claims, name);
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  return all.slice(0, MOST_VALUES).flatMap((one) => {
    const text = Number.isSafeInteger(one) ? String(one) : one;
    return typeof text === 'string' && text !== '' && text.length <= MOST_CHARACTERS ? [text] : [];
  });
}

/** The scopes in a claim: a list, or a text with blanks between. @see RFC 8693 4.2 */
export function scopesOf(claims: Claims, name: string): readonly string[] {
  const value = claimOf(claims, name);
  if (typeof value !== 'string') return textsOf(claims, name);
  return value.split(' ', MOST_VALUES).filter((scope) => scope !== '');
}
