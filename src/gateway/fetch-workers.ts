import type { RetrieveSettings } from './ports.js';
import type { WantQueue } from './want-queue.js';

/** For what somebody waits for, or for what nobody does. */
export type WorkKind = 'interactive' | 'background';

/** As many workers as there are retrieves at once, of which each takes batch after batch while something waits for it. */
export class FetchWorkers {
  readonly #limits: Pick<RetrieveSettings, 'workers' | 'background'>;
  readonly #queue: Pick<WantQueue, 'size' | 'waiting'>;
  /** Takes a batch and sees to it; resolves to whether there was one. */
  readonly #work: (kind: WorkKind) => Promise<boolean>;
  readonly #running = { interactive: 0, background: 0 };

  constructor(
    limits: Pick<RetrieveSettings, 'workers' | 'background'>,
    queue: Pick<WantQueue, 'size' | 'waiting'>,
    work: (kind: WorkKind) => Promise<boolean>,
  ) {
    this.#limits = limits;
    this.#queue = queue;
    this.#work = work;
  }

  /** To be called when something has come to wait. */
  start(): void {
    const interactive = this.#queue.waiting('interactive');
    if (interactive > 0)
      while (this.#running.interactive < this.#limits.workers) this.#startOne('interactive');
    if (this.#queue.size > interactive) while (this.#mayWorkInBackground(1)) this.#startOne('background');
  }

  /** Whether one that works in the background may go on. */
  get mayGoOnInBackground(): boolean {
    return this.#mayWorkInBackground(0);
  }

  /**
   * Background work takes a bounded share of the workers, and none that somebody waits for; it is never counted
   * against the interactive ones, so that these always find one.
   */
  #mayWorkInBackground(more: number): boolean {
    const { workers, background } = this.#limits;
    const { interactive, background: running } = this.#running;
    return running + more <= background.workers && interactive + running + more <= workers;
  }

  #startOne(kind: WorkKind): void {
    this.#running[kind] += 1;
    // Deferred, so that a list of wants added in one go is shared out as a whole.
    queueMicrotask(() => void this.#goOn(kind));
  }

  async #goOn(kind: WorkKind): Promise<void> {
    while (await this.#work(kind));
    this.#running[kind] -= 1;
    // What nobody waits for may have stood back.
    if (kind === 'interactive') this.start();
  }
}
