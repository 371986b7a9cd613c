/** The identifier of one C-FIND: matching keys, hierarchical keys, return keys. */
import { GatewayError } from '../core/index.js';
import { Dataset, isAsciiText, Tags, type Tag } from '../dicom/index.js';
import type { DateTimeSlice } from './date-time-slices.js';
import { addMatchingKey, addReturnKey } from './identifier.js';
import {
  attributesAt,
  dateTimePairs,
  itemAttributes,
  levels,
  neverAsked,
  optionalAttributesAt,
  patientRootLevels,
  uniqueKeyTags,
  type QueryLevel,
} from './levels.js';
import type { ParentKeys, StepOptions, StepPart } from './step-options.js';

/** What one C-FIND of several asks for. */
export interface IdentifierPart {
  readonly slice?: DateTimeSlice | undefined;
  /** Of the list of unique keys that the search has; their tag is told beside. */
  readonly uids?: readonly string[] | undefined;
  /** The first that will do when left out. */
  readonly characterSet?: string | undefined;
}

/**
 * The identifier for the keys of `parts`, from the top down: the last is the level that is asked. With several the query
 * is relational: it may leave out the unique keys above that level.
 *
 * @throws GatewayError `internal` when `parent` lacks an entity above the level.
 * @see PS3.4 C.4.1.1.3, C.4.1.2.2.2
 */
export function buildIdentifier(
  parts: readonly StepPart[],
  parent: ParentKeys,
  { slice, uids, characterSet }: IdentifierPart,
  listTag: Tag,
): Dataset {
  const options = parts.at(-1)?.options;
  if (options === undefined) throw new GatewayError('internal', 'A query without a level.');
  // What was found above may be in another set: then whichever holds all of it will do.
  const isFixed = characterSet !== undefined && isAsciiText(parent.patientId ?? '');
  const characterSets = isFixed ? [characterSet] : options.characterSets;
  const identifier = new Dataset(characterSets === undefined ? {} : { encodingCharacterSets: characterSets });
  identifier.setString(Tags.QueryRetrieveLevel, options.level, 'CS');
  if (options.characterSetReturnKey) identifier.setEmpty(Tags.SpecificCharacterSet, 'CS');
  for (const part of parts) addKeys(identifier, part, slice);
  if (uids) identifier.setString(listTag, uids.join('\\'), 'UI');
  addHierarchy(identifier, options, parent, parts.length > 1);
  for (const part of parts) addReturnKeys(identifier, part.options);
  return identifier;
}

function addKeys(identifier: Dataset, { options, keys, pairs }: StepPart, slice?: DateTimeSlice): void {
  for (const key of keys) {
    if (options.unsentKeys.some((tag) => tag === key.path[0])) addReturnKey(identifier, key.path, key.vr);
    else addMatchingKey(identifier, key, options);
  }
  for (const { pair, plan } of pairs) {
    const asked =
      slice !== undefined && pair.date === Tags.StudyDate
        ? slice
        : { date: plan.identifierDate, time: plan.identifierTime };
    const sent = (tag: Tag, value: string): string => (options.unsentKeys.includes(tag) ? '' : value);
    identifier
      .setString(pair.date, sent(pair.date, asked.date), 'DA')
      .setString(pair.time, sent(pair.time, asked.time), 'TM');
  }
  // Never without a value, and only where there is something to convert. @see PS3.4 C.4.1.1.3.1
  if (options.announcedZone !== undefined)
    identifier.setString(Tags.TimezoneOffsetFromUTC, options.announcedZone, 'SH');
}

function addHierarchy(
  identifier: Dataset,
  { level, belowPatient }: StepOptions,
  parent: ParentKeys,
  isRelational: boolean,
): void {
  const keys: Readonly<Record<QueryLevel, string | undefined>> = {
    PATIENT: parent.patientId,
    STUDY: parent.studyInstanceUid,
    SERIES: parent.seriesInstanceUid,
    IMAGE: undefined,
  };
  const path = belowPatient || level === 'PATIENT' ? patientRootLevels : levels;
  const depth = path.indexOf(level);
  for (const [index, upper] of path.slice(0, depth + 1).entries()) {
    const tag = uniqueKeyTags[upper];
    const key = keys[upper];
    if (key !== undefined) identifier.setString(tag, key);
    else if (index === depth || isRelational) addReturnKey(identifier, [tag]);
    else
      throw new GatewayError(
        'internal',
        `A ${level} level query needs the unique key of the ${upper} level.`,
      );
  }
}

function addReturnKeys(identifier: Dataset, options: StepOptions): void {
  const { includeRequired, includeAll, includeFields } = options;
  for (const path of includeFields) if (!isNeverAsked(path)) addReturnKey(identifier, path);
  if (includeRequired) {
    for (const { tag, vr, presence } of attributesAt(options)) {
      if (presence === 'unasked') continue;
      for (const [within, itemVr] of itemAttributes.get(tag) ?? [])
        addReturnKey(identifier, [tag, within], itemVr);
      addReturnKey(identifier, [tag], vr);
    }
  }
  if (includeAll) for (const [tag, vr] of optionalAttributesAt(options)) addReturnKey(identifier, [tag], vr);
  addPartners(identifier);
}

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
