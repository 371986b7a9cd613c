/** Values that no character set of the peer holds: asked for by wildcards, and filtered here. */
import { GatewayError } from '../core/index.js';
import {
  attributeByTag,
  defaultCharacterSets,
  formatTag,
  holdsText,
  isAsciiText,
  seenSetsWith,
  unencodable,
  usualCharacterSets,
  type Vr,
} from '../dicom/index.js';
import type { MatchingKey } from '../dicomweb/index.js';

/** What to do with a character that the peer cannot be sent: ask for any in its place, or refuse the search. */
export type UnencodablePolicy = 'wildcard' | 'reject';

/** Keys in characters that the peer reads. */
export interface FittedKeys {
  /** What is sent; never asks for less than the request does. */
  readonly sent: readonly MatchingKey[];
  /** The keys of the request that are sent in a wider form: the filter must judge them, names too. */
  readonly widened: ReadonlySet<MatchingKey>;
}

/**
 * Writes keys so that one of `characterSets` holds them: a `*` stands for what it lacks. One `?` for each character would
 * ask for less where a peer compares bytes, as dcmqrscp does. Of a list of values that must all match, those that the
 * set holds are asked for.
 *
 * @throws GatewayError `bad-request` when the policy is to refuse.
 * @see PS3.4 C.2.2.2.4, C.4.1.1.3.1
 */
export function fitKeys(
  keys: readonly MatchingKey[],
  characterSets: readonly string[] = defaultCharacterSets,
  policy: UnencodablePolicy = 'wildcard',
): FittedKeys {
  const isEncoded = keys.some(({ value }) => /[^ -~]/.test(value));
  // Where a set is declared it is that of all keys, and ISO-IR 13 reads a tilde as something else.
  const encoded = isEncoded ? keys.filter(({ value }) => /[^ -}]/.test(value)) : [];
  const missing = leastMissing(encoded.map(({ value }) => composed(value)).join(''), characterSets);
  const widened = new Set(encoded.filter(({ value }) => holdsAny(value, missing)));
  const [first] = widened;
  if (first !== undefined && policy === 'reject') {
    const tag = first.path.at(-1) ?? 0;
    const name = attributeByTag(tag)?.keyword ?? formatTag(tag);
    throw new GatewayError(
      'bad-request',
      `${name} holds characters that cannot be written in the character sets the archive takes.`,
    );
  }
  return { sent: keys.map((key) => (encoded.includes(key) ? rewrite(key, missing) : key)), widened };
}

/**
 * The sets in which the text of `keys` is to be asked for one after the other: the first of `characterSets` that anybody
 * would write it in, and each that was `seen` and holds it, for archives that compare bytes. None for ASCII.
 *
 * @see PS3.4 C.4.1.1.3.1
 */
export function setsToAsk(
  keys: readonly MatchingKey[],
  characterSets: readonly string[] = defaultCharacterSets,
  seen: readonly string[] = [],
): readonly string[] {
  if (keys.every(({ value }) => isAsciiText(value))) return [];
  const text = keys.flatMap(({ value }) => (/[^ -}]/.test(value) ? value : [])).join('\\');
  const first = usualCharacterSets(text, characterSets).find((terms) => holdsText(text, terms));
  return [...new Set([...(first === undefined ? [] : [first]), ...seenSetsWith(text, seen)])];
}

/** Sets in which a character may have several bytes. */
const severalBytes = /^(ISO_IR 192|GB18030|GBK)$|ISO 2022 IR (58|87|149|159)/;
/** The values that have such characters. @see PS3.5 6.2 */
const encodedVrs: ReadonlySet<Vr> = new Set(['LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UT']);

/** What is known of the peer. */
interface SinglesOptions {
  readonly fuzzyMatching: boolean;
  readonly characterSets: readonly string[] | undefined;
  readonly seenCharacterSets: readonly string[] | undefined;
}

/**
 * The key with `*` for each `?`, where the peer is known to have text in a set of several bytes for a character: one that
 * compares bytes takes `?` for one of them. Names that are only similar no filter could find among more.
 *
 * @see PS3.4 C.2.2.2.4
 */
export function withoutSingles(key: MatchingKey, options: SinglesOptions): MatchingKey {
  if (options.fuzzyMatching && key.vr === 'PN') return key;
  const known = options.seenCharacterSets ?? options.characterSets ?? [];
  const isPattern = encodedVrs.has(key.vr) && key.values.length === 1 && key.value.includes('?');
  if (!isPattern || !known.some((terms) => severalBytes.test(terms))) return key;
  const value = key.value.replaceAll('?', '*').replace(/\*+/g, '*');
  return { ...key, value, values: [value] };
}

/** The characters of `text` that the best of the sets lacks; the earlier one of equals is the best. */
function leastMissing(text: string, characterSets: readonly string[]): ReadonlySet<string> {
  let least: ReadonlySet<string> | undefined;
  for (const characterSet of characterSets) {
    const missing = unencodable(text, characterSet);
    if (missing.size === 0) return missing;
    if (least === undefined || missing.size < least.size) least = missing;
  }
  return least ?? unencodable(text, 'ISO_IR 6');
}

/** Clients of some systems send letters and accents apart, which no archive is known to store. */
function composed(text: string): string {
  return text.normalize('NFC');
}

function holdsAny(text: string, characters: ReadonlySet<string>): boolean {
  return characters.size > 0 && Array.from(composed(text)).some((character) => characters.has(character));
}

function rewrite(key: MatchingKey, missing: ReadonlySet<string>): MatchingKey {
  if (key.values.length > 1) {
    // Wildcards have no place in a list, and one value of it is all that is sent.
    const values = key.values.filter((value) => !holdsAny(value, missing)).map(composed);
    return { ...key, value: values.join('\\'), values: values.length === 0 ? [''] : values };
  }
  const value = Array.from(composed(key.value), (one) => (missing.has(one) ? '*' : one)).join('');
  const pattern = value.replace(/\*+/g, '*');
  return { ...key, value: pattern, values: [pattern] };
}
