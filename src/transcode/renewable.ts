import { GatewayError } from '../core/index.js';
import { badFrame } from './frame-error.js';

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

  /** Runs `work` on the module. @throws GatewayError `malformed-dataset` for whatever `work` throws */
  async use<R>(work: (module: T) => R): Promise<R> {
    this.#loaded ??= this.#load();
    const module = await this.#loaded;
    try {
      return work(module);
    } catch (cause) {
      this.#loaded = undefined;
      throw cause instanceof GatewayError ? cause : badFrame('cannot be coded', cause);
    }
  }
}
