import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { GatewayError } from '../core/index.js';

/** Clients that are told apart within one span of time, some 300 bytes each; more than these share one limit. */
const MOST_CLIENTS = 20_000;
const OTHERS = ' others';

export interface RateLimitOptions {
  /** In one span of time; 0 = no limit. */
  readonly requests: number;
  readonly withinMs: number;
  /** What a client is told that is beyond it. */
  readonly message: string;
}

/** Counts what each client does in spans of time. */
export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #limiter: RateLimiterMemory;
  readonly #clients = new Set<string>();
  #clearedAt = performance.now();

  constructor(options: RateLimitOptions) {
    this.#options = options;
    this.#limiter = new RateLimiterMemory({ points: options.requests, duration: options.withinMs / 1000 });
  }

  /** One more. @throws GatewayError `rate-limited` beyond the limit */
  async count(client: string): Promise<void> {
    if (this.#options.requests === 0) return;
    try {
      await this.#limiter.consume(this.#keyOf(client));
    } catch (thrown) {
      throw thrown instanceof RateLimiterRes ? this.#beyond(thrown) : thrown;
    }
  }

  /** Nothing is counted. @throws GatewayError `rate-limited` where the limit is reached */
  async requireBelow(client: string): Promise<void> {
    if (this.#options.requests === 0) return;
    const state = await this.#limiter.get(this.#keyOf(client));
    if (state !== null && state.consumedPoints >= this.#options.requests) throw this.#beyond(state);
  }

  #keyOf(client: string): string {
    const now = performance.now();
    if (now - this.#clearedAt >= this.#options.withinMs) {
      this.#clients.clear();
      this.#clearedAt = now;
    }
    if (!this.#clients.has(client) && this.#clients.size >= MOST_CLIENTS) return OTHERS;
    this.#clients.add(client);
    return client;
  }

  #beyond({ msBeforeNext }: RateLimiterRes): GatewayError {
    const retryAfterSeconds = Math.max(1, Math.ceil(msBeforeNext / 1000));
    return new GatewayError('rate-limited', this.#options.message, { retryAfterSeconds });
  }
}
