import type { GatewayError } from '../core/index.js';
import type { Lease } from '../cache/index.js';
import type { Asker, FoundInstance, HeldInstance, Ticket, WholeInstance } from './want.js';

/** Whoever holds instances for one request. */
export interface HoldingOwner {
  arrived(holding: Holding, instance: FoundInstance): void;
  failed(holding: Holding, error: GatewayError): void;
  /** Its bytes and its place in the queue have been given back. */
  ended(holding: Holding): void;
}

/**
 * What one request holds of one instance: its place in the queue, and the bytes once they are there or on their way.
 * One object of a class, for a request holds as many of these as a study has instances.
 */
export class Holding implements Asker, HeldInstance {
  readonly kind = 'arrived';
  /** Given after the asker was told, if the instance was there already. */
  ticket: Ticket | undefined;
  readonly #owner: HoldingOwner;
  #found: FoundInstance | undefined;
  #lease: Lease | undefined;
  /** How many want it beyond its turn, and whether that is over. */
  #keepers = 0;
  #isOver = false;

  constructor(owner: HoldingOwner, ticket?: Ticket) {
    this.#owner = owner;
    this.ticket = ticket;
  }

  get instance(): HeldInstance {
    return this;
  }

  get key(): HeldInstance['key'] {
    return this.#there.found.key;
  }

  get info(): HeldInstance['info'] {
    return this.#there.found.info;
  }

  get complete(): HeldInstance['complete'] {
    return this.#there.found.complete;
  }

  unlessTooLong<T>(waited: Promise<T>): Promise<T> {
    return this.#there.found.unlessTooLong(waited);
  }

  get source(): HeldInstance['source'] {
    return this.#there.lease.source;
  }

  get lent(): HeldInstance['lent'] {
    return this.#there.lease.lent;
  }

  /** It, when every byte is there. */
  get whole(): WholeInstance | undefined {
    const { key, info, meta: record } = this.#found ?? {};
    return key && info && record && { key, info, record };
  }

  arrived(instance: FoundInstance): void {
    this.#owner.arrived(this, instance);
  }

  failed(error: GatewayError): void {
    this.#owner.failed(this, error);
  }

  take(instance: FoundInstance, lease: Lease): void {
    this.#found = instance;
    this.#lease = lease;
  }

  /** Nobody will read it: its bytes stay on their own merits, its place in the queue is kept. */
  letGo(): void {
    this.#lease?.release();
  }

  keep(): () => void {
    this.#keepers += 1;
    let isKept = true;
    return () => {
      if (!isKept) return;
      isKept = false;
      this.#keepers -= 1;
      if (this.#isOver) this.release();
    };
  }

  /** Gives back everything, unless somebody keeps it: then as soon as nobody does. */
  release(): void {
    this.#isOver = true;
    if (this.#keepers > 0) return;
    this.#lease?.release();
    this.ticket?.release();
    this.#owner.ended(this);
  }

  get #there(): { readonly found: FoundInstance; readonly lease: Lease } {
    const [found, lease] = [this.#found, this.#lease];
    if (!found || !lease) throw new RangeError('An instance was looked at before it came.');
    return { found, lease };
  }
}
