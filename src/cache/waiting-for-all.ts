import { GatewayError, LazySet } from '../core/index.js';

const tooLong = (): GatewayError =>
  new GatewayError(
    'payload-too-large',
    'All of the instance is needed at once, and it is larger than the cache of the gateway: that needs a larger ' +
      'cache.memory, or cache.disk. It can be had as it is stored.',
  );

/** Who waits for all bytes of a spool to be there at once, without reading any. */
export class WaitingForAll {
  readonly #waiting = new LazySet<(error: GatewayError) => void>();
  readonly #room: { readonly settle: () => void };
  #isTooLong = false;

  /** `room` is to look whether that is known already when somebody comes. */
  constructor(room: { readonly settle: () => void }) {
    this.#room = room;
  }

  get any(): boolean {
    return this.#waiting.size > 0;
  }

  /** `tell` hears as soon as it is known that they never will be; returns what ends that. */
  add(tell: (error: GatewayError) => void): () => void {
    this.#waiting.add(tell);
    if (this.#isTooLong) this.tooLong();
    else this.#room.settle();
    return () => {
      this.#waiting.delete(tell);
    };
  }

  /** They never will be. */
  tooLong(): void {
    this.#isTooLong = true;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const tell of waiting) tell(tooLong());
  }
}
