import { abortReason } from './errors.js';

/** Lets at most `limit` holders in at once, first come, first served. */
export class Semaphore {
  readonly limit: number;
  #held = 0;
  readonly #waiters = new Set<() => void>();

  constructor(limit: number) {
    this.limit = limit;
  }

  get held(): number {
    return this.#held;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** Resolves to the function that lets the next one in; calling it twice does nothing. */
  async acquire(signal?: AbortSignal): Promise<() => void> {
    if (signal?.aborted) throw abortReason(signal);
    if (this.#held < this.limit && this.#waiters.size === 0) this.#held += 1;
    else await this.#wait(signal);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#release();
    };
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiters.delete(grant);
        if (signal) reject(abortReason(signal));
      };
      const grant = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      this.#waiters.add(grant);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #release(): void {
    const [next] = this.#waiters;
    if (next === undefined) {
      this.#held -= 1;
      return;
    }
    this.#waiters.delete(next);
    next();
  }
}
