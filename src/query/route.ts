/** Which C-FINDs a search goes by: level by level, or one for all; with or without the patients. */
import { GatewayError, type QueryOptions, type QueryRoot } from '../core/index.js';
import { Tags, type Tag } from '../dicom/index.js';
import { levelOf, type MatchingKey, type SearchLevel, type SearchRequest } from '../dicomweb/index.js';
import { levels, patientRootLevels, type QueryLevel } from './levels.js';
import { asksForEmpty, isUniversal } from './matching.js';
import { uidList } from './step.js';

/** By which C-FINDs a search goes. */
export interface Route {
  /** From the top down. */
  readonly levels: readonly QueryLevel[];
  /** One C-FIND is for all levels. */
  readonly isOne: boolean;
  /** A C-FIND leaves out unique keys above its level. */
  readonly isRelational: boolean;
  /** A C-FIND for patients goes first. */
  readonly byPatient: boolean;
  /** See `SearchPlan.root`. */
  readonly root: QueryRoot | undefined;
}

/**
 * Which levels are asked, and how.
 *
 * @throws GatewayError `query-too-broad` when levels would have to be walked from the top, and nothing selects there
 * @see PS3.4 C.6.1, C.6.2
 */
export function routeOf(
  request: SearchRequest,
  profile: { readonly root?: QueryRoot },
  options: QueryOptions,
  keys: readonly MatchingKey[],
): Route {
  // A list is asked for in pieces, which is done for one of them in a C-FIND.
  const lists = levels.filter((level) => uidList({ level, keys }) !== undefined);
  const mayBeOne = options.relational && lists.length <= 1;
  const isOne = mayBeOne && spansLevels(request);
  if (!isOne) requireSelective(request, keys);
  const isOfPatients = profile.root === 'patient' && request.studyInstanceUid === undefined;
  const byPatient = isOfPatients && !mayBeOne && !keys.some(namesStudy);
  const isRelational = isOne || (isOfPatients && mayBeOne);
  const path = byPatient ? patientRootLevels : levels;
  return {
    levels: path.slice(0, path.indexOf(request.level) + 1),
    isOne,
    isRelational,
    byPatient,
    root: byPatient || isRelational ? madeFor(profile) : undefined,
  };
}

/** The Study Root goes without saying. */
function madeFor({ root }: { readonly root?: QueryRoot }): QueryRoot | undefined {
  return root === 'patient' ? root : undefined;
}

/** @throws GatewayError `query-too-broad` */
function requireSelective(request: SearchRequest, keys: readonly MatchingKey[]): void {
  const isEmulated = request.level !== 'STUDY' && request.studyInstanceUid === undefined;
  if (isEmulated && !keys.some((key) => selects(key, request))) throw tooBroad(request.level);
}

/** Whether the search is for studies that it names: then nobody needs to be told their patients to find them. */
function namesStudy(key: MatchingKey): boolean {
  return key.path.length === 1 && key.path[0] === Tags.StudyInstanceUID && !isUniversal(key);
}

/** Whether a level above the one that is searched is not fixed by the URL. */
export function spansLevels({ level, studyInstanceUid, seriesInstanceUid }: SearchRequest): boolean {
  return (
    (level !== 'STUDY' && studyInstanceUid === undefined) ||
    (level === 'IMAGE' && seriesInstanceUid === undefined)
  );
}

/**
 * Patients are queried with their studies, unless they go first; what has no level of its own, or a lower one, with what
 * is searched for.
 */
export function stepLevel([tag = 0]: readonly Tag[], target: SearchLevel, byPatient = false): QueryLevel {
  const level = levelOf(tag);
  if (level === 'PATIENT') return byPatient ? level : 'STUDY';
  return levels.indexOf(level) > levels.indexOf(target) ? target : level;
}

/** Keys of instances select nothing before every series has been asked. */
function selects(key: MatchingKey, request: SearchRequest): boolean {
  const isAsked = !isUniversal(key) && !asksForEmpty(key, request);
  return isAsked && stepLevel(key.path, request.level) !== 'IMAGE';
}

function tooBroad(level: SearchLevel): GatewayError {
  const what = level === 'SERIES' ? 'series' : 'instances';
  return new GatewayError(
    'query-too-broad',
    `A search for ${what} of all studies needs an attribute of the study or series to match, such as PatientID.`,
  );
}
