import { abortReason, GatewayError, type Priority } from '../core/index.js';

const ORDER: readonly Priority[] = ['interactive', 'prefetch', 'bulk'];

interface Waiter {
  readonly go: () => void;
}

/** Places for so many at once; who waits for one is let in by priority, then first come, first served. */
export class WaitingRoom {
  readonly #places: number;
  readonly #most: number;
  readonly #waiting: Readonly<Record<Priority, Set<Waiter>>> = {
    interactive: new Set(),
    prefetch: new Set(),
    bulk: new Set(),
  };
  #taken = 0;

  /** At most `most` wait. */
  constructor(places: number, most: number) {
    this.#places = places;
    this.#most = most;
  }

  get taken(): number {
    return this.#taken;
  }

  get waiting(): number {
    return ORDER.reduce((sum, priority) => sum + this.#waiting[priority].size, 0);
  }

  /**
   * Resolves when there is a place; the returned function gives it back, once.
   *
   * @throws GatewayError `overloaded` when too many wait, or the signal's reason
   */
  async enter(priority: Priority, signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) throw abortReason(signal);
    if (this.#taken < this.#places) this.#taken += 1;
    else await this.#wait(priority, signal);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#leave();
    };
  }

  #wait(priority: Priority, signal: AbortSignal): Promise<void> {
    if (this.waiting >= this.#most) {
      const message = 'Too many frames are waiting to be decoded.';
      return Promise.reject(new GatewayError('overloaded', message, { retryAfterSeconds: 5 }));
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        go: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        if (this.#waiting[priority].delete(waiter)) reject(abortReason(signal));
      };
      this.#waiting[priority].add(waiter);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  #leave(): void {
    for (const priority of ORDER) {
      const [next] = this.#waiting[priority];
      if (!next) continue;
      this.#waiting[priority].delete(next);
      next.go();
      return;
    }
    this.#taken -= 1;
  }
}
