import { abortReason, GatewayError, type Clock, type Priority } from '../core/index.js';
import type { Attempt } from './breaker.js';
import type { PeerOptions } from './contract.js';
import type { AssociationRequest, Lease } from './lease.js';
import type { PeerSign } from './peer-sign.js';
import { WaitingLine } from './waiting-line.js';
import { deadline } from './watchdog.js';

/** A request that waits for an association; whoever serves it takes it out of the queue first. */
export interface Waiter {
  readonly request: AssociationRequest;
  readonly priority: Priority;
  readonly attempt: Attempt;
  /** Since when it waits, by the clock. */
  since: number;
  /** Its time in the line is over. */
  isLate: boolean;
  grant(lease: Lease): void;
  /** `sign` is what the error says of the peer; nothing when left out. */
  reject(error: GatewayError, sign?: PeerSign): void;
}

const RETRY_SECONDS = 5;

/** The requests that wait for an association with one peer. */
export class PoolQueue extends WaitingLine<Waiter> {
  readonly #peer: PeerOptions;
  readonly #clock: Clock;

  constructor(peer: PeerOptions, clock: Clock) {
    super();
    this.#peer = peer;
    this.#clock = clock;
  }

  /** Adds a request. @throws GatewayError `overloaded` when it waits too long, or the signal's reason */
  join(request: AssociationRequest, attempt: Attempt): Promise<Lease> {
    const { signal, patient, priority = 'interactive' } = request.context;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        request,
        priority,
        attempt,
        since: this.#clock.now(),
        isLate: false,
        grant: (lease) => {
          settle();
          resolve(lease);
        },
        reject: (error, sign = 'none') => {
          settle();
          reject(error);
          attempt.ended(sign, error);
        },
      };
      const giveUp = (error: GatewayError): void => {
        if (this.remove(waiter)) waiter.reject(error);
      };
      const onAbort = (): void => {
        giveUp(abortReason(signal));
      };
      const cancelTimer = deadline(this.#clock, patient ? 0 : this.#peer.timeouts.queueMs, () => {
        waiter.isLate = true;
        giveUp(this.#overloaded());
      });
      signal.addEventListener('abort', onAbort, { once: true });
      this.add(waiter);
    });
  }

  /** Puts one back that got nothing, before all others; refuses it if its time was over meanwhile. */
  putBack(waiter: Waiter): void {
    if (waiter.isLate) {
      waiter.reject(this.#overloaded());
      return;
    }
    waiter.since = this.#clock.now();
    this.addFirst(waiter);
  }

  /** Refuses what there is no place for: of those that matter least the newest. */
  trim(): void {
    const { last } = this;
    if (!last || this.size <= this.#peer.queue) return;
    this.remove(last);
    last.reject(this.#overloaded());
  }

  refuseAll(error: GatewayError): void {
    for (const waiter of this.inOrder()) {
      this.remove(waiter);
      waiter.reject(error);
    }
  }

  #overloaded(): GatewayError {
    return tooManyWait(this.#peer.name);
  }
}

/** Of a request for which there is no place in a queue, or that has waited too long in it. */
export const tooManyWait = (peer: string): GatewayError =>
  new GatewayError('overloaded', 'Too many requests wait for the peer.', {
    peer,
    retryAfterSeconds: RETRY_SECONDS,
  });
