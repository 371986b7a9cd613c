import type { Priority } from '../core/index.js';

/** Those who wait for one thing: people before guesses before jobs, first come, first served among equals. */
export class WaitingLine<T extends { readonly priority: Priority }> {
  /** In the order in which they are served. The owner bounds the sum. */
  readonly #lines: Readonly<Record<Priority, T[]>> = { interactive: [], prefetch: [], bulk: [] };

  get size(): number {
    return Object.values(this.#lines).reduce((sum, line) => sum + line.length, 0);
  }

  /** How many wait of each priority. */
  get counts(): Readonly<Record<Priority, number>> {
    const { interactive, prefetch, bulk } = this.#lines;
    return { interactive: interactive.length, prefetch: prefetch.length, bulk: bulk.length };
  }

  /** Whoever has to go first when there are too many: the newest of those that matter least. */
  get last(): T | undefined {
    const { interactive, prefetch, bulk } = this.#lines;
    return bulk.at(-1) ?? prefetch.at(-1) ?? interactive.at(-1);
  }

  /** Everyone as of now, in the order in which they are served. */
  inOrder(): readonly T[] {
    return Object.values(this.#lines).flat();
  }

  add(waiter: T): void {
    this.#lines[waiter.priority].push(waiter);
  }

  /** Puts back, before its equals, one that has had its turn in vain. */
  addFirst(waiter: T): void {
    this.#lines[waiter.priority].unshift(waiter);
  }

  /** Whether it was there. */
  remove(waiter: T): boolean {
    const line = this.#lines[waiter.priority];
    const index = line.indexOf(waiter);
    if (index < 0) return false;
    line.splice(index, 1);
    return true;
  }
}
