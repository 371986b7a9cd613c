/** One C-FIND of a search: its identifier and the exact filter over its rows. */
import { GatewayError } from '../core/index.js';
import { Dataset, Tags, type Tag } from '../dicom/index.js';
import type { MatchingKey, SearchLevel } from '../dicomweb/index.js';
import { planDateTime, type DateTimePlan, type DateTimePolicy, type Zones } from './date-time.js';
import { fitKeys, type UnencodablePolicy } from './encodable.js';
import { addMatchingKey, addReturnKey } from './identifier.js';
import {
  dateTimePairs,
  itemAttributes,
  levelAttributes,
  levels,
  optionalAttributes,
  requiredKeys,
  uniqueKeyTags,
  type DateTimePair,
} from './levels.js';
import { createMatcher, groupByTag, isUniversal, storedText, type Matcher } from './matching.js';

/** The entities above a query: from the URL, or from the rows of the steps before. */
export interface ParentKeys {
  readonly studyInstanceUid?: string;
  readonly seriesInstanceUid?: string;
}

/** One C-FIND of a search, run once for each row of the step before. */
export interface FindStep {
  readonly level: SearchLevel;
  /**
   * The identifier below `parent`, with the hierarchical keys single-valued; a new dataset each time.
   *
   * @throws GatewayError `internal` when `parent` lacks an entity above this level.
   */
  readonly identifier: (parent?: ParentKeys) => Dataset;
  /** The exact post-filter of this level's keys; also refuses rows that belong to another entity than `parent`. */
  readonly accepts: (row: Dataset, parent?: ParentKeys) => boolean;
  /** The matching keys that an accepted row does not return, so that nobody can tell whether it matches. */
  readonly unverified: (row: Dataset) => readonly Tag[];
}

/** What a step is made of. */
export interface StepOptions {
  readonly level: SearchLevel;
  /** UIDs fixed by the request. */
  readonly fixed: ParentKeys;
  /** The keys of this level. */
  readonly keys: readonly MatchingKey[];
  /** Attributes of this level to return beside the level's own. */
  readonly includeFields: readonly (readonly Tag[])[];
  readonly includeAll: boolean;
  /** False when the step is there for `includeFields` alone. */
  readonly includeRequired: boolean;
  readonly multipleValueMatching: boolean;
  readonly characterSets: readonly string[] | undefined;
  readonly unencodable: UnencodablePolicy | undefined;
  readonly characterSetReturnKey: boolean;
  readonly dateTime: DateTimePolicy;
  readonly zones: Zones;
}

const neverAsked: ReadonlySet<Tag> = new Set([
  Tags.SpecificCharacterSet,
  Tags.QueryRetrieveLevel,
  Tags.RetrieveAETitle,
  Tags.InstanceAvailability,
  Tags.TimezoneOffsetFromUTC,
  Tags.RetrieveURL,
]);

interface Filter {
  /** The attribute to name when it cannot be verified. */
  readonly tag: Tag;
  readonly matcher: Matcher;
}

interface PlannedPair {
  readonly pair: DateTimePair;
  readonly plan: DateTimePlan;
}

/**
 * Plans one C-FIND.
 *
 * @throws GatewayError `bad-request` for a malformed date, time or range.
 */
export function createStep(options: StepOptions): FindStep {
  const pairs = planPairs(options);
  const inPairs = new Set(pairs.flatMap(({ pair }) => [pair.date, pair.time]));
  const keys = options.keys.filter(({ path: [tag] }) => tag === undefined || !inPairs.has(tag));
  const { sent, widened } = fitKeys(keys, options.characterSets, options.unencodable);
  const filters = [...pairs.map(pairFilter), ...keyFilters(keys, widened, options)];
  return {
    level: options.level,
    identifier: (parent = {}) => buildIdentifier(options, pairs, sent, { ...parent, ...options.fixed }),
    accepts: (row, parent = {}) =>
      belongsTo(row, options.level, { ...parent, ...options.fixed }) &&
      filters.every(({ matcher }) => matcher(row) !== 'no-match'),
    unverified: (row) => filters.filter(({ matcher }) => matcher(row) === 'unverified').map(({ tag }) => tag),
  };
}

function planPairs({ keys, dateTime, zones }: StepOptions): readonly PlannedPair[] {
  const valueOf = (tag: Tag): string | undefined =>
    keys.find(({ path }) => path.length === 1 && path[0] === tag)?.value;
  return dateTimePairs.flatMap((pair) => {
    const [date, time] = [valueOf(pair.date), valueOf(pair.time)];
    if (date === undefined && time === undefined) return [];
    const plan = planDateTime(date ?? '', time ?? '', dateTime, pair.zoned ? zones : {});
    return [{ pair, plan }];
  });
}

function pairFilter({ pair, plan }: PlannedPair): Filter {
  return {
    tag: pair.date,
    matcher: (row) =>
      plan.verdict(
        storedText(row, pair.date),
        storedText(row, pair.time),
        pair.zoned ? row.string(Tags.TimezoneOffsetFromUTC) : undefined,
      ),
  };
}

function keyFilters(
  keys: readonly MatchingKey[],
  widened: ReadonlySet<MatchingKey>,
  options: StepOptions,
): readonly Filter[] {
  const { level, dateTime, zones, multipleValueMatching } = options;
  const constrained = keys.filter((key) => !isUniversal(key));
  return [...groupByTag(constrained)].map(([tag, group]) => ({
    tag,
    matcher: createMatcher(group, {
      dateTime,
      zones,
      multipleValueMatching,
      isWidened: (key) => widened.has(key),
      isRequired: (required) => requiredKeys[level].has(required),
    }),
  }));
}

function buildIdentifier(
  options: StepOptions,
  pairs: readonly PlannedPair[],
  keys: readonly MatchingKey[],
  parent: ParentKeys,
): Dataset {
  const { level, dateTime, zones, multipleValueMatching, characterSets } = options;
  const identifier = new Dataset(characterSets === undefined ? {} : { encodingCharacterSets: characterSets });
  identifier.setString(Tags.QueryRetrieveLevel, level, 'CS');
  if (options.characterSetReturnKey) identifier.setEmpty(Tags.SpecificCharacterSet, 'CS');
  for (const key of keys) addMatchingKey(identifier, key, { dateTime, zones, multipleValueMatching });
  for (const { pair, plan } of pairs) {
    identifier
      .setString(pair.date, plan.identifierDate, 'DA')
      .setString(pair.time, plan.identifierTime, 'TM');
  }
  addHierarchy(identifier, level, parent);
  addReturnKeys(identifier, options);
  return identifier;
}

function addHierarchy(identifier: Dataset, level: SearchLevel, parent: ParentKeys): void {
  const uids = { STUDY: parent.studyInstanceUid, SERIES: parent.seriesInstanceUid, IMAGE: undefined };
  const depth = levels.indexOf(level);
  for (const [index, upper] of levels.slice(0, depth + 1).entries()) {
    const tag = uniqueKeyTags[upper];
    const uid = uids[upper];
    if (uid !== undefined) identifier.setString(tag, uid, 'UI');
    else if (index === depth) addReturnKey(identifier, [tag], 'UI');
    else
      throw new GatewayError(
        'internal',
        `A ${level} level query needs the unique key of the ${upper} level.`,
      );
  }
}

function addReturnKeys(identifier: Dataset, options: StepOptions): void {
  const { level, includeRequired, includeAll, includeFields } = options;
  for (const path of includeFields) if (!isNeverAsked(path)) addReturnKey(identifier, path);
  if (includeRequired) {
    for (const { tag, vr, presence } of levelAttributes[level]) {
      if (presence === 'unasked') continue;
      for (const [within, itemVr] of itemAttributes.get(tag) ?? [])
        addReturnKey(identifier, [tag, within], itemVr);
      addReturnKey(identifier, [tag], vr);
    }
  }
  if (includeAll) for (const [tag, vr] of optionalAttributes[level]) addReturnKey(identifier, [tag], vr);
  addPartners(identifier);
}

/** What C-FIND forbids as a key, or what the gateway itself writes. @see PS3.4 C.4.1.1.3 */
function isNeverAsked([tag = 0]: readonly Tag[]): boolean {
  return neverAsked.has(tag);
}

/** A date without its time cannot be filtered, nor shown rightly in another zone (DT-09). */
function addPartners(identifier: Dataset): void {
  for (const { date, time } of dateTimePairs) {
    if (identifier.has(date) && date !== Tags.PatientBirthDate) addReturnKey(identifier, [time], 'TM');
    if (identifier.has(time)) addReturnKey(identifier, [date], 'DA');
  }
}

/** Some peers ignore the keys above the level; what they return then is of other studies. */
function belongsTo(row: Dataset, level: SearchLevel, parent: ParentKeys): boolean {
  const isSame = (tag: Tag, uid: string | undefined): boolean =>
    uid === undefined || (row.string(tag) ?? uid) === uid;
  return (
    isSame(Tags.StudyInstanceUID, parent.studyInstanceUid) &&
    (level === 'STUDY' || isSame(Tags.SeriesInstanceUID, parent.seriesInstanceUid))
  );
}
