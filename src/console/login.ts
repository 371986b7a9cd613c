import * as oauth from 'oauth4webapi';
import { basePath, settings, type Settings } from './settings.js';
import { replace } from './route.js';
import { credentials, logIn, onLogOut, renewed, type Credentials } from './session.js';
import { texts } from './texts.js';

const FLOW = 'dicomweb-gateway.login';
/** So long before it ends a token is renewed. */
const RENEW_MS = 30_000;

/** What has to be remembered while the browser is at the issuer. */
interface Flow {
  readonly verifier: string;
  readonly state: string;
  readonly hash: string;
}

/** Where one was before the issuer may name a patient; who gave up there has left it behind. */
const forgetFlow = (): void => {
  sessionStorage.removeItem(FLOW);
};
onLogOut(forgetFlow);

type Oidc = NonNullable<Settings['oidc']>;

/** Issuers of tests and of a first try are on loopback, without TLS. */
function optionsFor({ issuer }: Oidc): object {
  const isLoopback = /^http:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?:[:/]|$)/.test(issuer);
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so to stand out: it is for loopback alone
  return { [oauth.allowInsecureRequests]: isLoopback };
}

async function discover(oidc: Oidc): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(oidc.issuer);
  const response = await oauth.discoveryRequest(issuer, { algorithm: 'oidc', ...optionsFor(oidc) });
  return oauth.processDiscoveryResponse(issuer, response);
}

/** Where the issuer sends the browser back to: the page itself. */
const redirectUri = (): string => basePath('.');

/** Leaves for the issuer: code flow with PKCE. @throws Error @see RFC 7636, RFC 9700 */
export async function beginLogin(): Promise<void> {
  const { oidc } = settings.value;
  if (!oidc) return;
  if (!isSecureContext) throw new Error(texts.login.insecure);
  const server = await discover(oidc);
  if (server.authorization_endpoint === undefined) throw new Error(texts.login.failed);
  const flow: Flow = {
    verifier: oauth.generateRandomCodeVerifier(),
    state: oauth.generateRandomState(),
    hash: location.hash,
  };
  sessionStorage.setItem(FLOW, JSON.stringify(flow));
  const url = new URL(server.authorization_endpoint);
  const asked = {
    client_id: oidc.clientId,
    redirect_uri: redirectUri(),
    response_type: 'code',
    scope: oidc.scopes.join(' '),
    code_challenge: await oauth.calculatePKCECodeChallenge(flow.verifier),
    code_challenge_method: 'S256',
    state: flow.state,
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  location.assign(url);
}

/** What went wrong, also in the words of the issuer where it has some. @see RFC 6749 4.1.2.1, 5.2 */
export function loginProblem(thrown: unknown): string {
  if (thrown instanceof oauth.AuthorizationResponseError || thrown instanceof oauth.ResponseBodyError)
    return [thrown.error, thrown.error_description].filter((text) => text).join(': ');
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Takes the code that the issuer sent the browser back with, if it did. @throws Error when that comes to nothing */
export async function endLogin(oidc: Settings['oidc']): Promise<void> {
  const url = new URL(location.href);
  const isBack =
    url.searchParams.has('state') && (url.searchParams.has('code') || url.searchParams.has('error'));
  const kept = sessionStorage.getItem(FLOW);
  if (kept !== null) forgetFlow();
  if (!oidc || !isBack) return;
  const flow = JSON.parse(kept ?? 'null') as Flow | null;
  // A code stands in no history and is not used twice.
  replace(redirectUri() + (flow?.hash ?? location.hash));
  if (flow === null) return;
  const server = await discover(oidc);
  const client: oauth.Client = { client_id: oidc.clientId };
  const answer = oauth.validateAuthResponse(server, client, url, flow.state);
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    oauth.None(),
    answer,
    redirectUri(),
    flow.verifier,
    optionsFor(oidc),
  );
  logIn(credentialsOf(await oauth.processAuthorizationCodeResponse(server, client, response)));
}

/** What a token answer gives; a renewal that brings no new means of the next one keeps the old. */
function credentialsOf(answer: oauth.TokenEndpointResponse, before?: string): Credentials {
  const { access_token: token, expires_in: seconds, refresh_token: refreshToken = before } = answer;
  const expires = seconds === undefined ? undefined : Date.now() + seconds * 1000;
  return { header: `Bearer ${token}`, expires, refreshToken };
}

let renewing: Promise<void> | undefined;

/** Renews a token that is about to end, where the issuer gave the means; one that has ended is asked for by the page. */
export function refresh(): Promise<void> {
  const { oidc } = settings.value;
  const { expires, refreshToken } = credentials.value ?? {};
  if (!oidc || refreshToken === undefined || expires === undefined || expires - Date.now() > RENEW_MS)
    return Promise.resolve();
  renewing ??= renew(oidc, refreshToken).finally(() => {
    renewing = undefined;
  });
  return renewing;
}

async function renew(oidc: Oidc, refreshToken: string): Promise<void> {
  try {
    const server = await discover(oidc);
    const client: oauth.Client = { client_id: oidc.clientId };
    const response = await oauth.refreshTokenGrantRequest(
      server,
      client,
      oauth.None(),
      refreshToken,
      optionsFor(oidc),
    );
    const answer = await oauth.processRefreshTokenResponse(server, client, response);
    // Whoever has logged out meanwhile stays so.
    if (isStill(refreshToken)) renewed(credentialsOf(answer, refreshToken));
  } catch (thrown) {
    // The gateway says 401 to the old one, and the page asks who is there. An issuer that cannot be reached now may be soon.
    if (thrown instanceof oauth.ResponseBodyError && isStill(refreshToken)) logIn(undefined);
  }
}

const isStill = (refreshToken: string): boolean => credentials.value?.refreshToken === refreshToken;
