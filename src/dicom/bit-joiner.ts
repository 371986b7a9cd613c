/** Puts frames of single bits behind each other without padding, the first in the lowest bit of a byte. @see PS3.5 8.1.1 */
export class BitJoiner {
  /** Bits that do not fill a byte yet. */
  #rest = 0;
  #restBits = 0;

  /** The whole bytes that so many bits of `bytes`, behind what was pushed before, make up. */
  push(bytes: Uint8Array, bits: number): Buffer {
    const out = Buffer.alloc((this.#restBits + bits) >>> 3);
    const total = this.#restBits + bits;
    let held = this.#rest;
    let heldBits = this.#restBits;
    let at = 0;
    for (let taken = 0; taken < bits; taken += 8) {
      const here = Math.min(8, bits - taken);
      held |= ((bytes[taken >>> 3] ?? 0) & ((1 << here) - 1)) << heldBits;
      heldBits += here;
      if (heldBits >= 8) {
        out[at++] = held & 0xff;
        held >>>= 8;
        heldBits -= 8;
      }
    }
    this.#rest = held;
    this.#restBits = total % 8;
    return out;
  }

  /** The last byte, filled up with zeros; nothing when all bytes are whole. */
  end(): Buffer {
    return this.#restBits === 0 ? Buffer.alloc(0) : Buffer.of(this.#rest);
  }
}
