import { GatewayError } from '../core/index.js';

/** A moment later one of them may have ended. */
const RETRY_AFTER_SECONDS = 5;

/** Places of each client, for what it may have going on at once. */
export class ClientPlaces {
  readonly #most: number;
  readonly #message: string;
  readonly #taken = new Map<string, number>();

  /** @param most of each client, 0 = no limit */
  constructor(most: number, message: string) {
    this.#most = most;
    this.#message = message;
  }

  /** Takes one, until the returned function is called once. @throws GatewayError `rate-limited` when all are taken */
  take(client: string): () => void {
    const taken = this.#taken.get(client) ?? 0;
    if (this.#most > 0 && taken >= this.#most)
      throw new GatewayError('rate-limited', this.#message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
    this.#taken.set(client, taken + 1);
    return () => {
      const left = (this.#taken.get(client) ?? 0) - 1;
      if (left > 0) this.#taken.set(client, left);
      else this.#taken.delete(client);
    };
  }
}
