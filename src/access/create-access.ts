import { createHash } from 'node:crypto';
import { GatewayError, type Principal } from '../core/index.js';
import { MOST_TOKEN_CHARACTERS, parseAuthorization, type Authorization } from './authorization-header.js';
import { ownerOf } from './certificates.js';
import { badPassword, badToken, notEnough, saysNothing, type Ways } from './challenges.js';
import { scopesOf, textsOf } from './claims.js';
import type {
  AccessControl,
  AccessDependencies,
  AccessSettings,
  Admission,
  Asking,
  Credentials,
  Known,
  Need,
} from './contract.js';
import { decide, grantsOf, type Grant } from './grants.js';
import { Passwords } from './passwords.js';
import { BadToken, TokenVerifier, type VerifiedToken } from './token-verifier.js';

/** Who asks, and what that one was given. */
interface Identity {
  readonly principal: Principal;
  readonly grants: readonly Grant[];
}

type By = 'nothing' | 'token' | 'basic' | 'certificate';

const MOST_NAME_CHARACTERS = 200;

/** SHA-256 of a token, in hexadecimal digits. */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex');

/** Puts access control together. @throws GatewayError `bad-request` for what is no hash of a password */
export function createAccess(settings: AccessSettings, deps: AccessDependencies): AccessControl {
  return new Access(settings, deps);
}

/** A name that somebody else has chosen. */
const shown = (name: string): string => name.replace(/\p{Cc}/gu, ' ').slice(0, MOST_NAME_CHARACTERS);

class Access implements AccessControl {
  readonly #settings: AccessSettings;
  readonly #deps: AccessDependencies;
  readonly #ways: Ways;
  readonly #tokens: ReadonlyMap<string, Known>;
  readonly #users: ReadonlyMap<string, Known>;
  readonly #passwords: Passwords;
  readonly #verifier: TokenVerifier;
  readonly #namesSomebody: boolean;

  constructor(settings: AccessSettings, deps: AccessDependencies) {
    const { issuers, users, tokens, certificates } = settings;
    this.#settings = settings;
    this.#deps = deps;
    // Where there is nothing else, a client is told that a token would help.
    const basic = users.length > 0;
    this.#ways = { bearer: issuers.length + tokens.length > 0 || !basic, basic };
    this.#tokens = new Map(tokens.map((one) => [one.sha256.toLowerCase(), one]));
    this.#users = new Map(users.map((one) => [one.name, one]));
    this.#passwords = new Passwords(users, deps.now);
    this.#verifier = new TokenVerifier(issuers, deps.now);
    this.#namesSomebody = [issuers, users, tokens, certificates].some((group) => group.length > 0);
  }

  async admit(credentials: Credentials, need: Need, asking: Asking): Promise<Admission> {
    const { principal, grants } = await this.#identify(credentials, asking);
    asking.identified?.(principal);
    const decision = decide(grants, need);
    if (decision) return { principal, ...decision };
    if (principal.kind === 'anonymous')
      throw this.#refuse('nothing', 'missing', asking, saysNothing(this.#ways));
    throw this.#refuse(principal.kind, 'insufficient', asking, notEnough(this.#ways));
  }

  isOpen(need: Need): boolean {
    const { anonymous, roles } = this.#settings;
    return anonymous !== undefined && decide(grantsOf(anonymous, roles), need) !== undefined;
  }

  async #identify({ authorization, certificate }: Credentials, asking: Asking): Promise<Identity> {
    // Where nobody is named a proxy in front may have asked, and passes on what it was told.
    const said = this.#namesSomebody ? parseAuthorization(authorization) : undefined;
    if (said !== undefined) return this.#byHeader(said, asking);
    const { certificates, anonymous } = this.#settings;
    const owner = certificate && ownerOf(certificates, certificate);
    if (owner) return this.#known('certificate', owner);
    if (anonymous !== undefined)
      return {
        principal: { kind: 'anonymous', name: '' },
        grants: grantsOf(anonymous, this.#settings.roles),
      };
    const by = certificate ? 'certificate' : 'nothing';
    throw this.#refuse(by, by === 'nothing' ? 'missing' : 'unknown', asking, saysNothing(this.#ways));
  }

  #byHeader(said: Authorization, asking: Asking): Promise<Identity> {
    switch (said.scheme) {
      case 'bearer':
        return this.#byToken(said.token, asking);
      case 'basic':
        return this.#byPassword(said, asking);
      case 'other':
        throw this.#refuse('nothing', 'malformed', asking, saysNothing(this.#ways));
    }
  }

  async #byToken(token: string, asking: Asking): Promise<Identity> {
    try {
      if (token.length > MOST_TOKEN_CHARACTERS) throw new BadToken('malformed');
      const known = this.#tokens.get(hashToken(token));
      if (known) return this.#known('token', known);
      if (this.#settings.issuers.length === 0) throw new BadToken('unknown');
      return this.#verified(await this.#verifier.verify(token));
    } catch (thrown) {
      if (thrown instanceof BadToken)
        throw this.#refuse('token', thrown.reason, asking, badToken(this.#ways, thrown.reason));
      if (thrown instanceof GatewayError && thrown.code === 'identity-unavailable')
        throw this.#refuse('token', 'unavailable', asking, thrown);
      throw thrown;
    }
  }

  #verified({ issuer, claims }: VerifiedToken): Identity {
    const scopes = scopesOf(claims, issuer.scopeClaim);
    const { scopes: mapped } = issuer;
    const names = mapped
      ? scopes.flatMap((scope) => (Object.hasOwn(mapped, scope) ? (mapped[scope] ?? []) : []))
      : scopes;
    const [given = ''] = textsOf(claims, issuer.nameClaim);
    const name = shown(given);
    return {
      principal: { kind: 'token', name, issuer: issuer.issuer },
      grants: grantsOf(names, this.#settings.roles, claims),
    };
  }

  async #byPassword(
    { user, password }: Extract<Authorization, { scheme: 'basic' }>,
    asking: Asking,
  ): Promise<Identity> {
    const known = this.#users.get(user);
    if (this.#users.size > 0 && (await this.#passwords.isRight(user, password, asking.signal)) && known)
      return this.#known('basic', known);
    asking.claimed?.(shown(user));
    throw this.#refuse('basic', 'unknown', asking, badPassword(this.#ways));
  }

  #known(kind: Exclude<Principal['kind'], 'anonymous'>, { name, roles }: Known): Identity {
    return { principal: { kind, name }, grants: grantsOf(roles, this.#settings.roles) };
  }

  #refuse(by: By, reason: string, { requestId }: Asking, error: GatewayError): GatewayError {
    this.#deps.observe({ kind: 'access-refused', by, reason, requestId });
    return error;
  }
}
