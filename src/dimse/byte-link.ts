import net from 'node:net';
import { abortReason, GatewayError } from '../core/index.js';

/** Takes bytes, valid during the call, or until the socket is resumed; false pauses the socket. */
export type ByteReceiver = (chunk: Buffer) => boolean;

/** A TCP connection whose bytes go to one receiver. `socket.resume()` ends a pause. */
export interface ByteLink {
  readonly socket: net.Socket;
  /** Starts reading. Call it before the event loop turns after the connection was made. */
  receive(receiver: ByteReceiver): void;
}

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  /** 0 = as long as the operating system tries. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** One buffer a connection: with it reading costs a third of what 'data' events do. */
const READ_BUFFER_LENGTH = 256 * 1024;

/**
 * Connects without Nagle's delay, reading into one buffer that is used again and again.
 * @throws GatewayError `peer-unreachable`, or the signal's reason
 */
export function connectLink(options: ConnectOptions): Promise<ByteLink> {
  const { host, port, timeoutMs, signal } = options;
  if (signal.aborted) return Promise.reject(abortReason(signal));
  let receiver: ByteReceiver | undefined;
  const socket = net.connect({
    host,
    port,
    noDelay: true,
    keepAlive: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(READ_BUFFER_LENGTH),
      callback: (length, bytes) => receiver?.(Buffer.from(bytes.buffer, bytes.byteOffset, length)) ?? true,
    },
  });
  const link: ByteLink = {
    socket,
    receive: (next) => {
      receiver = next;
    },
  };
  return new Promise((resolve, reject) => {
    const settle = (error: GatewayError | undefined): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off('connect', onConnect).off('error', onError);
      if (error === undefined) {
        resolve(link);
        return;
      }
      socket.on('error', () => undefined).destroy();
      reject(error);
    };
    const onConnect = (): void => {
      settle(undefined);
    };
    const onError = (cause: Error): void => {
      settle(new GatewayError('peer-unreachable', 'The peer could not be reached.', { cause }));
    };
    const onAbort = (): void => {
      settle(abortReason(signal));
    };
    const timer =
      timeoutMs > 0
        ? setTimeout(() => {
            settle(new GatewayError('peer-unreachable', 'The peer did not take the connection in time.'));
          }, timeoutMs)
        : undefined;
    socket.on('connect', onConnect).on('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** The link of a connection that a server accepted. */
export function acceptedLink(socket: net.Socket): ByteLink {
  socket.setNoDelay(true);
  return {
    socket,
    receive: (receiver) => {
      socket.on('data', (chunk: Buffer) => {
        if (!receiver(chunk)) socket.pause();
      });
    },
  };
}
