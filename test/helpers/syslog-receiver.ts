/** A syslog server over TLS or TCP, with octet counting, that shares no code with `src/`. */
import net from 'node:net';
import tls from 'node:tls';
import { PATIENCE_MS } from './patience.js';
import type { Certificate } from './x509.js';

/** A message taken apart. @see RFC 5424 6 */
export interface SyslogMessage {
  readonly priority: number;
  readonly time: string;
  readonly host: string;
  readonly app: string;
  readonly process: string;
  readonly id: string;
  readonly sequence: number;
  readonly text: string;
}

export interface SyslogReceiver {
  readonly port: number;
  readonly messages: readonly SyslogMessage[];
  /** Waits until `holds`; rejects after a long time. */
  until(holds: (messages: readonly SyslogMessage[]) => boolean): Promise<readonly SyslogMessage[]>;
  /** Ends connections without a word and takes no new ones. */
  close(): Promise<void>;
}

export interface ReceiverOptions {
  readonly port?: number;
  /** Without it the receiver speaks bare TCP. */
  readonly tls?: Certificate & { readonly clientCa?: string };
  /** Bytes after which a connection is reset, in the middle of whatever is under way. */
  readonly resetAfter?: number;
}

const HEAD = /^<(\d{1,3})>1 (\S+) (\S+) (\S+) (\S+) (\S+) \[meta sequenceId="(\d+)"\] ([\s\S]*)$/;

function parseMessage(bytes: Buffer): SyslogMessage {
  const [, priority, time = '', host = '', app = '', process = '', id = '', sequence, text = ''] =
    HEAD.exec(bytes.toString('utf8')) ?? [];
  if (priority === undefined) throw new Error(`no RFC 5424 message: ${bytes.toString('utf8', 0, 200)}`);
  return { priority: Number(priority), time, host, app, process, id, sequence: Number(sequence), text };
}

export async function startSyslogReceiver(options: ReceiverOptions = {}): Promise<SyslogReceiver> {
  const messages: SyslogMessage[] = [];
  const sockets = new Set<net.Socket>();
  const waiting = new Set<() => void>();
  const take = (socket: net.Socket): void => {
    let buffer = Buffer.alloc(0);
    let total = 0;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      total += chunk.length;
      buffer = Buffer.concat([buffer, chunk]);
      for (;;) {
        const blank = buffer.indexOf(0x20);
        const length = Number(buffer.toString('latin1', 0, Math.max(blank, 0)));
        if (blank < 0 || buffer.length < blank + 1 + length) break;
        if (!(length > 0)) throw new Error('a frame without its length');
        messages.push(parseMessage(buffer.subarray(blank + 1, blank + 1 + length)));
        buffer = buffer.subarray(blank + 1 + length);
      }
      for (const look of waiting) look();
      if (options.resetAfter !== undefined && total >= options.resetAfter) socket.destroy();
    });
  };
  const server = options.tls
    ? tls.createServer(
        {
          cert: options.tls.cert,
          key: options.tls.key,
          ...(options.tls.clientCa !== undefined && {
            ca: options.tls.clientCa,
            requestCert: true,
            rejectUnauthorized: true,
          }),
        },
        take,
      )
    : net.createServer(take);
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  return {
    port,
    messages,
    until: (holds) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`only ${messages.length} messages came`));
        }, PATIENCE_MS);
        const look = (): void => {
          if (!holds(messages)) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve(messages);
        };
        waiting.add(look);
        look();
      }),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => {
          resolve();
        });
      }),
  };
}
