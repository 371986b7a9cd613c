import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls';
import { GatewayError, listenReason, type Clock } from '../core/index.js';
import {
  secureContextOptions,
  tlsFailure,
  type CertificateMaterial,
  type TlsSettings,
  type WatchedCertificates,
} from '../tls/index.js';

/** TLS of those who connect. */
export interface ServerTlsOptions {
  readonly certificates: WatchedCertificates;
  readonly settings: TlsSettings;
  /** Whether who shows no certificate of the `ca` is turned away. */
  readonly requiresClientCertificate: boolean;
}

/** What became of a connection, once there is something that can ask for an association on it. */
export interface Guest {
  /** Has not asked yet. */
  readonly isUndecided: boolean;
  abort(error: GatewayError): void;
}

export interface DoorwayOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly tls: ServerTlsOptions | undefined;
  /** Most connections that have not asked for an association, of all and of one address. */
  readonly maxUndecided: number;
  readonly maxPerAddress: number;
  /** For the TLS handshake, in milliseconds. */
  readonly handshakeMs: number;
  readonly clock: Clock;
  /** A connection on which an association may be asked for. */
  readonly onGuest: (socket: Socket) => Guest;
  readonly onRefused: (reason: string, remote: string) => void;
}

/** A connection from the moment that it is accepted. */
interface Entry {
  readonly socket: Socket;
  readonly remote: string;
  guest?: Guest;
  cancelTimer: () => void;
}

const CROWDED = 'too many connections without an association';

/**
 * Accepts connections, does the TLS handshake, and lets in as many at a time as there is room for. Who connects without
 * asking for anything must not keep out who does: where there are too many, the oldest of them goes.
 */
export class Doorway {
  readonly #options: DoorwayOptions;
  readonly #server: net.Server;
  readonly #tls: TlsServer | undefined;
  /** In the order in which they came. */
  readonly #entries = new Set<Entry>();

  constructor(options: DoorwayOptions) {
    this.#options = options;
    this.#tls = options.tls && this.#createTls(options.tls);
    this.#server = net.createServer({ keepAlive: true, noDelay: true }, (socket) => {
      this.#enter(socket);
    });
  }

  /** @throws GatewayError `internal` when the address cannot be listened on */
  async listen(): Promise<{ readonly host: string; readonly port: number }> {
    const { host, port } = this.#options.listen;
    try {
      this.#server.listen({ host, port });
      await once(this.#server, 'listening');
    } catch (cause) {
      const why = listenReason(cause);
      throw new GatewayError('internal', `The storage SCP cannot listen on ${host}:${port}${why}.`, {
        cause,
      });
    }
    // A failed accept (out of file descriptors) costs that connection only.
    this.#server.on('error', () => undefined);
    const address = this.#server.address();
    return { host, port: typeof address === 'object' && address ? address.port : port };
  }

  /** Takes no more connections; the returned function ends those that have no guest, and resolves when all are gone. */
  close(): () => Promise<void> {
    const closed = this.#server.listening ? once(this.#server, 'close') : Promise.resolve();
    this.#server.close();
    return async () => {
      for (const { guest, socket } of [...this.#entries]) if (!guest) socket.destroy();
      await closed;
    };
  }

  #enter(socket: Socket): void {
    const entry: Entry = {
      socket,
      remote: socket.remoteAddress ?? 'unknown',
      cancelTimer: () => undefined,
    };
    this.#entries.add(entry);
    socket.once('close', () => {
      entry.cancelTimer();
      this.#entries.delete(entry);
    });
    if (this.#tls) this.#shakeHands(this.#tls, entry);
    else entry.guest = this.#options.onGuest(socket);
    this.#makeRoom(entry.remote);
  }

  #makeRoom(remote: string): void {
    const { maxUndecided, maxPerAddress } = this.#options;
    const undecided = [...this.#entries].filter(({ guest }) => guest?.isUndecided ?? true);
    const neighbours = undecided.filter((entry) => entry.remote === remote);
    if (neighbours.length > maxPerAddress) this.#show(neighbours[0]);
    else if (undecided.length > maxUndecided) this.#show(undecided[0]);
  }

  /** Shows the door. The connection goes at once: what lingers would take memory as long as others come. */
  #show(entry: Entry | undefined): void {
    if (!entry) return;
    this.#entries.delete(entry);
    this.#options.onRefused(CROWDED, entry.remote);
    entry.guest?.abort(new GatewayError('overloaded', 'Too many connections without an association.'));
    entry.socket.destroy();
  }

  #shakeHands(tls: TlsServer, entry: Entry): void {
    const { socket, remote } = entry;
    const { clock, handshakeMs, onRefused } = this.#options;
    entry.cancelTimer = clock.after(handshakeMs, () => {
      onRefused('the TLS handshake took too long', remote);
      socket.destroy();
    });
    tls.emit('connection', socket);
  }

  #createTls({ certificates, settings, requiresClientCertificate }: ServerTlsOptions): TlsServer {
    const contextOf = (material: CertificateMaterial): ReturnType<typeof secureContextOptions> =>
      secureContextOptions(material, settings);
    const server = createTlsServer({
      ...contextOf(certificates.current),
      requestCert: certificates.current.ca !== undefined,
      // Node would close the connection without saying why: it is done here.
      rejectUnauthorized: false,
    });
    certificates.onRenewed((material) => {
      server.setSecureContext(contextOf(material));
    });
    server.on('secureConnection', (secure) => {
      this.#secured(secure, requiresClientCertificate);
    });
    server.on('tlsClientError', (error, secure) => {
      const failure = tlsFailure(error);
      // Who leaves in the middle, as those do who see whether a port is open, is nothing to tell.
      if (failure !== undefined)
        this.#options.onRefused(`TLS: ${failure}`, secure.remoteAddress ?? 'unknown');
      this.#entryOf(secure)?.socket.destroy();
    });
    return server;
  }

  #secured(secure: TLSSocket, requiresClientCertificate: boolean): void {
    const entry = this.#entryOf(secure);
    const failure = requiresClientCertificate ? clientFailure(secure) : undefined;
    if (entry && failure !== undefined) this.#options.onRefused(`TLS: ${failure}`, entry.remote);
    // Without an entry it was shown the door meanwhile.
    if (!entry || failure !== undefined) {
      secure.destroy();
      return;
    }
    entry.cancelTimer();
    entry.guest = this.#options.onGuest(secure);
  }

  /** The socket of TLS does not tell which one it is made of, but has its addresses. */
  #entryOf(secure: Socket): Entry | undefined {
    const { remoteAddress, remotePort, localAddress } = secure;
    return [...this.#entries].find(
      ({ socket }) =>
        socket.remotePort === remotePort &&
        socket.remoteAddress === remoteAddress &&
        socket.localAddress === localAddress,
    );
  }
}

/** What is wrong with the certificate of a client, in words; undefined when it is good. */
function clientFailure(secure: TLSSocket): string | undefined {
  if (secure.authorized) return undefined;
  if (Object.keys(secure.getPeerCertificate()).length === 0) return 'it showed no client certificate';
  // The types have an error here, Node the code of OpenSSL.
  return tlsFailure({ code: String(secure.authorizationError) }) ?? 'its certificate is not good';
}
