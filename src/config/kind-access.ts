import type { Kind } from './kind.js';

const parseUrl = (value: unknown): URL | undefined =>
  typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;

const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);

/** The URL of an issuer, character by character: tokens are compared with it. @see OpenID Connect Discovery 1.0, 3 */
export const issuerUrl: Kind<string> = {
  takes:
    'an https URL without user, query and fragment, such as https://login.example/realms/hospital (http on loopback alone)',
  read(value) {
    const url = parseUrl(value);
    if (url === undefined || typeof value !== 'string') return undefined;
    const isPlain = url.username === '' && url.password === '' && !/[?#\s]/.test(value);
    const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
    return isPlain && isSafe ? value : undefined;
  },
};

/** Names of roles by scope. */
export type ScopeRoles = Readonly<Record<string, readonly string[]>>;

const isName = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** A group of scopes with a role or a list of roles for each. */
export const scopeRoles: Kind<ScopeRoles> = {
  takes: 'scopes with the names of their roles, such as { dicomweb.read: [read] }',
  read(value) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const entries = Object.entries(value).map(([scope, given]: [string, unknown]): [string, unknown[]] => [
      scope,
      Array.isArray(given) ? given : [given],
    ]);
    const isGood = entries.every(([, names]) => names.length > 0 && names.every(isName));
    return isGood && entries.length > 0 && entries.length <= 100
      ? (Object.fromEntries(entries) as ScopeRoles)
      : undefined;
  },
  fromText: (given) =>
    Object.fromEntries(
      given.split(';').map((entry) => {
        const [scope = '', ...rest] = entry.split('=');
        return [
          scope.trim(),
          rest
            .join('=')
            .split(',')
            .map((name) => name.trim()),
        ];
      }),
    ),
};

/** A distinguished name: attributes with a comma between. @see RFC 4514 */
export const distinguishedName: Kind<string> = {
  takes: 'a distinguished name such as CN=viewer,O=Hospital (a backslash before a comma in a value)',
  read: (value) =>
    typeof value === 'string' &&
    value.length <= 1000 &&
    value.split(/(?<!\\),/).every((part) => /^\s*[A-Za-z][A-Za-z0-9.]*\s*=\s*\S/.test(part))
      ? value
      : undefined,
};

/** A SHA-256 fingerprint. */
export const fingerprint: Kind<string> = {
  takes: '32 pairs of hexadecimal digits, with colons between or without',
  read: (value) =>
    typeof value === 'string' && /^[0-9A-Fa-f]{2}(?::?[0-9A-Fa-f]{2}){31}$/.test(value) ? value : undefined,
};
