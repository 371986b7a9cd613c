import { GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import { Tags, type Dataset } from '../dicom/index.js';
import type { FindCompletion, Peer } from '../dimse/index.js';
import type { DateTimeSlice, FindStep, ParentKeys } from '../query/index.js';

/** One step of a search below one parent, and how it is asked. */
export interface Asking {
  readonly find: Peer['find'];
  readonly step: FindStep;
  readonly parent: ParentKeys;
  /** Of the UIDs of the step those that are asked for; all when left out. */
  readonly uids?: readonly string[];
  /** Of the character sets of the step the one in which it is asked; any that will do when left out. */
  readonly characterSet?: string | undefined;
  readonly context: OperationContext;
  readonly limits: SliceLimits;
  /** The last day on which studies are to be expected, since 1970-01-01. */
  readonly today: number;
}

export interface SliceLimits {
  /** Number of rows at which the peer is known to cut its answers. */
  readonly findLimit: number | undefined;
  /** Most rows beside the times, before narrower slices are asked for. */
  readonly maxScan: number;
  /** Most C-FINDs for one step below one parent. */
  readonly maxSlices: number;
}

/** What came of a step beside its rows. */
export interface SliceReport {
  /** Rows that match may be missing. */
  readonly truncated: boolean;
  /** The peer answered a range of times with an entity that has none. */
  readonly findsEmptyTimes: boolean;
}

/** How one C-FIND ended: with all there is, without some of it, or given up because too much of it was beside the times. */
type Ending = 'whole' | 'cut' | 'beside';

/**
 * Asks for one step slice by slice, and divides what the peer cuts. The order is that of the slices; rows may come again
 * from a part of a slice, and whoever reads leaves out the ones that it has.
 *
 * @see rules DT-23 to DT-26
 */
export class SliceRun {
  readonly #asking: Asking;
  #finds = 0;
  #beside = 0;
  #truncated = false;
  /** A day was divided by times that may leave out what has none. */
  #mayMiss = false;
  #findsEmptyTimes = false;

  constructor(asking: Asking) {
    this.#asking = asking;
  }

  get report(): SliceReport {
    const findsEmptyTimes = this.#findsEmptyTimes;
    return { truncated: this.#truncated || (this.#mayMiss && !findsEmptyTimes), findsEmptyTimes };
  }

  /** @throws GatewayError `query-too-broad` when the peer cuts what cannot be divided, or that takes too many C-FINDs */
  async *rows(): AsyncGenerator<Dataset, void, undefined> {
    const { dates } = this.#asking.step;
    if (!dates) {
      if ((yield* this.#ask(undefined)) === 'cut') this.#truncated = true;
      return;
    }
    // What has come by then is whole rows of what is asked for again: nothing is lost by giving up the rest.
    const isGivenUp = yield* this.#all(dates.slices, dates.narrower !== undefined);
    if (isGivenUp) yield* this.#all(dates.narrower ?? [], false);
  }

  /** Whether it was given up for what is narrower. */
  async *#all(
    slices: readonly DateTimeSlice[],
    mayGiveUp: boolean,
  ): AsyncGenerator<Dataset, boolean, undefined> {
    for (const slice of slices) {
      const ending = yield* this.#ask(slice, mayGiveUp);
      if (ending === 'beside') return true;
      if (ending === 'cut' && (yield* this.#all(this.#divide(slice), mayGiveUp))) return true;
    }
    return false;
  }

  #divide(slice: DateTimeSlice): readonly DateTimeSlice[] {
    const { step, today } = this.#asking;
    const parts = step.dates?.split(slice, today) ?? [];
    if (parts.length === 0)
      throw tooBroad('more results for a single second than the PACS gives in one answer');
    const isDayDivided = slice.time === '' && parts.some(({ time }) => time !== '');
    if (isDayDivided && step.dates?.mayMissEmptyTimes === true) this.#mayMiss = true;
    return parts;
  }

  async *#ask(
    slice: DateTimeSlice | undefined,
    mayGiveUp = false,
  ): AsyncGenerator<Dataset, Ending, undefined> {
    const { find, step, parent, uids, characterSet, context, limits } = this.#asking;
    this.#finds += 1;
    if (this.#finds > limits.maxSlices) throw tooBroad('too many results for the answers of the PACS');
    const answer = find(step.level, step.identifier(parent, { slice, uids, characterSet }), context);
    let count = 0;
    try {
      for (;;) {
        const next = await this.#next(answer);
        if (next === 'cut') return 'cut';
        if (next.done) return next.value.truncated || count === limits.findLimit ? 'cut' : 'whole';
        count += 1;
        this.#look(next.value, slice);
        if (mayGiveUp && this.#beside > limits.maxScan) return 'beside';
        yield next.value;
      }
    } finally {
      // Leaving early cancels the C-FIND.
      await answer.return({ status: 0xfe00, truncated: false });
    }
  }

  /** Out of resources is how some peers say that there is too much to answer: where it can be divided it is. */
  async #next(answer: ReturnType<Peer['find']>): Promise<IteratorResult<Dataset, FindCompletion> | 'cut'> {
    try {
      return await answer.next();
    } catch (thrown) {
      const isCut = toGatewayError(thrown).code === 'peer-out-of-resources';
      if (isCut && this.#asking.step.dates) return 'cut';
      throw thrown;
    }
  }

  #look(row: Dataset, slice: DateTimeSlice | undefined): void {
    const { dates } = this.#asking.step;
    if (dates?.isBeside(row)) this.#beside += 1;
    const isWithoutTime = row.has(Tags.StudyTime) && row.string(Tags.StudyTime) === undefined;
    // Peers that compare times as text find nothing before every time, and nothing else without one.
    const isBoundBelow = slice !== undefined && /^\d/.test(slice.time);
    if (isBoundBelow && isWithoutTime) this.#findsEmptyTimes = true;
  }
}

function tooBroad(what: string): GatewayError {
  return new GatewayError('query-too-broad', `There are ${what}; narrow the search.`);
}
