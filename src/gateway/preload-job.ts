import type { GatewayError } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import type { PullOutcome, PullProgress } from './pull.js';

/**
 * Where a preload stands. `waiting`: for others before it, or for the hours of background work; `incomplete`: it came to
 * its end, and not everything is in the cache.
 */
export type PreloadState = 'waiting' | 'running' | 'complete' | 'incomplete' | 'failed' | 'cancelled';

/** What a client is told of a preload. */
export interface PreloadStatus extends PullProgress {
  readonly target: RetrieveTarget;
  readonly state: PreloadState;
  /** Came, and had to leave the cache again: it is too small. */
  readonly dropped: number;
  /** Milliseconds since it began to run, until now or until it ended. */
  readonly elapsedMs: number;
  /** Why it failed, or why the first instance that failed did. */
  readonly error: GatewayError | undefined;
}

const NOTHING: PullProgress = { listed: undefined, complete: 0, failed: 0, bytes: 0 };

/** One preload and what is known of it; whoever asks for the same thing shares it. */
export class PreloadJob {
  readonly target: RetrieveTarget;
  readonly #controller = new AbortController();
  readonly #now: () => number;
  readonly #waiting = new Set<() => void>();
  #state: PreloadState = 'waiting';
  #progress = NOTHING;
  #dropped = 0;
  #error: GatewayError | undefined;
  #begunAt: number | undefined;
  #endedAt: number | undefined;
  #version = 0;

  constructor(target: RetrieveTarget, now: () => number) {
    this.target = target;
    this.#now = now;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Grows with whatever is to be told. */
  get version(): number {
    return this.#version;
  }

  get isOver(): boolean {
    return this.#endedAt !== undefined;
  }

  get status(): PreloadStatus {
    const until = this.#endedAt ?? this.#now();
    return {
      ...this.#progress,
      target: this.target,
      state: this.#state,
      dropped: this.#dropped,
      elapsedMs: this.#begunAt === undefined ? 0 : until - this.#begunAt,
      error: this.#error,
    };
  }

  /** Resolves when there is something newer than `version`, or `signal` aborts. */
  changedSince(version: number, signal: AbortSignal): Promise<void> {
    if (this.#version !== version || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** Gives it up; `reason` is what those who follow it are told. */
  cancel(reason: GatewayError): void {
    if (this.isOver) return;
    this.#end('cancelled', reason);
    this.#controller.abort(reason);
  }

  began(): void {
    this.#begunAt = this.#now();
    this.#state = 'running';
    this.#change();
  }

  progressed(progress: PullProgress): void {
    if (this.isOver) return;
    this.#progress = progress;
    this.#change();
  }

  ended(outcome: PullOutcome): void {
    if (this.isOver) return;
    const { listed, complete, failed, bytes, dropped, error } = outcome;
    this.#progress = { listed, complete, failed, bytes };
    this.#dropped = dropped;
    const whole = failed === 0 && dropped === 0 && complete === listed;
    this.#end(whole ? 'complete' : 'incomplete', error);
  }

  failed(error: GatewayError): void {
    if (!this.isOver) this.#end('failed', error);
  }

  #end(state: PreloadState, error: GatewayError | undefined): void {
    this.#state = state;
    this.#error = error;
    this.#endedAt = this.#now();
    this.#change();
  }

  #change(): void {
    this.#version += 1;
    for (const told of [...this.#waiting]) told();
  }
}
