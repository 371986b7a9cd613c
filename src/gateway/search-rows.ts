import { GatewayError, type OperationContext } from '../core/index.js';
import type { DicomJsonObject, NumericStrings, Tag } from '../dicom/index.js';
import { retrieveUrl, type RetrieveTarget, type SearchRequest } from '../dicomweb/index.js';
import {
  completableTags,
  nameKeys,
  narrowed,
  optionalKeys,
  unverifiedWarnings,
  type SearchPlan,
} from '../query/index.js';
import { withAvailable, type FrameChecks } from './available-syntaxes.js';
import { inOrder } from './in-order.js';
import { RowsAhead } from './rows-ahead.js';
import { SearchBelow } from './search-below.js';
import { RowCompletion } from './search-completion.js';
import { planFor } from './search-plan.js';
import { searchEnded, SearchRun, type Match, type SearchSource } from './search-run.js';
import { MatchVerification } from './search-verification.js';

/** Results of a walk through many studies that are counted beyond a page: there is a C-FIND for every few of them. */
const MOST_BEYOND_OF_WALK = 100;

const SHARED_IDS =
  'The archive has several patients of one PatientID: the studies of all of them are shown under the one that was found first';

const SHARED_STUDIES =
  'The archive has a study under several patients: it is shown under the one that was found first, and so is what is below it';

const NOBODYS =
  'The archive has patients without a PatientID, whose studies cannot be asked for: they are missing here';

/** What is missing then nobody can tell. */
export const TEXT_MISSED =
  'The archive refuses this text in one of the character sets that it has, or may not find all of it, and has too much else to look through: what it holds in that set may not be found';

/** How much is known of a search when the headers leave. */
export interface Foresight {
  /** How many of its rows were seen, or that there are no more: by few it cannot be known what the later ones will lack. */
  readonly seen: number | 'all';
  /** What was named when the same was asked before. */
  readonly named?: readonly Tag[];
}

/** The rows of a search that may be put together with others. */
export interface OpenRows extends SearchRows {
  /** Returns the attributes that the warnings name from now on. */
  readonly foresee: (foresight: Foresight) => readonly Tag[];
  /** A row that was taken does not leave, and nothing has to be told of it. */
  readonly leaveOut: (row: DicomJsonObject) => void;
}

/** The results of a search as they come, before a page is cut out of them. */
export interface SearchRows {
  /** Each as DICOM JSON, with every attribute that the peer returned. */
  readonly rows: AsyncGenerator<DicomJsonObject, void, undefined>;
  /** Something that matches is missing; true at the latest when `rows` has ended. */
  readonly truncated: boolean;
  /** A peer ended its answer without it. */
  readonly isCut: boolean;
  /** Texts for Warning headers, as far as they are known from the rows that were taken. */
  readonly warnings: readonly string[];
  /** Why some of those who were asked are missing in what was found, if any are: a Warning says so. */
  readonly missing?: GatewayError | undefined;
  /** To be called before the status line goes out: what is found from then on cannot be told in a Warning. */
  readonly tell?: () => void;
  /**
   * The headers are to leave: from now on the warnings name what the rows so far have told, and what later ones may turn
   * out to be.
   */
  readonly foresee: (foresight: Foresight) => void;
  /** The same of what could not be completed, or where rows are yet to leave may turn out to be so. */
  readonly gaps: (hasMore: boolean) => readonly string[];
  /** How many results beyond a page are worth being counted: fewer where each costs the peer a question. */
  readonly mostBeyond: number;
  /** A row with what the peer did not return and can be found out; for rows that are to leave. It never rejects. */
  readonly complete: (row: DicomJsonObject) => DicomJsonObject | Promise<DicomJsonObject>;
  /** Ends everything that is under way for it. */
  readonly close: () => Promise<void>;
}

/** Opens a search of one peer. @throws GatewayError when the request cannot be asked of this peer */
export async function openRows(
  all: SearchSource,
  asked: SearchRequest,
  serviceUrl: string,
  context: OperationContext,
): Promise<OpenRows> {
  const { source, request } = seenBy(context, all, asked);
  const plan = await planFor(source.binding, request, context);
  return new OpenSearch(source, plan, { serviceUrl, isPaged: request.limit !== undefined }, context);
}

/** What there is for who asks, and the search for it. */
function seenBy(
  { restriction }: OperationContext,
  source: SearchSource,
  request: SearchRequest,
): { readonly source: SearchSource; readonly request: SearchRequest } {
  if (restriction === undefined) return { source, request };
  const { guard, find, findAtOnce = find } = source;
  if (guard === undefined) throw new GatewayError('internal', 'Nobody can tell which studies may be seen.');
  const seen = (of: SearchSource['find']): SearchSource['find'] => guard.restrict(of, restriction);
  return {
    source: { ...source, find: seen(find), findAtOnce: seen(findAtOnce) },
    request: narrowed(request, restriction),
  };
}

interface Asked {
  readonly serviceUrl: string;
  /** What is completed is so after the search has ended. */
  readonly isPaged: boolean;
}

class OpenSearch implements OpenRows {
  readonly rows: AsyncGenerator<DicomJsonObject, void, undefined>;
  readonly #plan: SearchPlan;
  readonly #asked: Asked;
  readonly #window: number;
  readonly #lookAhead: number;
  readonly #numericStrings: NumericStrings;
  readonly #frames: FrameChecks | undefined;
  readonly #run: SearchRun;
  /** Ends what is read of the search itself, and what is asked beside it. */
  readonly #reading = new AbortController();
  readonly #asking = new AbortController();
  readonly #verification: MatchVerification | undefined;
  readonly #completion: RowCompletion | undefined;
  /** Read ahead where the peer may be asked between two matches. */
  #ahead: RowsAhead<Match> | undefined;
  /** Keys that the warnings name whatever the rows tell. */
  #foreseen: readonly Tag[] = [];
  /** Of which rows it is not known whether they match. */
  readonly #unchecked = new WeakMap<DicomJsonObject, Match>();
  /** What is being asked between two matches. */
  #questions = 0;

  constructor(source: SearchSource, plan: SearchPlan, asked: Asked, context: OperationContext) {
    const { search, retrieve } = source.binding;
    const below = new SearchBelow(source, endedBy(this.#asking, context));
    this.#plan = plan;
    this.#asked = asked;
    this.#window = retrieve.joinConcurrency;
    this.#lookAhead = search.lookAhead;
    this.#numericStrings = search.numericStrings;
    this.#frames = source.frames;
    this.#run = new SearchRun(source, plan, endedBy(this.#reading, context));
    if (search.complete === 'page') {
      this.#completion = new RowCompletion(plan.completion, below, source);
      if (MatchVerification.appliesTo(plan))
        this.#verification = new MatchVerification(plan, below, search.maxLookups);
    }
    this.rows = this.#project();
  }

  get truncated(): boolean {
    return this.#run.truncated || this.#run.missesPatients || this.#run.mayMissText;
  }

  get isCut(): boolean {
    return this.#run.truncated;
  }

  get warnings(): readonly string[] {
    const shared = [
      ...(this.#run.sharesPatientIds ? [SHARED_IDS] : []),
      ...(this.#run.sharesStudies ? [SHARED_STUDIES] : []),
    ];
    const missed = [
      ...(this.#run.mayMissText ? [TEXT_MISSED] : []),
      ...(this.#run.missesPatients ? [NOBODYS] : []),
    ];
    return [
      ...this.#plan.warnings,
      ...shared,
      ...missed,
      ...unverifiedWarnings(this.#unverified(), this.#plan),
    ];
  }

  foresee({ seen, named = [] }: Foresight): readonly Tag[] {
    // Whatever the rows so far have: one of an odd study lacks what all others tell.
    const optional = seen === 'all' ? [] : optionalKeys(this.#plan);
    const names = seen === 'all' ? [] : nameKeys(this.#plan);
    this.#foreseen = [...new Set([...named, ...optional, ...names, ...this.#unverified()])];
    return this.#foreseen;
  }

  leaveOut(row: DicomJsonObject): void {
    const match = this.#unchecked.get(row);
    if (match) this.#run.leaveOut(match);
    this.#unchecked.delete(row);
  }

  gaps(hasMore: boolean): readonly string[] {
    return this.#completion?.gaps(hasMore) ?? [];
  }

  get mostBeyond(): number {
    const { steps, fixed } = this.#plan;
    const isWalk = steps.length > 1 && fixed.studyInstanceUid === undefined;
    const most = isWalk ? Math.min(MOST_BEYOND_OF_WALK, this.#lookAhead) : this.#lookAhead;
    return this.#verification?.mostBeyond(most) ?? most;
  }

  complete(row: DicomJsonObject): DicomJsonObject | Promise<DicomJsonObject> {
    const completed = this.#completion?.complete(row) ?? row;
    return completed instanceof Promise ? this.#whileAsking(completed) : completed;
  }

  async close(): Promise<void> {
    end(this.#asking);
    end(this.#reading);
    await this.rows.return();
  }

  async *#project(): AsyncGenerator<DicomJsonObject, void, undefined> {
    try {
      const url = (target: Partial<RetrieveTarget>): string => retrieveUrl(this.#asked.serviceUrl, target);
      for await (const match of this.#matches()) {
        const row = this.#shown(this.#plan.project(match, url, this.#numericStrings));
        if (this.#run.isUnverified(match)) this.#unchecked.set(row, match);
        yield row;
      }
    } finally {
      end(this.#reading);
    }
  }

  #shown(row: DicomJsonObject): DicomJsonObject {
    return this.#frames ? withAvailable(row, this.#frames) : row;
  }

  #matches(): AsyncGenerator<Match, void, undefined> {
    const isInterrupted = this.#verification !== undefined || (this.#completion && !this.#asked.isPaged);
    if (!isInterrupted) return this.#run.matches();
    this.#ahead = new RowsAhead(
      { open: () => this.#run.matches(), keyOf: (match) => this.#run.keyOf(match) },
      { holds: true },
    );
    const rows = this.#ahead.read();
    return this.#verification ? this.#verified(rows, this.#verification) : rows;
  }

  async *#verified(
    rows: AsyncGenerator<Match, void, undefined>,
    verification: MatchVerification,
  ): AsyncGenerator<Match, void, undefined> {
    const judged = inOrder(rows, this.#window, async (match) => {
      if (!verification.needs(match)) return match;
      return (await this.#whileAsking(verification.matches(match))) ? match : undefined;
    });
    for await (const match of judged) if (match) yield match;
  }

  /** While something is asked of the peer the search holds no association that it does not use. */
  async #whileAsking<T>(question: Promise<T>): Promise<T> {
    this.#questions += 1;
    if (this.#ahead) this.#ahead.holds = false;
    try {
      return await question;
    } finally {
      this.#questions -= 1;
      if (this.#questions === 0 && this.#ahead) this.#ahead.holds = true;
    }
  }

  #unverified(): readonly Tag[] {
    const { unverified } = this.#run;
    if (!this.#verification) return [...this.#foreseen, ...unverified];
    const lookedUp = this.#plan.steps.flatMap(({ level }) => completableTags[level]);
    const others = [...unverified].filter((tag) => !lookedUp.includes(tag));
    return [...this.#foreseen, ...others, ...this.#verification.undecided];
  }
}

function endedBy(controller: AbortController, context: OperationContext): OperationContext {
  return { ...context, signal: AbortSignal.any([context.signal, controller.signal]) };
}

function end(controller: AbortController): void {
  controller.abort(searchEnded);
}
