import { once } from 'node:events';
import net from 'node:net';

/** A TCP line to a port of the loopback that can be cut, as when the host behind it is killed, and mended. */
export interface Line {
  readonly port: number;
  /** Resets every connection; until `mend` there is nobody behind the port. */
  cut(): void;
  mend(): Promise<void>;
  close(): Promise<void>;
}

/** Lays a line to `to`; it is whole at first. */
export async function startLine(to: number): Promise<Line> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ noDelay: true }, (near) => {
    const far = net.connect({ host: '127.0.0.1', port: to, noDelay: true });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const { port } = server.address() as net.AddressInfo;
  const cut = (): void => {
    server.close();
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port,
    cut,
    mend: () => listen(port),
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      cut();
      await closed;
    },
  };
}
