import type { OperationContext } from '../core/index.js';
import { Tags, type Dataset, type Tag } from '../dicom/index.js';
import type { SearchRequest } from '../dicomweb/index.js';
import type { FindCompletion, Peer } from '../dimse/index.js';
import { defaultPeerQueryProfile, planSearch, spanAround, type PeerQueryProfile } from '../query/index.js';

/** Most rows that are compared: a day or two of a large archive. */
const MOST_ROWS = 5000;

export interface DateTimeProbe {
  /** A study that the peer holds. */
  readonly studyInstanceUid: string;
  readonly dateTime?: PeerQueryProfile['dateTime'];
  /** How long the outcome is believed, in milliseconds. */
  readonly relearnMs: number;
}

/**
 * Where the peer accepted combined matching of dates and times: asks it so for a span around a study which the two keys
 * apart would miss, and compares that with what asking by the days and filtering finds. The outcome is learnt; nothing is
 * where the study has no date and time, or there are too many studies to compare. Returns false when so nothing was found
 * out that could have been.
 *
 * @throws GatewayError
 * @see rule DT-23
 */
export async function probeDateTime(
  peer: Peer,
  probe: DateTimeProbe,
  context: OperationContext,
): Promise<boolean> {
  const options = await peer.queryOptions(context);
  if (!options.dateTime) return true;
  const ask: Ask = async (request, plan) => {
    const dateTime = { ...(probe.dateTime ?? defaultPeerQueryProfile.dateTime), plan };
    const search = planSearch(request, { ...defaultPeerQueryProfile, dateTime }, options);
    const [step] = search.steps;
    if (!step) return undefined;
    const rows = peer.find('STUDY', step.identifier(), { ...context, planned: search.planned });
    return distinct(rows, (row) => step.accepts(row));
  };
  const agrees = await compare(probe.studyInstanceUid, ask);
  if (agrees === undefined) return false;
  peer.knowledge.learn('dateTimeProved', agrees, probe.relearnMs);
  return true;
}

type Ask = (request: SearchRequest, plan: 'date-only' | 'native') => Promise<Found | undefined>;

/** Whether both ways find the same; undefined where that cannot be told. */
async function compare(studyInstanceUid: string, ask: Ask): Promise<boolean | undefined> {
  const study = await ask(requestFor([[Tags.StudyInstanceUID, 'UI', studyInstanceUid]]), 'date-only');
  const row = study?.get(studyInstanceUid);
  const span = row && spanAround(row.string(Tags.StudyDate) ?? '', row.string(Tags.StudyTime) ?? '');
  if (!span) return undefined;
  const request = requestFor([
    [Tags.StudyDate, 'DA', span.date],
    [Tags.StudyTime, 'TM', span.time],
  ]);
  const byDays = await ask(request, 'date-only');
  const combined = byDays?.has(studyInstanceUid) === true ? await ask(request, 'native') : undefined;
  if (!byDays || !combined) return undefined;
  return byDays.size === combined.size && [...byDays.keys()].every((uid) => combined.has(uid));
}

type Found = ReadonlyMap<string, Dataset>;

/** Accepted rows by their study; undefined when there are too many, or the peer cut its answer. */
async function distinct(
  rows: AsyncGenerator<Dataset, FindCompletion, undefined>,
  accepts: (row: Dataset) => boolean,
): Promise<Found | undefined> {
  const found = new Map<string, Dataset>();
  try {
    for (let count = 0; count <= MOST_ROWS; count += 1) {
      const next = await rows.next();
      if (next.done) return next.value.truncated ? undefined : found;
      const uid = next.value.string(Tags.StudyInstanceUID);
      if (uid !== undefined && accepts(next.value)) found.set(uid, next.value);
    }
    return undefined;
  } finally {
    await rows.return({ status: 0xfe00, truncated: true });
  }
}

function requestFor(keys: readonly (readonly [Tag, 'DA' | 'TM' | 'UI', string])[]): SearchRequest {
  return {
    level: 'STUDY',
    matchingKeys: keys.map(([tag, vr, value]) => ({ path: [tag], vr, value, values: [value] })),
    includeFields: [],
    includeAll: false,
    offset: 0,
    fuzzyMatching: false,
    emptyValueMatching: false,
    multipleValueMatching: false,
    warnings: [],
  };
}
