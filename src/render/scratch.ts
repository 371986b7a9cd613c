/** More than this is not kept: it would be of one large picture among many. */
const MOST_KEPT_BYTES = 4 * 1024 * 1024;

/**
 * Memory for the pixels of one picture after the other, which saves asking the system for it each time. What was in it is
 * still there: whoever takes it writes all of it.
 */
export class Scratch {
  #kept = new ArrayBuffer(0);

  /** So many bytes, until they are taken again. */
  take(bytes: number): Uint8Array {
    if (bytes > MOST_KEPT_BYTES) return new Uint8Array(bytes);
    if (this.#kept.byteLength < bytes) this.#kept = new ArrayBuffer(bytes);
    return new Uint8Array(this.#kept, 0, bytes);
  }
}
