import { isIP } from 'node:net';
import {
  checkServerIdentity,
  createSecureContext,
  type ConnectionOptions,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import {
  secureContextOptions,
  type CertificateMaterial,
  type TlsSettings,
  type WatchedCertificates,
} from '../tls/index.js';

/** How a peer is reached by TLS. */
export interface PeerTlsOptions {
  /** Who may have issued the peer's certificate (public authorities if nobody is named), and the gateway's own. */
  readonly certificates: WatchedCertificates;
  readonly settings: TlsSettings;
  /** The name that the peer's certificate must be for, where it is not that of its address. */
  readonly serverName?: string | undefined;
  /** Whether it must be for a name at all. */
  readonly checksIdentity: boolean;
}

/** Opens connections to one peer by TLS. */
export interface TlsClient {
  /** What to connect with now. */
  optionsFor(host: string): ConnectionOptions;
}

/** What was agreed on, and what the other side showed. */
export interface LinkSecurity {
  /** Such as `TLSv1.3`. */
  readonly version: string;
  readonly cipher: string;
  readonly certificate?: {
    /** The common name, or the whole subject where it has none. */
    readonly subject: string;
    readonly issuer: string;
    /** ISO time. */
    readonly expiresAt: string;
    /** SHA-256, in hexadecimal bytes with colons between. */
    readonly fingerprint: string;
  };
}

/**
 * TLS as a client. Renewed certificates are used for the next connection.
 * @throws Error of OpenSSL when they cannot be used
 */
export function createTlsClient(options: PeerTlsOptions): TlsClient {
  const { certificates, settings, serverName, checksIdentity } = options;
  const contextOf = (material: CertificateMaterial): SecureContext =>
    createSecureContext(secureContextOptions(material, settings));
  let secureContext = contextOf(certificates.current);
  certificates.onRenewed((material) => {
    secureContext = contextOf(material);
  });
  return {
    optionsFor(host) {
      const name = serverName ?? host;
      return {
        secureContext,
        rejectUnauthorized: true,
        // An address is no server name (RFC 6066 section 3).
        ...(isIP(name) === 0 && { servername: name }),
        checkServerIdentity: (_name, certificate) =>
          checksIdentity ? checkServerIdentity(name, certificate) : undefined,
      };
    },
  };
}

/** What was agreed on over a connection whose handshake is done. */
export function securityOf(socket: TLSSocket): LinkSecurity {
  const { fingerprint256, subject, issuer, valid_to: validTo } = socket.getPeerCertificate();
  const isShown = typeof fingerprint256 === 'string';
  return {
    version: socket.getProtocol() ?? '',
    cipher: socket.getCipher().standardName,
    ...(isShown && {
      certificate: {
        subject: nameOf(subject),
        issuer: nameOf(issuer),
        expiresAt: new Date(validTo).toISOString(),
        fingerprint: fingerprint256,
      },
    }),
  };
}

function nameOf(subject: object): string {
  const fields = subject as Readonly<Record<string, string | readonly string[] | undefined>>;
  const all = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`);
  return fields['CN'] === undefined ? all.join(', ') : String(fields['CN']);
}
