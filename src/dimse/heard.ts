/** Messages that came on an association. */
export class Heard {
  #messages = 0;
  #next: (() => void) | undefined;

  /** How many. */
  get messages(): number {
    return this.#messages;
  }

  /** Calls `listener` once, when the next one comes; it takes the place of one that still waits. */
  onNext(listener: () => void): void {
    this.#next = listener;
  }

  came(): void {
    this.#messages += 1;
    const next = this.#next;
    this.#next = undefined;
    next?.();
  }
}
