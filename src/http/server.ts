import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { GatewayError, listenReason, type Clock } from '../core/index.js';
import { secureContextOptions, type TlsSettings, type WatchedCertificates } from '../tls/index.js';
import { ClientConnections } from './client-connections.js';
import { resetConnection, runsOver } from './reset-connection.js';
import { ServerConnections } from './server-connections.js';

/** TLS of a listener. */
export interface ServerTls {
  readonly certificates: Pick<WatchedCertificates, 'current' | 'onRenewed'>;
  readonly settings: TlsSettings;
  /** Whether clients are asked for a certificate, and must have one. */
  readonly clientAuth: 'none' | 'optional' | 'required';
}

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly headersTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxHeaderBytes: number;
  readonly maxConnections: number;
  /** Of one address. */
  readonly maxConnectionsPerClient?: number;
  /** Requests of one connection that wait for their answers. */
  readonly maxPipelined?: number;
  /** Plain HTTP when left out. */
  readonly tls?: ServerTls | undefined;
}

/** A listener that is up. */
export interface ListeningServer {
  readonly host: string;
  readonly port: number;
  /** `http://host:port`, or `https`. */
  readonly origin: string;
  /** Takes no more requests, lets those that run end within `graceMs`, then resets what is left. */
  close(graceMs: number, clock: Clock): Promise<void>;
}

/** What Node cannot read as a request, by its codes; all else is 400. */
const REFUSALS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

const refusal = ({ code = '' }: NodeJS.ErrnoException): string =>
  `HTTP/1.1 ${REFUSALS[code] ?? '400 Bad Request'}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;

function create(listener: RequestListener, options: ServerOptions): Server | TlsServer {
  const settings = {
    maxHeaderSize: options.maxHeaderBytes,
    headersTimeout: options.headersTimeoutMs,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    connectionsCheckingInterval: 1000,
    // A study may take hours to be uploaded; silence within the body is what is bounded.
    requestTimeout: 0,
  };
  const { tls } = options;
  if (tls === undefined) return createServer(settings, listener);
  const { certificates, clientAuth } = tls;
  const server = createTlsServer(
    {
      ...settings,
      ...secureContextOptions(certificates.current, tls.settings),
      requestCert: clientAuth !== 'none',
      rejectUnauthorized: clientAuth === 'required',
      handshakeTimeout: options.headersTimeoutMs,
      // HTTP/2 is what a proxy in front is for.
      ALPNProtocols: ['http/1.1'],
    },
    listener,
  );
  certificates.onRenewed((material) => {
    server.setSecureContext(secureContextOptions(material, tls.settings));
  });
  return server;
}

function configure(server: Server | TlsServer, listener: RequestListener, options: ServerOptions): void {
  server.maxConnections = options.maxConnections;
  // Node would leave out those beyond 2000 without a word, such as what a proxy has put behind them; their bytes are bounded.
  server.maxHeadersCount = 0;
  // Node answers 417 by itself to an Expect header that some clients send empty.
  server.on('checkExpectation', listener);
  // It would tell a client to send its body before anybody has looked whether it is wanted.
  server.on('checkContinue', listener);
  server.on('tlsClientError', (_error: Error, socket: Socket) => {
    // There is nobody to whom a status line could be said.
    socket.destroy();
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // A body that is on its way must not end in another status line; and a socket that is only ended stays half open
    // for as long as the client likes.
    const { _httpMessage: answering } = socket as Duplex & { _httpMessage?: ServerResponse | null };
    if (answering?.headersSent && answering.socket) resetConnection(answering.socket);
    else if (!socket.writable) socket.destroy();
    else socket.end(refusal(error), () => socket.destroy());
  });
}

/** Tells `connections` of those of the server; of one that is encrypted once it is so. */
function follow(
  server: Server | TlsServer,
  connections: ServerConnections,
  { maxConnectionsPerClient }: ServerOptions,
): void {
  const clients = new ClientConnections(maxConnectionsPerClient ?? Infinity);
  const arriving = new Map<string, Socket>();
  const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
  server.on('connection', (socket: Socket) => {
    if (!clients.add(socket)) return;
    connections.add(socket);
    if (!('setSecureContext' in server)) return;
    const name = nameOf(socket);
    arriving.set(name, socket);
    socket.once('close', () => arriving.delete(name));
  });
  server.on('secureConnection', (socket: Socket) => {
    const tcp = arriving.get(nameOf(socket));
    connections.add(socket);
    if (tcp === undefined) return;
    connections.remove(tcp);
    runsOver(socket, tcp);
  });
}

/** Listens for HTTP. @throws GatewayError `internal` when the address cannot be used */
export async function listen(listener: RequestListener, options: ServerOptions): Promise<ListeningServer> {
  const connections = new ServerConnections();
  const asked: RequestListener = (request, response) => {
    const { socket } = request;
    // Node reads on in what has come, whatever has become of the connection.
    if (socket.destroyed) return;
    if (connections.unanswered(socket) >= (options.maxPipelined ?? Infinity)) {
      resetConnection(socket);
      return;
    }
    connections.answering(response);
    listener(request, response);
  };
  const server = create(asked, options);
  configure(server, asked, options);
  follow(server, connections, options);
  // What Node does when the server closes cuts off answers that are ended and not yet sent.
  server.closeIdleConnections = () => {
    connections.endWithAnswers();
  };
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const where = `${options.host}:${options.port}`;
      reject(
        new GatewayError('internal', `Cannot listen for HTTP on ${where}${listenReason(error)}.`, {
          cause: error,
        }),
      );
    });
    server.listen(options.port, options.host, resolve);
  });
  // A connection that cannot be accepted (no file descriptors left) is lost; the listener is not.
  server.on('error', () => undefined);
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    host: options.host,
    port,
    origin: `${options.tls ? 'https' : 'http'}://${host}:${port}`,
    close: (graceMs, clock) => close(server, connections, graceMs, clock),
  };
}

function close(server: Server, connections: ServerConnections, graceMs: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(graceMs, () => {
      connections.reset();
    });
    server.close(() => {
      cancel();
      resolve();
    });
  });
}
