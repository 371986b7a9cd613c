import { abortReason, GatewayError, toGatewayError } from '../core/index.js';
import type { Dataset } from '../dicom/index.js';
import type { FindCompletion } from '../dimse/index.js';

export type Find = AsyncGenerator<Dataset, FindCompletion, undefined>;

/** Rows that are kept so that others can join; beyond them, how far the fastest reader may be ahead of the slowest. */
const MOST_ROWS = 1000;

type End = { readonly completion: FindCompletion } | { readonly error: GatewayError };

interface Reader {
  /** Rows it has had. */
  at: number;
}

/**
 * One C-FIND and whoever reads its rows. A row is asked of the peer when a reader wants it, so that a peer is held up as
 * it would be by one reader; the last one that leaves ends the C-FIND.
 */
export class FindFlight {
  readonly #controller = new AbortController();
  readonly #find: Find;
  readonly #readers = new Set<Reader>();
  readonly #onDeserted: () => void;
  /** Rows from number `#first` on. */
  #rows: Dataset[] = [];
  #first = 0;
  #end: End | undefined;
  /** Whether a reader has heard that it is whole. */
  #isTold = false;
  /** A reader could make nothing of a row: the next one is not to get it again. */
  #isUnusable = false;
  #isPulling = false;
  #wake: (() => void)[] = [];

  /** `onDeserted` is called when nobody reads what no reader has heard the good end of. */
  constructor(begin: (signal: AbortSignal) => Find, onDeserted: () => void) {
    this.#find = begin(this.#controller.signal);
    this.#onDeserted = onDeserted;
  }

  /** Whether a new reader would get every row. */
  get isJoinable(): boolean {
    const isEnded = this.#controller.signal.aborted || (this.#end && 'error' in this.#end);
    return this.#first === 0 && !isEnded && !this.#isUnusable;
  }

  /** Every row is there, and there was no error. */
  get isWhole(): boolean {
    return this.isJoinable && this.#end !== undefined;
  }

  /** The rows from the first one on; as `Peer.find`. A reader that can make nothing of a row throws into it. */
  async *read(signal: AbortSignal): Find {
    const reader: Reader = { at: 0 };
    this.#readers.add(reader);
    try {
      for (;;) {
        if (signal.aborted) throw abortReason(signal);
        const row = this.#take(reader);
        if (row) yield* this.#handOver(row);
        else if (this.#end) return this.#tell(this.#end);
        else await this.#more(signal);
      }
    } finally {
      this.#readers.delete(reader);
      this.#left();
    }
  }

  *#handOver(row: Dataset): Generator<Dataset, void, undefined> {
    try {
      yield row;
    } catch (thrown) {
      this.#isUnusable = true;
      throw thrown;
    }
  }

  #take(reader: Reader): Dataset | undefined {
    const row = this.#rows[reader.at - this.#first];
    if (row === undefined) return undefined;
    reader.at += 1;
    this.#trim();
    return row;
  }

  #left(): void {
    this.#trim();
    if (this.#readers.size > 0) return;
    if (this.#isTold) return;
    this.#onDeserted();
    if (this.#end) return;
    this.#controller.abort(new GatewayError('cancelled', 'Nobody waits for this search any more.'));
    // Leaving early cancels the C-FIND.
    void this.#find.return({ status: 0xfe00, truncated: false }).catch(() => undefined);
  }

  /** Resolves when something has changed for a reader that has had every row. */
  #more(signal: AbortSignal): Promise<void> {
    // A reader that is so far ahead waits for the slowest.
    if (this.#rows.length < MOST_ROWS) this.#pull();
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      this.#wake.push(done);
    });
  }

  #pull(): void {
    if (this.#isPulling) return;
    this.#isPulling = true;
    void this.#next().finally(() => {
      this.#isPulling = false;
      for (const wake of this.#wake.splice(0)) wake();
    });
  }

  async #next(): Promise<void> {
    try {
      const next = await this.#find.next();
      if (next.done) this.#end = { completion: next.value };
      else this.#rows.push(next.value);
    } catch (thrown) {
      this.#end = { error: toGatewayError(thrown) };
    }
  }

  /** Lets go of rows that every reader has had, once there are too many for others to join. */
  #trim(): void {
    if (this.#rows.length < MOST_ROWS) return;
    const had = Math.min(...[...this.#readers].map(({ at }) => at)) - this.#first;
    if (had > 0 && Number.isFinite(had)) {
      this.#rows.splice(0, had);
      this.#first += had;
    }
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** @throws GatewayError when it has failed */
  #tell(end: End): FindCompletion {
    if ('error' in end) throw end.error;
    this.#isTold = true;
    return end.completion;
  }
}
