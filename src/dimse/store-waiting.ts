import { abortReason, type Clock } from '../core/index.js';
import type { PeerOptions } from './contract.js';
import { tooManyWait } from './pool-queue.js';
import type { StoreJob } from './store-job.js';
import { deadline } from './watchdog.js';

interface Waiting {
  readonly job: StoreJob;
  /** It waits no more. */
  readonly stop: () => void;
}

/**
 * The instances that wait to be stored, first come, first served. Of each request there are as many as it hands over;
 * requests of which nothing is under way are bounded by the peer's `queue`.
 */
export class StoreWaiting {
  readonly #peer: PeerOptions;
  readonly #clock: Clock;
  readonly #isUnderWay: (signal: AbortSignal) => boolean;
  #line: Waiting[] = [];

  /** `isUnderWay`: whether something of a request is being sent. */
  constructor(peer: PeerOptions, clock: Clock, isUnderWay: (signal: AbortSignal) => boolean) {
    this.#peer = peer;
    this.#clock = clock;
    this.#isUnderWay = isUnderWay;
  }

  get size(): number {
    return this.#line.length;
  }

  get first(): StoreJob | undefined {
    return this.#line[0]?.job;
  }

  /** Whether there is no place for an instance of another request. */
  isFullFor({ context: { signal } }: StoreJob): boolean {
    if (this.#isUnderWay(signal)) return false;
    const signals = new Set(this.#line.map(({ job }) => job.context.signal));
    if (signals.has(signal)) return false;
    return [...signals].filter((other) => !this.#isUnderWay(other)).length >= this.#peer.queue;
  }

  /** Adds an instance, that is rejected when its request ends, or has waited too long for those of others. */
  add(job: StoreJob): void {
    this.#line.push({ job, stop: this.#watch(job) });
  }

  /** Puts an instance before all others. */
  addFirst(job: StoreJob): void {
    this.#line.unshift({ job, stop: this.#watch(job) });
  }

  /** The first one, which waits no more. */
  take(): StoreJob | undefined {
    const first = this.#line.shift();
    first?.stop();
    return first?.job;
  }

  #watch(job: StoreJob): () => void {
    const { signal, patient } = job.context;
    const leave = (error: Error): void => {
      this.#line = this.#line.filter((other) => other.job !== job);
      stop();
      job.reject(error);
    };
    const onAbort = (): void => {
      leave(abortReason(signal));
    };
    const stop = (): void => {
      cancelTimer();
      signal.removeEventListener('abort', onAbort);
    };
    const arm = (): (() => void) =>
      deadline(this.#clock, patient ? 0 : this.#peer.timeouts.queueMs, () => {
        // While others of its own request are sent it does not wait for anybody else.
        if (this.#isUnderWay(signal)) cancelTimer = arm();
        else leave(tooManyWait(this.#peer.name));
      });
    let cancelTimer = arm();
    signal.addEventListener('abort', onAbort, { once: true });
    return stop;
  }
}
