import { certificateFiles } from './compose-tls.js';
import type { Config, PeerConfig } from './config/index.js';
import { createTlsClient, type ServerTlsOptions, type TlsClient } from './dimse/index.js';
import type { Certificates } from './tls/index.js';

/** TLS of those who connect to the storage SCP, where it is configured. @throws GatewayError when its files are not good */
export async function openServerTls(
  { dimse: { tls } }: Config,
  certificates: Certificates,
): Promise<ServerTlsOptions | undefined> {
  if (!tls) return undefined;
  const { requireClientCertificate, profile, minVersion } = tls;
  return {
    certificates: await certificates.watch({
      listener: 'dimse',
      what: 'dimse.tls',
      files: certificateFiles(tls),
    }),
    settings: { profile, minVersion },
    requiresClientCertificate: requireClientCertificate,
  };
}

/** TLS towards a peer, where it is configured. @throws GatewayError when its files are not good */
export async function openPeerTls(
  name: string,
  peer: PeerConfig | undefined,
  certificates: Certificates,
): Promise<TlsClient | undefined> {
  const tls = peer?.tls;
  if (!tls) return undefined;
  const { serverName, checkIdentity, profile, minVersion } = tls;
  const what = `peers.${name}.tls`;
  return createTlsClient({
    certificates: await certificates.watch({ listener: `peer:${name}`, what, files: certificateFiles(tls) }),
    settings: { profile, minVersion },
    serverName,
    checksIdentity: checkIdentity,
  });
}
