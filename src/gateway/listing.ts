import { GatewayError, type OperationContext } from '../core/index.js';
import { Tags, type Dataset } from '../dicom/index.js';
import type { RetrieveTarget, SearchLevel } from '../dicomweb/index.js';
import { listingIdentifier } from '../query/index.js';
import type { FindCompletion, Peer } from '../dimse/index.js';
import type { PeerBinding } from './ports.js';
import { seriesState, type Fingerprint } from './study-state.js';

/** An instance that a C-FIND named. */
export interface ListedInstance {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  /** Missing when the peer does not return (0008,0016). */
  readonly sopClassUid: string | undefined;
  /** (0020,0013), where the peer returns it: where a viewer shows it. */
  readonly instanceNumber?: number | undefined;
}

/** The SOP classes to propose; empty when the peer did not name them all, for then any may come. */
export function sopClassesOf(instances: readonly ListedInstance[]): readonly string[] {
  const classes = new Set<string>();
  for (const { sopClassUid } of instances) {
    if (sopClassUid === undefined) return [];
    classes.add(sopClassUid);
  }
  return [...classes];
}

/** What a listing proves when it ends. */
export interface ListingOutcome {
  readonly count: number;
  /**
   * Whether the peer's own counts agree with the list. A list that is not verified may have been cut short without a
   * word, so the retrieve is finished by one of the level above.
   */
  readonly verified: boolean;
  /** The list that it was, where the peer was not asked now. */
  readonly remembered?: readonly ListedInstance[];
}

/** A peer, and how it is asked. */
export interface AskedPeer extends PeerBinding {
  readonly find: Peer['find'];
}

/** One C-FIND of a listing. */
interface Asked {
  readonly binding: AskedPeer;
  readonly level: SearchLevel;
  readonly target: RetrieveTarget;
  readonly context: OperationContext;
}

type Completed = FindCompletion & { readonly rows: number };

/** What `read` makes of each row; none of a row of something else. What it throws is thrown into the C-FIND. */
async function* rowsOf<T>(
  { binding, level, target, context }: Asked,
  read: (row: Dataset) => T | undefined,
): AsyncGenerator<T, Completed, undefined> {
  const find = binding.find(level, listingIdentifier(level, target), context);
  let rows = 0;
  try {
    for (;;) {
      const next = await find.next();
      if (next.done) return { ...next.value, rows };
      rows += 1;
      const made = await readInto(find, () => read(next.value));
      if (made !== undefined) yield made;
    }
  } finally {
    await find.return({ status: 0, truncated: true });
  }
}

/** Others may read the same answer: they are told that it is of no use. @throws what `read` throws */
async function readInto<T>(find: ReturnType<Peer['find']>, read: () => T): Promise<T> {
  try {
    return read();
  } catch (thrown) {
    await find.throw(thrown);
    throw thrown;
  }
}

const isWhole = (completed: Completed, findLimit: number | undefined): boolean =>
  !completed.truncated && completed.rows !== findLimit;

/**
 * Archives hold UIDs that break PS3.5 9.1, mostly by components with leading zeros. What the peer lists is retrieved by
 * the UID that it gave; only what cannot be a UID at all is refused, and loudly, for a row left out is an instance lost.
 */
function requireUidShape(uid: string | undefined, { peer }: PeerBinding): string {
  if (uid !== undefined && /^[0-9.]{1,64}$/.test(uid)) return uid;
  throw new GatewayError(
    'peer-protocol',
    'The PACS lists something without a UID, or under one that is none.',
    {
      peer: peer.name,
    },
  );
}

/** Peers that ignore a key return everything: rows of another study or series are not what was asked for. */
function belongsElsewhere(row: Dataset, target: RetrieveTarget): boolean {
  const study = row.string(Tags.StudyInstanceUID) ?? target.studyInstanceUid;
  const series = row.string(Tags.SeriesInstanceUID);
  return (
    study !== target.studyInstanceUid ||
    (series !== undefined && target.seriesInstanceUid !== undefined && series !== target.seriesInstanceUid)
  );
}

/** @throws GatewayError `peer-incomplete` when a list without a usable row was cut short: it is not empty */
function requireWhole(completed: Completed, { peer, retrieve }: PeerBinding): void {
  if (isWhole(completed, retrieve.findLimit)) return;
  throw new GatewayError('peer-incomplete', 'The PACS did not list what it has under these UIDs.', {
    peer: peer.name,
  });
}

/** @throws GatewayError `peer-incomplete` when nothing was listed of what the peer itself counts: that is not empty */
function requireSome(listed: number, counted: number | undefined, { peer }: PeerBinding): void {
  if (listed > 0 || (counted ?? 0) === 0) return;
  throw new GatewayError('peer-incomplete', 'The PACS counts instances there and lists none.', {
    peer: peer.name,
  });
}

/** The instance that a row names; undefined for a row of something else. @throws GatewayError for a row without UIDs */
function listed(row: Dataset, target: RetrieveTarget, binding: PeerBinding): ListedInstance | undefined {
  if (belongsElsewhere(row, target)) return undefined;
  const sopInstanceUid = requireUidShape(row.string(Tags.SOPInstanceUID), binding);
  const seriesInstanceUid =
    target.seriesInstanceUid ?? requireUidShape(row.string(Tags.SeriesInstanceUID), binding);
  const sopClassUid = row.string(Tags.SOPClassUID);
  const instanceNumber = row.integer(Tags.InstanceNumber);
  const { studyInstanceUid } = target;
  return { studyInstanceUid, seriesInstanceUid, sopInstanceUid, sopClassUid, instanceNumber };
}

/** The instances of one series, and whether `expected` of them is what came. */
async function* listSeries(
  binding: AskedPeer,
  target: RetrieveTarget & { readonly seriesInstanceUid: string },
  expected: number | undefined,
  context: OperationContext,
): AsyncGenerator<ListedInstance, ListingOutcome, undefined> {
  const asked = { binding, level: 'IMAGE', target, context } as const;
  const rows = rowsOf(asked, (row) => listed(row, target, binding));
  const seen = new Set<string>();
  try {
    let next = await rows.next();
    for (; !next.done; next = await rows.next()) {
      const instance = next.value;
      if (seen.has(instance.sopInstanceUid)) continue;
      seen.add(instance.sopInstanceUid);
      if (seen.size > binding.retrieve.maxInstances) throw tooMany(binding);
      yield instance;
    }
    if (seen.size === 0) requireWhole(next.value, binding);
    const whole = isWhole(next.value, binding.retrieve.findLimit);
    return { count: seen.size, verified: whole && expected === seen.size };
  } finally {
    await rows.return({ status: 0, truncated: true, rows: 0 });
  }
}

/** What asks for more than one answer may have. @see rule W-13 */
export const tooMany = (binding: Pick<PeerBinding, 'peer' | 'retrieve'>): GatewayError =>
  new GatewayError(
    'payload-too-large',
    `More than ${binding.retrieve.maxInstances} instances in one request; retrieve series by series.`,
    { peer: binding.peer.name },
  );

/** What the peer counts itself need not be listed to be known to be too much. @throws GatewayError `payload-too-large` @see rule W-13 */
function requireFew(counted: number, binding: PeerBinding): void {
  if (counted > binding.retrieve.maxInstances) throw tooMany(binding);
}

/** A series that a C-FIND named. */
export interface ListedSeries {
  readonly seriesInstanceUid: string;
  readonly instances: number | undefined;
  readonly modality: string | undefined;
  /** (0020,0011), where the peer returns it. */
  readonly number: number | undefined;
  readonly state: Fingerprint;
}

interface SeriesOfStudy {
  readonly series: readonly ListedSeries[];
  readonly verified: boolean;
}

/** The series that a row names; undefined for a row of another study. @throws GatewayError for a row without a UID */
function listedSeries(row: Dataset, target: RetrieveTarget, binding: PeerBinding): ListedSeries | undefined {
  if (belongsElsewhere(row, target)) return undefined;
  const seriesInstanceUid = requireUidShape(row.string(Tags.SeriesInstanceUID), binding);
  const instances = row.integer(Tags.NumberOfSeriesRelatedInstances);
  const modality = row.string(Tags.Modality);
  const number = row.integer(Tags.SeriesNumber);
  return { seriesInstanceUid, instances, modality, number, state: seriesState(row) };
}

/** The series of a study. @throws GatewayError of the C-FIND */
export async function seriesOf(
  binding: AskedPeer,
  target: RetrieveTarget,
  context: OperationContext,
): Promise<SeriesOfStudy> {
  const asked = { binding, level: 'SERIES', target, context } as const;
  const rows = rowsOf(asked, (row) => listedSeries(row, target, binding));
  const series = new Map<string, ListedSeries>();
  let next = await rows.next();
  for (; !next.done; next = await rows.next()) series.set(next.value.seriesInstanceUid, next.value);
  if (series.size === 0) requireWhole(next.value, binding);
  return { series: [...series.values()], verified: isWhole(next.value, binding.retrieve.findLimit) };
}

/** Who hears what the peer says of the study and its series while a target is listed: see `StudyWatch`. */
export interface ListingWatch {
  /** What the peer counts in the study, where it says so. */
  count(): Promise<{ readonly series: number | undefined; readonly instances: number | undefined }>;
  /** Called before any instance of the series is yielded. */
  sawSeries(seriesInstanceUid: string, state: Fingerprint): void;
  knowsSeries(seriesInstanceUid: string): boolean;
}

/** The counts only verify: a peer that cannot tell them leaves the list unverified. */
const countOf = (watch: ListingWatch): ReturnType<ListingWatch['count']> =>
  watch.count().catch(() => ({ series: undefined, instances: undefined }));

/** The series of a study, of which the watch has heard, and the counts of the study. */
async function countedSeriesOf(
  binding: AskedPeer,
  target: RetrieveTarget,
  context: OperationContext,
  watch: ListingWatch,
): Promise<SeriesOfStudy & { readonly counts: Awaited<ReturnType<ListingWatch['count']>> }> {
  // One after the other: a third association for the listing would cost more than it saves.
  const counts = await countOf(watch);
  const found = await seriesOf(binding, target, context);
  for (const { seriesInstanceUid, state } of found.series) watch.sawSeries(seriesInstanceUid, state);
  return { ...found, counts };
}

async function* listStudy(
  binding: AskedPeer,
  target: RetrieveTarget,
  context: OperationContext,
  watch: ListingWatch,
): AsyncGenerator<ListedInstance, ListingOutcome, undefined> {
  const { counts, series, verified } = await countedSeriesOf(binding, target, context, watch);
  const sum = series.reduce((all, { instances = 0 }) => all + instances, 0);
  requireFew(counts.instances ?? sum, binding);
  let listed = 0;
  let every = verified && counts.series === series.length;
  for (const { seriesInstanceUid, instances } of series) {
    const outcome = yield* listSeries(binding, { ...target, seriesInstanceUid }, instances, context);
    listed += outcome.count;
    every &&= outcome.verified;
    if (listed > binding.retrieve.maxInstances) throw tooMany(binding);
  }
  requireSome(listed, counts.instances, binding);
  return { count: listed, verified: every || (verified && counts.instances === listed) };
}

/**
 * Runs `listing` beside `before`, and yields nothing until that has ended: whose the instances are must be known when
 * the first byte of them comes. What was begun first also gets a scarce association first. Rows are taken meanwhile, for
 * `before` may wait for the very association on which they come.
 */
async function* listAfter<T>(
  before: Promise<unknown>,
  listing: AsyncGenerator<ListedInstance, T, undefined>,
): AsyncGenerator<ListedInstance, T, undefined> {
  const known = before.then(() => 'known' as const);
  const held: ListedInstance[] = [];
  try {
    let pending = listing.next();
    for (;;) {
      const next = await Promise.race([known, pending]);
      if (next === 'known' || next.done) break;
      held.push(next.value);
      pending = listing.next();
    }
    await known;
    yield* held;
    let next = await pending;
    for (; !next.done; next = await listing.next()) yield next.value;
    return next.value;
  } finally {
    await listing.return(undefined as T);
  }
}

async function* listOneSeries(
  binding: AskedPeer,
  target: RetrieveTarget & { readonly seriesInstanceUid: string },
  context: OperationContext,
  watch: ListingWatch,
): AsyncGenerator<ListedInstance, ListingOutcome, undefined> {
  // The count only verifies: a peer that cannot tell it leaves the list unverified.
  const counted = countedSeriesOf(binding, target, context, watch)
    .then(({ series }) => series.find((row) => row.seriesInstanceUid === target.seriesInstanceUid))
    .catch(() => undefined);
  const known = counted.then((series) => {
    requireFew(series?.instances ?? 0, binding);
  });
  const { count } = yield* listAfter(known, listSeries(binding, target, undefined, context));
  const series = await counted;
  requireSome(count, series?.instances, binding);
  return { count, verified: series?.instances === count };
}

async function* rowOfOne(
  binding: AskedPeer,
  target: Required<RetrieveTarget>,
  context: OperationContext,
): AsyncGenerator<ListedInstance, ListingOutcome, undefined> {
  const asked = { binding, level: 'IMAGE', target, context } as const;
  const rows = rowsOf(asked, (row) => listed(row, target, binding));
  let found = 0;
  try {
    let next = await rows.next();
    for (; !next.done; next = await rows.next()) {
      const instance = next.value;
      if (instance.sopInstanceUid !== target.sopInstanceUid || found > 0) continue;
      found += 1;
      yield instance;
    }
    if (found === 0) requireWhole(next.value, binding);
    return { count: found, verified: true };
  } finally {
    await rows.return({ status: 0, truncated: true, rows: 0 });
  }
}

async function* listOne(
  binding: AskedPeer,
  target: Required<RetrieveTarget>,
  context: OperationContext,
  watch: ListingWatch,
): AsyncGenerator<ListedInstance, ListingOutcome, undefined> {
  const series = { studyInstanceUid: target.studyInstanceUid, seriesInstanceUid: target.seriesInstanceUid };
  const heard = watch.knowsSeries(target.seriesInstanceUid)
    ? countOf(watch)
    : countedSeriesOf(binding, series, context, watch).catch(() => undefined);
  return yield* listAfter(heard, rowOfOne(binding, target, context));
}

const isSeries = (
  target: RetrieveTarget,
): target is RetrieveTarget & { readonly seriesInstanceUid: string } =>
  target.seriesInstanceUid !== undefined;

const isInstance = (target: RetrieveTarget): target is Required<RetrieveTarget> =>
  target.sopInstanceUid !== undefined;

/**
 * What the peer says `target` consists of, level by level by C-FIND, as the answers come.
 *
 * The list alone proves nothing: peers cap their answers, some of them silently. The return value says whether the
 * peer's own counts (Number of … Related Instances) agree with it.
 *
 * `watch` has heard of the study and the series before the first of their instances is yielded.
 *
 * @throws GatewayError of the C-FIND that failed, or `payload-too-large` beyond the configured number of instances
 * @see PS3.4 C.4.1.2.1 (hierarchical search)
 */
export function listInstances(
  binding: AskedPeer,
  target: RetrieveTarget,
  context: OperationContext,
  watch: ListingWatch,
): AsyncGenerator<ListedInstance, ListingOutcome, undefined> {
  if (isSeries(target) && isInstance(target)) return listOne(binding, target, context, watch);
  if (isSeries(target)) return listOneSeries(binding, target, context, watch);
  return listStudy(binding, target, context, watch);
}
