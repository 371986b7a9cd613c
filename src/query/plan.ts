/** A search as C-FINDs: which levels to ask, what of each, and how their rows become results. */
import { baselineQueryOptions, GatewayError, type QueryOptions, type QueryRoot } from '../core/index.js';
import { Tags, type Tag } from '../dicom/index.js';
import type { MatchingKey, SearchLevel, SearchRequest } from '../dicomweb/index.js';
import { parseZone } from './calendar.js';
import { computedKeys, planCompletion, type CompletionPlan } from './completion.js';
import type { PeerDateTime } from './date-time-choice.js';
import type { UnencodablePolicy } from './encodable.js';
import { dateTimePairs, type QueryLevel } from './levels.js';
import { asksForEmpty, isUniversal } from './matching.js';
import { createProjection, type Project } from './project.js';
import { ReturnedKeys } from './returned-keys.js';
import { routeOf, spansLevels, stepLevel } from './route.js';
import { createStep, type FindStep } from './step.js';
import type { ParentKeys, StepOptions } from './step-options.js';
import { namedZone, type Zone, type Zones } from './zone.js';

/** What a plan must know of the peer it is for. */
export interface PeerQueryProfile {
  /** The character sets that the peer reads in an identifier, best first; left out, the encoder's own order. */
  readonly characterSets?: readonly string[];
  /** Those that its answers were seen in, of which `characterSets` were made: it may have the same text in each of them. */
  readonly seenCharacterSets?: readonly string[];
  /** What becomes of a value that none of them holds; it is asked for by wildcards when left out. */
  readonly unencodable?: UnencodablePolicy;
  /** Whether (0008,0005) is sent empty, for peers that name the character set of an answer only if asked. */
  readonly characterSetReturnKey: boolean;
  readonly dateTime: PeerDateTime;
  /** Attributes that the peer matches wrongly as keys: they are sent without a value, and filtered by. */
  readonly unsentKeys?: readonly Tag[];
  /** Keys of numbers and of several values that the peer is known to match as the standard says; others are not sent. */
  readonly trustedKeys?: readonly Tag[];
  /** Optional keys that the peer is known to return where there is a value. */
  readonly returnedKeys?: readonly Tag[];
  /** `*` and `?` in a value stand for themselves at the peer: patterns are filtered here alone. */
  readonly literalWildcard?: boolean;
  /** The peer holds names in upper case, and compares them as they are. */
  readonly upperCasesNames?: boolean;
  /** A search without a Patient ID finds nothing at the peer. */
  readonly needsPatientId?: boolean;
  /** The information model that the peer is searched by; the Study Root when left out. */
  readonly root?: QueryRoot;
  /** The zone of the peer's dates and times, `+HHMM`, `-HHMM` or an IANA name; left out, it is not known. */
  readonly timezone?: string;
}

/** Bounds of reduced precision end with it, empty dates and times match, mixed range forms are independent. */
export const defaultPeerQueryProfile: PeerQueryProfile = {
  characterSetReturnKey: false,
  dateTime: { upper: 'ceil', unknown: 'match', mixed: 'strict' },
};

/** A search, ready to run. */
export interface SearchPlan {
  /** From the top down: the first runs once, each further one for every accepted row of the one before. */
  readonly steps: readonly FindStep[];
  /** What the URL fixes. */
  readonly fixed: ParentKeys;
  /** Makes a result of one row of each step, in the order of `steps`. */
  readonly project: Project;
  /** The model that the identifiers are made for; missing where they name studies, whose patients stand nowhere. */
  readonly root?: QueryRoot;
  /** What the identifiers make use of, of what was negotiated with the peer. */
  readonly planned: QueryOptions;
  /** What of a result can be found out from the level below where the peer does not return it. */
  readonly completion: CompletionPlan;
  /** Attributes of which empty values are asked for. */
  readonly emptyKeys: ReadonlySet<Tag>;
  /** Texts for `Warning` headers. */
  readonly warnings: readonly string[];
}

/** Whether a search would be asked in another way of a peer that does more than the baseline of C-FIND. */
export function usesQueryOptions(request: SearchRequest): boolean {
  const isTimed = (tag: Tag): boolean =>
    request.matchingKeys.some((key) => key.path.length === 1 && key.path[0] === tag && !isUniversal(key));
  return (
    request.fuzzyMatching ||
    request.emptyValueMatching ||
    request.multipleValueMatching ||
    request.timezoneOffset !== undefined ||
    spansLevels(request) ||
    (isTimed(Tags.StudyDate) && isTimed(Tags.StudyTime))
  );
}

/**
 * Plans a search for one peer, of which `options` tells what was negotiated with it.
 *
 * @throws GatewayError `bad-request` for a malformed date, time or zone, `query-too-broad` for an unselective search
 * that the peer could only answer by listing everything it holds.
 * @see PS3.18 10.6, PS3.4 C.4.1
 */
export function planSearch(
  request: SearchRequest,
  profile: PeerQueryProfile,
  options: QueryOptions = baselineQueryOptions,
): SearchPlan {
  const fixed: ParentKeys = {
    ...(request.studyInstanceUid === undefined ? {} : { studyInstanceUid: request.studyInstanceUid }),
    ...(request.seriesInstanceUid === undefined ? {} : { seriesInstanceUid: request.seriesInstanceUid }),
  };
  const keys = request.matchingKeys.map(readKey);
  const zones = readZones(request, profile, options);
  const route = routeOf(request, profile, options, keys);
  const returnedKeys = new ReturnedKeys(profile.returnedKeys);
  const { byPatient } = route;
  const planning = { request, profile, options, keys, zones, fixed, byPatient, returnedKeys };
  const parts = route.levels
    .map((level) => stepOptions(level, planning))
    .filter((step) => step !== undefined);
  const steps = route.isOne ? relationalSteps(parts, fixed) : levelSteps(parts, fixed);
  return {
    ...steps,
    ...(route.root && { root: route.root }),
    fixed,
    completion: planCompletion(parts),
    emptyKeys: new Set(
      keys.filter((key) => asksForEmpty(key, request)).flatMap(({ path: [tag] }) => tag ?? []),
    ),
    planned: plannedOptions(request, options, {
      relational: route.isRelational,
      dateTime: steps.steps.some(({ dates }) => dates?.isNative === true),
      timezone: parts.some(({ announcedZone }) => announcedZone !== undefined),
    }),
    warnings: [...request.warnings, ...peerWarnings(request, profile, options), ...zoneWarnings(keys, zones)],
  };
}

/** What the request asks for of what was accepted, beside `others`. */
function plannedOptions(
  request: SearchRequest,
  options: QueryOptions,
  others: Pick<QueryOptions, 'relational' | 'dateTime' | 'timezone'>,
): QueryOptions {
  return {
    ...others,
    fuzzy: options.fuzzy && request.fuzzyMatching,
    emptyValue: options.emptyValue && request.emptyValueMatching,
    multipleValue: options.multipleValue && request.multipleValueMatching,
  };
}

/** What rows of a level have is not known of those below it: they may have it empty. */
const alone = (part: StepOptions): StepOptions => ({ ...part, returnedKeys: new ReturnedKeys() });

/** One C-FIND for each level, below each row of the level above. */
function levelSteps(parts: readonly StepOptions[], fixed: ParentKeys): Pick<SearchPlan, 'steps' | 'project'> {
  return {
    steps: parts.map((part) => createStep(part.level === 'PATIENT' ? alone(part) : part)),
    project: createProjection(parts, fixed),
  };
}

/** One C-FIND for all levels, whose rows have the attributes of all of them. @see PS3.4 C.4.1.2.2.2 */
function relationalSteps(
  parts: readonly StepOptions[],
  fixed: ParentKeys,
): Pick<SearchPlan, 'steps' | 'project'> {
  const target = parts.at(-1);
  if (target === undefined) throw new GatewayError('internal', 'A search without a level.');
  const project = createProjection(parts, fixed);
  return {
    steps: [createStep(target, parts.slice(0, -1).map(alone))],
    project: (rows, retrieveUrl) =>
      project(
        parts.flatMap(() => rows.slice(0, 1)),
        retrieveUrl,
      ),
  };
}

/** What this peer cannot do of what is asked. @see rule Q-20 */
function peerWarnings(
  request: SearchRequest,
  profile: PeerQueryProfile,
  options: QueryOptions,
): readonly string[] {
  const isOfPatient = ({ path: [tag] }: MatchingKey): boolean =>
    tag === Tags.PatientID || tag === Tags.StudyInstanceUID;
  const namesPatient = request.matchingKeys.some((key) => isOfPatient(key) && !isUniversal(key));
  // By the Patient Root the patients are asked for first.
  const isBlind =
    profile.needsPatientId === true &&
    profile.root !== 'patient' &&
    request.studyInstanceUid === undefined &&
    !namesPatient;
  return [
    ...(request.fuzzyMatching && !options.fuzzy ? [notFuzzy] : []),
    ...(isBlind ? [needsPatientId] : []),
  ];
}

const needsPatientId =
  'The archive is known to find nothing without a PatientID: that a search finds nothing does not mean that there is nothing.';

/** PS3.18 8.3.4.4 and 8.3.4.6 give the wording. */
const notFuzzy = 'The fuzzymatching parameter is not supported. Only literal matching has been performed.';

/** Private attributes match as text. */
function readKey(key: MatchingKey): MatchingKey {
  return key.vr === 'UN' ? { ...key, vr: 'LO' } : key;
}

function readZones(request: SearchRequest, profile: PeerQueryProfile, options: QueryOptions): Zones {
  const source = profile.timezone === undefined ? undefined : readZone(profile.timezone);
  const known = source === undefined ? {} : { source };
  if (request.timezoneOffset === undefined) return known;
  const minutes = parseZone(request.timezoneOffset);
  if (minutes === undefined) {
    throw new GatewayError(
      'bad-request',
      'TimezoneOffsetFromUTC must be +HHMM or -HHMM, from -1200 to +1400.',
    );
  }
  return { ...known, request: minutes, peerConverts: options.timezone };
}

function readZone(text: string): Zone | undefined {
  return parseZone(text) ?? namedZone(text);
}

function zoneWarnings(keys: readonly MatchingKey[], zones: Zones): readonly string[] {
  const isShifted = zones.request !== undefined && zones.source === undefined;
  if (!isShifted || zones.peerConverts === true || !keys.some(isZoned)) return [];
  return ['The time zone of the archive is not known: dates and times were matched without conversion.'];
}

/** Whether the key means something else in another zone. */
function isZoned(key: MatchingKey): boolean {
  return ['DA', 'TM', 'DT'].includes(key.vr) && !isUniversal(key) && !isOfBirth(key);
}

/** A birth is on the same day wherever one asks from. */
function isOfBirth({ path }: MatchingKey): boolean {
  return dateTimePairs.some(({ date, time, zoned }) => !zoned && (path[0] === date || path[0] === time));
}

interface Planning {
  readonly request: SearchRequest;
  readonly profile: PeerQueryProfile;
  readonly options: QueryOptions;
  readonly keys: readonly MatchingKey[];
  readonly zones: Zones;
  readonly fixed: ParentKeys;
  /** A C-FIND for patients goes first. */
  readonly byPatient: boolean;
  readonly returnedKeys: ReturnedKeys;
}

/** `undefined` for a level that the URL fixes and nothing is wanted of. */
function stepOptions(level: QueryLevel, planning: Planning): StepOptions | undefined {
  const { request, profile, zones, fixed, byPatient } = planning;
  const keys = planning.keys.filter(({ path }) => stepLevel(path, request.level, byPatient) === level);
  const includeFields = request.includeFields.filter(
    (path) => stepLevel(path, request.level, byPatient) === level,
  );
  const isTarget = targets(request.level).includes(level);
  const fixedUid = fixedUidOf(level, fixed);
  const isFixed = !isTarget && fixedUid !== undefined;
  if (isFixed && keys.length === 0 && includeFields.length === 0) return undefined;
  return {
    level,
    belowPatient: byPatient && level !== 'PATIENT',
    fixed,
    keys,
    includeFields,
    includeAll: isTarget && request.includeAll,
    includeRequired: !isFixed,
    multipleValueMatching: request.multipleValueMatching,
    emptyValueMatching: request.emptyValueMatching,
    sendsMultipleValue: planning.options.multipleValue,
    sendsEmptyValue: planning.options.emptyValue,
    fuzzyMatching: request.fuzzyMatching && planning.options.fuzzy,
    unsentKeys: [...computedKeys, ...(profile.unsentKeys ?? [])],
    trustedKeys: profile.trustedKeys ?? [],
    returnedKeys: planning.returnedKeys,
    literalWildcard: profile.literalWildcard === true,
    upperCasesNames: profile.upperCasesNames === true,
    characterSets: profile.characterSets,
    seenCharacterSets: profile.seenCharacterSets,
    unencodable: profile.unencodable,
    characterSetReturnKey: profile.characterSetReturnKey,
    dateTime: profile.dateTime,
    combinesDateTime: planning.options.dateTime,
    zones,
    announcedZone: zones.peerConverts === true && keys.some(isZoned) ? request.timezoneOffset : undefined,
  };
}

/** All of a study is its patient's too. */
function targets(level: SearchLevel): readonly QueryLevel[] {
  return level === 'STUDY' ? ['PATIENT', level] : [level];
}

function fixedUidOf(
  level: QueryLevel,
  { studyInstanceUid, seriesInstanceUid }: ParentKeys,
): string | undefined {
  if (level === 'PATIENT') return undefined;
  return level === 'STUDY' ? studyInstanceUid : seriesInstanceUid;
}
