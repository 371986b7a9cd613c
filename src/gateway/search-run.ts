import { GatewayError, KeySet, type Clock, type OperationContext } from '../core/index.js';
import { Tags, type Dataset, type Tag } from '../dicom/index.js';
import type { Peer } from '../dimse/index.js';
import { namesOf, type FindStep, type ParentKeys, type SearchPlan } from '../query/index.js';
import type { FrameChecks } from './available-syntaxes.js';
import type { PeerBinding } from './ports.js';
import { RowsAhead } from './rows-ahead.js';
import { seeModalities } from './modalities-proof.js';
import { learnReturned } from './returned-keys.js';
import {
  hasTwin,
  isOfNobody,
  mayHideTwins,
  Patients,
  StudyOwners,
  tooManyPatients,
  tooManyUnknown,
} from './search-patients.js';
import { CharacterSetRun } from './search-character-sets.js';
import { SliceRun, type Asking, type SliceLimits } from './search-slices.js';
import { withoutDoubts } from './search-doubts.js';
import { SeenCharacterSets } from './seen-character-sets.js';
import type { StudyGuard } from './study-guard.js';
import type { StudyWatch } from './study-watch.js';
import { shownUids, UidListRun } from './search-uid-lists.js';

/** One match: the row of each level that was searched, from the top. */
export type Match = readonly Dataset[];

/** Most matches whose unique keys are kept to leave out repeated ones. */
const MOST_DISTINCT = 500_000;

/** One for all: every search ends with it, and the trace of an error costs more than the search does. */
export const searchEnded = new GatewayError('cancelled', 'The search has ended.');

/** A level below which more is to be searched. */
interface Upper {
  readonly depth: number;
  readonly step: FindStep;
  readonly above: Match;
  readonly context: OperationContext;
}

/** Who is searched, and how it is asked. */
export interface SearchSource {
  readonly binding: PeerBinding;
  readonly find: Peer['find'];
  /** For what is read at once, whatever the pace of the client; `find` when left out. */
  readonly findAtOnce?: Peer['find'];
  /** Holds those who may see some studies alone to them. */
  readonly guard?: StudyGuard;
  /** What can be decoded tells which transfer syntaxes are available; what the peer says when left out. */
  readonly frames?: FrameChecks;
  /** Hears of the studies that are found. */
  readonly watch?: Pick<StudyWatch, 'heard'>;
  /** The machine's own when left out. */
  readonly clock?: Clock;
}

/** Runs a plan against a peer, level by level. */
export class SearchRun {
  readonly #source: SearchSource;
  readonly #limits: SliceLimits;
  readonly #joinConcurrency: number;
  readonly #characterSets: SeenCharacterSets;
  readonly #maxPatients: number;
  readonly #maxLookups: number;
  readonly #plan: SearchPlan;
  readonly #context: OperationContext;
  /** A C-FIND ended without everything that matches. */
  truncated = false;
  /** There are patients without an id, whose studies cannot be asked for. */
  missesPatients = false;
  /** What matches by text may be missing. */
  mayMissText = false;
  /** Several patients of the peer have one id: whose a study is nobody can tell. */
  sharesPatientIds = false;
  /** The archive has one study under several patients, of which the first stands for all. */
  sharesStudies = false;
  /** Keys that the peer did not return, so that nobody checked them, with the number of rows. */
  readonly #unverified = new Map<Tag, number>();
  /** Rows that were listed in vain, by the step and what it is below: a step may be asked again. */
  readonly #inVain = new Map<string, number>();
  #allInVain = 0;

  constructor(source: SearchSource, plan: SearchPlan, context: OperationContext) {
    const { retrieve, search } = source.binding;
    this.#source = source;
    this.#limits = {
      findLimit: retrieve.findLimit,
      maxScan: search.maxScan,
      maxSlices: search.maxSlices,
    };
    this.#joinConcurrency = retrieve.joinConcurrency;
    this.#characterSets = new SeenCharacterSets(source.binding.peer);
    this.#plan = plan;
    this.#maxPatients = search.maxPatients;
    this.#maxLookups = search.maxLookups;
    this.#context = { ...context, planned: plan.planned, ...(plan.root && { root: plan.root }) };
  }

  /** All that matches, from the first one on each time that it is called. */
  matches(context: OperationContext = this.#context): AsyncGenerator<Match, void, undefined> {
    return this.#walk(0, [], context);
  }

  /** Keys that the peer did not return of some row, so that nobody checked them. */
  get unverified(): readonly Tag[] {
    return [...this.#unverified.keys()];
  }

  /** Whether its lowest row is one of these. */
  isUnverified(match: Match): boolean {
    return this.#unverified.size > 0 && this.#unverifiedOf(match).length > 0;
  }

  /** Its lowest row does not count any more among these. */
  leaveOut(match: Match): void {
    for (const tag of this.#unverifiedOf(match)) {
      const count = this.#unverified.get(tag) ?? 0;
      if (count > 1) this.#unverified.set(tag, count - 1);
      else this.#unverified.delete(tag);
    }
  }

  #unverifiedOf(match: Match): readonly Tag[] {
    const [step, row] = [this.#plan.steps[match.length - 1], match.at(-1)];
    return step && row ? step.unverified(row) : [];
  }

  /** What tells one match from all others. */
  keyOf(match: Match): string {
    const { studyInstanceUid = '', seriesInstanceUid = '' } = uidsOf(match);
    const [step, lowest] = [this.#plan.steps[match.length - 1], match.at(-1)];
    const uid = step && lowest ? step.keyOf(lowest) : '';
    return [studyInstanceUid, seriesInstanceUid, uid].join(' ');
  }

  async *#walk(
    depth: number,
    above: Match,
    context: OperationContext,
  ): AsyncGenerator<Match, void, undefined> {
    const step = this.#plan.steps[depth];
    if (step === undefined) return;
    if (depth === this.#plan.steps.length - 1) {
      for await (const row of this.#rows(step, above, context)) yield [...above, row];
      return;
    }
    yield* this.#join({ depth, step, above, context });
  }

  /**
   * Searches below several rows at once, and gives the results in the order of the rows. No C-FIND holds an association
   * while it waits for another one: what is out of its turn is given up rather than paused.
   */
  async *#join({ depth, step, above, context }: Upper): AsyncGenerator<Match, void, undefined> {
    const controller = new AbortController();
    const within = { ...context, signal: AbortSignal.any([context.signal, controller.signal]) };
    const upper = new RowsAhead({
      open: () => this.#rows(step, above, within),
      keyOf: (row) => step.keyOf(row),
    });
    const open = (row: Dataset): AsyncGenerator<Match, void, undefined> =>
      this.#below({ depth, step, above, context: within }, row);
    const running: RowsAhead<Match>[] = [];
    let walked = 0;
    let unknown = 0;
    try {
      for await (const row of upper.read()) {
        walked += 1;
        if (step.level === 'PATIENT' && walked > this.#maxPatients) throw tooManyPatients(this.#maxPatients);
        if (step.unverified(row).length > 0) unknown += 1;
        if (unknown > this.#maxLookups) throw tooManyUnknown(step, row, this.#maxLookups);
        running.push(new RowsAhead({ open: () => open(row), keyOf: (match) => this.keyOf(match) }));
        if (running.length >= this.#joinConcurrency) yield* inTurn(running.shift());
      }
      while (running.length > 0) yield* inTurn(running.shift());
    } finally {
      controller.abort(searchEnded);
      for (const one of [upper, ...running]) one.close();
    }
  }

  async *#rows(
    step: FindStep,
    above: Match,
    context: OperationContext,
  ): AsyncGenerator<Dataset, void, undefined> {
    const parent = uidsOf(above);
    for await (const row of withoutDoubts(this.#accepted(step, parent, context), step, parent)) {
      for (const tag of step.unverified(row)) this.#unverified.set(tag, (this.#unverified.get(tag) ?? 0) + 1);
      yield row;
    }
  }

  /** What matches below one row. */
  async *#below(
    { depth, step, above, context }: Upper,
    row: Dataset,
  ): AsyncGenerator<Match, void, undefined> {
    const isAsked = mayHideTwins(step) && !this.sharesPatientIds;
    if (isAsked && (await hasTwin(this.#source.find, row, context))) this.sharesPatientIds = true;
    yield* this.#walk(depth + 1, [...above, row], context);
  }

  /** Rows that match, or may do so as far as is known yet. */
  async *#accepted(
    step: FindStep,
    parent: ParentKeys,
    context: OperationContext,
  ): AsyncGenerator<Dataset, void, undefined> {
    const { find } = this.#source;
    const asking = { find, step, parent, context, limits: this.#limits, today: today() };
    const run = new CharacterSetRun(asking, (one) =>
      one.step.uids ? this.#lists(one, one.step.uids) : new SliceRun(one),
    );
    const seen = new KeySet();
    const patients = new Patients(step);
    const owners = new StudyOwners(step);
    const shown = this.#shown(step);
    let inVain = 0;
    for await (const row of run.rows()) {
      this.#learnFrom(step, row);
      if (isOfNobody(step, row)) {
        this.missesPatients = true;
        continue;
      }
      const key = step.keyOf(row);
      const isSeen = seen.has(key);
      this.#look(patients.isAnother(key, row), owners.isAnother(key, row, isSeen));
      if (isSeen) continue;
      if (!step.accepts(row, parent)) {
        if (this.#isCounted(step, row)) this.#countInVain(step, parent, (inVain += 1));
        continue;
      }
      requireRoom(seen);
      seen.add(key);
      patients.add(key, row);
      owners.add(key, row);
      const uid = shown.size < 2 ? step.uidOf(row) : undefined;
      if (uid !== undefined) shown.add(uid);
      yield row;
    }
    this.truncated ||= run.report.truncated;
    this.mayMissText ||= run.mayMiss;
    if (run.report.findsEmptyTimes) this.#learn('findsEmptyTimes');
  }

  #look(sharesPatientIds: boolean, sharesStudies: boolean): void {
    this.sharesPatientIds ||= sharesPatientIds;
    this.sharesStudies ||= sharesStudies;
  }

  /** Below a study that the URL names there is no more than that study. */
  #isCounted(step: FindStep, row: Dataset): boolean {
    const { unasked } = step;
    return unasked.size > 0 && this.#plan.fixed.studyInstanceUid === undefined && step.isInVain(row);
  }

  /** @throws GatewayError `query-too-broad` when the peer lists too much that does not match */
  #countInVain({ level, unasked }: FindStep, parent: ParentKeys, count: number): void {
    const { patientId, studyInstanceUid, seriesInstanceUid } = parent;
    // Each apart: a Patient ID may have blanks.
    const place = JSON.stringify([level, patientId, studyInstanceUid, seriesInstanceUid]);
    const before = this.#inVain.get(place) ?? 0;
    if (count <= before) return;
    this.#inVain.set(place, count);
    this.#allInVain += count - before;
    if (this.#allInVain <= this.#limits.maxScan) return;
    throw new GatewayError(
      'query-too-broad',
      `The archive is not relied upon to match ${namesOf(unasked)}, and lists more than ${this.#limits.maxScan} others; narrow the search, by a date or a patient.`,
    );
  }

  #lists(asking: Asking, uids: readonly string[]): UidListRun {
    const { peer, retrieve } = this.#source.binding;
    const { knowledge } = peer;
    const known = { knowledge, relearnMs: retrieve.relearnMs, shown: this.#shown(asking.step) };
    return new UidListRun(asking, uids, known);
  }

  #shown({ listTag }: FindStep): Set<string> {
    return shownUids(this.#source.binding.peer.knowledge, listTag);
  }

  #learn(fact: 'findsEmptyTimes'): void {
    const { peer, retrieve } = this.#source.binding;
    peer.knowledge.learn(fact, true, retrieve.relearnMs);
  }

  /** What a row tells of the peer. */
  #learnFrom(step: FindStep, row: Dataset): void {
    const { peer, retrieve } = this.#source.binding;
    this.#characterSets.see(row);
    if (step.level === 'STUDY') {
      seeModalities(peer.knowledge, row);
      this.#source.watch?.heard(row.string(Tags.StudyInstanceUID) ?? '', row);
    }
    const returned = step.seeReturned(row);
    if (returned.length > 0) learnReturned(peer, returned, retrieve.relearnMs);
  }
}

/** Its C-FIND may be paused now: nothing that comes before it is waited for. */
async function* inTurn(next: RowsAhead<Match> | undefined): AsyncGenerator<Match, void, undefined> {
  if (!next) return;
  next.holds = true;
  yield* next.read();
}

/** Days since 1970-01-01, in whichever zone it is latest. */
function today(): number {
  return Math.floor(Date.now() / 86_400_000) + 1;
}

function uidsOf(above: Match): ParentKeys {
  const of = (tag: number): string | undefined =>
    above.map((row) => row.string(tag)).findLast((uid) => uid !== undefined);
  const studyInstanceUid = of(Tags.StudyInstanceUID);
  const seriesInstanceUid = of(Tags.SeriesInstanceUID);
  const patientId = of(Tags.PatientID);
  return {
    ...(patientId === undefined ? {} : { patientId }),
    ...(studyInstanceUid === undefined ? {} : { studyInstanceUid }),
    ...(seriesInstanceUid === undefined ? {} : { seriesInstanceUid }),
  };
}

/** @throws GatewayError `query-too-broad` */
function requireRoom({ size }: KeySet): void {
  if (size >= MOST_DISTINCT)
    throw new GatewayError('query-too-broad', 'Too many matches; narrow the search.');
}
