import type { Clock, GatewayError } from '../core/index.js';
import type { InstanceKey } from '../cache/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';

interface Refusal {
  readonly error: GatewayError;
  /** How long it is believed. */
  readonly lifeMs: number;
  readonly expires: number;
}

/**
 * How long the first one is believed. A peer that could not open the association of its C-MOVE says the same (A702) as one that
 * lacks the instance: the reason may be gone in a moment.
 */
const FIRST_MS = 5000;

/** Most refusals remembered per peer; the oldest goes first. A few hundred bytes each. */
const MOST = 10_000;

/**
 * Instances that a peer did not deliver although it listed them, with the reason, for a while: each time that one is refused
 * again twice as long as the time before.
 */
export class Refusals {
  readonly #clock: Clock;
  readonly #mostMs: number;
  readonly #byInstance = new Map<string, Refusal>();

  /** @param mostMs how long one is believed at most */
  constructor(clock: Clock, mostMs: number) {
    this.#clock = clock;
    this.#mostMs = mostMs;
  }

  /** Whether any instance at or below `target` is among them. */
  has({ studyInstanceUid, seriesInstanceUid }: RetrieveTarget): boolean {
    const prefix = `${studyInstanceUid} ${seriesInstanceUid === undefined ? '' : `${seriesInstanceUid} `}`;
    const now = this.#clock.now();
    for (const [key, { expires }] of this.#byInstance)
      if (expires > now && key.startsWith(prefix)) return true;
    return false;
  }

  get(key: InstanceKey): GatewayError | undefined {
    const refusal = this.#byInstance.get(keyText(key));
    return refusal && refusal.expires > this.#clock.now() ? refusal.error : undefined;
  }

  delete(key: InstanceKey): void {
    this.#byInstance.delete(keyText(key));
  }

  add(key: InstanceKey, error: GatewayError): void {
    const text = keyText(key);
    const before = this.#byInstance.get(text);
    const now = this.#clock.now();
    const isAgain = before !== undefined && now < before.expires + this.#mostMs;
    const lifeMs = Math.min(this.#mostMs, isAgain ? before.lifeMs * 2 : FIRST_MS);
    this.#byInstance.delete(text);
    const [oldest] = this.#byInstance.keys();
    if (oldest !== undefined && this.#byInstance.size >= MOST) this.#byInstance.delete(oldest);
    this.#byInstance.set(text, { error, lifeMs, expires: now + lifeMs });
  }
}

/** One text per instance of one peer; UIDs hold no blanks. */
export const keyText = (key: Omit<InstanceKey, 'peer'>): string =>
  `${key.studyInstanceUid} ${key.seriesInstanceUid} ${key.sopInstanceUid}`;

/** One text per study or series of one peer. */
export const targetText = ({ studyInstanceUid, seriesInstanceUid = '' }: RetrieveTarget): string =>
  `${studyInstanceUid} ${seriesInstanceUid}`;
