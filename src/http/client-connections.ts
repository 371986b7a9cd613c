import type { Socket } from 'node:net';
import { clientKey } from './client-key.js';

/** Counts the connections of each address; as many addresses at most as there are connections. */
export class ClientConnections {
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether it is one that its address may have; one that is not is closed. */
  add(socket: Socket): boolean {
    const client = clientKey(socket.remoteAddress);
    const count = this.#counts.get(client) ?? 0;
    if (count >= this.#most) {
      socket.destroy();
      return false;
    }
    this.#counts.set(client, count + 1);
    socket.once('close', () => {
      const left = (this.#counts.get(client) ?? 1) - 1;
      if (left > 0) this.#counts.set(client, left);
      else this.#counts.delete(client);
    });
    return true;
  }
}
