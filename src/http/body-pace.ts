import { GatewayError } from '../core/index.js';

/**
 * Holds a client to a least pace of its body. One that sends a byte before each time-out would keep a place for ever; time
 * in which it is not listened to does not count.
 */
export class BodyPace {
  readonly #windowMs: number;
  readonly #leastBytes: number;
  #waitedMs = 0;
  #bytes = 0;

  constructor({
    bodyTimeoutMs,
    minBodyRate,
  }: {
    readonly bodyTimeoutMs: number;
    readonly minBodyRate: number;
  }) {
    this.#windowMs = bodyTimeoutMs;
    this.#leastBytes = (minBodyRate * bodyTimeoutMs) / 1000;
  }

  /** So many bytes came after so long. @throws GatewayError `bad-request` when that is too slow */
  took(waitedMs: number, bytes: number): void {
    this.#waitedMs += waitedMs;
    this.#bytes += bytes;
    if (this.#waitedMs < this.#windowMs) return;
    if (this.#bytes < this.#leastBytes)
      throw new GatewayError('bad-request', "The request's body comes too slowly.");
    this.#waitedMs = 0;
    this.#bytes = 0;
  }
}
