import { GatewayError, type Clock, type Observe } from '../core/index.js';
import type { SpoolReader } from './spool-reader.js';
import type { SpoolBody } from './spool.js';

export interface WaitingWritersDependencies {
  readonly observe: Observe;
  readonly clock: Clock;
  readonly readers: ReadonlyMap<SpoolReader, SpoolBody>;
  /** Grows as long as the disk makes room; undefined when it cannot. */
  readonly diskProgress: () => number | undefined;
  /** Whether bytes are coming free at this moment. */
  readonly leaving: () => boolean;
  /** Whether no room will be made but by who holds bytes. */
  readonly isFull: () => boolean;
  readonly spools: ReadonlySet<SpoolBody>;
  /** A spool with more than this in memory has all the room there is. */
  readonly mostBytes: number;
  /** Looks at once at what can go on. */
  readonly settle: () => void;
}

interface Waiter {
  readonly spool: SpoolBody;
  readonly resolve: () => void;
  readonly reject: (error: GatewayError) => void;
  diskProgress: number | undefined;
  cancel: () => void;
}

/** Writers that wait for room, and what happens to whoever keeps them waiting too long. */
export class WaitingWriters {
  readonly #stallTimeoutMs: number;
  readonly #deps: WaitingWritersDependencies;
  readonly #waiters = new Set<Waiter>();
  /** When any reader last came back for more. */
  #lastProgress: number;

  constructor(stallTimeoutMs: number, deps: WaitingWritersDependencies) {
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#deps = deps;
    this.#lastProgress = deps.clock.now();
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** A reader takes bytes; returns the time. */
  progress(): number {
    this.#lastProgress = this.#deps.clock.now();
    return this.#lastProgress;
  }

  wait(spool: SpoolBody): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { spool, resolve, reject, diskProgress: undefined, cancel: () => undefined };
      this.#waiters.add(waiter);
      this.#arm(waiter);
      this.#look(spool);
    });
  }

  /** Lets go on who can. */
  check(): void {
    for (const waiter of this.#waiters) {
      const { failure } = waiter.spool;
      if (!failure && waiter.spool.mustWait()) {
        this.#look(waiter.spool);
        continue;
      }
      this.#waiters.delete(waiter);
      waiter.cancel();
      if (failure) waiter.reject(failure);
      else waiter.resolve();
    }
  }

  /**
   * Tells who waits for all of a spool when it has all the room there is: what others hold may come free. Arrivals that
   * nobody reads or holds, as prefetched ones, make room at once: they may wait for room themselves, each for the others.
   */
  #look(spool: SpoolBody): void {
    const { isFull, leaving, mostBytes, spools } = this.#deps;
    if (!spool.forAll.any || !isFull() || leaving()) return;
    if (spool.memoryBytes <= mostBytes) {
      const others = [...spools].filter((one) => one !== spool && one.memoryBytes + one.diskBytes > 0);
      for (const other of others) if (other.state === 'open' && other.idle) other.giveUp();
      if (others.length > 0) return;
    }
    spool.giveUp();
    spool.forAll.tooLong();
  }

  #arm(waiter: Waiter): void {
    waiter.diskProgress = this.#deps.diskProgress();
    waiter.cancel = this.#deps.clock.after(this.#stallTimeoutMs, () => {
      this.#timeUp(waiter);
    });
  }

  #timeUp(waiter: Waiter): void {
    const disk = this.#deps.diskProgress();
    if (disk !== undefined) {
      if (disk === waiter.diskProgress) {
        waiter.spool.fail(new GatewayError('cache-failed', 'The cache directory takes no more bytes.'));
      }
    } else if (!this.#failStalledReaders(waiter) && !this.#worthWaiting(waiter.spool)) {
      waiter.spool.fail(
        new GatewayError('overloaded', 'The cache is full and nobody reads what arrives.', {
          retryAfterSeconds: 30,
        }),
      );
    }
    this.#deps.settle();
    if (this.#waiters.has(waiter)) this.#arm(waiter);
  }

  /** Fails the longest-stalled readers until the writer can go on; false when there were none. */
  #failStalledReaders(waiter: Waiter): boolean {
    let failed = false;
    for (;;) {
      const reader = this.#longestStalled();
      if (!reader) return failed;
      failed = true;
      const reason = 'The client did not take its data while others waited for room in the cache.';
      this.#deps.readers.get(reader)?.failStalled(reader, new GatewayError('reader-stalled', reason));
      this.#deps.observe({ kind: 'reader-reset', reason: 'stalled' });
      this.#deps.settle();
      if (!this.#waiters.has(waiter) || this.#deps.leaving()) return true;
    }
  }

  #longestStalled(): SpoolReader | undefined {
    let longest: SpoolReader | undefined;
    let since = this.#deps.clock.now() - this.#stallTimeoutMs;
    for (const reader of this.#deps.readers.keys()) {
      if (reader.lentAt === undefined || reader.lentAt > since) continue;
      longest = reader;
      since = reader.lentAt;
    }
    return longest;
  }

  /** Whether somebody reads the spool, or will once done with something else that moves. */
  #worthWaiting(spool: SpoolBody): boolean {
    if (spool.readers > 0) return true;
    return spool.awaited && this.#deps.clock.now() - this.#lastProgress < this.#stallTimeoutMs;
  }
}
