import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { AeAddress } from '../core/index.js';
import { DemoArchive } from './archive.js';
import type { DemoNegotiation } from './extended-negotiation.js';
import { DemoScp } from './scp.js';
import { demoStudies, type DemoInstance } from './studies.js';

/** What an embedded PACS is started with. */
export interface DemoPacsOptions {
  /** `DEMOPACS` if left out. */
  readonly aeTitle?: string;
  /** Port on 127.0.0.1 where every C-MOVE destination is; 0 or left out: no destination is known. */
  readonly movePort?: number;
  /** What it holds; the generated studies if left out. */
  readonly instances?: readonly DemoInstance[];
  /** Most bytes of datasets in memory; 256 MiB if left out. C-STORE beyond it is answered A700H. */
  readonly maxBytes?: number;
  /** What it does with associations that propose extended negotiation; `ignore` if left out, as most archives do. */
  readonly negotiation?: DemoNegotiation;
}

/** A PACS inside this process. */
export interface DemoPacs {
  readonly address: AeAddress;
  /** An instance of it, to show in examples. */
  readonly sample: DemoInstance;
  /** Ends all associations. */
  readonly close: () => Promise<void>;
}

const DEFAULT_MAX_BYTES = 256 * 2 ** 20;
const HOST = '127.0.0.1';

/**
 * Starts a PACS that speaks real DIMSE on a free port of 127.0.0.1: C-ECHO, C-FIND, C-GET, C-MOVE and C-STORE.
 *
 * @throws RangeError when there are no instances, or more than `maxBytes` of them
 */
export async function createDemoPacs(options: DemoPacsOptions = {}): Promise<DemoPacs> {
  const {
    aeTitle = 'DEMOPACS',
    movePort = 0,
    instances = demoStudies(),
    maxBytes = DEFAULT_MAX_BYTES,
    negotiation = 'ignore',
  } = options;
  const archive = new DemoArchive(maxBytes);
  for (const instance of instances) {
    const result = await archive.add(instance);
    if (result !== 'stored') throw new RangeError(`An instance of the demo PACS is ${result}.`);
  }
  const [sample] = instances;
  if (!sample) throw new RangeError('A demo PACS needs instances.');
  const moveDestination = (): { host: string; port: number } | undefined =>
    movePort === 0 ? undefined : { host: HOST, port: movePort };
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    new DemoScp(socket, { archive, aeTitle, moveDestination, negotiation });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, HOST, resolve);
  });
  // Not a pipe: it listens on a port.
  const { port } = server.address() as AddressInfo;
  return {
    address: { aeTitle, host: HOST, port },
    sample,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}
