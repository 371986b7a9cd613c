import { abortReason, GatewayError, type OperationContext } from '../core/index.js';
import { formatDicomJson, Tags, type Dataset, type Tag } from '../dicom/index.js';
import { retrieveUrl, type SearchRequest } from '../dicomweb/index.js';
import {
  planSearch,
  requireUniqueKey,
  unverifiedWarning,
  type FindStep,
  type ParentKeys,
  type SearchPlan,
} from '../query/index.js';
import type { Peer } from '../dimse/index.js';
import type { JsonAnswer } from './answer.js';
import type { PeerBinding } from './ports.js';

/** A search's answer: a JSON array whose rows leave as they come once the status line is known to be true. */
export interface SearchAnswer extends JsonAnswer {
  readonly empty: boolean;
}

/** One match: the row of each level that was searched, from the top. */
type Match = readonly Dataset[];

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
class SearchRun {
  readonly #find: Peer['find'];
  readonly #joinConcurrency: number;
  readonly #plan: SearchPlan;
  readonly #context: OperationContext;
  /** A C-FIND ended without everything that matches. */
  truncated = false;
  /** Keys that the peer did not return, so that nobody checked them. */
  readonly unverified = new Set<Tag>();

  constructor(source: SearchSource, plan: SearchPlan, context: OperationContext) {
    this.#find = source.find;
    this.#joinConcurrency = source.binding.retrieve.joinConcurrency;
    this.#plan = plan;
    this.#context = context;
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
    const find = this.#find(step.level, step.identifier(parent), context);
    const seen = new Set<string>();
    try {
      for (;;) {
        const next = await find.next();
        if (next.done) {
          this.truncated ||= next.value.truncated;
          return;
        }
        const key = requireUniqueKey(step.level, next.value);
        if (seen.has(key) || !this.#accepts(step, next.value, parent)) continue;
        if (seen.size >= MOST_DISTINCT)
          throw new GatewayError('query-too-broad', 'Too many matches; narrow the search.');
        seen.add(key);
        yield next.value;
      }
    } finally {
      // Leaving early cancels the C-FIND.
      await find.return({ status: 0xfe00, truncated: false });
    }
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

/** A page of matches as far as it was read before the status line. */
interface Page {
  readonly rows: readonly string[];
  /** The search has ended. */
  readonly ended: boolean;
  /** Matches counted beyond the page. */
  readonly beyond: number;
}

/** Matches that are skipped, kept and only counted. */
interface Window {
  readonly offset: number;
  /** Most rows of the answer; undefined = all there are. */
  readonly limit: number | undefined;
  readonly lookAhead: number;
}

async function readPage(
  matches: AsyncGenerator<Match>,
  toRow: (match: Match) => string,
  { offset, limit, lookAhead }: Window,
): Promise<Page> {
  const rows: string[] = [];
  let skipped = 0;
  let beyond = 0;
  for (;;) {
    if (limit === undefined ? rows.length >= lookAhead : beyond >= Math.max(1, lookAhead))
      return { rows, ended: false, beyond };
    const next = await matches.next();
    if (next.done) return { rows, ended: true, beyond };
    if (skipped < offset) skipped += 1;
    else if (limit !== undefined && rows.length >= limit) beyond += 1;
    else rows.push(toRow(next.value));
  }
}

function warningsOf(plan: SearchPlan, run: SearchRun, page: Page): readonly string[] {
  const warnings = [...plan.warnings];
  if (page.beyond > 0) {
    const count = page.ended && !run.truncated ? `${page.beyond}` : `at least ${page.beyond}`;
    warnings.push(`There are ${count} additional results that can be requested`);
  }
  if (run.truncated) warnings.push('The PACS cut its answer short: there are results that it did not return');
  if (run.unverified.size > 0) warnings.push(unverifiedWarning([...run.unverified]));
  return warnings;
}

/**
 * Searches one peer.
 *
 * Up to the look-ahead nothing is sent, so that failures and the number of remaining results are told in the status
 * line and the headers; a longer answer without a limit leaves row by row, and breaks off visibly if the peer fails.
 *
 * @throws GatewayError @see rules Q-01..Q-46, and Q-63 for the levels that are walked
 */
export async function search(
  source: SearchSource,
  request: SearchRequest,
  serviceUrl: string,
  context: OperationContext,
): Promise<SearchAnswer> {
  const { binding } = source;
  const plan = planSearch(request, binding.profile);
  const run = new SearchRun(source, plan, context);
  const toRow = (match: Match): string =>
    formatDicomJson(plan.project(match, (target) => retrieveUrl(serviceUrl, target)));
  const { lookAhead, maxResults } = binding.search;
  const limit = request.limit === undefined ? undefined : Math.min(request.limit, maxResults);
  const matches = run.matches();
  const close = async (): Promise<void> => {
    await matches.return();
  };
  try {
    const page = await readPage(matches, toRow, { offset: request.offset, limit, lookAhead });
    if (page.ended || limit !== undefined) await close();
    const more = page.ended || limit !== undefined ? undefined : matches;
    const body = rowsOf(page.rows, more && { run, rows: mapRows(more, toRow) }, context);
    const warnings = warningsOf(plan, run, page);
    return { kind: 'json', refused: 0, warnings, empty: page.rows.length === 0 && !more, body, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Rows that are still coming when the status line has gone out. */
interface Coming {
  readonly run: SearchRun;
  readonly rows: AsyncIterable<string>;
}

async function* mapRows(
  matches: AsyncGenerator<Match>,
  toRow: (match: Match) => string,
): AsyncGenerator<string> {
  for await (const match of matches) yield toRow(match);
}

async function* rowsOf(
  held: readonly string[],
  coming: Coming | undefined,
  context: OperationContext,
): AsyncGenerator<string, void, undefined> {
  let separator = '[';
  for (const row of held) {
    yield separator + row;
    separator = ',\n';
  }
  for await (const row of coming?.rows ?? []) {
    yield separator + row;
    separator = ',\n';
  }
  if (context.signal.aborted) throw abortReason(context.signal);
  // The headers promised a whole answer.
  if (coming?.run.truncated) throw new GatewayError('peer-incomplete', 'The PACS cut its answer short.');
  yield separator === '[' ? '[]' : ']';
}
