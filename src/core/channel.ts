/**
 * A queue between one or more producers and one consumer, bounded in items.
 *
 * `push` resolves when there is room again, which is the producer's back-pressure. After `close` the consumer gets
 * what is left and then ends; after `fail` it gets what is left and then the error. A consumer that leaves early
 * (`return`) wakes all producers with `false`.
 */
export class Channel<T> implements AsyncIterable<T> {
  readonly #capacity: number;
  readonly #items: T[] = [];
  #state: 'open' | 'closed' | 'abandoned' = 'open';
  #failure: { readonly error: unknown } | undefined;
  #wakeConsumer: (() => void) | undefined;
  #wakeProducers: (() => void)[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Items waiting for the consumer. */
  get length(): number {
    return this.#items.length;
  }

  /** Adds an item; resolves to false when nobody will ever read it. */
  async push(item: T): Promise<boolean> {
    if (!this.offer(item)) return false;
    while (this.#state === 'open' && this.#items.length >= this.#capacity) {
      await new Promise<void>((resolve) => this.#wakeProducers.push(resolve));
    }
    return this.#state !== 'abandoned';
  }

  /** Adds an item beyond the bound if need be; false when nobody will ever read it. For producers bounded elsewhere. */
  offer(item: T): boolean {
    if (this.#state !== 'open') return false;
    this.#items.push(item);
    this.#wakeConsumer?.();
    return true;
  }

  /** No more items will come. */
  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closed';
    this.#wake();
  }

  /** No more items will come because of `error`, which the consumer sees after what is queued. */
  fail(error: unknown): void {
    if (this.#state !== 'open') return;
    this.#failure = { error };
    this.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) {
        while (this.#items.length > 0) {
          const item = this.#items.shift() as T;
          this.#releaseProducers();
          yield item;
        }
        if (this.#state !== 'open') break;
        await new Promise<void>((resolve) => {
          this.#wakeConsumer = resolve;
        });
        this.#wakeConsumer = undefined;
      }
      if (this.#failure) throw this.#failure.error;
    } finally {
      this.#state = 'abandoned';
      this.#items.length = 0;
      this.#wake();
    }
  }

  #releaseProducers(): void {
    if (this.#items.length < this.#capacity) this.#flushProducers();
  }

  #flushProducers(): void {
    const waiting = this.#wakeProducers;
    this.#wakeProducers = [];
    for (const wake of waiting) wake();
  }

  #wake(): void {
    this.#wakeConsumer?.();
    this.#flushProducers();
  }
}
