import type { Socket } from 'node:net';

/** The TCP connections beneath those that are encrypted. */
const beneath = new WeakMap<Socket, Socket>();

/** `encrypted` runs over `socket`. */
export function runsOver(encrypted: Socket, socket: Socket): void {
  beneath.set(encrypted, socket);
}

/**
 * Ends a connection so that nobody takes what was sent for whole: by a reset, which Node does to TCP alone; with TLS to what
 * is beneath, so that there is no notice that it is closed either.
 */
export function resetConnection(socket: Socket): void {
  const tcp = beneath.get(socket);
  if (tcp === undefined) {
    socket.resetAndDestroy();
    return;
  }
  tcp.resetAndDestroy();
  socket.destroy();
}
