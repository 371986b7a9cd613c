/** One C-FIND of a search: its identifier and the exact filter over its rows. */
import {
  bareCodes,
  defaultCharacterSets,
  isAsciiText,
  isCutInRun,
  Tags,
  type Dataset,
  type Tag,
} from '../dicom/index.js';
import type { MatchingKey } from '../dicomweb/index.js';
import { chooseAsking, type DateTimeAsking } from './date-time-choice.js';
import { isZoneUnknown } from './date-time-filter.js';
import { planDateTime } from './date-time.js';
import { fitKeys, setsToAsk, withoutSingles } from './encodable.js';
import {
  dateTimePairs,
  requiredKeys,
  uniqueKeyTags,
  type DateTimePair,
  type LevelPlace,
  type QueryLevel,
} from './levels.js';
import { mayFindTooLittle } from './narrow-keys.js';
import {
  asksForEmpty,
  createMatcher,
  groupByTag,
  isUniversal,
  storedText,
  type Matcher,
} from './matching.js';
import { isTextVr } from './pattern.js';
import { hasValue } from './returned-keys.js';
import { requireUniqueKey } from './row.js';
import { buildIdentifier, type IdentifierPart } from './step-identifier.js';
import type { ParentKeys, PlannedPair, StepOptions, StepPart } from './step-options.js';
import type { Verdict } from './verdict.js';
import type { Zones } from './zone.js';

/** How a step asks for its dates and times, and whether a row is beside them. */
export interface DateSearch extends DateTimeAsking {
  readonly isBeside: (row: Dataset) => boolean;
}

/** One C-FIND of a search, run once for each row of the step before. */
export interface FindStep {
  readonly level: QueryLevel;
  /** The slices that the C-FIND can be divided into; undefined where no days are asked for that could be divided. */
  readonly dates: DateSearch | undefined;
  /**
   * The identifier below `parent`, with the hierarchical keys single-valued, for one slice of `dates`, the first
   * if none is given, some of `uids`, or all, and in one of `characterSets`; a new dataset each time.
   *
   * @throws GatewayError `internal` when `parent` lacks an entity above this level.
   */
  readonly identifier: (parent?: ParentKeys, part?: IdentifierPart) => Dataset;
  /** The character sets in which it is asked for one after the other, each of which holds its text; none where it is ASCII. */
  readonly characterSets: readonly string[];
  /** The same with wildcards in place of all that is not ASCII, and the exact filter. */
  readonly inAscii: () => FindStep;
  /** Whether it is asked so where the peer refuses a character set; not where the configuration says which it takes. */
  readonly mayBeRefused: boolean;
  /**
   * The same by the codes of a character set alone, without the escape sequences that a part of a text has and the whole has not
   * there, and the exact filter; undefined where a pattern of this step has none there.
   */
  readonly bare: (characterSet: string) => FindStep | undefined;
  /** The list of unique keys that is asked for, where there is one of several; of a relational step of any level. */
  readonly uids: readonly string[] | undefined;
  /** The unique key that such a list is of; that of the level where there is none. */
  readonly listTag: Tag;
  /** The UID of a row that such a list names it by. */
  readonly uidOf: (row: Dataset) => string | undefined;
  /** The exact post-filter of this level's keys; also refuses rows that belong to another entity than `parent`. */
  readonly accepts: (row: Dataset, parent?: ParentKeys) => boolean;
  /** Looks at a row of the peer for optional keys that are seen with a value for the first time; returns those of its level. */
  readonly seeReturned: (row: Dataset) => readonly Tag[];
  /** Whether an accepted row matches depends on whether the peer returns a key that is empty in it. */
  readonly isDoubtful: (row: Dataset) => boolean;
  /** The matching keys that an accepted row does not return, so that nobody can tell whether it matches. */
  readonly unverified: (row: Dataset) => readonly Tag[];
  /**
   * Attributes that the peer is not asked to match although it may be able to, and whether a row does not match for one of
   * them: how many it lists in vain is its cost.
   */
  readonly unasked: ReadonlySet<Tag>;
  readonly isInVain: (row: Dataset) => boolean;
  /** The attributes that have a key which restricts anything. */
  readonly constrained: ReadonlySet<Tag>;
  /** The filter of the keys of one attribute, for what was found out of it elsewhere; `match` where there is none. */
  readonly judge: (tag: Tag, found: Dataset) => Verdict;
  /**
   * The UID that a row is about.
   *
   * @throws GatewayError `peer-protocol` for a row that does not name its entity, or those above it that nothing else names.
   */
  readonly keyOf: (row: Dataset) => string;
}

interface Filter {
  readonly tag: Tag;
  /** The attribute to name when `row` cannot be verified. */
  readonly tagOf: (row: Dataset) => Tag;
  readonly matcher: Matcher;
}

/**
 * Plans one C-FIND; `above` are the levels that a relational one spans beside its own.
 *
 * @throws GatewayError `bad-request` for a malformed date, time or range.
 */
export function createStep(options: StepOptions, above: readonly StepOptions[] = []): FindStep {
  // One identifier tells one zone, to the keys of all of its levels.
  const announcedZone = [...above, options]
    .map((one) => one.announcedZone)
    .find((zone) => zone !== undefined);
  const parts = [...above, options].map((one) => planPart({ ...one, announcedZone }));
  const byPart = parts.map((part) => ({ returnedKeys: part.options.returnedKeys, filters: filtersOf(part) }));
  const filters = byPart.flatMap((part) => part.filters);
  const dates = parts.map(dateSearch).find((search) => search !== undefined);
  const list = [...above, options].map(uidList).find((one) => one !== undefined);
  const judge = judgeOnce(filters, () =>
    byPart.reduce((sum, { returnedKeys }) => sum + returnedKeys.size, 0),
  );
  const optionalByPart = byPart.map((part) => ({
    returnedKeys: part.returnedKeys,
    tags: part.filters.map(({ tag }) => tag).filter((tag) => !isRequiredIn(parts, tag)),
  }));
  const optional = optionalByPart.flatMap(({ tags }) => tags);
  const unasked = new Set(parts.flatMap(unaskedTags));
  const wide = filters.filter(({ tag }) => unasked.has(tag));
  const listTag = list?.tag ?? uniqueKeyTags[options.level];
  const sets = characterSetsOf(parts, options);
  return {
    level: options.level,
    dates,
    characterSets: sets,
    inAscii: () => createStep(inAscii(options), above.map(inAscii)),
    mayBeRefused: options.seenCharacterSets !== undefined && options.unencodable !== 'reject',
    bare: (characterSet) => {
      const isCut = parts.some(({ keys }) => keys.some(({ value }) => isCutInRun(value, characterSet)));
      const inCodes = (one: StepOptions): StepOptions => bare(one, characterSet);
      return isCut ? createStep(inCodes(options), above.map(inCodes)) : undefined;
    },
    uids: list?.uids,
    listTag,
    uidOf: (row) => row.string(listTag),
    identifier: (parent = {}, { slice = dates?.slices[0], uids, characterSet } = {}) =>
      buildIdentifier(parts, { ...parent, ...options.fixed }, { slice, uids, characterSet }, listTag),
    accepts: (row, parent = {}) =>
      belongsTo(row, options, { ...parent, ...options.fixed }) && judge(row) !== undefined,
    unasked,
    isInVain: (row) => wide.some(({ matcher }) => matcher(row) === 'no-match'),
    seeReturned: (row) => {
      const seen = optionalByPart.map(({ returnedKeys, tags }) => returnedKeys.see(row, tags));
      return options.level === 'PATIENT' ? [] : (seen.at(-1) ?? []);
    },
    isDoubtful: (row) =>
      (judge(row) ?? []).some((tag) => row.has(tag) && optional.includes(tag) && !hasValue(row, tag)),
    constrained: new Set(filters.map(({ tag }) => tag)),
    judge: (tag, found) => filters.find((filter) => filter.tag === tag)?.matcher(found) ?? 'match',
    unverified: (row) => judge(row) ?? [],
    keyOf: (row) => {
      for (const { level, fixed } of above) if (!isFixed(level, fixed)) requireUniqueKey(level, row);
      return requireUniqueKey(options.level, row);
    },
  };
}

function characterSetsOf(
  parts: readonly StepPart[],
  { characterSets, seenCharacterSets }: StepOptions,
): readonly string[] {
  const isSent = ({ options }: StepPart, { path: [tag] }: MatchingKey): boolean =>
    !options.unsentKeys.some((unsent) => unsent === tag);
  const keys = parts.flatMap((part) => part.keys.filter((key) => isSent(part, key)));
  return setsToAsk(keys, characterSets, seenCharacterSets);
}

const inAscii = (options: StepOptions): StepOptions => ({
  ...options,
  characterSets: ['ISO_IR 6'],
  seenCharacterSets: undefined,
  unencodable: undefined,
});

const bare = (options: StepOptions, bareSet: string): StepOptions => ({
  ...options,
  bareSet,
  characterSets: [...defaultCharacterSets, ...(options.characterSets ?? [])],
  seenCharacterSets: undefined,
});

/** The codes of a pattern, which stand for themselves; lists have no patterns. */
function inBareCodes(key: MatchingKey, { bareSet }: StepOptions): MatchingKey {
  if (bareSet === undefined || key.values.length > 1 || isAsciiText(key.value)) return key;
  const value = bareCodes(key.value, bareSet) ?? '*';
  return { ...key, value, values: [value] };
}

const isRequiredIn = (parts: readonly StepPart[], tag: Tag): boolean =>
  parts.some(({ options }) => requiredKeys[options.level].has(tag));

/**
 * The keys that nobody can check in a row, `undefined` of one that does not match; filters are run once for each row, as long
 * as no more is known of what the peer returns.
 */
function judgeOnce(
  filters: readonly Filter[],
  knownKeys: () => number,
): (row: Dataset) => readonly Tag[] | undefined {
  let judged = new WeakMap<Dataset, readonly Tag[] | undefined>();
  let known = knownKeys();
  const judge = (row: Dataset): readonly Tag[] | undefined => {
    const unverified: Tag[] = [];
    for (const { matcher, tagOf } of filters) {
      const verdict = matcher(row);
      if (verdict === 'no-match') return undefined;
      if (verdict === 'unverified') unverified.push(tagOf(row));
    }
    return unverified;
  };
  return (row) => {
    if (known !== knownKeys()) judged = new WeakMap();
    known = knownKeys();
    if (!judged.has(row)) judged.set(row, judge(row));
    return judged.get(row);
  };
}

/** The unique key of the level, where it is asked for by a list. */
export function uidList({
  level,
  keys,
}: Pick<StepOptions, 'level' | 'keys'>): { readonly tag: Tag; readonly uids: readonly string[] } | undefined {
  // Patients have no UIDs.
  if (level === 'PATIENT') return undefined;
  const tag = uniqueKeyTags[level];
  const values = keys.find(({ path }) => path.length === 1 && path[0] === tag)?.values ?? [];
  const uids = [...new Set(values.filter((uid) => uid !== ''))];
  return uids.length > 1 ? { tag, uids } : undefined;
}

function isFixed(level: QueryLevel, fixed: ParentKeys): boolean {
  return (level === 'STUDY' ? fixed.studyInstanceUid : fixed.seriesInstanceUid) !== undefined;
}

function planPart(options: StepOptions): StepPart {
  const pairs = planPairs(options);
  const inPairs = new Set(pairs.flatMap(({ pair }) => [pair.date, pair.time]));
  const judged = options.keys.filter(({ path: [tag] }) => tag === undefined || !inPairs.has(tag));
  const written = judged.map((key) =>
    mayFindTooLittle(key, options) ? unasked(key) : inBareCodes(cased(key, options), options),
  );
  const fitted = fitKeys(written, options.characterSets, options.unencodable);
  const keys = fitted.sent.map((key) => withoutPattern(withoutSingles(key, options), options));
  const isWidened = (key: MatchingKey, at: number): boolean =>
    fitted.widened.has(written[at] ?? key) || isSentWider(key, keys[at], options);
  return { options, pairs, keys, judged, widened: new Set(judged.filter(isWidened)) };
}

/** The name in the case of this peer; what upper case writes in several letters is any text. */
function cased(key: MatchingKey, { upperCasesNames }: StepOptions): MatchingKey {
  if (!upperCasesNames || key.vr !== 'PN') return key;
  const upper = (text: string): string =>
    Array.from(text.normalize('NFC'), (one) => {
      const letter = one.toUpperCase();
      return Array.from(letter).length === 1 ? letter : '*';
    })
      .join('')
      .replace(/\*+/g, '*');
  return { ...key, value: upper(key.value), values: key.values.map(upper) };
}

/** The peer is to return the attribute, and to match nothing. */
function unasked(key: MatchingKey): MatchingKey {
  return { ...key, value: '', values: [''] };
}

/**
 * Nothing in place of a pattern, where the peer knows none. Of modalities it never is sure to: archives that compute them
 * compare them as they stand, or find what else there is in the study.
 */
function withoutPattern(key: MatchingKey, { literalWildcard }: StepOptions): MatchingKey {
  const isUnsure = literalWildcard || key.path.at(-1) === Tags.ModalitiesInStudy;
  const isPattern = isUnsure && isTextVr(key.vr) && /[*?]/.test(key.value);
  return isPattern ? unasked(key) : key;
}

/** Whether the peer is asked for more than the key says: nothing of it, one value of a list, or another text. */
function isSentWider(key: MatchingKey, sent: MatchingKey | undefined, { unsentKeys }: StepOptions): boolean {
  const comparable = (text = ''): string => text.normalize('NFC').toUpperCase();
  return (
    unsentKeys.some((tag) => tag === key.path[0]) ||
    key.values.length > 1 ||
    comparable(sent?.value) !== comparable(key.value)
  );
}

function unaskedTags({ judged, options }: StepPart): readonly Tag[] {
  return judged.filter((key) => mayFindTooLittle(key, options)).flatMap(({ path: [tag] }) => tag ?? []);
}

function planPairs(options: StepOptions): readonly PlannedPair[] {
  const keyOf = (tag: Tag): MatchingKey | undefined =>
    options.keys.find(({ path }) => path.length === 1 && path[0] === tag);
  return dateTimePairs.flatMap((pair) => {
    const both = [keyOf(pair.date), keyOf(pair.time)];
    const [date, time] = both.map((key) => key?.value);
    if (date === undefined && time === undefined) return [];
    // Who asks for an empty date or time asks for no span: each of the two is matched by itself.
    if (both.some((key) => key !== undefined && asksForEmpty(key, options))) return [];
    return [{ pair, plan: planDateTime(date ?? '', time ?? '', options.dateTime, zonesOf(pair, options)) }];
  });
}

/** A birth has no zone; a peer that is told one may apply it to births all the same. */
function zonesOf(pair: DateTimePair, { zones, announcedZone }: StepOptions): Zones {
  if (pair.zoned) return zones;
  return announcedZone === undefined ? {} : { request: 0, source: 0, peerConverts: true };
}

/** Of the pairs only the one that every peer must match is asked for in other ways than by its days (DT-10). */
function dateSearch({ options, pairs }: StepPart): DateSearch | undefined {
  const planned = pairs.find(({ pair }) => pair.date === Tags.StudyDate);
  if (planned?.plan.ways === undefined || options.unsentKeys.includes(Tags.StudyDate)) return undefined;
  const { matcher } = pairFilter(planned, options.zones);
  return {
    ...chooseAsking(planned.plan.ways, options.dateTime, options.combinesDateTime),
    isBeside: (row) => matcher(row) === 'no-match',
  };
}

function filtersOf(part: StepPart): readonly Filter[] {
  return [...part.pairs.map((pair) => pairFilter(pair, part.options.zones)), ...keyFilters(part)];
}

function pairFilter({ pair, plan }: PlannedPair, zones: Zones): Filter {
  const zoneOf = (row: Dataset): string | undefined =>
    pair.zoned ? row.string(Tags.TimezoneOffsetFromUTC) : undefined;
  return {
    tag: pair.date,
    tagOf: (row) =>
      pair.zoned && row.has(pair.date) && isZoneUnknown(zones, zoneOf(row))
        ? Tags.TimezoneOffsetFromUTC
        : pair.date,
    matcher: (row) => plan.verdict(storedText(row, pair.date), storedText(row, pair.time), zoneOf(row)),
  };
}

function keyFilters({ judged, widened, options }: StepPart): readonly Filter[] {
  const { level, dateTime, zones, multipleValueMatching, emptyValueMatching, fuzzyMatching } = options;
  // What is not sent with its value the peer has not matched by.
  const isSent = (tag: Tag): boolean => options.sendsEmptyValue && !options.unsentKeys.includes(tag);
  const constrained = judged.filter((key) => !isUniversal(key));
  return [...groupByTag(constrained)].map(([tag, group]) => ({
    tag,
    tagOf: () => tag,
    matcher: createMatcher(group, {
      dateTime,
      zones,
      multipleValueMatching,
      emptyValueMatching,
      sendsEmptyValue: isSent(tag),
      fuzzyMatching,
      isWidened: (key) => widened.has(key),
      isRequired: (required) => requiredKeys[level].has(required),
      isReturned: (returned) => options.returnedKeys.has(returned),
    }),
  }));
}

/** Some peers ignore the keys above the level; what they return then is of other studies. */
function belongsTo(row: Dataset, { level, belowPatient }: LevelPlace, parent: ParentKeys): boolean {
  const isSame = (tag: Tag, uid: string | undefined): boolean =>
    uid === undefined || (row.string(tag) ?? uid) === uid;
  if (level === 'PATIENT') return true;
  return (
    (!belowPatient || isSame(Tags.PatientID, parent.patientId)) &&
    isSame(Tags.StudyInstanceUID, parent.studyInstanceUid) &&
    (level === 'STUDY' || isSame(Tags.SeriesInstanceUID, parent.seriesInstanceUid))
  );
}
