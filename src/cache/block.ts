import type { BlockPool } from './block-pool.js';

/** A block as a reader sees it that has bytes of it. */
export interface LentBlock {
  /** A reader hands on bytes of it, and will not look at them any more when it says so by `handBack`. */
  lend(): void;
  handBack(): void;
  /** Somebody may look at its bytes for as long as they like. */
  keep(): void;
}

/** A run of bytes in memory of its own: no slab of Node's pool is kept alive by a few bytes of it. */
export class Block implements LentBlock {
  readonly start: number;
  bytes: Buffer;
  /** Bytes filled; the rest of `bytes` is still to come. */
  length = 0;
  writing = false;
  written = false;
  readonly #pool: BlockPool;
  #lent = 0;
  #isKept = false;
  #isDropped = false;

  constructor(pool: BlockPool, start: number, capacity: number) {
    this.#pool = pool;
    this.start = start;
    this.bytes = pool.take(capacity);
  }

  lend(): void {
    this.#lent += 1;
  }

  handBack(): void {
    this.#lent -= 1;
    if (this.#isDropped) this.#giveBack();
  }

  keep(): void {
    this.#isKept = true;
  }

  /** It has left its list. */
  drop(): void {
    this.#isDropped = true;
    this.#giveBack();
  }

  /** Moves the bytes into memory of about their length, if that saves an eighth; returns how many bytes were freed. */
  trim(): number {
    const length = this.#pool.lengthFor(this.length);
    const freed = this.bytes.length - length;
    if (this.writing || freed * 8 < this.bytes.length || freed <= 0) return 0;
    const exact = this.#pool.take(length);
    this.bytes.copy(exact, 0, 0, this.length);
    this.#giveBack();
    this.bytes = exact;
    return freed;
  }

  /** For the next block, unless somebody may still have a view of the bytes, or the disk still takes them. */
  #giveBack(): void {
    const isBeingWritten = this.writing && !this.written;
    if (this.#lent === 0 && !this.#isKept && !isBeingWritten) this.#pool.give(this.bytes);
  }
}
