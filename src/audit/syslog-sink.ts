import { readFile } from 'node:fs/promises';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '../core/index.js';
import { auditMessage, type AuditSource } from './message.js';
import type { Numbered, Sink } from './sender.js';
import { syslogFrame } from './syslog-frame.js';

/** The receiver of syslog messages. */
export interface SyslogOptions {
  readonly host: string;
  readonly port: number;
  /** Files in PEM, read anew for each connection; undefined for bare TCP. */
  readonly tls?: {
    readonly serverName?: string | undefined;
    readonly ca?: string | undefined;
    readonly certificate?: string | undefined;
    readonly key?: string | undefined;
  };
  readonly source: AuditSource;
  readonly clock: Clock;
}

const CONNECT_MS = 10_000;
/** A receiver that takes nothing for so long is given up, and asked anew. */
const WRITE_MS = 30_000;
/**
 * Syslog has no acknowledgement: what was handed to a connection counts as arrived once that is still there after so long.
 * One whose receiver has gone is reset by the first message on it.
 */
const SETTLE_MS = 250;

class Broken extends Error {
  readonly code: string;

  constructor(code: string) {
    super(`the connection to the syslog server ended: ${code}`);
    this.code = code;
  }
}

/** Audit messages over TLS, or TCP to a relay on the same machine. @see RFC 5425, RFC 6587, PS3.15 A.6.1 */
export class SyslogSink implements Sink {
  readonly name = 'syslog';
  readonly #options: SyslogOptions;
  #socket: Socket | undefined;
  #failure: Error | undefined;
  #onFailure: (error: Error) => void = () => undefined;
  #closed = false;

  constructor(options: SyslogOptions) {
    this.#options = options;
  }

  async send(records: readonly Numbered[]): Promise<void> {
    if (records.length === 0) return;
    const socket = await this.#connected();
    const { source } = this.#options;
    const { hostName, processId } = source;
    const frames = records.map(({ number, record }) => {
      const head = { time: record.time, outcome: record.outcome, hostName, processId, number };
      return syslogFrame(head, auditMessage(record, source));
    });
    await this.#within(WRITE_MS, (resolve) => {
      socket.write(Buffer.concat(frames), () => {
        resolve();
      });
    });
    await this.#settled();
  }

  close(): Promise<void> {
    this.#closed = true;
    const socket = this.#socket;
    this.#onFailure(new Broken('closed'));
    if (!socket || socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(1000, () => socket.destroy());
      socket.once('close', () => {
        cancel();
        resolve();
      });
      socket.end();
    });
  }

  async #connected(): Promise<Socket> {
    if (this.#socket && this.#failure === undefined) return this.#socket;
    this.#socket?.destroy();
    this.#failure = undefined;
    const { host, port, tls } = this.#options;
    const material = tls && (await readMaterial(tls));
    if (this.#closed) throw new Broken('closed');
    const socket = material
      ? connectTls({
          host,
          port,
          servername: serverNameOf(this.#options),
          minVersion: 'TLSv1.2',
          ...material,
        })
      : connectTcp({ host, port });
    this.#socket = socket;
    socket.setKeepAlive(true, 30_000);
    this.#watch(socket);
    await this.#within(CONNECT_MS, (resolve) => {
      socket.once(material ? 'secureConnect' : 'connect', resolve);
    });
    return socket;
  }

  /** Whatever ends the connection ends what waits on it. A receiver has nothing to say: what it sends is let go. */
  #watch(socket: Socket): void {
    const fail = (error: Error): void => {
      if (this.#socket !== socket || this.#failure) return;
      this.#failure = error;
      socket.destroy();
      this.#onFailure(error);
    };
    socket.on('error', fail);
    socket.on('end', () => {
      fail(new Broken('ECONNRESET'));
    });
    socket.on('close', () => {
      fail(new Broken('ECONNRESET'));
    });
    socket.resume();
  }

  async #settled(): Promise<void> {
    let cancel: () => void = () => undefined;
    try {
      await this.#unlessFailed((resolve) => {
        cancel = this.#options.clock.after(SETTLE_MS, resolve);
      });
    } finally {
      cancel();
    }
  }

  async #within(ms: number, begin: (resolve: () => void) => void): Promise<void> {
    const cancel = this.#options.clock.after(ms, () => {
      const error = new Broken('ETIMEDOUT');
      this.#failure ??= error;
      this.#socket?.destroy();
      this.#onFailure(error);
    });
    try {
      await this.#unlessFailed(begin);
    } finally {
      cancel();
    }
  }

  #unlessFailed(begin: (resolve: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure) {
        reject(this.#failure);
        return;
      }
      this.#onFailure = reject;
      begin(resolve);
    });
  }
}

async function readMaterial({ ca, certificate, key }: NonNullable<SyslogOptions['tls']>): Promise<object> {
  const read = (path: string | undefined): Promise<Buffer | undefined> =>
    path === undefined ? Promise.resolve(undefined) : readFile(path);
  const [caPem, cert, keyPem] = await Promise.all([read(ca), read(certificate), read(key)]);
  return { ...(caPem && { ca: caPem }), ...(cert && { cert }), ...(keyPem && { key: keyPem }) };
}

const serverNameOf = ({ host, tls }: SyslogOptions): string =>
  tls?.serverName ?? (/^[\d.]+$|:/.test(host) ? '' : host);
