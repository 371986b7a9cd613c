import net from 'node:net';
import tls, { TLSSocket } from 'node:tls';
import { abortReason, GatewayError } from '../core/index.js';
import { tlsFailure } from '../tls/index.js';
import { securityOf, type LinkSecurity, type TlsClient } from './secure-link.js';

/** Takes bytes, valid during the call, or until the socket is resumed; false pauses the socket. */
export type ByteReceiver = (chunk: Buffer) => boolean;

/** A TCP connection, or TLS over one, whose bytes go to one receiver. `socket.resume()` ends a pause. */
export interface ByteLink {
  readonly socket: net.Socket;
  /** Missing without TLS. */
  readonly security?: LinkSecurity;
  /** Starts reading. Call it before the event loop turns after the connection was made. */
  receive(receiver: ByteReceiver): void;
}

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  /** 0 = as long as the operating system tries. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Plain without it; with it never. */
  readonly tls?: TlsClient | undefined;
}

/** One buffer a connection: with it reading costs a third of what 'data' events do. */
const READ_BUFFER_LENGTH = 256 * 1024;

/**
 * Connects without Nagle's delay, reading into one buffer that is used again and again.
 * @throws GatewayError `peer-unreachable`, or the signal's reason
 */
export function connectLink(options: ConnectOptions): Promise<ByteLink> {
  const { timeoutMs, signal } = options;
  if (signal.aborted) return Promise.reject(abortReason(signal));
  const reader = new Reader();
  const socket = connect(options, reader);
  const ready = socket instanceof TLSSocket ? 'secureConnect' : 'connect';
  let shakesHands = false;
  const onConnect = (): void => {
    shakesHands = socket instanceof TLSSocket;
  };
  return new Promise((resolve, reject) => {
    const settle = (error: GatewayError | undefined): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off('connect', onConnect).off(ready, onReady).off('error', onError);
      if (error === undefined) {
        resolve(linkOf(socket, reader));
        return;
      }
      socket.on('error', () => undefined).destroy();
      reject(error);
    };
    const onReady = (): void => {
      settle(undefined);
    };
    const onError = (cause: Error): void => {
      settle(new GatewayError('peer-unreachable', unreachableText(cause, shakesHands), { cause }));
    };
    const onAbort = (): void => {
      settle(abortReason(signal));
    };
    const timer =
      timeoutMs > 0
        ? setTimeout(() => {
            settle(new GatewayError('peer-unreachable', lateText(shakesHands)));
          }, timeoutMs)
        : undefined;
    socket.on('connect', onConnect).on(ready, onReady).on('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

class Reader {
  receiver: ByteReceiver | undefined;
  readonly onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BUFFER_LENGTH),
    callback: (length: number, bytes: Uint8Array): boolean =>
      this.receiver?.(Buffer.from(bytes.buffer, bytes.byteOffset, length)) ?? true,
  };
}

function connect({ host, port, tls: client }: ConnectOptions, { onread }: Reader): net.Socket {
  if (!client) return net.connect({ host, port, noDelay: true, keepAlive: true, onread });
  // A connection of TLS takes no such options when it is made. Its types do not know `onread`.
  const options: tls.ConnectionOptions & Pick<net.ConnectOpts, 'onread'> = {
    ...client.optionsFor(host),
    ...{ host, port, onread },
  };
  const socket = tls.connect(options);
  return socket.once('connect', () => socket.setNoDelay(true).setKeepAlive(true));
}

function linkOf(socket: net.Socket, reader: Reader): ByteLink {
  return {
    socket,
    ...(socket instanceof TLSSocket && { security: securityOf(socket) }),
    receive: (next) => {
      reader.receiver = next;
    },
  };
}

function unreachableText(cause: Error, shakesHands: boolean): string {
  const failure = tlsFailure(cause);
  if (failure !== undefined) return `The peer could not be reached by TLS: ${failure}.`;
  return shakesHands
    ? 'The peer broke off the TLS handshake: perhaps it speaks no TLS on this port, or does not take the certificate of the gateway.'
    : 'The peer could not be reached.';
}

function lateText(shakesHands: boolean): string {
  return shakesHands
    ? 'The peer did not answer the TLS handshake in time: perhaps it speaks no TLS on this port.'
    : 'The peer did not take the connection in time.';
}

/** The link of a connection that a server accepted; of one by TLS once its handshake is done. */
export function acceptedLink(socket: net.Socket): ByteLink {
  return {
    socket,
    ...(socket instanceof TLSSocket && { security: securityOf(socket) }),
    receive: (receiver) => {
      socket.on('data', (chunk: Buffer) => {
        if (!receiver(chunk)) socket.pause();
      });
    },
  };
}
