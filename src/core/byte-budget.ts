import { abortReason } from './errors.js';

interface Waiter {
  readonly bytes: number;
  readonly grant: () => void;
}

/**
 * A number of bytes shared by all who ask, first come, first served.
 *
 * A request larger than the whole budget is granted when nothing else is held, so it cannot wait for ever.
 */
export class ByteBudget {
  readonly limit: number;
  #used = 0;
  readonly #waiters = new Set<Waiter>();

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Bytes handed out and not yet released. */
  get used(): number {
    return this.#used;
  }

  /** How many `acquire` calls wait. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Takes `bytes` if they are free and nobody waits before; says whether it did. */
  tryAcquire(bytes: number): boolean {
    if (this.#waiters.size > 0 || !this.#fits(bytes)) return false;
    this.#used += bytes;
    return true;
  }

  /** Takes `bytes` although they may not be free: for the one writer that must not wait. */
  forceAcquire(bytes: number): void {
    this.#used += bytes;
  }

  /** Takes `bytes`, waiting in line until they are free. Rejects with the signal's reason when it aborts. */
  acquire(bytes: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(abortReason(signal));
    if (this.tryAcquire(bytes)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiters.delete(waiter);
        if (signal) reject(abortReason(signal));
        this.#serve();
      };
      const waiter: Waiter = {
        bytes,
        grant: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Gives `bytes` back and serves who waits. */
  release(bytes: number): void {
    this.#used -= bytes;
    this.#serve();
  }

  #fits(bytes: number): boolean {
    return this.#used + bytes <= this.limit || this.#used <= 0;
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      if (!this.#fits(waiter.bytes)) return;
      this.#waiters.delete(waiter);
      this.#used += waiter.bytes;
      waiter.grant();
    }
  }
}
