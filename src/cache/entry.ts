import type { ByteSource, GatewayError } from '../core/index.js';
import type { CachedInstance } from './cached-instance.js';
import { idOf, type InstanceInfo, type InstanceKey } from './instance-key.js';
import type { Lease, LeaseOptions } from './lease.js';
import type { Place } from './spool-file.js';
import type { SpoolBody } from './spool.js';

/** Bytes of memory that an entry is charged beside its bytes and its meta; what is around it takes about as much again. */
const ENTRY_BYTES = 1024;

const NOTHING = (): void => undefined;

/** An instance in the cache, arriving or there. */
export class Entry<M> implements CachedInstance<M> {
  readonly id: string;
  readonly key: InstanceKey;
  readonly info: InstanceInfo;
  readonly complete: Promise<M>;
  readonly spool: SpoolBody;
  readonly source: ByteSource;
  meta: M | undefined;
  ordinal: number | undefined;
  chargedBytes = ENTRY_BYTES;
  /** When it came, in milliseconds of the calendar: kept from one process to the next. */
  since = Date.now();
  /** Where every byte of it is on disk. */
  place: Place | undefined;
  resolve: (meta: M) => void = NOTHING;
  reject: (error: GatewayError) => void = NOTHING;

  constructor(key: InstanceKey, info: InstanceInfo, spoolOf: (entry: Entry<M>) => SpoolBody) {
    this.id = idOf(key);
    this.key = key;
    this.info = info;
    this.complete = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Nobody need await it; who does still sees the failure.
    this.complete.catch(() => undefined);
    const spool = spoolOf(this);
    this.spool = spool;
    this.source = spool;
  }

  get isHeld(): boolean {
    return !this.spool.idle;
  }

  /** Lets go of what ends its arrival: there are as many of these as instances. */
  settled(): void {
    this.resolve = this.reject = NOTHING;
  }

  hold(): () => void {
    const lease = this.lease();
    return () => {
      lease.release();
    };
  }

  lease(options?: LeaseOptions): Lease {
    return this.spool.lease(options);
  }

  async unlessTooLong<T>(waited: Promise<T>): Promise<T> {
    let stop = NOTHING;
    const tooLong = new Promise<never>((_resolve, reject) => {
      if (this.meta === undefined) stop = this.spool.forAll.add(reject);
    });
    try {
      return await Promise.race([waited, tooLong]);
    } finally {
      stop();
    }
  }
}
