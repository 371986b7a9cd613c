/** Smaller ones are not worth the bookkeeping. */
const LEAST_BYTES = 32 * 1024;
/** Blocks that are used again have lengths that are a multiple of this, so that one fits in the place of another. */
const UNIT = 16 * 1024;

/**
 * Memory for blocks, that of blocks that are gone included.
 *
 * New memory costs more than what is copied into it: the operating system clears each page, and V8 marks its whole heap
 * each time that 64 MB came. What is used again is taken from all views of before, which are empty from then on: one that
 * somebody keeps too long can never turn into another patient's bytes.
 */
export class BlockPool {
  /** Longest block. */
  readonly blockBytes: number;
  readonly #mostBytes: number;
  readonly #free = new Map<number, ArrayBuffer[]>();
  #bytes = 0;

  /** Keeps at most `mostBytes` of what is free. */
  constructor(blockBytes: number, mostBytes: number) {
    this.blockBytes = blockBytes;
    this.#mostBytes = mostBytes;
  }

  /** Bytes that nobody uses now. */
  get freeBytes(): number {
    return this.#bytes;
  }

  /** How long a block is made for `wanted` bytes, or for as many of them as one takes. */
  lengthFor(wanted: number): number {
    const length = wanted < LEAST_BYTES ? wanted : Math.ceil(wanted / UNIT) * UNIT;
    return Math.min(length, this.blockBytes);
  }

  /** Memory of its own of a length that `lengthFor` gave, with anything in it. */
  take(length: number): Buffer {
    const free = this.#free.get(length)?.pop();
    if (!free) return Buffer.allocUnsafeSlow(length);
    this.#bytes -= length;
    return Buffer.from(free);
  }

  /** Nobody needs the bytes any more, nor reads or writes them at this moment. */
  give(block: Buffer): void {
    const { length, buffer } = block;
    if (length < LEAST_BYTES || this.#bytes + length > this.#mostBytes) return;
    // Only memory that is a block's alone comes here: see `take`.
    const moved = structuredClone(buffer as ArrayBuffer, { transfer: [buffer as ArrayBuffer] });
    const free = this.#free.get(length);
    if (free) free.push(moved);
    else this.#free.set(length, [moved]);
    this.#bytes += length;
  }
}
