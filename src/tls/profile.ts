import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { CertificateMaterial } from './material.js';
import { revocationListsOf } from './revocations.js';

/** The cipher suites of TLS 1.2 by OpenSSL's names; those of TLS 1.3 are all good. */
const suites = {
  ecdhe: [
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
  ],
  dhe: ['DHE-RSA-AES128-GCM-SHA256', 'DHE-RSA-AES256-GCM-SHA384'],
} as const;

/**
 * TLS profiles of PS3.15. Neither goes below TLS 1.2.
 *
 * `bcp195`: the BCP 195 RFC 8996, 9325 profile. `non-downgrading`: the Non-Downgrading BCP 195 profile, which also has
 * ephemeral Diffie-Hellman, for peers that know no elliptic curves.
 *
 * @see PS3.15 B.12, B.10
 */
const profiles = {
  bcp195: suites.ecdhe,
  'non-downgrading': [...suites.ecdhe, ...suites.dhe],
} as const satisfies Record<string, readonly string[]>;

export type TlsProfile = keyof typeof profiles;

/** What both sides of TLS are held to. */
export interface TlsSettings {
  readonly profile: TlsProfile;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** The options of a secure context that uses `material` within a profile. */
export function secureContextOptions(
  { cert, key, ca, crl }: CertificateMaterial,
  { profile, minVersion }: TlsSettings,
): SecureContextOptions {
  return {
    ...(cert && { cert }),
    ...(key && { key }),
    ...(ca && { ca }),
    ...(crl && { crl: [...revocationListsOf(crl)] }),
    // Names of suites of TLS 1.3 would replace all of them: without any, OpenSSL's own list stays.
    ciphers: profiles[profile].join(':'),
    minVersion,
    honorCipherOrder: true,
    // Who the other side is is looked at once, when the connection begins: it shows no other certificate later (TLS 1.2).
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(profile === 'non-downgrading' && { dhparam: 'auto' }),
  };
}
