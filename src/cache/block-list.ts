import { Block, type LentBlock } from './block.js';
import type { BlockPool } from './block-pool.js';

/** Blocks grow from this, so that ten thousand small instances do not take ten thousand large blocks. */
const SMALLEST_BLOCK = 4096;

/**
 * The bytes of a spool that are in memory: contiguous, growing at the end, dropped from the front.
 *
 * The memory of dropped blocks is used again once nobody can have a view of it, see `BlockPool`; where somebody may have
 * kept one, it is left to the garbage collector.
 */
export class BlockList {
  readonly #pool: BlockPool;
  readonly #expected: number;
  readonly #blocks: Block[] = [];
  #start: number;
  #end: number;
  #allocated = 0;

  /** `start` bytes are elsewhere already; about `expected` bytes will come, if that is known. */
  constructor(
    pool: BlockPool,
    { start = 0, expected = 0 }: { start?: number | undefined; expected?: number | undefined } = {},
  ) {
    this.#pool = pool;
    this.#expected = expected;
    this.#start = start;
    this.#end = start;
  }

  /** Position of the first byte in memory. */
  get start(): number {
    return this.#start;
  }

  /** Position after the last byte: the length of the spool so far. */
  get end(): number {
    return this.#end;
  }

  /** Bytes of memory taken, filled or not. */
  get allocated(): number {
    return this.#allocated;
  }

  /** Copies `chunk` to the end; returns how many bytes were allocated for it. */
  append(chunk: Buffer): number {
    const before = this.#allocated;
    for (let offset = 0; offset < chunk.length;) {
      const block = this.#tailWithRoom(chunk.length - offset);
      const count = chunk.copy(block.bytes, block.length, offset);
      block.length += count;
      this.#end += count;
      offset += count;
    }
    return this.#allocated - before;
  }

  /** The bytes from `position` to the end of their block, or undefined when they are not in memory. */
  at(position: number, end: number): { readonly bytes: Buffer; readonly block: LentBlock } | undefined {
    if (position < this.#start || position >= this.#end) return undefined;
    const block = this.#blocks[this.#find(position)];
    if (!block) return undefined;
    const bytes = block.bytes.subarray(position - block.start, Math.min(block.length, end - block.start));
    return { bytes, block };
  }

  /**
   * The first blocks that nobody writes to disk yet, one behind the other and of at most `most` bytes, if there are
   * several; `final` includes one that is not full, and fills it no further.
   */
  nextToWrite(final: boolean, most: number): readonly Block[] {
    const blocks: Block[] = [];
    let bytes = 0;
    for (const block of this.#blocks) {
      if (block.writing) continue;
      const isDue = final || block.length === block.bytes.length;
      bytes += block.length;
      if (!isDue || (blocks.length > 0 && bytes > most)) break;
      blocks.push(block);
    }
    return blocks;
  }

  /** Drops the blocks at the front that are on disk; returns the bytes of memory freed. */
  dropWritten(): number {
    return this.#dropWhile((block) => block.written);
  }

  /** None of them is on disk any more. */
  unwritten(): void {
    for (const block of this.#blocks) block.writing = block.written = false;
  }

  /** Drops the blocks that end at or before `position`; returns the bytes of memory freed. */
  dropBefore(position: number): number {
    return this.#dropWhile((block) => block.start + block.length <= position);
  }

  /** Gives back what the last block has taken and not filled; returns the bytes of memory freed. */
  trim(): number {
    const freed = this.#blocks.at(-1)?.trim() ?? 0;
    this.#allocated -= freed;
    return freed;
  }

  /** Drops everything; returns the bytes of memory freed. */
  clear(): number {
    return this.#dropWhile(() => true);
  }

  #tailWithRoom(wanted: number): Block {
    const tail = this.#blocks.at(-1);
    if (tail && !tail.writing && tail.length < tail.bytes.length) return tail;
    const coming = this.#end < this.#expected ? this.#expected - this.#end : this.#end;
    const capacity = this.#pool.lengthFor(Math.max(SMALLEST_BLOCK, wanted, coming));
    const block = new Block(this.#pool, this.#end, capacity);
    this.#blocks.push(block);
    this.#allocated += capacity;
    return block;
  }

  #dropWhile(goes: (block: Block) => boolean): number {
    const count = this.#blocks.findIndex((block) => !goes(block));
    const dropped = this.#blocks.splice(0, count === -1 ? this.#blocks.length : count);
    const freed = dropped.reduce((sum, block) => sum + block.bytes.length, 0);
    for (const block of dropped) block.drop();
    this.#start = this.#blocks[0]?.start ?? this.#end;
    this.#allocated -= freed;
    return freed;
  }

  /** Index of the last block that starts at or before `position`. */
  #find(position: number): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#blocks[middle]?.start ?? Infinity) <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
