import type { GatewayError } from '../core/index.js';
import type { SpoolStore } from '../cache/index.js';
import type { InstanceSender, OutgoingInstance } from './instance-sender.js';
import { PartReceiver, type ReceivedPart } from './part-receiver.js';
import type { StoreSettings } from './ports.js';
import { failure, reasonOf } from './store-result.js';

/** What a store request makes of the parts of its body, one after the other. */
export interface StoreParts {
  /** Why parts could not be read, each of which is a failure too. */
  readonly malformed?: readonly GatewayError[];
  /** A part begins; names of `headers` are lower case. */
  beginPart(headers: ReadonlyMap<string, string>): void;
  /** Bytes of the part; the promise is back-pressure. */
  partData(bytes: Buffer): void | Promise<void>;
  /** The part is whole. */
  endPart(): Promise<void>;
  /** The body broke off within a part, because of `error`. */
  breakOff(error: GatewayError): void;
  /** Drops the part that is being read: nobody wants it any more. */
  abandon(): void;
  /** No more parts come. */
  end(): void | Promise<void>;
}

/**
 * Parts that are Part 10 files: each is spooled and read to its end before its C-STORE begins, so that no half instance
 * reaches the peer and a slow client holds no association.
 *
 * A part for which the cache has no room, which without a disk tier is one larger than the memory, flows: its C-STORE
 * begins once its head has been read and checked, and pauses the client. Should the rest prove broken the association
 * is aborted, so that the peer keeps nothing of it.
 *
 * @see rules S-03, S-07
 */
export class Part10Parts implements StoreParts {
  readonly #spools: SpoolStore;
  readonly #settings: StoreSettings;
  readonly #sender: InstanceSender;
  #current: PartReceiver | undefined;

  constructor(spools: SpoolStore, settings: StoreSettings, sender: InstanceSender) {
    this.#spools = spools;
    this.#settings = settings;
    this.#sender = sender;
  }

  beginPart(): void {
    this.#current = new PartReceiver(this.#spools, this.#settings, (part) => {
      // Until its turn comes the bytes that are there must stay.
      const lease = part.spool.lease();
      this.#sender.sendSoon({ ...outgoing(part), flows: true }, () => {
        lease.release();
      });
    });
  }

  partData(bytes: Buffer): void | Promise<void> {
    return this.#current?.push(bytes);
  }

  async endPart(): Promise<void> {
    const receiver = this.#current;
    const part = await receiver?.end();
    this.#current = undefined;
    if (receiver === undefined || receiver.flows) return;
    const { problem, meta } = receiver;
    if (part === undefined) this.#sender.add(failure(meta, reasonOf(problem), problem));
    else await this.#sender.send(outgoing(part));
  }

  breakOff(error: GatewayError): void {
    // One that flows has a result of its own.
    if (!this.#current?.flows) this.#sender.add(failure(undefined, reasonOf(error), error));
    this.abandon();
  }

  abandon(): void {
    this.#current?.discard();
    this.#current = undefined;
  }

  end(): void {
    this.abandon();
  }
}

const outgoing = ({ meta, uids, patient, spool }: ReceivedPart): OutgoingInstance => ({
  meta,
  // Of a part that flows they are known by now: what is judged by its head is held to it.
  uids,
  patient,
  bytes: () => spool.read(),
  discard: () => {
    spool.discard();
  },
});
