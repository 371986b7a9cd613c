/**
 * One value put together from the chunks that it arrives in.
 *
 * Memory grows with what has arrived, to twice that at most, and never by the length that the header claims.
 */
export class CollectedValue {
  readonly #length: number;
  #bytes: Buffer = Buffer.alloc(0);
  #filled = 0;

  constructor(length: number) {
    this.#length = length;
  }

  /** How much has arrived. */
  get length(): number {
    return this.#filled;
  }

  /** What has arrived: the pushed chunk itself when it held all, else memory of its own. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#filled);
  }

  push(part: Buffer): void {
    if (part.length === this.#length) {
      this.#bytes = part;
    } else {
      this.#grow(this.#filled + part.length);
      part.copy(this.#bytes, this.#filled);
    }
    this.#filled += part.length;
  }

  #grow(needed: number): void {
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.min(this.#length, Math.max(needed * 2, 256)));
    this.#bytes.copy(grown, 0, 0, this.#filled);
    this.#bytes = grown;
  }
}
