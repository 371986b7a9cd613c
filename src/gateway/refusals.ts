import type { Clock, GatewayError } from '../core/index.js';
import type { InstanceKey } from '../cache/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';

interface Refusal {
  readonly error: GatewayError;
  readonly expires: number;
}

/** Most refusals remembered per peer; the oldest goes first. A few hundred bytes each. */
const MOST = 10_000;

/** Instances that a peer did not deliver although it listed them, with the reason, for a while. */
export class Refusals {
  readonly #clock: Clock;
  readonly #lifeMs: number;
  readonly #byInstance = new Map<string, Refusal>();

  constructor(clock: Clock, lifeMs: number) {
    this.#clock = clock;
    this.#lifeMs = lifeMs;
  }

  /** Whether any instance at or below `target` is among them. */
  has({ studyInstanceUid, seriesInstanceUid }: RetrieveTarget): boolean {
    const prefix = `${studyInstanceUid} ${seriesInstanceUid === undefined ? '' : `${seriesInstanceUid} `}`;
    for (const key of this.#byInstance.keys()) if (key.startsWith(prefix)) return true;
    return false;
  }

  get(key: InstanceKey): GatewayError | undefined {
    const refusal = this.#byInstance.get(keyText(key));
    if (refusal === undefined) return undefined;
    if (refusal.expires > this.#clock.now()) return refusal.error;
    this.#byInstance.delete(keyText(key));
    return undefined;
  }

  delete(key: InstanceKey): void {
    this.#byInstance.delete(keyText(key));
  }

  add(key: InstanceKey, error: GatewayError): void {
    const [oldest] = this.#byInstance.keys();
    if (oldest !== undefined && this.#byInstance.size >= MOST) this.#byInstance.delete(oldest);
    this.#byInstance.set(keyText(key), { error, expires: this.#clock.now() + this.#lifeMs });
  }
}

/** One text per instance of one peer; UIDs hold no blanks. */
export const keyText = (key: Omit<InstanceKey, 'peer'>): string =>
  `${key.studyInstanceUid} ${key.seriesInstanceUid} ${key.sopInstanceUid}`;

/** One text per study or series of one peer. */
export const targetText = ({ studyInstanceUid, seriesInstanceUid = '' }: RetrieveTarget): string =>
  `${studyInstanceUid} ${seriesInstanceUid}`;
