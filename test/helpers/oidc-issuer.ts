/** The least of an OpenID provider that a public client can log in at: code flow with PKCE, in this process. */
import { createHash, randomUUID } from 'node:crypto';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export interface OidcIssuer {
  readonly url: string;
  /** Tokens that it has given out. */
  readonly tokens: ReadonlySet<string>;
  /** Why it refused, of each time that it did. */
  readonly refusals: readonly string[];
  /** Sends those who log in back with this error from now on, or with a code again. @see RFC 6749 4.1.2.1 */
  deny(error: string | undefined, description?: string): void;
  /** One more token, for whoever does not log in. */
  token(): Promise<string>;
  close(): Promise<void>;
}

/** For whom its tokens are. */
export const AUDIENCE = 'dicomweb-gateway';
/** What they allow. */
export const SCOPE = 'dicomweb';

/** Starts an issuer at which everybody who asks is logged in, with tokens (JWT) that hold for so many seconds. */
export async function startOidcIssuer(clientId: string, seconds = 300): Promise<OidcIssuer> {
  const codes = new Map<string, { readonly challenge: string; readonly redirectUri: string }>();
  const tokens = new Set<string>();
  const refreshTokens = new Set<string>();
  const refusals: string[] = [];
  const origin = { url: '' };
  const keys = await generateKeyPair('ES256');
  const jwks = { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }] };

  let denied: Readonly<Record<string, string>> | undefined;
  const authorize = (query: URLSearchParams, response: ServerResponse): void => {
    const redirectUri = query.get('redirect_uri') ?? '';
    const isRight =
      query.get('client_id') === clientId &&
      query.get('response_type') === 'code' &&
      query.get('code_challenge_method') === 'S256' &&
      redirectUri.startsWith('http://127.0.0.1:');
    if (!isRight) {
      refusals.push(`authorize ${query.toString()}`);
      response.writeHead(400).end();
      return;
    }
    const code = randomUUID();
    codes.set(code, { challenge: query.get('code_challenge') ?? '', redirectUri });
    const back = new URL(redirectUri);
    for (const [name, value] of Object.entries(denied ?? { code })) back.searchParams.set(name, value);
    back.searchParams.set('state', query.get('state') ?? '');
    response.writeHead(302, { location: back.href }).end();
  };

  const make = (): Promise<string> =>
    new SignJWT({ scope: SCOPE, jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer(origin.url)
      .setSubject('ann')
      .setAudience(AUDIENCE)
      .setIssuedAt()
      .setExpirationTime(`${seconds} s`)
      .sign(keys.privateKey);

  const give = async (response: ServerResponse): Promise<void> => {
    const refreshToken = randomUUID();
    const value = await make();
    tokens.add(value);
    refreshTokens.add(refreshToken);
    json(response, 200, {
      access_token: value,
      token_type: 'Bearer',
      expires_in: seconds,
      refresh_token: refreshToken,
    });
  };

  const token = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const form = new URLSearchParams(await text(request));
    // Each is good for one time.
    if (form.get('grant_type') === 'refresh_token' && refreshTokens.delete(form.get('refresh_token') ?? '')) {
      await give(response);
      return;
    }
    const known = codes.get(form.get('code') ?? '');
    codes.delete(form.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (known?.challenge !== challenge || known.redirectUri !== form.get('redirect_uri')) {
      refusals.push(`token ${form.toString()}`);
      json(response, 400, { error: 'invalid_grant' });
      return;
    }
    await give(response);
  };

  const server = http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', origin.url);
    response.setHeader('access-control-allow-origin', '*');
    if (pathname === '/.well-known/openid-configuration')
      json(response, 200, {
        issuer: origin.url,
        authorization_endpoint: `${origin.url}/authorize`,
        token_endpoint: `${origin.url}/token`,
        jwks_uri: `${origin.url}/jwks`,
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
      });
    else if (pathname === '/jwks') json(response, 200, jwks);
    else if (pathname === '/authorize') authorize(searchParams, response);
    else if (pathname === '/token' && request.method === 'POST') void token(request, response);
    else response.writeHead(request.method === 'OPTIONS' ? 204 : 404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: origin.url,
    tokens,
    refusals,
    deny: (error, description = '') => {
      denied = error === undefined ? undefined : { error, error_description: description };
    },
    token: make,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
