import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { resetConnection } from './reset-connection.js';

/**
 * The connections of a listener and their answers, so that none that only waits for another request holds up the end.
 *
 * Node's `closeIdleConnections` would cut off answers that have been ended and are not yet sent, and keep connections on
 * which nobody has asked anything.
 */
export class ServerConnections {
  readonly #answers = new Map<Socket, Set<ServerResponse>>();
  #closing = false;

  add(socket: Socket): void {
    this.#answers.set(socket, new Set());
    // Each request that waits for its turn listens for the end, which is no leak: `maxPipelined` bounds them.
    socket.setMaxListeners(0);
    socket.once('close', () => this.#answers.delete(socket));
  }

  /** From now on another one stands for it: it is encrypted. */
  remove(socket: Socket): void {
    this.#answers.delete(socket);
  }

  /** Requests on a connection that wait for their answers. */
  unanswered(socket: Socket): number {
    return this.#answers.get(socket)?.size ?? 0;
  }

  /** `response` will be given on its request's connection. */
  answering(response: ServerResponse): void {
    const { socket } = response.req;
    const answers = this.#answers.get(socket);
    answers?.add(response);
    if (this.#closing) announceEnd(response);
    response.once('close', () => {
      answers?.delete(response);
      if (this.#closing && answers?.size === 0) socket.destroySoon();
    });
  }

  /** Each connection ends with its last answer, which says so where it has not begun; at once where there is none. */
  endWithAnswers(): void {
    this.#closing = true;
    for (const [socket, answers] of this.#answers) {
      const last = [...answers].at(-1);
      if (last) announceEnd(last);
      else socket.destroySoon();
    }
  }

  /** Not Node's `closeAllConnections`: its FIN makes a broken body look whole behind a proxy that talks HTTP/1.0 to us. */
  reset(): void {
    for (const socket of this.#answers.keys()) resetConnection(socket);
  }
}

function announceEnd(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close');
}
