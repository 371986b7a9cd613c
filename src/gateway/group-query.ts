import type { OperationContext } from '../core/index.js';
import { Dataset, formatTag, Tags, type DicomJsonObject, type Tag } from '../dicom/index.js';
import type { MatchingKey, SearchLevel, SearchRequest } from '../dicomweb/index.js';
import type { Peer } from '../dimse/index.js';
import { matches } from '../query/index.js';
import type { Member } from './group.js';
import { hasValue } from './patient.js';
import { openRows, type OpenRows } from './search-rows.js';
import type { SearchCall } from './use-cases.js';

const ISSUER = formatTag(Tags.IssuerOfPatientID);
const PATIENT_ID = formatTag(Tags.PatientID);

const isIssuer = (path: readonly Tag[]): boolean => path.length === 1 && path[0] === Tags.IssuerOfPatientID;

/** Whether a row whose issuer is `issuer` matches. */
function matchesIssuer(key: MatchingKey, issuer: string, { profile }: Member['binding']): boolean {
  const row = new Dataset().setString(Tags.IssuerOfPatientID, issuer, 'LO');
  return matches(row, key, { dateTime: profile.dateTime }) !== 'no-match';
}

/** The same for one member: patients are told apart by their issuer, which must come back. */
function requestFor({ binding }: Member, request: SearchRequest): SearchRequest {
  if (request.studyInstanceUid !== undefined) return request;
  const { issuerOfPatientId: issuer } = binding;
  const includeFields = request.includeFields.some(isIssuer)
    ? request.includeFields
    : [...request.includeFields, [Tags.IssuerOfPatientID]];
  // Rows without an issuer are those of the configured one: a peer that matches the key would leave them out.
  const matchingKeys = request.matchingKeys.filter(
    (key) => issuer === undefined || !isIssuer(key.path) || !matchesIssuer(key, issuer, binding),
  );
  return { ...request, includeFields, matchingKeys };
}

/** The row with the issuer that is configured for its peer, where it tells of a patient and names none. */
function withIssuer(row: DicomJsonObject, issuer: string | undefined): DicomJsonObject {
  if (issuer === undefined || row[PATIENT_ID] === undefined || hasValue(row[ISSUER])) return row;
  return { ...row, [ISSUER]: { vr: 'LO', Value: [issuer] } };
}

/** A search of a member for a call to its group. */
interface MemberCall extends SearchCall {
  /** Ends what is searched, but nothing that is asked to complete what was found. */
  readonly searching?: AbortSignal;
}

/** Searches one member; rows have the issuer of their patient, and match it. @throws GatewayError as `openRows` */
export async function openMember(
  member: Member,
  request: SearchRequest,
  { serviceUrl, fresh, request: asked, searching }: MemberCall,
  context: OperationContext,
): Promise<OpenRows> {
  const { binding } = member;
  // As for one peer: only a page is read at once.
  const isAlone = fresh === true || asked.limit === undefined;
  const find: Peer['find'] = (level, identifier, of) =>
    (isAlone ? binding.peer : member.searches).find(level, identifier, {
      ...of,
      signal: searching ? AbortSignal.any([of.signal, searching]) : of.signal,
    });
  const findAtOnce: Peer['find'] = (level, identifier, of) =>
    (fresh === true ? binding.peer : member.finds).find(level, identifier, of);
  const { framePool: frames, guard, deps, watch } = member;
  const source = { binding, find, findAtOnce, guard, frames, watch, clock: deps.clock };
  const opened = await openRows(source, requestFor(member, request), serviceUrl, context);
  const { issuerOfPatientId: issuer } = binding;
  const keys = issuer === undefined ? [] : request.matchingKeys.filter(({ path }) => isIssuer(path));
  const came = new WeakMap<DicomJsonObject, DicomJsonObject>();
  const rows = async function* (): AsyncGenerator<DicomJsonObject, void, undefined> {
    for await (const found of opened.rows) {
      const row = withIssuer(found, issuer);
      const [value] = row[ISSUER]?.Value ?? [];
      const isOther = (key: MatchingKey): boolean =>
        typeof value === 'string' && !matchesIssuer(key, value, binding);
      if (keys.some(isOther)) {
        opened.leaveOut(found);
        continue;
      }
      if (row !== found) came.set(row, found);
      yield row;
    }
  };
  return {
    rows: rows(),
    get truncated() {
      return opened.truncated;
    },
    get isCut() {
      return opened.isCut;
    },
    get warnings() {
      return opened.warnings;
    },
    get mostBeyond() {
      return opened.mostBeyond;
    },
    foresee: (foresight) => opened.foresee(foresight),
    leaveOut: (row) => {
      opened.leaveOut(came.get(row) ?? row);
    },
    gaps: (hasMore) => opened.gaps(hasMore),
    complete: (row) => opened.complete(row),
    close: () => opened.close(),
  };
}

const KEYS: Readonly<Record<SearchLevel, Tag>> = {
  STUDY: Tags.StudyInstanceUID,
  SERIES: Tags.SeriesInstanceUID,
  IMAGE: Tags.SOPInstanceUID,
};

/** The UID of a row at its level. */
export function uidOf(row: DicomJsonObject, level: SearchLevel): string {
  const [uid] = row[formatTag(KEYS[level])]?.Value ?? [];
  return typeof uid === 'string' ? uid : '';
}

const bare = {
  offset: 0,
  fuzzyMatching: false,
  emptyValueMatching: false,
  multipleValueMatching: false,
  includeAll: false,
  warnings: [],
} as const;

/** A search for entities by their UIDs, with the attributes that `asked` wants of them. */
export function byUids(
  level: 'STUDY' | 'SERIES',
  uids: readonly string[],
  asked: Pick<SearchRequest, 'includeFields' | 'includeAll'>,
  study?: string,
): SearchRequest {
  const key: MatchingKey = { path: [KEYS[level]], vr: 'UI', value: uids.join('\\'), values: uids };
  const { includeFields, includeAll } = asked;
  const scope = study === undefined ? {} : { studyInstanceUid: study };
  return { ...bare, ...scope, level, matchingKeys: [key], includeFields, includeAll };
}

/** A search for everything in a study or a series. */
export function allOf(study: string, series?: string): SearchRequest {
  const scope = { studyInstanceUid: study, ...(series === undefined ? {} : { seriesInstanceUid: series }) };
  const level = series === undefined ? 'SERIES' : 'IMAGE';
  return { ...bare, ...scope, level, matchingKeys: [], includeFields: [] };
}
