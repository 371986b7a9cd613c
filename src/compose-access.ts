import { readFileSync } from 'node:fs';
import {
  createAccess,
  hashToken,
  type AccessControl,
  type AccessSettings,
  type AttributeTemplate,
  type Issuer,
  type Role,
  type ValueTemplate,
} from './access/index.js';
import { allowsAnonymous, BUILT_IN_ROLES, ConfigError, type Config } from './config/index.js';
import { GatewayError, systemClock, type Observe } from './core/index.js';
import type { WaysIn } from './http/index.js';
import { attributeByKeyword, vrTraits } from './dicom/index.js';

/** Access control as it is configured. @throws GatewayError, ConfigError for what the schema alone cannot tell to be wrong */
export function openAccess(config: Config, observe: Observe): AccessControl {
  return createAccess(accessSettings(config), { observe, now: () => systemClock.now() });
}

/** What clients are told of how to show who they are; an issuer whose keys are not to be discovered is one of tokens alone. */
export function waysInto(config: Config): WaysIn {
  const { issuers, tokens, users, certificates } = config.access;
  const found = Object.entries(issuers).filter(([, { jwksUri }]) => jwksUri === undefined);
  return {
    anonymous: allowsAnonymous(config),
    tokens: Object.keys(tokens).length + Object.keys(issuers).length - found.length > 0,
    passwords: Object.keys(users).length > 0,
    certificates: Object.keys(certificates).length > 0,
    issuers: found.map(([name, { issuer }]) => ({
      name,
      discovery: `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
    })),
  };
}

/** @throws GatewayError for a file that cannot be read or holds no secret of its kind, ConfigError as `rolesOf` */
function accessSettings(config: Config): AccessSettings {
  const { access } = config;
  return {
    anonymous: allowsAnonymous(config) ? access.anonymousRoles : undefined,
    roles: rolesOf(config),
    issuers: Object.values(access.issuers).map(issuerOf),
    users: Object.entries(access.users).map(([name, { roles, password, passwordFile }]) => ({
      name,
      roles,
      password: password ?? secretIn(`access.users.${name}.passwordFile`, passwordFile),
    })),
    tokens: Object.keys(access.tokens).map((name) => tokenOf(access, name)),
    certificates: Object.entries(access.certificates).map(([name, { roles, subject, fingerprint }]) => ({
      name,
      roles,
      subject,
      fingerprint,
    })),
  };
}

type Access = Config['access'];

function issuerOf(issuer: Access['issuers'][string]): Issuer {
  const { clockSkew, maxAge, keyTimeout, keyCooldown, keyRefresh, keyLifetime, jwksUri, scopes } = issuer;
  return {
    ...issuer,
    jwksUri,
    scopes,
    clockSkewMs: clockSkew,
    maxAgeMs: maxAge,
    keys: { timeoutMs: keyTimeout, cooldownMs: keyCooldown, refreshMs: keyRefresh, lifetimeMs: keyLifetime },
  };
}

const HASHED = /^sha256:([0-9a-f]{64})$/i;
/** A file may hold a shorter one than a person would choose by mistake. */
const LEAST_TOKEN = 24;

function tokenOf(access: Access, name: string): AccessSettings['tokens'][number] {
  const { roles, token, tokenFile } = access.tokens[name] ?? { roles: [] };
  const path = `access.tokens.${name}.tokenFile`;
  const secret = token ?? secretIn(path, tokenFile);
  if (secret.length < LEAST_TOKEN)
    throw new GatewayError('bad-request', `${path}: holds a token of less than ${LEAST_TOKEN} characters.`);
  return { name, roles, sha256: HASHED.exec(secret)?.[1] ?? hashToken(secret) };
}

/**
 * The token with which a command of this machine asks its gateway: that in `file`, or the first one of the configuration
 * that is there in the clear and gives the operator's rights; undefined where there is none.
 *
 * @throws GatewayError as `openAccess`
 */
export function operatorsToken(config: Config, file: string | undefined): string | undefined {
  if (file !== undefined) return secretIn('--token-file', file);
  const { tokens } = config.access;
  const roles = rolesOf(config);
  const clear = Object.entries(tokens).flatMap(([name, { token, tokenFile, roles: given }]) => {
    const isOperators = given.some((role) => roles.get(role)?.may.includes('admin'));
    if (!isOperators) return [];
    const secret = token ?? secretIn(`access.tokens.${name}.tokenFile`, tokenFile);
    return HASHED.test(secret) ? [] : [secret];
  });
  return clear[0];
}

/** What a file holds, without the line's end. @throws GatewayError `bad-request` */
function secretIn(path: string, file: string | undefined): string {
  try {
    return readFileSync(file ?? '', 'utf8').trim();
  } catch (cause) {
    throw new GatewayError('bad-request', `${path}: ${file ?? ''} cannot be read.`, { cause });
  }
}

/** Every role there is, by name. @throws ConfigError for a keyword that names no attribute of text */
export function rolesOf({ access }: Config): ReadonlyMap<string, Role> {
  const problems: string[] = [];
  const roles = new Map<string, Role>();
  for (const [name, may] of Object.entries(BUILT_IN_ROLES))
    roles.set(name, { may, peers: undefined, only: [] });
  for (const [name, { may, peers, only }] of Object.entries(access.roles)) {
    const templates = Object.entries(only ?? {}).flatMap(([keyword, text]) =>
      templateOf(`access.roles.${name}.only.${keyword}`, keyword, text, problems),
    );
    roles.set(name, { may, peers, only: templates });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return roles;
}

function templateOf(path: string, keyword: string, text: string, problems: string[]): AttributeTemplate[] {
  const attribute = attributeByKeyword(keyword);
  if (attribute === undefined || !vrTraits(attribute.vr).text) {
    problems.push(`${path}: ${keyword} is no attribute of text`);
    return [];
  }
  const value = valueTemplate(text);
  if (value) return [{ tag: attribute.tag, value }];
  problems.push(
    `${path}: takes a text, perhaps with claims such as {institution} and a * at its end, and something beside the *`,
  );
  return [];
}

/** Undefined for a text of no such form. */
function valueTemplate(text: string): ValueTemplate | undefined {
  const isPrefix = text.endsWith('*');
  const body = (isPrefix ? text.slice(0, -1) : text).trim();
  const parts = body.split(/(\{[^{}*\s]{1,200}\})/).filter((part) => part !== '');
  const isGood = parts.every((part) => /^\{[^{}]+\}$/.test(part) || !/[{}*?\\]/.test(part));
  if (!isGood || parts.length === 0) return undefined;
  return {
    isPrefix,
    parts: parts.map((part) => (part.startsWith('{') ? { claim: part.slice(1, -1) } : part)),
  };
}
