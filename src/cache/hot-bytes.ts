import { LRUCache } from 'lru-cache';

/** Short pieces that are asked for again and again, kept in memory beside the instances they were cut from. */
export interface HotBytes {
  /** What is kept under `id`, if it was made of just this `of`: of something else it is another one's. */
  get(id: string, of: object): Buffer | undefined;
  /** `chunks` as they are; a copy of them is kept when `id` is asked for again after less than what can be kept. */
  pass(piece: HotPiece, chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer>;
  /** Keeps what took time to make, at once; `bytes` is not to be changed afterwards. */
  keep(piece: Omit<HotPiece, 'length'>, bytes: Buffer): void;
  /** Lets go of everything. */
  clear(): void;
  readonly stats: { readonly bytes: number; readonly limit: number };
}

export interface HotPiece {
  readonly id: string;
  readonly of: object;
  /** Bytes that will come. */
  readonly length: number;
}

interface Kept {
  /** Weak: the index of an instance that has left the cache may be many times larger than the piece. */
  readonly of: WeakRef<object>;
  readonly bytes: Buffer;
}

/** One piece may take this share of the memory. */
const SHARE = 8;
/** What a kept piece takes beside its bytes: pieces of a few bytes count too. */
const PIECE_BYTES = 512;
/** Pieces that were asked for once, of which nothing but the name is kept. */
const MOST_ASKED = 10_000;

class LruHotBytes implements HotBytes {
  readonly #limit: number;
  readonly #kept: LRUCache<string, Kept>;
  /**
   * As many bytes of names as of pieces: what is asked for again after more than that, as by a viewer that plays a
   * long series in a loop, would be copied each time and never be found.
   */
  readonly #asked: LRUCache<string, true>;
  /** Pieces that are being copied, each once however many ask for it. */
  readonly #copying = new Set<string>();
  #copyingBytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
    this.#asked = new LRUCache({ max: MOST_ASKED, maxSize: limit });
    this.#kept = new LRUCache({ maxSize: limit, sizeCalculation: ({ bytes }) => PIECE_BYTES + bytes.length });
  }

  get stats(): HotBytes['stats'] {
    return { bytes: this.#kept.calculatedSize, limit: this.#limit };
  }

  get(id: string, of: object): Buffer | undefined {
    const kept = this.#kept.get(id);
    if (kept === undefined || kept.of.deref() === of) return kept?.bytes;
    this.#kept.delete(id);
    return undefined;
  }

  keep({ id, of }: Omit<HotPiece, 'length'>, bytes: Buffer): void {
    if (bytes.length <= this.#limit / SHARE) this.#kept.set(id, { of: new WeakRef(of), bytes });
  }

  clear(): void {
    this.#kept.clear();
    this.#asked.clear();
  }

  pass(piece: HotPiece, chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    const isAgain = this.#asked.has(piece.id);
    this.#asked.set(piece.id, true, { size: PIECE_BYTES + piece.length });
    return isAgain && piece.length <= this.#limit / SHARE ? this.#copy(piece, chunks) : chunks;
  }

  /** Copies under way together take no more than one may have: beyond that pieces pass without. */
  async *#copy(piece: HotPiece, chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    const { id, length } = piece;
    if (this.#copying.has(id) || this.#copyingBytes + length > this.#limit / SHARE) {
      yield* chunks;
      return;
    }
    this.#copying.add(id);
    this.#copyingBytes += length;
    try {
      yield* this.#keep(piece, chunks);
    } finally {
      this.#copying.delete(id);
      this.#copyingBytes -= length;
    }
  }

  async *#keep({ id, of, length }: HotPiece, chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    const copy = Buffer.allocUnsafeSlow(length);
    let at = 0;
    for await (const chunk of chunks) {
      // Copied first: the chunk may be used again once the next is asked for.
      at += chunk.length <= length - at ? chunk.copy(copy, at) : Number.POSITIVE_INFINITY;
      yield chunk;
    }
    if (at === length) this.#kept.set(id, { of: new WeakRef(of), bytes: copy });
  }
}

const NOTHING: HotBytes = {
  get: () => undefined,
  pass: (_piece, chunks) => chunks,
  keep: () => undefined,
  clear: () => undefined,
  stats: { bytes: 0, limit: 0 },
};

/** Keeps at most `limit` bytes; 0 keeps none. */
export const createHotBytes = (limit: number): HotBytes => (limit === 0 ? NOTHING : new LruHotBytes(limit));
