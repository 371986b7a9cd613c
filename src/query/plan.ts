/** A search as C-FINDs: which levels to ask, what of each, and how their rows become results. */
import { GatewayError } from '../core/index.js';
import { attributeByTag, formatTag, type Tag } from '../dicom/index.js';
import { levelOf, type MatchingKey, type SearchLevel, type SearchRequest } from '../dicomweb/index.js';
import { parseZone } from './calendar.js';
import type { DateTimePolicy, Zones } from './date-time.js';
import type { UnencodablePolicy } from './encodable.js';
import { levels } from './levels.js';
import { isUniversal } from './matching.js';
import { createProjection, type Project } from './project.js';
import { createStep, type FindStep, type ParentKeys, type StepOptions } from './step.js';

/** What a plan must know of the peer it is for. */
export interface PeerQueryProfile {
  /** The character sets that the peer reads in an identifier, best first; left out, the encoder's own order. */
  readonly characterSets?: readonly string[];
  /** What becomes of a value that none of them holds; it is asked for by wildcards when left out. */
  readonly unencodable?: UnencodablePolicy;
  /** Whether (0008,0005) is sent empty, for peers that name the character set of an answer only if asked. */
  readonly characterSetReturnKey: boolean;
  readonly dateTime: DateTimePolicy;
  /** `+HHMM` or `-HHMM`: the zone of the peer's dates and times; left out, it is not known. */
  readonly timezoneOffset?: string;
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
  /** Makes a result of one row of each step, in the order of `steps`. */
  readonly project: Project;
  /** Texts for `Warning` headers. */
  readonly warnings: readonly string[];
}

/**
 * Plans a search for one peer.
 *
 * @throws GatewayError `bad-request` for a malformed date, time or zone, `query-too-broad` for an unselective search
 * that the peer could only answer by listing everything it holds.
 * @see PS3.18 10.6, PS3.4 C.4.1
 */
export function planSearch(request: SearchRequest, profile: PeerQueryProfile): SearchPlan {
  const fixed: ParentKeys = {
    ...(request.studyInstanceUid === undefined ? {} : { studyInstanceUid: request.studyInstanceUid }),
    ...(request.seriesInstanceUid === undefined ? {} : { seriesInstanceUid: request.seriesInstanceUid }),
  };
  const keys = request.matchingKeys.map((key) => readKey(key, request));
  const zones = readZones(request, profile);
  const isEmulated = request.level !== 'STUDY' && request.studyInstanceUid === undefined;
  if (isEmulated && !keys.some((key) => selects(key, request.level))) throw tooBroad(request.level);
  const options = levels
    .slice(0, levels.indexOf(request.level) + 1)
    .map((level) => stepOptions(level, { request, profile, keys, zones, fixed }))
    .filter((step) => step !== undefined);
  return {
    steps: options.map(createStep),
    project: createProjection(options, fixed),
    warnings: [...request.warnings, ...zoneWarnings(keys, zones)],
  };
}

/** Names the attributes that rows were kept for although the peer did not return them. */
export function unverifiedWarning(tags: Iterable<Tag>): string {
  const names = [...new Set(tags)].map((tag) => attributeByTag(tag)?.keyword ?? formatTag(tag));
  return `The archive did not return ${names.join(', ')}: results may be listed that do not match it.`;
}

/** `""` is a request for empty values only with its parameter, and no peer is asked for them; private attributes match as text. */
function readKey(key: MatchingKey, request: SearchRequest): MatchingKey {
  if (key.value === '""' && request.emptyValueMatching) return { ...key, value: '', values: [''] };
  return key.vr === 'UN' ? { ...key, vr: 'LO' } : key;
}

function readZones(request: SearchRequest, profile: PeerQueryProfile): Zones {
  if (request.timezoneOffset === undefined) return {};
  const minutes = parseZone(request.timezoneOffset);
  if (minutes === undefined) {
    throw new GatewayError(
      'bad-request',
      'TimezoneOffsetFromUTC must be +HHMM or -HHMM, from -1200 to +1400.',
    );
  }
  const source = profile.timezoneOffset === undefined ? undefined : parseZone(profile.timezoneOffset);
  return { request: minutes, ...(source === undefined ? {} : { source }) };
}

function zoneWarnings(keys: readonly MatchingKey[], zones: Zones): readonly string[] {
  const isShifted = zones.request !== undefined && zones.source === undefined;
  const isTimed = keys.some((key) => ['DA', 'TM', 'DT'].includes(key.vr) && !isUniversal(key));
  if (!isShifted || !isTimed) return [];
  return ['The time zone of the archive is not known: dates and times were matched without conversion.'];
}

interface Planning {
  readonly request: SearchRequest;
  readonly profile: PeerQueryProfile;
  readonly keys: readonly MatchingKey[];
  readonly zones: Zones;
  readonly fixed: ParentKeys;
}

/** `undefined` for a level that the URL fixes and nothing is wanted of. */
function stepOptions(level: SearchLevel, planning: Planning): StepOptions | undefined {
  const { request, profile, zones, fixed } = planning;
  const keys = planning.keys.filter(({ path }) => stepLevel(path, request.level) === level);
  const includeFields = request.includeFields.filter((path) => stepLevel(path, request.level) === level);
  const isTarget = level === request.level;
  const fixedUid = level === 'STUDY' ? fixed.studyInstanceUid : fixed.seriesInstanceUid;
  const isFixed = !isTarget && fixedUid !== undefined;
  if (isFixed && keys.length === 0 && includeFields.length === 0) return undefined;
  return {
    level,
    fixed,
    keys,
    includeFields,
    includeAll: isTarget && request.includeAll,
    includeRequired: !isFixed,
    multipleValueMatching: request.multipleValueMatching,
    characterSets: profile.characterSets,
    unencodable: profile.unencodable,
    characterSetReturnKey: profile.characterSetReturnKey,
    dateTime: profile.dateTime,
    zones,
  };
}

/** Patients are queried with their studies; what has no level of its own, or a lower one, with what is searched for. */
function stepLevel([tag = 0]: readonly Tag[], target: SearchLevel): SearchLevel {
  const level = levelOf(tag);
  const own = level === 'PATIENT' ? 'STUDY' : level;
  return levels.indexOf(own) > levels.indexOf(target) ? target : own;
}

/** Keys of instances select nothing before every series has been asked. */
function selects(key: MatchingKey, target: SearchLevel): boolean {
  return !isUniversal(key) && stepLevel(key.path, target) !== 'IMAGE';
}

function tooBroad(level: SearchLevel): GatewayError {
  const what = level === 'SERIES' ? 'series' : 'instances';
  return new GatewayError(
    'query-too-broad',
    `A search for ${what} of all studies needs an attribute of the study or series to match, such as PatientID.`,
  );
}
