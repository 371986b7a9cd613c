import { GatewayError, toGatewayError, type Clock } from '../core/index.js';
import type { IncomingInstance, InstanceWriter } from './contract.js';
import { statusCategory, Statuses } from './status.js';
import type { ExpectedMove, Reception } from './storage-scp-expectations.js';

export interface DeliveryOptions {
  /** The association that the instance comes on. */
  readonly association: object;
  readonly clock: Clock;
  /** How long one of several receivers may hold up the others. */
  readonly stallMs: number;
}

/** One of those who get an instance. */
class Target implements Reception {
  readonly association: object;
  readonly move: ExpectedMove;
  readonly #sopInstanceUid: string;
  readonly #stopped: Promise<void>;
  #onStop: () => void = () => undefined;
  #writer: InstanceWriter | undefined;

  constructor(move: ExpectedMove, instance: IncomingInstance, association: object) {
    this.move = move;
    this.#sopInstanceUid = instance.sopInstanceUid;
    this.association = association;
    this.#stopped = new Promise((resolve) => {
      this.#onStop = resolve;
    });
    move.begin(this);
    try {
      this.#writer = move.expectation.receiver(instance);
    } catch {
      this.#finish(false);
    }
  }

  get isLive(): boolean {
    return this.#writer !== undefined;
  }

  /** Never rejects: who fails is given up. The promise ends at the latest when it is. */
  write(chunk: Buffer): void | Promise<void> {
    if (!this.#writer) return;
    this.move.expectation.onActivity();
    try {
      const written = this.#writer.write(chunk);
      if (written) return this.#hold(written);
    } catch (error) {
      this.cancel(toGatewayError(error));
    }
  }

  /** The status that this receiver gives; undefined when it was given up. */
  async end(): Promise<number | undefined> {
    const writer = this.#writer;
    if (!writer) return undefined;
    this.#writer = undefined;
    let status: number = Statuses.outOfResources;
    const release = this.move.expectation.onHold();
    try {
      status = await writer.end();
    } catch {
      // The peer learns that the instance was not taken; the writer knows why.
    } finally {
      release();
    }
    this.#finish(isTaken(status));
    return status;
  }

  cancel(error: GatewayError): void {
    const writer = this.#writer;
    if (!writer) return;
    this.#writer = undefined;
    this.#onStop();
    writer.fail(error);
    this.#finish(false);
  }

  #finish(isTaken: boolean): void {
    this.move.finish(this, this.#sopInstanceUid, isTaken);
  }

  async #hold(written: Promise<void>): Promise<void> {
    const release = this.move.expectation.onHold();
    try {
      await Promise.race([written, this.#stopped]);
    } catch (error) {
      this.cancel(toGatewayError(error));
    } finally {
      release();
    }
  }
}

/** Success, or success with a warning. */
function isTaken(status: number): boolean {
  const category = statusCategory(status);
  return category === 'success' || category === 'warning';
}

/**
 * The bytes of one instance on their way to everyone who expects it. The slowest receiver sets the pace; where there
 * are several, one that stalls is given up, so that it does not keep the others waiting.
 */
export class InstanceDelivery {
  readonly #targets: readonly Target[];
  readonly #options: DeliveryOptions;

  constructor(instance: IncomingInstance, moves: readonly ExpectedMove[], options: DeliveryOptions) {
    this.#options = options;
    this.#targets = moves.map((move) => new Target(move, instance, options.association));
  }

  write(chunk: Buffer): void | Promise<void> {
    const waiting: Promise<void>[] = [];
    const slow: Target[] = [];
    for (const target of this.#targets) {
      const written = target.write(chunk);
      if (!written) continue;
      waiting.push(written);
      slow.push(target);
    }
    if (waiting.length === 0) return;
    if (this.#targets.length === 1) return waiting[0];
    return this.#waitForAll(waiting, slow);
  }

  /** The whole dataset came. Resolves to the status of the C-STORE response: a success if anybody took it. */
  async end(): Promise<number> {
    const ends = this.#targets.map((target) => target.end());
    const statuses = (await Promise.all(ends)).filter((status) => status !== undefined);
    return statuses.find(isTaken) ?? statuses[0] ?? Statuses.outOfResources;
  }

  fail(error: GatewayError): void {
    for (const target of this.#targets) target.cancel(error);
  }

  async #waitForAll(waiting: readonly Promise<void>[], slow: readonly Target[]): Promise<void> {
    const pending = new Set(slow);
    const each = waiting.map((written, index) =>
      written.then(() => {
        const target = slow[index];
        if (target) pending.delete(target);
      }),
    );
    const cancelTimer = this.#options.clock.after(this.#options.stallMs, () => {
      if (!this.#targets.some((target) => target.isLive && !pending.has(target))) return;
      const error = new GatewayError(
        'reader-stalled',
        'The receiver held up others that wait for the same instance.',
      );
      for (const target of pending) target.cancel(error);
    });
    await Promise.all(each);
    cancelTimer();
  }
}
