import { GatewayError, type Clock, type Observe } from '../core/index.js';
import type { PeerSign } from './peer-sign.js';

/** Closed: the peer is asked. Open: it is not. Half-open: one request is let through, to see. */
export type BreakerState = 'closed' | 'open' | 'half-open';

export interface BreakerOptions {
  readonly peer: string;
  /** Failures in a row that open it; 0 = never. */
  readonly failures: number;
  readonly openForMs: number;
  readonly observe: Observe;
  readonly clock: Clock;
  /** Sends a C-ECHO as an attempt that was admitted for the `breaker`. */
  readonly probe: () => Promise<unknown>;
  /** Refuses whoever waits for the peer. */
  readonly opened: (refusal: GatewayError) => void;
}

/** Something that is asked of the peer, from waiting for an association to the answer. */
export interface Attempt {
  /** There is an association for it. */
  readonly begun: () => void;
  /** The peer has answered, if only in part: what is asked may go on for long, and others need not wait for its end. */
  readonly heard: () => void;
  /** Tells, once, how it ended; `error` with the signs of failure. */
  ended(sign: PeerSign, error?: GatewayError): void;
}

/** For whom a peer is asked: an `operator` is never refused, who wants to know whether it is back. */
export type AskedFor = 'request' | 'breaker' | 'operator';

/** What a client is told to wait while the one trial is under way. */
const TRIAL_RETRY_SECONDS = 5;
/**
 * What is tried may hear nothing for minutes, as a large C-STORE does to its end: after this a C-ECHO beside it asks. That is
 * longer than most peers take to answer what is small, and shorter than who waits takes to ask again.
 */
const SILENT_TRIAL_MS = 1_500;

/**
 * Stops asking a peer that keeps failing, and lets one request at a time try whether it is back. What may be the fault
 * of one request or instance alone opens nothing before a C-ECHO has failed too.
 */
export class CircuitBreaker {
  readonly #options: BreakerOptions;
  #failures = 0;
  #lastError: GatewayError | undefined;
  /** By the clock; undefined = closed. */
  #openUntil: number | undefined;
  #trial: Attempt | undefined;
  #isProbing = false;
  #stopWatching: () => void = () => undefined;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get state(): BreakerState {
    if (this.#openUntil === undefined) return 'closed';
    return this.#options.clock.now() < this.#openUntil ? 'open' : 'half-open';
  }

  /** Why nothing may be asked of the peer for now, and when again; undefined unless it is open. */
  get refusal(): GatewayError | undefined {
    return this.state === 'open' ? this.#refusal() : undefined;
  }

  /** What the latest failure was, in words, unless the peer has answered since. */
  get lastError(): string | undefined {
    return this.#lastError?.message;
  }

  /** Lets something be asked of the peer. @throws GatewayError `peer-unreachable` with when to come back */
  admit(by: AskedFor = 'request'): Attempt {
    const { state } = this;
    const isTaken = this.#trial !== undefined && by !== 'breaker';
    if (by !== 'operator' && (state === 'open' || isTaken)) throw this.#refusal();
    let isOver = false;
    const attempt: Attempt = {
      begun: () => {
        if (this.#trial === attempt && by !== 'breaker') this.#watch(attempt);
      },
      heard: () => {
        if (this.#trial === attempt) this.#close();
      },
      ended: (sign, error) => {
        if (isOver) return;
        isOver = true;
        const wasTrial = this.#trial === attempt;
        if (wasTrial) this.#endTrial();
        if (sign === 'alive') this.#close();
        else if (sign !== 'none' && error) this.#failed(sign === 'gone' || by === 'breaker', error, wasTrial);
      },
    };
    if (state === 'half-open') this.#trial ??= attempt;
    return attempt;
  }

  #failed(isCertain: boolean, error: GatewayError, wasTrial: boolean): void {
    this.#lastError = error;
    const { failures } = this.#options;
    // Of what was under way when it opened nothing more is to be learnt.
    if (this.#openUntil !== undefined && !wasTrial) return;
    this.#failures += 1;
    if (failures === 0 || this.#failures < failures) return;
    if (isCertain) this.#open(error);
    else void this.#probe();
  }

  #open(error: GatewayError): void {
    const { clock, openForMs, observe, peer, opened } = this.#options;
    const wasClosed = this.#openUntil === undefined;
    this.#openUntil = clock.now() + openForMs;
    if (wasClosed) observe({ kind: 'breaker', peer, event: 'opened', detail: error.message });
    opened(this.#refusal());
  }

  #close(): void {
    const { observe, peer } = this.#options;
    this.#endTrial();
    this.#failures = 0;
    this.#lastError = undefined;
    if (this.#openUntil === undefined) return;
    this.#openUntil = undefined;
    observe({ kind: 'breaker', peer, event: 'closed' });
  }

  #endTrial(): void {
    this.#trial = undefined;
    this.#stopWatching();
  }

  /** While the trial is silent others are kept out: the answer to a C-ECHO lets them in, and its failure proves nothing. */
  #watch(trial: Attempt): void {
    this.#stopWatching = this.#options.clock.after(SILENT_TRIAL_MS, () => {
      void this.#probe().then(() => {
        if (this.#trial === trial) this.#watch(trial);
      });
    });
  }

  /** Its end is told as that of any other attempt. */
  async #probe(): Promise<void> {
    if (this.#isProbing) return;
    this.#isProbing = true;
    try {
      await this.#options.probe();
    } catch {
      // See above.
    } finally {
      this.#isProbing = false;
    }
  }

  #refusal(): GatewayError {
    const { clock, peer } = this.#options;
    const seconds = this.#trial
      ? TRIAL_RETRY_SECONDS
      : Math.max(1, Math.ceil(((this.#openUntil ?? 0) - clock.now()) / 1000));
    const when = this.#trial ? 'is trying it with one request right now' : `tries again in ${seconds} s`;
    const message =
      `The peer kept failing: the gateway does not ask it for now, and ${when}. ` +
      `The last failure: ${this.#lastError?.message ?? ''}`;
    return new GatewayError('peer-unreachable', message, {
      peer,
      retryAfterSeconds: seconds,
      cause: this.#lastError,
    });
  }
}
