import { z } from 'zod';
import { attributeTexts } from './attribute-texts.js';
import { boolean, choice, duration, durationOrOff, integer, key, list, text, webUrl } from './kind.js';
import { distinguishedName, fingerprint, issuerUrl, scopeRoles } from './kind-access.js';

const roleNames = list(text(/./, 'the name of a role'), 'a list of names of roles such as [read]');
const file = text(/^[^\0]+$/, 'a file');

const role = z.strictObject({
  may: key(
    list(
      choice('search', 'retrieve', 'store', 'metrics', 'admin'),
      'a list of search, retrieve, store, metrics and admin',
    ),
    'What those may do who have it: `search` (QIDO-RS), `retrieve` (WADO-RS, WADO-URI, preload), `store` (STOW-RS, storage commitment), `metrics` (`/metrics`, and the peers in `/readyz`), `admin` (all of the operator: `metrics`, and purging the cache).',
  ),
  peers: key(
    list(text(/./, 'the name of a peer or group'), 'a list of names of peers and groups such as [main]'),
    'At which peers and groups, by the name in the URL; all if left out. Who may use a group may use it whole.',
  ).exactOptional(),
  only: key(
    attributeTexts,
    'Of which studies: all these attributes must have this value, as the PACS tells them at STUDY level; `*` at the end stands for any ending, and `{claim}` for a claim of the token, of several values for each. What the PACS does not tell is not allowed. All studies if left out. In the environment `PatientID=A*;InstitutionName={institution}`.',
  ).exactOptional(),
});

const issuer = z.strictObject({
  issuer: key(
    issuerUrl,
    'The issuer as it stands in its tokens (`iss`). Its keys are found by `/.well-known/openid-configuration` below it.',
  ),
  jwksUri: key(webUrl, 'Where its keys are, if they are not to be found out by discovery.').exactOptional(),
  audience: key(
    list(text(/./, 'an audience'), 'a list of audiences such as [dicomweb-gateway]'),
    'Whom a token must be for (`aud`): one of these.',
  ),
  algorithms: key(
    list(
      choice(
        'RS256',
        'RS384',
        'RS512',
        'PS256',
        'PS384',
        'PS512',
        'ES256',
        'ES384',
        'ES512',
        'EdDSA',
        'Ed25519',
      ),
      'a list of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519',
    ),
    'How a token may be signed. Those with a shared secret, and `none`, are never taken.',
  ).prefault(['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519']),
  clockSkew: key(durationOrOff, 'How far the clock of the issuer may be from the one here.').prefault('30s'),
  maxAge: key(
    durationOrOff,
    'How long after it was issued (`iat`) a token is taken, whatever its expiry; 0 means until that.',
  ).prefault('0'),
  scopeClaim: key(
    text(/./, 'the name of a claim'),
    'The claim with the scopes: a text with blanks between, or a list. Dots go into claims of claims, such as `realm_access.roles`.',
  ).prefault('scope'),
  nameClaim: key(
    text(/./, 'the name of a claim'),
    'The claim that names who asks, for the audit trail.',
  ).prefault('sub'),
  scopes: key(
    scopeRoles,
    'Roles that each scope gives; a scope gives the role of its own name if left out. In the environment `dicomweb.read=read;dicomweb.write=store,read`.',
  ).exactOptional(),
  keyTimeout: key(duration, 'How long the issuer may take to give its keys.').prefault('5s'),
  keyCooldown: key(
    duration,
    'How soon the keys are asked for again because a token names one that is not among them.',
  ).prefault('30s'),
  keyRefresh: key(duration, 'After which time the keys are asked for anew.').prefault('10m'),
  keyLifetime: key(
    duration,
    'How long keys are believed while the issuer cannot be asked. Then the answer is 503.',
  ).prefault('24h'),
});

const roles = key(roleNames, 'Roles that it gives.');

const user = z.strictObject({
  password: key(
    text(/^scrypt:/, 'what `dicomweb-gateway hash-password` prints'),
    'The hash of the password, as `dicomweb-gateway hash-password` prints it.',
    { secret: true },
  ).exactOptional(),
  passwordFile: key(file, 'A file with the hash of the password, in place of it.').exactOptional(),
  roles,
});

const token = z.strictObject({
  token: key(
    text(
      /^(?:sha256:[0-9a-fA-F]{64}|[A-Za-z0-9._~+/-]{24,512}=*)$/,
      'a token of 24 characters at least, or sha256: with the SHA-256 of one',
    ),
    'The token that is sent as `Authorization: Bearer`, or `sha256:` and its SHA-256 in hexadecimal digits (`printf %s TOKEN | sha256sum`).',
    { secret: true },
  ).exactOptional(),
  tokenFile: key(file, 'A file with the token or its hash, in place of it.').exactOptional(),
  roles,
});

const certificate = z.strictObject({
  subject: key(
    distinguishedName,
    'The whole subject of the certificate, in any order, such as `CN=viewer,O=Hospital`. Needs `http.tls.clientAuth`.',
  ).exactOptional(),
  fingerprint: key(fingerprint, 'The SHA-256 fingerprint of the certificate.').exactOptional(),
  roles,
});

/** Who may do what. */
export const access = z.strictObject({
  anonymous: key(
    boolean,
    'Whether those who say nothing of who they are get `access.anonymousRoles`. Implied where everything listens on loopback and nobody is named here, for requests to that or to `http.publicUrl` by their Host header; elsewhere it must be said.',
  ).prefault(false),
  anonymousRoles: key(roleNames, 'Roles of those who say nothing of who they are.').prefault([
    'read',
    'store',
    'admin',
  ]),
  failedLogins: key(
    integer(0, 100_000),
    "Wrong passwords from one address within a minute, after which passwords from there are answered 429; 0 means no limit. Behind a proxy `http.trustProxy` must be set, or its address is everybody's.",
  ).prefault(20),
  roles: z.record(z.string(), role).prefault({}),
  issuers: z.record(z.string(), issuer).prefault({}),
  users: z.record(z.string(), user).prefault({}),
  tokens: z.record(z.string(), token).prefault({}),
  certificates: z.record(z.string(), certificate).prefault({}),
});
