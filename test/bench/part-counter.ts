/** Counts the parts of a multipart body as it passes, holding back no more than a boundary's length. */
export class PartCounter {
  readonly #delimiter: Buffer;
  #tail: Buffer = Buffer.alloc(0);
  #delimiters = 0;

  constructor(boundary: string) {
    this.#delimiter = Buffer.from(`--${boundary}`);
  }

  /** Parts that have arrived whole. */
  get parts(): number {
    return Math.max(0, this.#delimiters - 1);
  }

  /** Whether the body ends with the closing delimiter. */
  get closed(): boolean {
    return this.#tail.includes(Buffer.concat([this.#delimiter, Buffer.from('--')]));
  }

  push(chunk: Buffer): void {
    const { length } = this.#delimiter;
    const seam = this.#tail.subarray(-(length - 1));
    this.#count(Buffer.concat([seam, chunk.subarray(0, length - 1)]));
    this.#count(chunk);
    // the closing delimiter, its two hyphens and the line end behind it
    this.#tail = Buffer.from(
      chunk.length > length + 4
        ? chunk.subarray(-(length + 4))
        : Buffer.concat([this.#tail, chunk]).subarray(-(length + 4)),
    );
  }

  #count(bytes: Buffer): void {
    for (let found = bytes.indexOf(this.#delimiter); found >= 0;) {
      this.#delimiters += 1;
      found = bytes.indexOf(this.#delimiter, found + this.#delimiter.length);
    }
  }
}
