import { abortReason } from '../core/index.js';

/**
 * Questions that several may ask at once and that are asked of the peer once.
 *
 * Whoever began one cannot take it back: others wait for it too, and the peer's time-outs bound it. Bounded by the
 * requests that wait.
 */
export class SharedWork<T> {
  readonly #running = new Map<string, Promise<T>>();

  /** What runs under `key` now. */
  running(key: string): Promise<T> | undefined {
    return this.#running.get(key);
  }

  has(key: string): boolean {
    return this.#running.has(key);
  }

  /** What the work under `key` that is running, or is begun now, comes to. @throws as it does, or when aborted */
  run(key: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    let running = this.#running.get(key);
    if (!running) {
      running = work().finally(() => {
        this.#running.delete(key);
      });
      running.catch(() => undefined); // whoever waits sees it
      this.#running.set(key, running);
    }
    return untilAborted(running, signal);
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(abortReason(signal));
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(abortReason(signal));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
}
