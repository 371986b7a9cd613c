import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { GatewayError, type Clock } from '../core/index.js';
import { ServerConnections } from './server-connections.js';

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly headersTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxHeaderBytes: number;
  readonly maxConnections: number;
}

/** A listener that is up. */
export interface ListeningServer {
  readonly host: string;
  readonly port: number;
  /** `http://host:port`. */
  readonly origin: string;
  /** Takes no more requests, lets those that run end within `graceMs`, then resets what is left. */
  close(graceMs: number, clock: Clock): Promise<void>;
}

const BAD_REQUEST = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

function configure(listener: RequestListener, options: ServerOptions): Server {
  const server = createServer(
    {
      maxHeaderSize: options.maxHeaderBytes,
      headersTimeout: options.headersTimeoutMs,
      keepAliveTimeout: options.keepAliveTimeoutMs,
      connectionsCheckingInterval: 1000,
      // A study may take hours to be uploaded; silence within the body is what is bounded.
      requestTimeout: 0,
    },
    listener,
  );
  server.maxConnections = options.maxConnections;
  // Node answers 417 by itself to an Expect header that some clients send empty.
  server.on('checkExpectation', listener);
  // It would tell a client to send its body before anybody has looked whether it is wanted.
  server.on('checkContinue', listener);
  server.on('clientError', (_error, socket) => {
    // A body that is on its way must not end in another status line; and a socket that is only ended stays half open
    // for as long as the client likes.
    const { _httpMessage: answering } = socket as Duplex & { _httpMessage?: ServerResponse | null };
    if (answering?.headersSent) answering.socket?.resetAndDestroy();
    else if (!socket.writable) socket.destroy();
    else socket.end(BAD_REQUEST, () => socket.destroy());
  });
  return server;
}

/** Listens for HTTP. @throws GatewayError `internal` when the address cannot be used */
export async function listen(listener: RequestListener, options: ServerOptions): Promise<ListeningServer> {
  const connections = new ServerConnections();
  const server = configure((request, response) => {
    connections.answering(response);
    listener(request, response);
  }, options);
  server.on('connection', (socket) => {
    connections.add(socket);
  });
  // What Node does when the server closes cuts off answers that are ended and not yet sent.
  server.closeIdleConnections = () => {
    connections.endWithAnswers();
  };
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const where = `${options.host}:${options.port}`;
      reject(new GatewayError('internal', `Cannot listen for HTTP on ${where}.`, { cause: error }));
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
    origin: `http://${host}:${port}`,
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
