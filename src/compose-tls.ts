import type { Config, PeerConfig } from './config/index.js';
import type { ServerTls } from './http/index.js';
import type { CertificateFiles, Certificates } from './tls/index.js';

/** TLS of a listener, where it is configured. @throws GatewayError when its files are not good */
export async function openListenerTls(
  listener: 'http' | 'admin',
  tls: Config['http']['tls'],
  certificates: Certificates,
): Promise<ServerTls | undefined> {
  if (tls === undefined) return undefined;
  const { clientAuth, minVersion } = tls;
  return {
    certificates: await certificates.watch({
      listener,
      what: `${listener}.tls`,
      files: certificateFiles(tls),
    }),
    settings: { profile: 'bcp195', minVersion },
    clientAuth,
  };
}

/** The files that a part of the configuration names. */
export function certificateFiles(
  tls: NonNullable<Config['http']['tls'] | Config['dimse']['tls'] | PeerConfig['tls']>,
): CertificateFiles {
  const { cert, key, ca, crl, passphraseFile: passphrase } = tls;
  return { cert, key, ca, crl, passphrase };
}
