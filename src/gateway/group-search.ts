import { GatewayError, KeySet, Semaphore, type OperationContext } from '../core/index.js';
import type { DicomJsonObject } from '../dicom/index.js';
import { negotiate } from '../dicomweb/index.js';
import type { Group, Member } from './group.js';
import { Asking } from './group-asking.js';
import { GroupCounts } from './group-counts.js';
import { withSeries, withStudies, type Entry } from './group-entries.js';
import { Failures } from './group-failures.js';
import { locate } from './group-locate.js';
import { lacksCount, withSeriesUnion, withStudyUnion } from './group-merge.js';
import { permittedGroup } from './group-permitted.js';
import { uidOf } from './group-query.js';
import { unitedKeyWarnings } from './group-united-keys.js';
import { MemberRows } from './member-rows.js';
import type { SearchSettings } from './ports.js';
import { answerSearch, plannedAnew, type SearchAnswer } from './search.js';
import type { SearchRows } from './search-rows.js';
import type { SearchCall } from './use-cases.js';

type Row = DicomJsonObject;

/** Most rows whose UIDs are kept to leave out repeated ones. */
const MOST_DISTINCT = 500_000;
const COUNTS_MISSING =
  'Some of what several members hold in part may not be counted: these counts are left empty';

/** Searches every member of a group. @throws GatewayError as `search`; of a member that failed as `Failures.note` says */
export function searchGroup(
  group: Group,
  call: SearchCall,
  context: OperationContext,
): Promise<SearchAnswer> {
  const representations = negotiate('search', call.accept);
  const [first] = group.members;
  if (first === undefined) throw new GatewayError('internal', 'A group has no members.');
  return plannedAnew(async (isLast) => {
    const failures = new Failures(group, context, { mayPlanAnew: !isLast });
    const found = openGroup(new Asking(group, call, failures, context), first.binding.search);
    const { binding, deps } = first;
    return answerSearch(found, call.request, representations, { binding, clock: deps.clock, context });
  });
}

function openGroup(asking: Asking, { lookAhead }: Pick<SearchSettings, 'lookAhead'>): SearchRows {
  const search = new GroupSearch(asking, lookAhead);
  const rows = search.rows();
  return {
    rows,
    get truncated() {
      return asking.truncated;
    },
    get isCut() {
      return asking.isCut;
    },
    get warnings() {
      return search.warnings;
    },
    get mostBeyond() {
      return asking.mostBeyond(lookAhead);
    },
    get missing() {
      return asking.failures.first;
    },
    tell: () => {
      asking.failures.tell();
    },
    foresee: () => {
      search.foresee();
    },
    gaps: (hasMore: boolean) => search.gaps(hasMore),
    complete: (row: DicomJsonObject) => search.complete(row),
    close: async () => {
      asking.end();
      await rows.return();
      await asking.close();
    },
  };
}

/**
 * The rows of one search of a group: those of each member in the order of the group, and each entity once.
 *
 * What a row tells of is looked up by its UID at the other members, whatever else was searched for: they may hold a part
 * of it that does not match, or hold it under another patient.
 */
class GroupSearch {
  readonly #asking: Asking;
  readonly #counts: GroupCounts;
  readonly #seen = new KeySet();
  /** Members whose turn has not come. */
  readonly #later = new Map<Member, MemberRows>();
  /** Who is searched, once that is known. */
  #searched: readonly Member[] = [];
  /** Rows that have left. */
  #count = 0;
  readonly #lookAhead: number;
  /** Rows that may be sorted, by UID: which of them are the page is known at its end, and those alone are made whole. */
  readonly #deferred = new Map<string, Entry>();
  readonly #places = new Map<Member, Semaphore>();

  constructor(asking: Asking, lookAhead: number) {
    this.#asking = asking;
    this.#lookAhead = lookAhead;
    this.#counts = new GroupCounts(asking.call, asking.answering);
    if (asking.group.members.length > 1)
      for (const warning of unitedKeyWarnings(asking.call.request)) asking.warn(warning);
  }

  /** As `SearchRows.complete`. */
  complete(row: Row): Row | Promise<Row> {
    const uid = uidOf(row, this.#asking.call.request.level);
    const entry = this.#deferred.get(uid);
    this.#deferred.delete(uid);
    return entry ? this.#inTurn({ ...entry, row }) : this.#asking.complete(row);
  }

  get warnings(): readonly string[] {
    return this.#asking.warnings;
  }

  /**
   * Rows are yet to leave after the headers. A member that has failed by now is known to be missing in them.
   *
   * @throws GatewayError as `Failures.note`
   */
  foresee(): void {
    for (const [member, { failure }] of this.#later)
      if (failure) this.#asking.failures.note(member, failure.error);
    this.#asking.foresee();
  }

  /** Of rows that are yet to leave it is not known whether all of them will be counted. */
  gaps(hasMore: boolean): readonly string[] {
    const mayMiss = this.#counts.isIncomplete || (hasMore && this.#mayUnite);
    return [...this.#asking.gaps(hasMore), ...(mayMiss ? [COUNTS_MISSING] : [])];
  }

  /** Whether a row may be put together of what several members hold: instances of one study have no counts of it. */
  get #mayUnite(): boolean {
    const { failures, call } = this.#asking;
    const { level, studyInstanceUid } = call.request;
    const holders = this.#searched.filter((one) => !failures.isOut(one));
    return holders.length > 1 && (level !== 'IMAGE' || studyInstanceUid === undefined);
  }

  async *rows(): AsyncGenerator<Row, void, undefined> {
    const { failures, call } = this.#asking;
    try {
      const sources = await this.#sources();
      this.#searched = sources;
      for (const [index, member] of sources.entries()) {
        const search = new MemberRows(() => this.#asking.open(member, call.request));
        this.#later.set(member, search);
        if (index > 0) search.begin();
      }
      for (const [member, search] of this.#later) {
        this.#later.delete(member);
        if (!failures.isOut(member)) yield* this.#of(member, search, sources);
      }
      failures.requireSome(sources);
    } finally {
      this.#asking.end();
    }
  }

  /** Who is searched: where the URL names a study, those that hold it under one patient. */
  async #sources(): Promise<readonly Member[]> {
    const { group, failures, context, call } = this.#asking;
    const { studyInstanceUid } = call.request;
    if (studyInstanceUid === undefined) return group.members;
    if (call.fresh) for (const { absent } of group.members) absent.clear();
    const permitted = await permittedGroup(group, studyInstanceUid, failures, context);
    const { holders, warnings } = await locate(permitted, { studyInstanceUid }, failures, context);
    for (const warning of warnings) this.#asking.warn(warning);
    // Who opens a study is told that it could not be looked for, as in a retrieve, and not that it has no series.
    if (holders.length === 0) failures.requireNone();
    return holders;
  }

  async *#of(
    member: Member,
    search: MemberRows,
    sources: readonly Member[],
  ): AsyncGenerator<Row, void, undefined> {
    const chunks = search.chunks();
    try {
      for (;;) {
        const chunk = await this.#next(member, chunks);
        if (chunk === undefined) return;
        await this.#asking.planned();
        yield* await this.#complete(member, chunk, sources);
      }
    } finally {
      await chunks.return();
    }
  }

  /** Undefined when there are no more, or the member has failed and the others are to answer. */
  async #next(member: Member, chunks: ReturnType<MemberRows['chunks']>): Promise<readonly Row[] | undefined> {
    try {
      return (await chunks.next()).value ?? undefined;
    } catch (thrown) {
      this.#asking.failures.note(member, thrown);
      return undefined;
    }
  }

  /** The rows of `member` that have not left yet, each with what the other members hold of the same. */
  async #complete(
    member: Member,
    chunk: readonly Row[],
    sources: readonly Member[],
  ): Promise<readonly Row[]> {
    const { call } = this.#asking;
    const isNew = (row: Row): boolean => !this.#seen.has(uidOf(row, call.request.level));
    for (const row of chunk) if (!isNew(row)) this.#asking.leaveOut(row);
    const rows = chunk.filter(isNew);
    if (rows.length === 0) return [];
    const entries = await this.#entries(member, rows, sources);
    this.#saw(entries);
    const first = this.#count;
    this.#count += entries.length;
    return Promise.all(
      entries.map(async (entry, index) => {
        const mayBeSorted = first + index < this.#lookAhead;
        if (!mayBeSorted && !this.#isInPage(first + index)) return entry.row;
        if (isWhole(entry)) this.#asking.leaves(entry.came);
        else if (mayBeSorted) this.#deferred.set(uidOf(entry.row, call.request.level), entry);
        else return await this.#inTurn(entry);
        return entry.row;
      }),
    );
  }

  async #inTurn(entry: Entry): Promise<Row> {
    const { own } = entry;
    const places = this.#places.get(own) ?? new Semaphore(own.binding.retrieve.joinConcurrency);
    this.#places.set(own, places);
    const leave = await places.acquire();
    return this.#united(entry).finally(leave);
  }

  async #entries(own: Member, rows: readonly Row[], sources: readonly Member[]): Promise<readonly Entry[]> {
    const { call, failures } = this.#asking;
    const { studyInstanceUid, level } = call.request;
    const holders = sources.filter((one) => !failures.isOut(one));
    const entries =
      studyInstanceUid === undefined
        ? await withStudies(this.#asking, own, rows)
        : rows.map((row) => ({ own, came: row, row, holders, study: [], series: [] }));
    return level === 'SERIES' ? withSeries(this.#asking, own, entries) : entries;
  }

  /** One that was left out as another patient's may still be found at a member that has it under the right one. */
  #saw(entries: readonly Entry[]): void {
    for (const { row } of entries) this.#seen.add(uidOf(row, this.#asking.call.request.level));
    if (this.#seen.size > MOST_DISTINCT)
      throw new GatewayError('query-too-broad', 'Too many matches; narrow the search.');
  }

  /** What is only skipped or counted need not be made whole. */
  #isInPage(position: number): boolean {
    const { offset, limit = Number.POSITIVE_INFINITY } = this.#asking.call.request;
    return position >= offset && position < offset + limit;
  }

  /** The row with what its parts amount to together. */
  async #united({ own, row, holders, study, series }: Entry): Promise<Row> {
    const uid = this.#asking.call.request.studyInstanceUid ?? uidOf(row, 'STUDY');
    const united =
      study.length > 1 ? withStudyUnion(row, study, await this.#counts.study(uid, holders)) : row;
    if (series.length === 0 && !this.#isToBeListed(united, own)) return united;
    const members = [own, ...series.map(({ member }) => member)];
    return withSeriesUnion(united, await this.#counts.series(uid, uidOf(row, 'SERIES'), members));
  }

  /** Of a series that one member holds, which does not count it. Who holds the series of an instance is not known. */
  #isToBeListed(row: Row, { binding }: Member): boolean {
    if (!lacksCount(row) || binding.search.complete === 'off') return false;
    const isSeries = this.#asking.call.request.level === 'SERIES';
    if (!isSeries) this.#counts.isIncomplete = true;
    return isSeries;
  }
}

/** Whether one member says all of it. */
const isWhole = ({ study, series }: Entry): boolean => study.length <= 1 && series.length === 0;
