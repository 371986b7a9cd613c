/** When readers have more than this share of the memory from disk, they get less at once. */
const LENT_SHARE = 8;
/** As long as they have less than this share, pieces are read before they are asked for. */
const AHEAD_SHARE = 16;
/** Blocks that who hands them on gets at once, as long as readers have little. */
const BLOCKS_LENT = 4;

/** How much of the memory readers have from disk, and how much more each may get. */
export class LentMemory {
  readonly #limit: number;
  readonly #blockBytes: number;
  /** Bytes that readers have. */
  used = 0;

  constructor(limit: number, blockBytes: number) {
    this.#limit = limit;
    this.#blockBytes = blockBytes;
  }

  /** Bytes to read at once. */
  get readBytes(): number {
    const many = this.used * LENT_SHARE > this.#limit;
    return many ? Math.ceil(this.#blockBytes / 4) : this.#blockBytes;
  }

  /** Bytes to read at once for who hands them on. */
  get lentBytes(): number {
    const large = BLOCKS_LENT * this.#blockBytes;
    return (this.used + large) * LENT_SHARE <= this.#limit ? large : this.readBytes;
  }

  mayReadAhead(bytes: number): boolean {
    return (this.used + bytes) * AHEAD_SHARE <= this.#limit;
  }
}
