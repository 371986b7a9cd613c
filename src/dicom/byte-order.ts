import { swapValue } from './value-order.js';
import { vrTraits, type Vr } from './vr.js';

/** Turns the byte order of a value round while it passes, whatever its chunks; bytes that fill no number stay. */
export class ByteOrderSwapper {
  readonly #vr: Vr;
  readonly #unit: number;
  #carry: Buffer = Buffer.alloc(0);

  constructor(vr: Vr) {
    this.#vr = vr;
    this.#unit = vrTraits(vr).unit;
  }

  /** The next whole numbers, in memory of their own unless the order of this VR does not matter. */
  push(bytes: Buffer): Buffer {
    if (this.#unit === 1) return bytes;
    const all = Buffer.concat([this.#carry, bytes]);
    const whole = all.length - (all.length % this.#unit);
    this.#carry = all.subarray(whole);
    return swapValue(all.subarray(0, whole), this.#vr);
  }

  /** What is left after the last whole number. */
  end(): Buffer {
    const rest = this.#carry;
    this.#carry = Buffer.alloc(0);
    return rest;
  }
}
