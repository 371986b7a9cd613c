import type { Config } from './config/index.js';
import type { ServerTls } from './http/index.js';
import type { Certificates } from './tls/index.js';

/** TLS of a listener, where it is configured. @throws GatewayError when its files are not good */
export async function openListenerTls(
  listener: 'http' | 'admin',
  tls: Config['http']['tls'],
  certificates: Certificates,
): Promise<ServerTls | undefined> {
  if (tls === undefined) return undefined;
  const { cert, key, ca, clientAuth, minVersion } = tls;
  return {
    certificates: await certificates.watch({ listener, what: `${listener}.tls`, files: { cert, key, ca } }),
    settings: { profile: 'bcp195', minVersion },
    clientAuth,
  };
}
