import type { FoundInstance } from './want.js';

/** What becomes of what comes early. */
export interface EarlyArrivalHooks {
  /** An instance has begun to arrive; returns what lets go of it. */
  readonly begun: (instance: FoundInstance) => () => void;
  /** It may be delivered. */
  readonly there: (instance: FoundInstance, letGo: () => void) => void;
  /** It will not come this way. */
  readonly failed: () => void;
}

interface Early {
  readonly instance: FoundInstance;
  readonly letGo: () => void;
  isTold: boolean;
}

/**
 * Instances that arrive for one request before its listing has named them. Each is delivered when it is whole, so that
 * one which breaks off can still be asked for when its row comes; or when its row does, if that is sooner.
 */
export class EarlyArrivals {
  readonly #hooks: EarlyArrivalHooks;
  /** Those that no row has named, by SOP Instance UID; bounded by `retrieve.maxInstances`. */
  readonly #unclaimed = new Map<string, Early>();

  constructor(hooks: EarlyArrivalHooks) {
    this.#hooks = hooks;
  }

  readonly guest = (instance: FoundInstance): void => {
    const { sopInstanceUid } = instance.key;
    if (this.#unclaimed.has(sopInstanceUid)) return;
    const early = { instance, letGo: this.#hooks.begun(instance), isTold: false };
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

  #deliver(early: Early): void {
    if (early.isTold) return;
    early.isTold = true;
    this.#hooks.there(early.instance, early.letGo);
  }

  #failed(early: Early): void {
    if (early.isTold) return;
    early.isTold = true;
    this.#unclaimed.delete(early.instance.key.sopInstanceUid);
    early.letGo();
    this.#hooks.failed();
  }
}
