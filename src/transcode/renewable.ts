import { GatewayError } from '../core/index.js';
import { badFrame } from '../media/index.js';

/**
 * A codec's module, loaded when it is first used and thrown away after any exception.
 *
 * None of the WebAssembly builds puts its stack back when C++ throws through it: after some dozen bad frames a module
 * that is used on gives wrong pictures, or none. A new one takes 15 to 32 ms.
 */
export class Renewable<T> {
  readonly #load: () => Promise<T>;
  #loaded: Promise<T> | undefined;

  constructor(load: () => Promise<T>) {
    this.#load = load;
  }

  /** Runs `work` on the module. @throws GatewayError `malformed-dataset` for whatever fails: what could not be loaded once is tried again */
  async use<R>(work: (module: T) => R): Promise<R> {
    try {
      this.#loaded ??= this.#load();
      return work(await this.#loaded);
    } catch (cause) {
      this.#loaded = undefined;
      throw cause instanceof GatewayError ? cause : badFrame('cannot be coded', cause);
    }
  }
}
