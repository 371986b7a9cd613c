import { GatewayError, KeySet } from '../core/index.js';

/** Rows that are read ahead of their reader, some KB each, before the C-FIND is given up. */
const MOST_AHEAD = 500;
/** The same before it is paused. */
const MOST_HELD = 50;
/** Rows that can be told apart from those that were had; beyond them nothing is asked again. */
const MOST_HAD = 200_000;

/** Where the rows come from, and what makes each the one it is. */
export interface RowSource<T> {
  /** Asks for them, from the first one on; leaving the generator early ends the C-FIND. */
  readonly open: () => AsyncGenerator<T, void, undefined>;
  readonly keyOf: (row: T) => string;
}

/**
 * Rows of a C-FIND whose reader has to ask the same peer something else before it takes the next one.
 *
 * A C-FIND that is paused holds its association, and with few of them the other question would wait for this one for
 * ever. So the rows are read ahead; when there is no room for more, the C-FIND is given up, which frees its association,
 * and asked again when they have been used up, without those that were had. Only while `holds` is set, which says that
 * the reader asks for nothing else, a C-FIND without room is paused as any other.
 */
export class RowsAhead<T> {
  readonly #source: RowSource<T>;
  readonly #most: number;
  readonly #rows: T[] = [];
  /** Keys of the rows so far. */
  readonly #had = new KeySet();
  #holds: boolean;
  #isAwaited = false;
  #isClosed = false;
  #end: { readonly error?: unknown } | undefined;
  #wake: (() => void)[] = [];

  constructor(source: RowSource<T>, options: { readonly holds?: boolean; readonly most?: number } = {}) {
    this.#source = source;
    this.#most = options.most ?? MOST_AHEAD;
    this.#holds = options.holds ?? false;
    void this.#pump();
  }

  set holds(holds: boolean) {
    if (this.#holds === holds) return;
    this.#holds = holds;
    this.#changed();
  }

  /** The rows, once. @throws what the source throws, in its place */
  async *read(): AsyncGenerator<T, void, undefined> {
    try {
      while (await this.#hasMore()) {
        const row = this.#rows.shift();
        this.#changed();
        if (row !== undefined) yield row;
      }
    } finally {
      this.close();
    }
  }

  /** Nobody reads any more. */
  close(): void {
    this.#isClosed = true;
    this.#rows.length = 0;
    this.#changed();
  }

  /** Waits until there is a row, or there will be none. */
  async #hasMore(): Promise<boolean> {
    while (this.#rows.length === 0) {
      if (this.#end && 'error' in this.#end) throw this.#end.error;
      if (this.#end) return false;
      this.#isAwaited = true;
      this.#changed();
      await this.#change();
    }
    return true;
  }

  async #pump(): Promise<void> {
    try {
      while (!this.#isClosed && !(await this.#ask())) {
        while (!this.#isDry()) await this.#change();
      }
      this.#end = {};
    } catch (error) {
      this.#end = { error };
    }
    this.#changed();
  }

  /** Whether there are no more rows than those that were had, or nobody wants them. */
  async #ask(): Promise<boolean> {
    const rows = this.#source.open();
    try {
      while (!this.#isClosed) {
        const next = await this.#next(rows);
        if (next === 'later') return false;
        if (next.done === true) return true;
        this.#add(next.value);
        while (this.#isFull() && this.#isHeld()) await this.#change();
        if (this.#isFull()) return false;
      }
      return true;
    } finally {
      await rows.return();
    }
  }

  /** The next row, or `later` when there is no association for what is not yet wanted. */
  async #next(rows: AsyncGenerator<T, void, undefined>): Promise<IteratorResult<T, void> | 'later'> {
    try {
      return await rows.next();
    } catch (error) {
      const isEarly = !this.#isAwaited && !this.#isClosed;
      if (isEarly && error instanceof GatewayError && error.code === 'overloaded') return 'later';
      throw error;
    }
  }

  #add(row: T): void {
    const key = this.#source.keyOf(row);
    if (this.#isClosed || this.#had.has(key)) return;
    if (this.#had.size < MOST_HAD) this.#had.add(key);
    this.#rows.push(row);
    this.#isAwaited = false;
    this.#changed();
  }

  #isHeld(): boolean {
    return this.#holds || this.#had.size >= MOST_HAD;
  }

  #isFull(): boolean {
    const most = this.#isHeld() ? Math.min(MOST_HELD, this.#most) : this.#most;
    return !this.#isClosed && this.#rows.length >= most;
  }

  #isDry(): boolean {
    return this.#isClosed || (this.#isAwaited && this.#rows.length === 0);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
