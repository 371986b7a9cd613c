import { LazySet, type ByteSource, type GatewayError } from '../core/index.js';
import type { FileFetch } from './file-fetch.js';
import type { ReadableAhead, Reading } from './reading.js';

/** The right to find the bytes there until it is released. */
export interface Lease {
  /** The bytes; its readers belong to this lease. */
  readonly source: ByteSource;
  /** The same for who hands them on at once: read ahead, and into buffers that are used again for the next piece. */
  readonly lent: ByteSource;
  /** Ends the lease; calling it twice does nothing. */
  release(): void;
}

/** What a spool lends leases of. */
export interface LeasedSpool {
  readonly size: number | undefined;
  /** A new reader that belongs to `lease`; with `reading` one that hands on what it gets. */
  open(start: number, end: number, lease: OwnedLease, reading?: Reading): AsyncIterator<Buffer>;
  /** Begins to read the first bytes from disk, if that is where they are. */
  fetchAhead(reading: Reading): FileFetch | undefined;
  /** A lease was given or has ended. */
  leasesChanged(): void;
}

export interface LeaseOptions {
  /** Hears when the bytes are taken away because its reader does not read. */
  readonly onStalled?: ((error: GatewayError) => void) | undefined;
  /** The request that reads them. */
  readonly reading?: Reading | undefined;
}

/**
 * The bytes of a lease, for one kind of reader. A class, for there are two of these for each instance that a request
 * holds: an object with a getter of its own costs a kilobyte.
 */
class LeaseSource implements ByteSource {
  readonly #lease: OwnedLease;
  readonly #lender: Reading | undefined;

  constructor(lease: OwnedLease, lender: Reading | undefined) {
    this.#lease = lease;
    this.#lender = lender;
  }

  get size(): number | undefined {
    return this.#lease.size;
  }

  read(start = 0, end = Infinity): AsyncIterable<Buffer> {
    return { [Symbol.asyncIterator]: () => this.#lease.open(start, end, this.#lender) };
  }
}

/** A lease as its spool sees it. */
export class OwnedLease implements Lease, ReadableAhead {
  readonly source: ByteSource;
  readonly lent: ByteSource;
  readonly #spool: LeasedSpool;
  readonly #reading: Reading | undefined;
  #ahead: FileFetch | undefined;
  #ended = false;
  next: ReadableAhead | undefined;
  readonly onStalled: ((error: GatewayError) => void) | undefined;
  readonly #owner: Leases;
  /** Why the bytes were taken away from a holder that does not read. */
  revoked: GatewayError | undefined;

  constructor(spool: LeasedSpool, owner: Leases, { onStalled, reading }: LeaseOptions) {
    this.onStalled = onStalled;
    this.#owner = owner;
    this.#spool = spool;
    this.#reading = reading;
    this.source = new LeaseSource(this, undefined);
    this.lent = reading ? new LeaseSource(this, reading) : this.source;
    reading?.add(this);
  }

  /** Of the spool. */
  get size(): number | undefined {
    return this.#spool.size;
  }

  /** A reader that belongs to this lease; with `lender` one that hands on what it gets. */
  open(start: number, end: number, lender?: Reading): AsyncIterator<Buffer> {
    // A reader that keeps what it gets takes nothing over: what was read ahead would be held for nobody.
    if (!lender) this.#dropAhead();
    return this.#spool.open(start, end, this, lender);
  }

  release(): void {
    this.stop();
    this.#reading?.released(this);
    this.#owner.end(this);
  }

  readAhead(): void {
    if (this.#ended || this.#ahead || !this.#reading) return;
    this.#ahead = this.#spool.fetchAhead(this.#reading);
  }

  /** What was read ahead, for the reader that takes it over, if it begins at `position`. */
  takeAhead(position: number): FileFetch | undefined {
    const ahead = this.#ahead;
    if (ahead?.position !== position) return undefined;
    this.#ahead = undefined;
    return ahead;
  }

  /** Nothing more is read for it. */
  stop(): void {
    this.#ended = true;
    this.#dropAhead();
  }

  #dropAhead(): void {
    this.#ahead?.drop();
    this.#ahead = undefined;
  }
}

/** Who wants the bytes of one spool to stay. */
export class Leases {
  readonly #spool: LeasedSpool;
  readonly #leases = new LazySet<OwnedLease>();
  /** Readers without a lease that were failed and whose consumers do not know yet: what they hold pins nothing. */
  readonly #orphans = new LazySet<object>();

  constructor(spool: LeasedSpool) {
    this.#spool = spool;
  }

  /** How many want the bytes to stay. */
  get count(): number {
    return Math.max(0, this.#leases.size - this.#orphans.size);
  }

  give(options: LeaseOptions): OwnedLease {
    const lease = new OwnedLease(this.#spool, this, options);
    this.#leases.add(lease);
    this.#spool.leasesChanged();
    return lease;
  }

  /** `lease` was released. */
  end(lease: OwnedLease): void {
    if (this.#leases.delete(lease)) this.#spool.leasesChanged();
  }

  /** `reader` is about to be failed because it does not read. */
  revoke(reader: { readonly lease: OwnedLease | undefined }, error: GatewayError): void {
    const { lease } = reader;
    if (!lease) {
      this.#orphans.add(reader);
      return;
    }
    lease.revoked = error;
    lease.stop();
    this.#leases.delete(lease);
  }

  /** The consumer of a reader that was failed has noticed. */
  acknowledge(reader: object): void {
    if (this.#orphans.delete(reader)) this.#spool.leasesChanged();
  }

  clear(): void {
    for (const lease of this.#leases) lease.stop();
    this.#leases.clear();
    this.#orphans.clear();
  }
}
