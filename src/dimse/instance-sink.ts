import { toGatewayError, type GatewayError } from '../core/index.js';
import type { IncomingInstance, InstanceReceiver, InstanceWriter } from './contract.js';
import type { DatasetSink } from './message-reader.js';
import { statusCategory, Statuses } from './status.js';

export interface InstanceSinkOptions {
  readonly instance: IncomingInstance;
  readonly receiver: InstanceReceiver;
  /** Sends the C-STORE response. */
  readonly respond: (status: number) => Promise<void>;
  /** The receiver took the whole instance. */
  readonly taken: () => void;
}

/**
 * One instance on its way to its writer. A writer that fails refuses this instance alone: the rest of its dataset is
 * dropped and the peer is told A700.
 */
export class InstanceSink implements DatasetSink {
  readonly #options: InstanceSinkOptions;
  #writer: InstanceWriter | undefined;
  #onStop: () => void = () => undefined;
  readonly #stopped = new Promise<void>((resolve) => {
    this.#onStop = resolve;
  });

  constructor(options: InstanceSinkOptions) {
    this.#options = options;
    try {
      this.#writer = options.receiver(options.instance);
    } catch {
      // Without a writer the instance is refused.
    }
  }

  write(chunk: Buffer): void | Promise<void> {
    try {
      const written = this.#writer?.write(chunk);
      if (written) return Promise.race([this.#guard(written), this.#stopped]);
    } catch (error) {
      this.fail(toGatewayError(error));
    }
  }

  async end(): Promise<void> {
    const writer = this.#writer;
    let status: number = Statuses.outOfResources;
    try {
      if (writer) status = await writer.end();
    } catch {
      // The peer learns that the instance was not taken; the writer knows why.
    }
    this.#writer = undefined;
    const category = statusCategory(status);
    if (category === 'success' || category === 'warning') this.#options.taken();
    await this.#options.respond(status);
  }

  /** The rest does not come, or is not wanted any more. */
  fail(error: GatewayError): void {
    const writer = this.#writer;
    this.#writer = undefined;
    this.#onStop();
    writer?.fail(error);
  }

  async #guard(written: Promise<void>): Promise<void> {
    try {
      await written;
    } catch (error) {
      this.fail(toGatewayError(error));
    }
  }
}
