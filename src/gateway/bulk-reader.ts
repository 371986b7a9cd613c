import type { Spool, SpoolStore } from '../cache/index.js';
import { GatewayError, toGatewayError } from '../core/index.js';
import type { StoreSettings } from './ports.js';

/** The value of an attribute on its way from a part of a request body into a spool. */
export class BulkReader {
  readonly #settings: StoreSettings;
  readonly #spool: Spool;
  readonly #onProblem: (error: GatewayError) => void;
  #isLost = false;
  /** Bytes so far. */
  length = 0;

  constructor(spools: SpoolStore, settings: StoreSettings, onProblem: (error: GatewayError) => void) {
    this.#settings = settings;
    this.#onProblem = onProblem;
    this.#spool = spools.create(() => {
      // Its reader begins when the last value has come: nobody else will make room.
      this.#lose(new GatewayError('overloaded', 'The cache has no room for the bulk data.'));
    });
  }

  /** @throws GatewayError `payload-too-large` */
  async push(bytes: Buffer): Promise<void> {
    this.length += bytes.length;
    const { maxPartBytes } = this.#settings;
    if (this.length > maxPartBytes)
      throw new GatewayError('payload-too-large', `A part is larger than ${maxPartBytes} bytes.`);
    if (this.#isLost) return;
    try {
      await this.#spool.write(bytes);
    } catch (thrown) {
      this.#lose(toGatewayError(thrown));
    }
  }

  /** The value; undefined when it could not be kept. */
  async end(): Promise<Spool | undefined> {
    if (this.#isLost) return undefined;
    try {
      await this.#spool.finish();
      return this.#spool;
    } catch (thrown) {
      this.#lose(toGatewayError(thrown));
      return undefined;
    }
  }

  discard(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#spool.fail(new GatewayError('bad-request', 'The body broke off inside the part.'));
    this.#spool.discard();
  }

  #lose(error: GatewayError): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#onProblem(error);
    this.#spool.fail(error);
    this.#spool.discard();
  }
}
