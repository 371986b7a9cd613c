import { createSecureContext } from 'node:tls';

const LIST = /-----BEGIN X509 CRL-----[\s\S]+?-----END X509 CRL-----/g;

/**
 * The certificate revocation lists of a PEM file, one by one: Node reads no more than the first of a text that it is
 * given. Empty where there is none.
 *
 * @see RFC 5280 section 5
 */
export const revocationListsOf = (pem: Buffer): readonly string[] => pem.toString('latin1').match(LIST) ?? [];

/** Looks whether OpenSSL can read the lists. @throws Error when it cannot */
export function checkRevocationLists(lists: readonly string[]): void {
  createSecureContext({ crl: [...lists] });
}
