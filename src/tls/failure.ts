/** What failures of TLS mean, by the codes of OpenSSL and Node: "The peer could not be reached: <this>." */
const meanings: readonly (readonly [meaning: string, codes: readonly string[]])[] = [
  [
    'its certificate does not chain to a CA that is trusted here',
    [
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'CERT_SIGNATURE_FAILURE',
      'CERT_UNTRUSTED',
      'INVALID_CA',
      'INVALID_PURPOSE',
      'CERT_REJECTED',
      'CERT_CHAIN_TOO_LONG',
    ],
  ],
  ['its certificate has expired', ['CERT_HAS_EXPIRED']],
  ['its certificate is not valid yet, or a clock is wrong', ['CERT_NOT_YET_VALID']],
  ['its certificate was revoked', ['CERT_REVOKED']],
  [
    'an authority between its certificate and the root has no revocation list here that is in force',
    [
      'UNABLE_TO_GET_CRL',
      'UNABLE_TO_GET_CRL_ISSUER',
      'CRL_HAS_EXPIRED',
      'CRL_NOT_YET_VALID',
      'CRL_SIGNATURE_FAILURE',
      'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
    ],
  ],
  ['its certificate is for another name than the one it is reached by', ['ERR_TLS_CERT_ALTNAME_INVALID']],
  [
    'it speaks no TLS on this port',
    [
      'ERR_SSL_WRONG_VERSION_NUMBER',
      'ERR_SSL_HTTP_REQUEST',
      'ERR_SSL_HTTPS_PROXY_REQUEST',
      'ERR_SSL_PACKET_LENGTH_TOO_LONG',
    ],
  ],
  [
    'there is no version of TLS that both sides allow',
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'ERR_SSL_UNSUPPORTED_PROTOCOL', 'ERR_SSL_VERSION_TOO_LOW'],
  ],
  [
    'it refuses the TLS handshake: it shares no cipher suite, or wants a client certificate that it was not shown',
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY'],
  ],
  ['it shares no cipher suite', ['ERR_SSL_NO_SHARED_CIPHER']],
  ['it wants a client certificate and was shown none', ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED']],
  ['it showed no client certificate', ['ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE']],
  [
    'it does not take the certificate that it was shown',
    [
      'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
      'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
      'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN',
      'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED',
      'ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED',
      'ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE',
      'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED',
      'ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR',
    ],
  ],
];

const byCode: ReadonlyMap<string, string> = new Map(
  meanings.flatMap(([meaning, codes]) => codes.map((code) => [code, meaning] as const)),
);

/** What a failure of a TLS handshake means, in words about the other side; undefined where it is none of TLS. */
export function tlsFailure(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code !== 'string') return undefined;
  return byCode.get(code) ?? (code.startsWith('ERR_SSL_') ? `TLS failed (${code})` : undefined);
}
