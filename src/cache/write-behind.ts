import type { Clock } from '../core/index.js';

/** How often more is written, and how much of it then: 80 MB a second, or 2,000 small instances. */
const TICK_MS = 100;
const TICK_BYTES = 8 * 1024 * 1024;
const TICK_COUNT = 200;
/** How soon a disk that failed is tried again. */
const LATER_MS = 5_000;

/** Has what came some time ago copied to disk, at a pace that leaves the disk to those who wait for it. */
export class WriteBehind<T> {
  readonly #clock: Clock;
  #delayMs: number;
  readonly #copy: (one: T) => number | 'later';
  /** In the order in which they came, with when they are due; bounded by what the cache holds. */
  readonly #waiting = new Map<T, number>();
  #cancel: (() => void) | undefined;

  /**
   * `copy` begins to copy one, if that is still to be done, and returns how many bytes it has; or that the disk takes nothing
   * now. Nothing is copied when `delayMs` is 0.
   */
  constructor(clock: Clock, delayMs: number, copy: (one: T) => number | 'later') {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#copy = copy;
  }

  /** It has come. */
  add(one: T): void {
    if (this.#delayMs === 0) return;
    this.#waiting.set(one, this.#clock.now() + this.#delayMs);
    this.#cancel ??= this.#clock.after(this.#delayMs, this.#tick);
  }

  /** It has gone. */
  delete(one: T): void {
    this.#waiting.delete(one);
  }

  close(): void {
    this.#delayMs = 0;
    this.#cancel?.();
    this.#waiting.clear();
  }

  readonly #tick = (): void => {
    const now = this.#clock.now();
    const leastMs = this.#copySome(now) ? TICK_MS : LATER_MS;
    const [next] = this.#waiting.values();
    const inMs = next === undefined ? undefined : Math.max(leastMs, next - now);
    this.#cancel = inMs === undefined ? undefined : this.#clock.after(inMs, this.#tick);
  };

  /** Whether the disk takes more. */
  #copySome(now: number): boolean {
    let bytes = 0;
    let count = 0;
    for (const [one, due] of this.#waiting) {
      if (due > now || bytes >= TICK_BYTES || count >= TICK_COUNT) break;
      const copied = this.#copy(one);
      if (copied === 'later') return false;
      this.#waiting.delete(one);
      bytes += copied;
      // What has left memory meanwhile is let go of at once, however much there is.
      if (copied > 0) count += 1;
    }
    return true;
  }
}
