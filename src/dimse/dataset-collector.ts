import { GatewayError } from '../core/index.js';
import type { DatasetSink } from './message-reader.js';

/** Takes a small dataset of a message, an identifier, as a whole; refuses one that is longer than its bound. */
export class DatasetCollector implements DatasetSink {
  readonly #limit: number;
  readonly #done: (dataset: Buffer) => void | Promise<void>;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(limit: number, done: (dataset: Buffer) => void | Promise<void>) {
    this.#limit = limit;
    this.#done = done;
  }

  /** @throws GatewayError `peer-protocol` beyond the bound */
  write(chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#length > this.#limit) {
      throw new GatewayError(
        'peer-protocol',
        `The peer sent an identifier of more than ${this.#limit} bytes.`,
      );
    }
    this.#parts.push(Buffer.from(chunk));
  }

  end(): void | Promise<void> {
    const [first, ...others] = this.#parts;
    this.#parts = [];
    return this.#done(first && others.length === 0 ? first : Buffer.concat(first ? [first, ...others] : []));
  }

  fail(): void {
    this.#parts = [];
  }
}
