import type { GatewayError } from '../core/index.js';
import { transferSyntax } from '../dicom/index.js';
import type { IncomingInstance } from './contract.js';
import type { DatasetSink } from './message-reader.js';
import { Statuses } from './status.js';
import { InstanceDelivery, type DeliveryOptions } from './storage-scp-delivery.js';
import type { Correlation, ExpectedMove } from './storage-scp-expectations.js';
import { DatasetHead } from './storage-scp-head.js';

export interface StoreSinkOptions {
  readonly instance: IncomingInstance;
  readonly correlation: Correlation;
  readonly delivery: DeliveryOptions;
  /** Sends the C-STORE response. */
  readonly respond: (status: number) => Promise<void>;
  /** Nobody expects the instance. */
  readonly onRefused: () => void;
  /** It is over, either way. */
  readonly onOver: () => void;
}

/** Takes the dataset of one C-STORE request: finds out whom it is for, hands it on, or drops it. */
export class StoreSink implements DatasetSink {
  readonly #options: StoreSinkOptions;
  #head: DatasetHead | undefined;
  #delivery: InstanceDelivery | undefined;

  constructor(options: StoreSinkOptions) {
    this.#options = options;
    const { correlation, instance } = options;
    if (correlation.kind === 'known') this.#deliver(correlation.moves);
    else this.#head = new DatasetHead(transferSyntax(instance.transferSyntaxUid));
  }

  /** Somebody waits for what comes. */
  get isExpected(): boolean {
    return this.#delivery !== undefined;
  }

  write(chunk: Buffer): void | Promise<void> {
    const head = this.#head;
    if (!head) return this.#delivery?.write(chunk);
    head.push(chunk);
    if (!head.isDone) return;
    const written = this.#decide(head);
    return written ? written.then(() => this.#delivery?.write(chunk)) : this.#delivery?.write(chunk);
  }

  async end(): Promise<void> {
    const { respond, onOver } = this.#options;
    if (this.#head) await this.#decide(this.#head);
    const status = (await this.#delivery?.end()) ?? Statuses.notAuthorized;
    onOver();
    await respond(status);
  }

  fail(error: GatewayError): void {
    this.#head = undefined;
    this.#delivery?.fail(error);
    this.#options.onOver();
  }

  #decide(head: DatasetHead): void | Promise<void> {
    this.#head = undefined;
    const { correlation } = this.#options;
    if (correlation.kind === 'undecided') this.#deliver(correlation.decide(head.identity));
    const kept = head.take();
    if (kept.length > 0) return this.#delivery?.write(kept);
  }

  #deliver(moves: readonly ExpectedMove[]): void {
    const running = moves.filter((move) => !move.isOver);
    const { instance, delivery, onRefused } = this.#options;
    if (running.length > 0) this.#delivery = new InstanceDelivery(instance, running, delivery);
    else onRefused();
  }
}

/** Takes a dataset that nobody wants, and answers when it has come. */
export function droppingSink(respond: () => Promise<void>): DatasetSink {
  return { write: () => undefined, end: respond, fail: () => undefined };
}
