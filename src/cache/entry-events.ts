import type { GatewayError } from '../core/index.js';
import type { Entry } from './entry.js';
import type { Place } from './spool-file.js';
import type { SpoolEvents } from './spool-contract.js';

/** What the cache does when something happens to the bytes of an entry. */
export interface EntryOwner<M> {
  changed(entry: Entry<M>): void;
  failed(entry: Entry<M>, error: GatewayError): void;
  lost(entry: Entry<M>, overflowed: boolean): void;
  saved(entry: Entry<M>, place: Place): void;
  notCopied(entry: Entry<M>): void;
  freed(entry: Entry<M>): void;
}

/** Tells the cache which entry it is that something happened to. A class, for there is one for each instance. */
export class EntryEvents<M> implements SpoolEvents {
  readonly #entry: Entry<M>;
  readonly #owner: EntryOwner<M>;

  constructor(entry: Entry<M>, owner: EntryOwner<M>) {
    this.#entry = entry;
    this.#owner = owner;
  }

  changed(): void {
    this.#owner.changed(this.#entry);
  }

  failed(error: GatewayError): void {
    this.#owner.failed(this.#entry, error);
  }

  lost(overflowed: boolean): void {
    this.#owner.lost(this.#entry, overflowed);
  }

  saved(place: Place): void {
    this.#owner.saved(this.#entry, place);
  }

  notCopied(): void {
    this.#owner.notCopied(this.#entry);
  }

  freed(): void {
    this.#owner.freed(this.#entry);
  }
}
