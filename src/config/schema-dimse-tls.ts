import { z } from 'zod';
import { boolean, choice, key, text } from './kind.js';

const pemFile = text(/^[^\0]+$/, 'the path of a PEM file');

const shared = {
  passphraseFile: key(
    text(/^[^\0]+$/, 'the path of a file'),
    'File whose first line is the passphrase of the key, where it has one.',
  ).exactOptional(),
  crl: key(
    pemFile,
    'The certificates that the CAs have revoked: a list in force of each authority up to the root. Without it revocation is not looked at.',
  ).exactOptional(),
  minVersion: key(choice('TLSv1.2', 'TLSv1.3'), 'The oldest version of TLS that is spoken.').prefault(
    'TLSv1.2',
  ),
  profile: key(
    choice('bcp195', 'non-downgrading'),
    'The cipher suites of TLS 1.2: those of the BCP 195 profile (PS3.15 B.12), or of the Non-Downgrading one (B.10), which also has ephemeral Diffie-Hellman without elliptic curves.',
  ).prefault('bcp195'),
};

/** TLS of those who connect to the storage SCP. */
export const dimseTls = z.strictObject({
  cert: key(pemFile, 'The certificate of the gateway, with those between it and its CA behind it.'),
  key: key(pemFile, 'Its private key.'),
  ca: key(pemFile, 'The CAs that issue the certificates of the peers.').exactOptional(),
  requireClientCertificate: key(
    boolean,
    'Whether who connects must show a certificate of `dimse.tls.ca`.',
  ).prefault(true),
  ...shared,
});

/** TLS towards a peer. */
export const peerTls = z.strictObject({
  ca: key(
    pemFile,
    'The CAs that may have issued the certificate of the peer; the public ones if left out.',
  ).exactOptional(),
  cert: key(
    pemFile,
    'The certificate that the gateway shows the peer, with those between it and its CA behind it.',
  ).exactOptional(),
  key: key(pemFile, 'Its private key.').exactOptional(),
  serverName: key(
    text(/^[A-Za-z0-9.:_-]{1,253}$/, 'a host name or an address'),
    'The name that the certificate of the peer is for, where it is not the host of its address.',
  ).exactOptional(),
  checkIdentity: key(
    boolean,
    'Whether the certificate of the peer must be for its name. Without, any certificate of the CAs will do; `whyUnchecked` must then say why.',
  ).prefault(true),
  whyUnchecked: key(
    text(/\S/, 'a reason, in words'),
    'Why the name in the certificate is not checked, for whoever reads the configuration.',
  ).exactOptional(),
  ...shared,
});
