import { GatewayError, type OperationContext } from '../core/index.js';
import { Tags, type Dataset, type Tag } from '../dicom/index.js';
import type { Peer } from '../dimse/index.js';
import type { FindStep, ParentKeys, SearchPlan } from '../query/index.js';
import type { PeerBinding } from './ports.js';
import { SliceRun, type SliceLimits } from './search-slices.js';

/** One match: the row of each level that was searched, from the top. */
export type Match = readonly Dataset[];

/** Most matches whose unique keys are kept to leave out repeated ones. About 100 bytes each. */
const MOST_DISTINCT = 500_000;

/** A level below which more is to be searched. */
interface Upper {
  readonly depth: number;
  readonly above: Match;
  readonly rows: AsyncGenerator<Dataset, void, undefined>;
  readonly context: OperationContext;
}

/** Who is searched, and how it is asked. */
export interface SearchSource {
  readonly binding: PeerBinding;
  readonly find: Peer['find'];
}

/** Runs a plan against a peer, level by level. */
export class SearchRun {
  readonly #source: SearchSource;
  readonly #limits: SliceLimits;
  readonly #joinConcurrency: number;
  readonly #plan: SearchPlan;
  readonly #context: OperationContext;
  /** A C-FIND ended without everything that matches. */
  truncated = false;
  /** Keys that the peer did not return, so that nobody checked them. */
  readonly unverified = new Set<Tag>();

  constructor(source: SearchSource, plan: SearchPlan, context: OperationContext) {
    const { retrieve, search } = source.binding;
    this.#source = source;
    this.#limits = {
      findLimit: retrieve.findLimit,
      maxScan: search.maxScan,
      maxSlices: search.maxSlices,
    };
    this.#joinConcurrency = retrieve.joinConcurrency;
    this.#plan = plan;
    this.#context = { ...context, planned: plan.planned };
  }

  matches(): AsyncGenerator<Match, void, undefined> {
    return this.#walk(0, [], this.#context);
  }

  async *#walk(
    depth: number,
    above: Match,
    context: OperationContext,
  ): AsyncGenerator<Match, void, undefined> {
    const step = this.#plan.steps[depth];
    if (step === undefined) return;
    const rows = this.#rows(step, above, context);
    if (depth === this.#plan.steps.length - 1) {
      for await (const row of rows) yield [...above, row];
      return;
    }
    yield* this.#join({ depth, above, rows, context });
  }

  /** Searches below several rows at once, and gives the results in the order of the rows. */
  async *#join({ depth, above, rows, context }: Upper): AsyncGenerator<Match, void, undefined> {
    const running: Promise<readonly Match[]>[] = [];
    const controller = new AbortController();
    const below = { ...context, signal: AbortSignal.any([context.signal, controller.signal]) };
    try {
      for await (const row of rows) {
        const matches = collect(this.#walk(depth + 1, [...above, row], below));
        matches.catch(() => undefined); // awaited in its turn; must not be unhandled until then
        running.push(matches);
        const next = running.length >= this.#joinConcurrency ? running.shift() : undefined;
        if (next) yield* await next;
      }
      for (const next of running) yield* await next;
    } finally {
      controller.abort(new GatewayError('cancelled', 'The search has ended.'));
      await rows.return(undefined);
    }
  }

  async *#rows(
    step: FindStep,
    above: Match,
    context: OperationContext,
  ): AsyncGenerator<Dataset, void, undefined> {
    const parent = uidsOf(above);
    const { find } = this.#source;
    const run = new SliceRun({ find, step, parent, context, limits: this.#limits, today: today() });
    const seen = new Set<string>();
    for await (const row of run.rows()) {
      const key = step.keyOf(row);
      if (seen.has(key) || !this.#accepts(step, row, parent)) continue;
      if (seen.size >= MOST_DISTINCT)
        throw new GatewayError('query-too-broad', 'Too many matches; narrow the search.');
      seen.add(key);
      yield row;
    }
    this.truncated ||= run.report.truncated;
    if (run.report.findsEmptyTimes) this.#learn('findsEmptyTimes');
  }

  #learn(fact: 'findsEmptyTimes'): void {
    const { peer, retrieve } = this.#source.binding;
    peer.knowledge.learn(fact, true, retrieve.relearnMs);
  }

  #accepts(step: FindStep, row: Dataset, parent: ParentKeys): boolean {
    if (!step.accepts(row, parent)) return false;
    for (const tag of step.unverified(row)) this.unverified.add(tag);
    return true;
  }
}

async function collect(matches: AsyncGenerator<Match>): Promise<readonly Match[]> {
  const all: Match[] = [];
  for await (const match of matches) all.push(match);
  return all;
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
  return {
    ...(studyInstanceUid === undefined ? {} : { studyInstanceUid }),
    ...(seriesInstanceUid === undefined ? {} : { seriesInstanceUid }),
  };
}
