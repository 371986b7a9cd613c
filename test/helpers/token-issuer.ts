import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type JWK, type JWTPayload } from 'jose';

type GeneratedKey = Awaited<ReturnType<typeof generateKeyPair>>;

/** A key that the issuer signs with. */
interface IssuerKey {
  readonly kid: string;
  readonly privateKey: GeneratedKey['privateKey'];
  readonly publicKey: GeneratedKey['publicKey'];
  readonly jwk: JWK;
}

export interface SignOptions {
  readonly claims?: JWTPayload;
  readonly scope?: string;
  readonly audience?: string;
  readonly issuer?: string;
  /** Seconds from now. */
  readonly expiresIn?: number;
  readonly notBefore?: number;
  /** Seconds. */
  readonly issuedAgo?: number;
  readonly kid?: string;
  readonly subject?: string;
}

/** An OpenID Connect issuer on this machine that does whatever a test wants of it. */
export class TokenIssuer {
  readonly url: string;
  /** Requests for keys so far. */
  keyRequests = 0;
  /** What it does with whoever asks. */
  mood: 'answers' | 'hangs' | 'fails' | 'babbles' = 'answers';
  readonly #server: Server;
  #keys: readonly IssuerKey[];

  private constructor(server: Server, keys: readonly IssuerKey[]) {
    this.#server = server;
    this.#keys = keys;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => {
      const isKeys = request.url === '/keys';
      if (isKeys) this.keyRequests += 1;
      if (this.mood === 'hangs') return;
      if (this.mood === 'fails') response.statusCode = 500;
      response.setHeader('Content-Type', 'application/json');
      if (this.mood === 'babbles') response.end('{"keys": "none"}');
      else if (isKeys) response.end(JSON.stringify({ keys: this.#keys.map(({ jwk }) => jwk) }));
      else response.end(JSON.stringify({ issuer: this.url, jwks_uri: `${this.url}/keys` }));
    });
  }

  static async start(): Promise<TokenIssuer> {
    const server = createServer();
    const key = await newKey('first');
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new TokenIssuer(server, [key]);
  }

  /** Signs with another key from now on, and shows that alone. */
  async rotate(kid: string): Promise<void> {
    this.#keys = [await newKey(kid)];
  }

  /** The public key in PEM, which some verifiers have taken for a shared secret. */
  publicPem(): Promise<string> {
    return exportSPKI(this.#key.publicKey);
  }

  sign(options: SignOptions = {}): Promise<string> {
    const { claims = {}, scope = 'read', audience = 'gateway', issuer = this.url } = options;
    const now = Math.floor(Date.now() / 1000);
    const token = new SignJWT({ scope, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: options.kid ?? this.#key.kid })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(options.subject ?? 'somebody')
      .setIssuedAt(now - (options.issuedAgo ?? 0))
      .setExpirationTime(now + (options.expiresIn ?? 600));
    if (options.notBefore !== undefined) token.setNotBefore(now + options.notBefore);
    return token.sign(this.#key.privateKey);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get #key(): IssuerKey {
    const [key] = this.#keys;
    if (key === undefined) throw new Error('the issuer has no key');
    return key;
  }
}

async function newKey(kid: string): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' };
  return { kid, privateKey, publicKey, jwk };
}
