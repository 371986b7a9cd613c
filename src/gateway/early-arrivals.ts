import type { FoundInstance } from './want.js';

/** What holds an instance until it is released. */
export interface Releasable {
  release(): void;
}

/** What becomes of what comes early. */
export interface EarlyArrivalHooks<H> {
  /** An instance has begun to arrive; returns what holds it. */
  readonly begun: (instance: FoundInstance) => H;
  /** It may be delivered. */
  readonly there: (instance: FoundInstance, holding: H) => void;
  /** It will not come this way. */
  readonly failed: () => void;
}

interface Early<H> {
  readonly instance: FoundInstance;
  readonly holding: H;
  isTold: boolean;
}

/**
 * Instances that arrive for one request before its listing has named them. Each is delivered when it is whole, so that
 * one which breaks off can still be asked for when its row comes; or when its row does, if that is sooner.
 */
export class EarlyArrivals<H extends Releasable> {
  readonly #hooks: EarlyArrivalHooks<H>;
  /** Those that no row has named, by SOP Instance UID; bounded by `retrieve.maxInstances`. */
  readonly #unclaimed = new Map<string, Early<H>>();

  constructor(hooks: EarlyArrivalHooks<H>) {
    this.#hooks = hooks;
  }

  readonly guest = (instance: FoundInstance): void => {
    const { sopInstanceUid } = instance.key;
    if (this.#unclaimed.has(sopInstanceUid)) return;
    const early = { instance, holding: this.#hooks.begun(instance), isTold: false };
    this.#unclaimed.set(sopInstanceUid, early);
    instance.complete.then(
      () => {
        this.#deliver(early);
      },
      () => {
        this.#failed(early);
      },
    );
  };

  /** A row names the instance: whether it needs not be asked for. */
  claim(sopInstanceUid: string): boolean {
    const early = this.#unclaimed.get(sopInstanceUid);
    if (!early) return false;
    this.#unclaimed.delete(sopInstanceUid);
    this.#deliver(early);
    return true;
  }

  /** Those that are whole and that no row has named; waits for what is still arriving. */
  async unclaimed(): Promise<readonly FoundInstance[]> {
    await Promise.allSettled([...this.#unclaimed.values()].map(({ instance }) => instance.complete));
    return [...this.#unclaimed.values()].map(({ instance }) => instance);
  }

  #deliver(early: Early<H>): void {
    if (early.isTold) return;
    early.isTold = true;
    this.#hooks.there(early.instance, early.holding);
  }

  #failed(early: Early<H>): void {
    if (early.isTold) return;
    early.isTold = true;
    this.#unclaimed.delete(early.instance.key.sopInstanceUid);
    early.holding.release();
    this.#hooks.failed();
  }
}
