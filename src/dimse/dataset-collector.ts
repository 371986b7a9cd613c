import { GatewayError } from '../core/index.js';
import { GatheredBytes } from './gathered-bytes.js';
import type { DatasetSink } from './message-reader.js';

/** Takes a small dataset of a message, an identifier, as a whole; refuses one that is longer than its bound. */
export class DatasetCollector implements DatasetSink {
  readonly #limit: number;
  readonly #done: (dataset: Buffer) => void | Promise<void>;
  readonly #gathered = new GatheredBytes();

  constructor(limit: number, done: (dataset: Buffer) => void | Promise<void>) {
    this.#limit = limit;
    this.#done = done;
  }

  /** @throws GatewayError `peer-protocol` beyond the bound */
  write(chunk: Buffer): void {
    if (this.#gathered.length + chunk.length > this.#limit) {
      throw new GatewayError(
        'peer-protocol',
        `The peer sent an identifier of more than ${this.#limit} bytes.`,
      );
    }
    this.#gathered.add(chunk);
  }

  end(): void | Promise<void> {
    return this.#done(this.#gathered.take());
  }

  fail(): void {
    this.#gathered.take();
  }
}
