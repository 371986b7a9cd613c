/**
 * So many bytes may all responses together hand to their sockets in one turn of the event loop; the rest waits for the
 * next turns, first come, first served.
 *
 * Each write copies into the kernel. When one piece has come for hundreds of clients, all their writes in one turn would
 * keep everybody else, health checks and PACS included, waiting for half a second.
 */
export class TurnBudget {
  readonly #bytes: number;
  readonly #waiting: { readonly bytes: number; readonly go: () => void }[] = [];
  #spent = 0;
  #scheduled = false;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** Nothing when `bytes` may be written now, else a promise of the turn in which they may. */
  take(bytes: number): Promise<void> | undefined {
    this.#schedule();
    if (this.#waiting.length === 0 && this.#spent < this.#bytes) {
      this.#spent += bytes;
      return undefined;
    }
    return new Promise((go) => this.#waiting.push({ bytes, go }));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#nextTurn();
    });
  }

  #nextTurn(): void {
    this.#spent = 0;
    let count = 0;
    for (const { bytes, go } of this.#waiting) {
      if (this.#spent >= this.#bytes) break;
      this.#spent += bytes;
      count += 1;
      go();
    }
    this.#waiting.splice(0, count);
    if (count > 0) this.#schedule();
  }
}
