import type { ByteSource, GatewayError } from '../core/index.js';
import type { CachedInstance } from './cached-instance.js';
import { idOf, type InstanceInfo, type InstanceKey } from './instance-key.js';
import type { Lease, LeaseOptions } from './lease.js';
import type { Place } from './spool-file.js';
import type { SpoolBody } from './spool.js';

/** Bytes of memory that an entry takes beside its bytes and its meta: maps, keys, promises (measured: about 1 KB). */
const ENTRY_BYTES = 1024;

/** An instance in the cache, arriving or there. */
export class Entry<M> implements CachedInstance<M> {
  readonly id: string;
  readonly key: InstanceKey;
  readonly info: InstanceInfo;
  readonly complete: Promise<M>;
  readonly spool: SpoolBody;
  readonly source: ByteSource;
  meta: M | undefined;
  chargedBytes = ENTRY_BYTES;
  /** When it came, in milliseconds of the calendar: kept from one process to the next. */
  since = Date.now();
  /** Where every byte of it is on disk. */
  place: Place | undefined;
  resolve: (meta: M) => void = () => undefined;
  reject: (error: GatewayError) => void = () => undefined;

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
    this.source = {
      get size() {
        return spool.size;
      },
      read: (start, end) => spool.read(start, end),
    };
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
}
