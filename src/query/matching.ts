/** Attribute matching of PS3.4 C.2.2.2 as the exact filter over what a peer returned. */
import { isPrivateTag, Tags, textValues, vrTraits, type Dataset, type Tag, type Vr } from '../dicom/index.js';
import type { MatchingKey } from '../dicomweb/index.js';
import { planDateTime } from './date-time.js';
import type { DateTimePolicy } from './date-time-form.js';
import { planDateTimeValue } from './date-time-value.js';
import { nameTest } from './name-test.js';
import { isTextVr, matchesPattern, normalText } from './pattern.js';
import { every, some, type Verdict } from './verdict.js';
import { unreadable } from './wildcards.js';
import type { Zones } from './zone.js';

/** How the filter decides where the standard leaves a choice, and what it must know of the request. */
export interface MatchingOptions {
  readonly dateTime: DateTimePolicy;
  readonly zones?: Zones;
  /** A list of values asks for all of them, not for any. */
  readonly multipleValueMatching?: boolean;
  /** `""` asks for entities without a value. */
  readonly emptyValueMatching?: boolean;
  /** The peer knows lists of values that must all be there: they are sent whole. */
  readonly sendsMultipleValue?: boolean;
  /** The peer knows `""`: it is sent, and an empty value is one that matches. */
  readonly sendsEmptyValue?: boolean;
  /** Names that are only similar match: what the peer returned is not looked at again. */
  readonly fuzzyMatching?: boolean;
  /** Whether the peer must support the attribute as a key: then an empty value is an unknown one. */
  readonly isRequired?: (tag: Tag) => boolean;
  /** Whether the peer is known to return the attribute where there is a value: then an empty one is none. */
  readonly isReturned?: ((tag: Tag) => boolean) | undefined;
  /** Whether the peer was asked for more than the key means, so that even a name must be filtered. */
  readonly isWidened?: (key: MatchingKey) => boolean;
}

/** Judges one element, or one sequence, of an entity. */
export type Matcher = (row: Dataset) => Verdict;

/**
 * Judges `row` by one key: a value that was not returned is `unverified`, an empty one is unknown.
 *
 * @see PS3.4 C.2.2.2
 */
export function matches(row: Dataset, key: MatchingKey, options: MatchingOptions): Verdict {
  return createMatcher([key], options)(row);
}

/**
 * A filter for keys that share their first tag: one key of an attribute, or all paths into one sequence, which
 * are matched item by item.
 *
 * @throws GatewayError `bad-request` for a malformed date, time or range.
 * @see PS3.4 C.2.2.2.6
 */
export function createMatcher(keys: readonly MatchingKey[], options: MatchingOptions): Matcher {
  return matcherAt(keys, 0, options);
}

/** Keys in groups that share the tag at `depth` of their paths. */
export function groupByTag(
  keys: readonly MatchingKey[],
  depth = 0,
): ReadonlyMap<Tag, readonly MatchingKey[]> {
  const groups = new Map<Tag, MatchingKey[]>();
  for (const key of keys) {
    const tag = key.path[depth];
    if (tag === undefined) continue;
    const group = groups.get(tag);
    if (group === undefined) groups.set(tag, [key]);
    else group.push(key);
  }
  return groups;
}

function matcherAt(keys: readonly MatchingKey[], depth: number, options: MatchingOptions): Matcher {
  const parts: Matcher[] = [];
  const deeper: MatchingKey[] = [];
  for (const key of keys) {
    if (key.path.length > depth + 1) deeper.push(key);
    else if (!isUniversal(key)) parts.push(valueMatcher(key, options));
  }
  const constrained = deeper.filter((key) => !isUniversal(key));
  const [first] = constrained;
  const tag = first?.path[depth];
  if (tag !== undefined) parts.push(sequenceMatcher(tag, constrained, depth, options));
  return (row) => every(parts.map((part) => part(row)));
}

/** Whether `key` restricts nothing: no value, or wildcards alone. */
export function isUniversal(key: MatchingKey): boolean {
  return key.value === '' || (isTextVr(key.vr) && /^\*+$/.test(key.value));
}

/** Whether `key` asks for entities without a value. @see PS3.4 C.2.2.2.7 */
export function asksForEmpty(key: MatchingKey, { emptyValueMatching }: Partial<MatchingOptions>): boolean {
  return emptyValueMatching === true && key.value === '""';
}

function sequenceMatcher(
  tag: Tag,
  keys: readonly MatchingKey[],
  depth: number,
  options: MatchingOptions,
): Matcher {
  // What is known to come is known of the attribute itself, not of one of this tag in an item.
  const inItems = { ...options, isReturned: undefined };
  const within = [...groupByTag(keys, depth + 1).values()].map((group) =>
    matcherAt(group, depth + 1, inItems),
  );
  return (row) => {
    if (!row.has(tag)) return 'unverified';
    const items = row.items(tag);
    if (items.length === 0) return judgeEmpty(tag, options);
    return some(items.map((item) => every(within.map((matcher) => matcher(item)))));
  };
}

/**
 * An empty value of a key that the peer must support is unknown, and matches as the policy says; of any other it is no match
 * where the peer is known to return what there is, else it may mean that the peer passed the key over.
 */
function judgeEmpty(tag: Tag, { dateTime, isRequired, isReturned }: MatchingOptions): Verdict {
  if (isRequired?.(tag) !== true) return isReturned?.(tag) === true ? 'no-match' : 'unverified';
  return dateTime.unknown === 'exclude' ? 'no-match' : 'match';
}

function valueMatcher(key: MatchingKey, options: MatchingOptions): Matcher {
  const tag = key.path.at(-1) ?? 0;
  if (asksForEmpty(key, options)) return emptyMatcher(tag, options);
  if (key.vr === 'PN') return nameMatcher(key, tag, options);
  if (key.vr === 'DA' || key.vr === 'TM') return dateOrTimeMatcher(key, tag, options);
  if (key.vr === 'DT') {
    const { verdict } = planDateTimeValue(key.value, options.dateTime, options.zones);
    return (row) => {
      const zone = row.string(Tags.TimezoneOffsetFromUTC);
      return anyStored(row, tag, (stored) => verdict(stored, zone));
    };
  }
  const test = valueTest(key, options);
  return (row) => {
    const element = row.get(tag);
    if (element === undefined) return 'unverified';
    if (element.value.length === 0) return judgeEmpty(tag, options);
    const values = storedValues(row, element).filter((value) => value !== '');
    // Nothing readable: blanks alone are empty, bytes of a VR without text cannot be compared.
    if (values.length === 0)
      return Buffer.isBuffer(element.value) && isTextVr(element.vr) ? judgeEmpty(tag, options) : 'unverified';
    return test(values);
  };
}

/**
 * An empty value matches where the peer must know the attribute, or is known to return it. Of any other it may mean that the
 * peer does not, and what was not returned may have a value.
 */
function emptyMatcher(tag: Tag, { isRequired, isReturned, sendsEmptyValue }: MatchingOptions): Matcher {
  return (row) => {
    const element = row.get(tag);
    if (element === undefined) return 'unverified';
    const isBlank = vrTraits(element.vr).text && row.strings(tag).every((value) => value === '');
    if (element.value.length > 0 && !isBlank) return 'no-match';
    const isTold = sendsEmptyValue === true || isRequired?.(tag) === true || isReturned?.(tag) === true;
    return isTold ? 'match' : 'unverified';
  };
}

/**
 * Peers match names by rules of their own, so a name is never filtered more strictly than they did. One that is
 * nothing like what was asked for is kept and said to be unchecked: PixelMed lists nearly everything for a name in letters
 * that it does not know. One that was asked for in a wider form is judged here.
 */
function nameMatcher(key: MatchingKey, tag: Tag, options: MatchingOptions): Matcher {
  const isLike = key.values.map((value) => nameTest(value));
  const isWidened = options.isWidened?.(key) === true;
  // Where the peer was not asked for all of the values they are all looked for here.
  const least = isWidened && options.multipleValueMatching === true ? isLike.length : 1;
  return (row) => {
    const element = row.get(tag);
    if (element === undefined) return 'unverified';
    const values = row.strings(tag).filter((value) => value !== '');
    if (values.length === 0) return judgeEmpty(tag, options);
    const found = isLike.filter((test) => values.some(test)).length;
    if (found >= least) return 'match';
    // Where similar names match, nothing here can tell: it is not left out, and said to be unchecked.
    const isReadable = values.every((value) => !value.includes(unreadable));
    if (isWidened) return options.fuzzyMatching === true || !isReadable ? 'unverified' : 'no-match';
    return options.fuzzyMatching === true ? 'match' : 'unverified';
  };
}

/** A date or time without its partner, such as one within a sequence, of which nobody knows whether it has a value. */
function dateOrTimeMatcher(key: MatchingKey, tag: Tag, options: MatchingOptions): Matcher {
  const isDate = key.vr === 'DA';
  const { verdict } = planDateTime(
    isDate ? key.value : '',
    isDate ? '' : key.value,
    options.dateTime,
    options.zones,
  );
  return (row) => {
    const zone = row.string(Tags.TimezoneOffsetFromUTC);
    return anyStored(row, tag, (stored) =>
      isDate ? verdict(stored, undefined, zone) : verdict(undefined, stored, zone),
    );
  };
}

/** The verdict on the value; of several values one is enough. */
function anyStored(row: Dataset, tag: Tag, judge: (stored: string | undefined) => Verdict): Verdict {
  const values = row.strings(tag).filter((value) => value !== '');
  return values.length > 1 ? some(values.map(judge)) : judge(storedText(row, tag));
}

/**
 * All values as text. A private attribute, and its creator too, comes as UN from peers that do not know its VR, or have it
 * from those that send none: it is matched as text, unless it cannot be any.
 *
 * @see PS3.5 6.2.2, 7.8.1
 */
function storedValues(
  row: Dataset,
  { tag, vr, value }: NonNullable<ReturnType<Dataset['get']>>,
): readonly string[] {
  if (vr !== 'UN' || !isPrivateTag(tag) || !Buffer.isBuffer(value)) return row.strings(tag);
  const values = textValues(value, row.characterSet, 'LO').map((text) => text.replace(/[\0 ]+$/, ''));
  return values.some((text) => /\p{Cc}/u.test(text)) ? [] : values;
}

/** `''` when the element is there without a value, `undefined` when it is not there. */
export function storedText(row: Dataset, tag: Tag): string | undefined {
  return row.string(tag) ?? (row.has(tag) ? '' : undefined);
}

type ValueTest = (stored: readonly string[]) => Verdict;

function valueTest(key: MatchingKey, { multipleValueMatching }: MatchingOptions): ValueTest {
  const tests = key.values.filter((value) => value !== '').map((value) => singleTest(value, key.vr));
  const judge = multipleValueMatching === true && key.vr !== 'UI' ? every : some;
  const whole = normalText(key.value, key.vr);
  return (stored) => {
    if (stored.length > 1 && normalText(stored.join('\\'), key.vr) === whole) return 'match';
    return judge(tests.map((test) => some(stored.map(test))));
  };
}

function singleTest(asked: string, vr: Vr): (stored: string) => Verdict {
  if (isTextVr(vr)) return matchesPattern(normalText(asked, vr), vr);
  const isSame = isNumericVr(vr) ? numberTest(asked, vr) : () => false;
  return (stored) => (stored === asked || isSame(stored) ? 'match' : 'no-match');
}

const numericVrs: ReadonlySet<Vr> = new Set(['DS', 'FD', 'FL', 'IS', 'SL', 'SS', 'SV', 'UL', 'US', 'UV']);

/** Whether values of `vr` are numbers, as text or in bytes. */
export function isNumericVr(vr: Vr): boolean {
  return numericVrs.has(vr);
}

const wholeNumber = /^[+-]?\d{1,40}$/;

/** `007` and `7` are one number; peers compare either way (CP-2305), so both match here. */
function numberTest(asked: string, vr: Vr): (stored: string) => boolean {
  // Of more digits than a double has.
  const whole = wholeNumber.test(asked) ? BigInt(asked) : undefined;
  const read = vr === 'FL' ? (text: string) => Math.fround(Number(text)) : Number;
  const number = read(asked);
  return (stored) =>
    whole !== undefined && wholeNumber.test(stored) ? BigInt(stored) === whole : read(stored) === number;
}
