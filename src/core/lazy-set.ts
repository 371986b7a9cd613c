const NOTHING: ReadonlySet<never> = new Set<never>();

/** A set that is mostly empty, of which there are many: it takes memory only while something is in it. */
export class LazySet<T> implements Iterable<T> {
  #set: Set<T> | undefined;

  get size(): number {
    return this.#set?.size ?? 0;
  }

  has(item: T): boolean {
    return this.#set?.has(item) ?? false;
  }

  add(item: T): void {
    (this.#set ??= new Set()).add(item);
  }

  /** Whether it was in the set. */
  delete(item: T): boolean {
    const wasThere = this.#set?.delete(item) ?? false;
    if (this.#set?.size === 0) this.#set = undefined;
    return wasThere;
  }

  clear(): void {
    this.#set = undefined;
  }

  [Symbol.iterator](): Iterator<T> {
    return (this.#set ?? (NOTHING as ReadonlySet<T>))[Symbol.iterator]();
  }
}
