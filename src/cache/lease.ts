import type { ByteSource, GatewayError } from '../core/index.js';

/** The right to find the bytes there until it is released. */
export interface Lease {
  /** The bytes; its readers belong to this lease. */
  readonly source: ByteSource;
  /** Ends the lease; calling it twice does nothing. */
  release(): void;
}

/** What a spool lends leases of. */
export interface LeasedSpool {
  readonly size: number | undefined;
  /** A new reader that belongs to `lease`. */
  open(start: number, end: number, lease: OwnedLease): AsyncIterator<Buffer>;
  /** A lease was given or has ended. */
  leasesChanged(): void;
}

/** A lease as its spool sees it. */
export class OwnedLease implements Lease {
  readonly source: ByteSource;
  readonly onStalled: ((error: GatewayError) => void) | undefined;
  readonly #end: (lease: OwnedLease) => void;
  /** Why the bytes were taken away from a holder that does not read. */
  revoked: GatewayError | undefined;

  constructor(
    spool: LeasedSpool,
    end: (lease: OwnedLease) => void,
    onStalled: ((error: GatewayError) => void) | undefined,
  ) {
    this.onStalled = onStalled;
    this.#end = end;
    this.source = {
      get size() {
        return spool.size;
      },
      read: (start = 0, end = Infinity) => ({
        [Symbol.asyncIterator]: () => spool.open(start, end, this),
      }),
    };
  }

  release(): void {
    this.#end(this);
  }
}

/** Who wants the bytes of one spool to stay. */
export class Leases {
  readonly #spool: LeasedSpool;
  readonly #leases = new Set<OwnedLease>();
  /** Readers without a lease that were failed and whose consumers do not know yet: what they hold pins nothing. */
  readonly #orphans = new Set<object>();

  constructor(spool: LeasedSpool) {
    this.#spool = spool;
  }

  /** How many want the bytes to stay. */
  get count(): number {
    return Math.max(0, this.#leases.size - this.#orphans.size);
  }

  give(onStalled: ((error: GatewayError) => void) | undefined): OwnedLease {
    const end = (ended: OwnedLease): void => {
      if (this.#leases.delete(ended)) this.#spool.leasesChanged();
    };
    const lease = new OwnedLease(this.#spool, end, onStalled);
    this.#leases.add(lease);
    this.#spool.leasesChanged();
    return lease;
  }

  /** `reader` is about to be failed because it does not read. */
  revoke(reader: { readonly lease: OwnedLease | undefined }, error: GatewayError): void {
    const { lease } = reader;
    if (!lease) {
      this.#orphans.add(reader);
      return;
    }
    lease.revoked = error;
    this.#leases.delete(lease);
  }

  /** The consumer of a reader that was failed has noticed. */
  acknowledge(reader: object): void {
    if (this.#orphans.delete(reader)) this.#spool.leasesChanged();
  }

  clear(): void {
    this.#leases.clear();
    this.#orphans.clear();
  }
}
