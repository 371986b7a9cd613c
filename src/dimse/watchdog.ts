import { GatewayError, type Clock } from '../core/index.js';
import { CommandFields } from './command-set.js';
import type { PeerOptions, PeerTimeouts } from './contract.js';
import type { MessageChannel } from './message-channel.js';

type WatchedTimeouts = Pick<PeerTimeouts, 'firstResponseMs' | 'betweenResponsesMs' | 'totalMs'>;

/** What ran out. */
export type Expiry = 'first-response' | 'between-responses' | 'total';

/** What a time-out means, in words. */
const expiryTexts: Readonly<Record<Expiry, string>> = {
  'first-response': 'The peer did not answer in time.',
  'between-responses': 'The peer fell silent in the middle of its answer.',
  total: 'The operation took longer than it may.',
};

/** The time-outs of an operation: retrieves wait longer for the first sign of life than anything else. */
function timeoutsOf(commandField: number, timeouts: PeerTimeouts): PeerTimeouts {
  const retrieves = commandField === CommandFields.cGetRequest || commandField === CommandFields.cMoveRequest;
  const { firstSubOperationMs = timeouts.firstResponseMs } = timeouts;
  return retrieves ? { ...timeouts, firstResponseMs: firstSubOperationMs } : timeouts;
}

/** Calls back after `ms` unless cancelled; never where `ms` is 0. */
export function deadline(clock: Clock, ms: number, callback: () => void): () => void {
  return ms === 0 ? () => undefined : clock.after(ms, callback);
}

/** A watchdog over an operation that was begun on `channel`, which it aborts. */
export function watchdogOf(
  channel: Pick<MessageChannel, 'lastHeard' | 'abort'>,
  commandField: number,
  { clock, peer }: { readonly clock: Clock; readonly peer: Pick<PeerOptions, 'name' | 'timeouts'> },
): Watchdog {
  return new Watchdog({
    clock,
    timeouts: timeoutsOf(commandField, peer.timeouts),
    lastHeard: () => channel.lastHeard,
    expired: (expiry) => {
      channel.abort(new GatewayError('peer-timeout', expiryTexts[expiry], { peer: peer.name }));
    },
  });
}

export interface WatchdogOptions {
  readonly clock: Clock;
  readonly timeouts: WatchedTimeouts;
  /** When the peer was last heard on the association. */
  readonly lastHeard: () => number;
  readonly expired: (expiry: Expiry) => void;
}

/**
 * The time-outs of one operation. Hearing from the peer costs nothing: the timer looks at the clock when it goes off
 * and sets itself again.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  #watchedSince: number | undefined;
  #moreMs = 0;
  #touched = Number.NEGATIVE_INFINITY;
  #holds = 0;
  #cancelTimer: (() => void) | undefined;
  #cancelTotal: (() => void) | undefined;

  /** Starts the total time. */
  constructor(options: WatchdogOptions) {
    this.#options = options;
    const { totalMs } = options.timeouts;
    if (totalMs > 0)
      this.#cancelTotal = options.clock.after(totalMs, () => {
        this.#expire('total');
      });
  }

  /** The peer has all it needs to answer: silence counts from now on, up to the first answer `moreMs` longer. */
  watch(moreMs = 0): void {
    this.#moreMs = moreMs;
    this.#watchedSince = this.#options.clock.now();
    this.#arm();
  }

  /** The peer was heard elsewhere, on the association of a sub-operation. */
  touch(): void {
    this.#touched = this.#options.clock.now();
  }

  /** Silence does not count until the returned function is called. */
  hold(): () => void {
    this.#holds += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#holds -= 1;
      this.touch();
    };
  }

  stop(): void {
    this.#watchedSince = undefined;
    this.#cancelTimer?.();
    this.#cancelTotal?.();
  }

  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const { clock, timeouts } = this.#options;
    if (this.#watchedSince === undefined) return;
    const heard = this.#holds > 0 ? clock.now() : Math.max(this.#options.lastHeard(), this.#touched);
    const isFirst = heard <= this.#watchedSince;
    const limit = isFirst
      ? unlimited(timeouts.firstResponseMs) + this.#moreMs
      : unlimited(timeouts.betweenResponsesMs);
    const remaining = Math.max(heard, this.#watchedSince) + limit - clock.now();
    if (remaining <= 0) {
      this.#expire(isFirst ? 'first-response' : 'between-responses');
      return;
    }
    // The first response starts the other limit, and nobody says when it comes.
    const delay = Math.min(remaining, unlimited(timeouts.betweenResponsesMs));
    if (delay === Number.POSITIVE_INFINITY) return;
    this.#cancelTimer = clock.after(delay, () => {
      this.#arm();
    });
  }

  #expire(expiry: Expiry): void {
    this.stop();
    this.#options.expired(expiry);
  }
}

function unlimited(ms: number): number {
  return ms === 0 ? Number.POSITIVE_INFINITY : ms;
}
