import { isLoopback } from './loopback.js';
import type { ParsedConfig } from './schema.js';

/** Roles that there are without being configured. */
export const BUILT_IN_ROLES = {
  read: ['search', 'retrieve'],
  search: ['search'],
  retrieve: ['retrieve'],
  store: ['store'],
  metrics: ['metrics'],
  admin: ['admin'],
} as const;

type Access = ParsedConfig['access'];

/** Whether anybody is named who has to say who that is. */
const namesSomebody = ({ issuers, users, tokens, certificates }: Access): boolean =>
  [issuers, users, tokens, certificates].some((group) => Object.keys(group).length > 0);

/** Whether those who say nothing of who they are get anything: that was said, or nobody else can come. */
export function allowsAnonymous({
  http,
  admin,
  access,
}: Pick<ParsedConfig, 'http' | 'admin' | 'access'>): boolean {
  if (access.anonymous) return true;
  const isLocal = isLoopback(http.listen.host) && isLoopback(admin.listen?.host ?? '127.0.0.1');
  return isLocal && !namesSomebody(access);
}

/** What is wrong with who may do what. */
export function* brokenAccess(config: ParsedConfig): Generator<string> {
  yield* exposure(config);
  yield* certificateUse(config);
  const { access } = config;
  yield* brokenRoles(config);
  const { anonymousRoles, issuers, users, tokens, certificates } = access;
  yield* unknownRoles(access, 'access.anonymousRoles', anonymousRoles);
  yield* needlessNames(access);
  for (const [name, { scopes }] of Object.entries(issuers))
    yield* unknownRoles(access, `access.issuers.${name}.scopes`, Object.values(scopes ?? {}).flat());
  yield* twice(Object.entries(issuers).map(([name, one]) => [`access.issuers.${name}`, one.issuer]));
  for (const [name, { roles, password, passwordFile }] of Object.entries(users)) {
    const path = `access.users.${name}`;
    if (!/^[^:\p{Cc}]{1,100}$/u.test(name))
      yield `${path}: a user's name takes no colon, and 100 characters at most`;
    yield* oneOf(path, { password, passwordFile });
    yield* unknownRoles(access, `${path}.roles`, roles);
  }
  for (const [name, { roles, token, tokenFile }] of Object.entries(tokens)) {
    yield* oneOf(`access.tokens.${name}`, { token, tokenFile });
    yield* unknownRoles(access, `access.tokens.${name}.roles`, roles);
  }
  for (const [name, { roles, subject, fingerprint }] of Object.entries(certificates)) {
    const path = `access.certificates.${name}`;
    if ((subject ?? fingerprint) === undefined) yield `${path}: takes subject, fingerprint or both`;
    yield* unknownRoles(access, `${path}.roles`, roles);
  }
}

function* exposure(config: ParsedConfig): Generator<string> {
  const { http, admin, access } = config;
  for (const [path, listen] of [
    ['http.listen', http.listen],
    ['admin.listen', admin.listen],
  ] as const) {
    if (listen === undefined || isLoopback(listen.host) || access.anonymous || namesSomebody(access))
      continue;
    yield `${path}: ${listen.host} can be reached from other machines, and nobody is asked who they are. Say who may do what under access (issuers, users, tokens or certificates); or, if the network in front may read and store everything, access.anonymous: true (DICOMGW_ACCESS_ANONYMOUS=true); or listen on 127.0.0.1.`;
  }
}

/** Who has everything without saying who that is needs no token: it was meant otherwise, or forgotten. */
function* needlessNames(access: Access): Generator<string> {
  const { anonymous, anonymousRoles, roles } = access;
  const isAdmin = (name: string): boolean =>
    (Object.hasOwn(roles, name) ? roles[name]?.may : name === 'admin' ? ['admin'] : [])?.includes('admin') ===
    true;
  if (anonymous && namesSomebody(access) && anonymousRoles.some(isAdmin))
    yield 'access.anonymousRoles: those who say nothing of who they are would be the operator, beside those who are named; say what they get, such as [search], or leave access.anonymous out';
}

function* brokenRoles({ access, peers, groups }: ParsedConfig): Generator<string> {
  for (const [name, role] of Object.entries(access.roles)) {
    const path = `access.roles.${name}`;
    if (!/^[^\s,;=\p{Cc}]{1,100}$/u.test(name))
      yield `${path}: a role's name takes no blanks, commas, semicolons and equals signs, and 100 characters at most`;
    for (const peer of role.peers ?? []) {
      if (!Object.hasOwn(peers, peer) && !Object.hasOwn(groups, peer))
        yield `${path}.peers: ${peer} is no peer and no group`;
    }
    const isBounded = role.peers !== undefined || role.only !== undefined;
    if (isBounded && role.may.some((one) => one === 'admin' || one === 'metrics'))
      yield `${path}.may: admin and metrics are about the gateway as a whole; give them by a role without peers and only`;
  }
}

function* unknownRoles({ roles }: Access, path: string, names: readonly string[]): Generator<string> {
  for (const name of new Set(names)) {
    if (Object.hasOwn(roles, name) || Object.hasOwn(BUILT_IN_ROLES, name)) continue;
    const all = [...new Set([...Object.keys(roles), ...Object.keys(BUILT_IN_ROLES)])];
    yield `${path}: ${name} is no role; there are ${all.join(', ')}`;
  }
}

function* oneOf(path: string, keys: Readonly<Record<string, string | undefined>>): Generator<string> {
  const given = Object.values(keys).filter((value) => value !== undefined);
  if (given.length !== 1) yield `${path}: takes one of ${Object.keys(keys).join(' and ')}`;
}

function* twice(entries: readonly (readonly [path: string, value: string])[]): Generator<string> {
  const seen = new Map<string, string>();
  for (const [path, value] of entries) {
    const other = seen.get(value);
    if (other !== undefined) yield `${path}: is the same as ${other}`;
    seen.set(value, path);
  }
}

function* certificateUse({ http, admin, access }: ParsedConfig): Generator<string> {
  const asks = [http.tls, admin.tls].some((tls) => tls !== undefined && tls.clientAuth !== 'none');
  if (Object.keys(access.certificates).length > 0 && !asks)
    yield 'access.certificates: no listener asks for certificates; set http.tls.clientAuth';
  if (admin.tls !== undefined && admin.listen === undefined)
    yield 'admin.tls: takes admin.listen too; without it the operator is answered where http.listen is';
  for (const [path, tls] of [
    ['http.tls', http.tls],
    ['admin.tls', admin.tls],
  ] as const) {
    if (tls !== undefined && tls.clientAuth !== 'none' && tls.ca === undefined)
      yield `${path}.ca: name the authorities whose client certificates are believed; those of the system sign for anybody`;
    if (tls?.crl !== undefined && tls.clientAuth === 'none')
      yield `${path}.crl: nobody is asked for a certificate; set ${path}.clientAuth`;
  }
}
