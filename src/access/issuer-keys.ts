import { createRemoteJWKSet, customFetch, type FetchImplementation, type JWTVerifyGetKey } from 'jose';
import { GatewayError } from '../core/index.js';
import type { Issuer, KeySettings } from './contract.js';

/** Key sets are a few kilobytes. */
const MOST_BYTES = 512 * 1024;
/** After a failure an issuer is left alone for so long, whoever asks. */
const LEFT_ALONE_MS = 5000;

const unavailable = (cause?: unknown): GatewayError =>
  new GatewayError('identity-unavailable', 'The issuer of the token cannot be asked for its keys.', {
    cause,
    retryAfterSeconds: LEFT_ALONE_MS / 1000,
  });

/**
 * The keys of one issuer: kept for a time, asked for anew behind the back of those who need them, and at once, but not
 * again and again, for a key that is not among them. While the issuer is down those that are known hold for a while.
 */
export class IssuerKeys {
  readonly #issuer: Pick<Issuer, 'issuer' | 'jwksUri'>;
  readonly #settings: KeySettings;
  readonly #now: () => number;
  #set: { readonly uri: string; readonly keys: ReturnType<typeof createRemoteJWKSet> } | undefined;
  /** When the keys were got, and when that failed last. */
  #gotAt = -Infinity;
  #failedAt = -Infinity;
  #refreshing: Promise<void> | undefined;

  constructor(issuer: Issuer, now: () => number) {
    this.#issuer = issuer;
    this.#settings = issuer.keys;
    this.#now = now;
  }

  /** The key that a token names. @throws GatewayError `identity-unavailable`, or what jose does of one that is not there */
  readonly get: JWTVerifyGetKey = async (header, token) => {
    const age = this.#now() - this.#gotAt;
    if (this.#set === undefined || age >= this.#settings.lifetimeMs) await this.#refresh();
    // What is known holds meanwhile; a failure is told when it does not any more.
    else if (age >= this.#settings.refreshMs) this.#refresh().catch(() => undefined);
    if (this.#set === undefined) throw unavailable();
    return this.#set.keys(header, token);
  };

  /** Once for all who ask. @throws GatewayError `identity-unavailable` */
  #refresh(): Promise<void> {
    if (this.#now() - this.#failedAt < LEFT_ALONE_MS) return Promise.reject(unavailable());
    this.#refreshing ??= this.#fetchKeys().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #fetchKeys(): Promise<void> {
    const uri = this.#issuer.jwksUri ?? (await this.#discover());
    const set = this.#set?.uri === uri ? this.#set : { uri, keys: this.#remote(uri) };
    await set.keys.reload().catch((thrown: unknown) => this.#failed(thrown));
    this.#set = set;
  }

  #remote(uri: string): ReturnType<typeof createRemoteJWKSet> {
    const { timeoutMs: timeoutDuration, cooldownMs: cooldownDuration } = this.#settings;
    // How old they may be is decided here.
    const options = { timeoutDuration, cooldownDuration, cacheMaxAge: Infinity };
    return createRemoteJWKSet(new URL(uri), { ...options, [customFetch]: this.#fetchSet });
  }

  /** @see OpenID Connect Discovery 1.0, 4 */
  async #discover(): Promise<string> {
    const { issuer } = this.#issuer;
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const response = await this.#fetch(url, {
      headers: new Headers({ accept: 'application/json' }),
      method: 'GET',
      redirect: 'manual',
      signal: AbortSignal.timeout(this.#settings.timeoutMs),
    });
    const document = (await response.json().catch(() => undefined)) as
      { readonly issuer?: unknown; readonly jwks_uri?: unknown } | undefined;
    const uri = document?.jwks_uri;
    if (
      response.status !== 200 ||
      document?.issuer !== issuer ||
      typeof uri !== 'string' ||
      !isSafe(uri, issuer)
    )
      return this.#failed(new Error('the discovery document is not that of the issuer'));
    return uri;
  }

  readonly #fetchSet: FetchImplementation = async (url, options) => {
    const response = await this.#fetch(url, options);
    // What is no key set leaves the keys that are known as old as they are.
    const set = (await response
      .clone()
      .json()
      .catch(() => undefined)) as { readonly keys?: unknown } | undefined;
    if (!Array.isArray(set?.keys)) return this.#failed(new Error('the issuer answered with no key set'));
    this.#gotAt = this.#now();
    return response;
  };

  readonly #fetch: FetchImplementation = async (url, options) => {
    if (this.#now() - this.#failedAt < LEFT_ALONE_MS) throw unavailable();
    try {
      const response = await fetch(url, options);
      const body = await readBounded(response);
      if (response.status !== 200)
        return this.#failed(new Error('the issuer answered with another status than 200'));
      return new Response(body, { status: response.status });
    } catch (thrown) {
      return this.#failed(thrown);
    }
  };

  #failed(cause: unknown): never {
    this.#failedAt = this.#now();
    throw unavailable(cause);
  }
}

/** Keys come over TLS, or from where the issuer itself does not. */
const isSafe = (uri: string, issuer: string): boolean =>
  URL.canParse(uri) && (uri.startsWith('https://') || new URL(uri).origin === new URL(issuer).origin);

async function readBounded(response: Response): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (response.body === null) return Buffer.alloc(0);
  // Node's streams can be iterated over; the type of fetch's, which is that of browsers, does not say so.
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error('the issuer answers with too much');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
