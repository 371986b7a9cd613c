import { once } from 'node:events';
import net from 'node:net';
import { formatAeAddress, GatewayError, systemClock, type Clock, type Observe } from '../core/index.js';
import { InboundAssociation, type InboundHost } from './storage-scp-association.js';
import type { InboundEvents } from './storage-scp-events.js';
import { MoveExpectations, type ExpectedMove, type MoveExpectation } from './storage-scp-expectations.js';

/** Where peers send the instances of a C-MOVE. Milliseconds and bytes. */
export interface StorageScpOptions {
  readonly aeTitle: string;
  /** Port 0 = any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** What peers must be told where it differs from `listen`; used in texts alone. */
  readonly advertise?: { readonly host: string; readonly port: number };
  /** Only these may open an association; default: any, for a peer often sends under another AE title than it answers. */
  readonly callingAeTitles?: readonly string[];
  /** Longest P-DATA-TF that peers may send; default 256 KiB. */
  readonly maxPduLength?: number;
  /** Most associations at once, and as many connections that have not asked for one yet; default 64. */
  readonly maxAssociations?: number;
  /** How long after the last C-MOVE an association may still be opened; default 30 s. */
  readonly graceMs?: number;
  /** From the connection to the A-ASSOCIATE-RQ; default 10 s. */
  readonly associationMs?: number;
  /** Silence between messages while no C-MOVE is pending; default 60 s. */
  readonly idleMs?: number;
  /** Who takes reports of storage commitment; nobody when left out. */
  readonly events?: InboundEvents | undefined;
  /** Silence within a message, and how long one of several receivers may hold up the others; default 60 s. */
  readonly stallMs?: number;
}

/** The gateway's own storage SCP: the destination of its C-MOVEs, and of reports of storage commitment. @see PS3.4 annexes B, J */
export interface StorageScp {
  readonly aeTitle: string;
  readonly listening: { readonly host: string; readonly port: number };
  /** What to enter at the peer: `AE@host:port`. */
  readonly advertised: string;
  readonly stats: { readonly associations: number; readonly pendingMoves: number };
  /** For C-MOVE: takes its sub-operations until the returned move is ended. @throws GatewayError `shutting-down`, `overloaded` */
  expect(expectation: MoveExpectation): ExpectedMove;
  /** Takes no more connections, lets what runs finish within `graceMs`, then aborts the rest. */
  close(graceMs: number): Promise<void>;
}

const DEFAULTS = {
  maxPduLength: 256 * 1024,
  maxAssociations: 64,
  graceMs: 30_000,
  associationMs: 10_000,
  idleMs: 60_000,
  stallMs: 60_000,
};

/**
 * Starts to listen. Until a C-MOVE is pending only C-ECHO is answered, and what peers report of storage commitment.
 * @throws GatewayError `internal` when the address cannot be listened on
 */
export async function createStorageScp(
  options: StorageScpOptions,
  deps: { readonly observe: Observe; readonly clock?: Clock },
): Promise<StorageScp> {
  const scp = new Server(options, deps.observe, deps.clock ?? systemClock);
  await scp.listen();
  return scp;
}

class Server implements StorageScp {
  readonly aeTitle: string;
  readonly #options: StorageScpOptions & typeof DEFAULTS;
  readonly #clock: Clock;
  readonly #host: InboundHost;
  readonly #server: net.Server;
  readonly #moves = new MoveExpectations();
  /** At most twice `maxAssociations`: those that are open, and those that have not asked yet. */
  readonly #associations = new Set<InboundAssociation>();
  #lastMoveAt = Number.NEGATIVE_INFINITY;
  #isClosing = false;
  #onIdle: () => void = () => undefined;
  #listening = { host: '', port: 0 };

  constructor(options: StorageScpOptions, observe: Observe, clock: Clock) {
    this.aeTitle = options.aeTitle;
    this.#options = { ...DEFAULTS, ...options };
    this.#clock = clock;
    const { maxPduLength, associationMs, idleMs, stallMs } = this.#options;
    this.#host = {
      aeTitle: options.aeTitle,
      callingAeTitles: options.callingAeTitles,
      maxPduLength,
      timeouts: { associationMs, idleMs, stallMs },
      moves: this.#moves,
      events: options.events,
      welcomesInstances: () => this.#welcomesInstances(),
      refuses: () => this.#refuses(),
      onReceived: () => {
        this.#tellIdle();
      },
      onClosed: (association) => {
        this.#associations.delete(association);
        this.#tellIdle();
      },
      observe,
      clock,
    };
    this.#server = net.createServer({ keepAlive: true, noDelay: true }, (socket) => {
      this.#connected(socket);
    });
  }

  get listening(): StorageScp['listening'] {
    return this.#listening;
  }

  get advertised(): string {
    return formatAeAddress({ aeTitle: this.aeTitle, ...(this.#options.advertise ?? this.#listening) });
  }

  get stats(): StorageScp['stats'] {
    return { associations: this.#open().length, pendingMoves: this.#moves.size };
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options.listen;
    try {
      this.#server.listen({ host, port });
      await once(this.#server, 'listening');
    } catch (cause) {
      throw new GatewayError('internal', `The storage SCP cannot listen on ${host}:${port}.`, { cause });
    }
    // A failed accept (out of file descriptors) costs that connection only.
    this.#server.on('error', () => undefined);
    const address = this.#server.address();
    this.#listening = { host, port: typeof address === 'object' && address ? address.port : port };
  }

  expect(expectation: MoveExpectation): ExpectedMove {
    if (this.#isClosing) throw new GatewayError('shutting-down', 'The gateway is shutting down.');
    return this.#moves.add(expectation, () => {
      this.#lastMoveAt = this.#clock.now();
      this.#tellIdle();
    });
  }

  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    const closed = this.#server.listening ? once(this.#server, 'close') : Promise.resolve();
    this.#server.close();
    await this.#idleWithin(graceMs);
    const error = new GatewayError('shutting-down', 'The gateway is shutting down.');
    this.#moves.endAll(error);
    for (const association of [...this.#associations]) association.abort(error);
    await closed;
  }

  #connected(socket: net.Socket): void {
    const association = new InboundAssociation(socket, this.#host);
    this.#associations.add(association);
    const undecided = [...this.#associations].filter(({ isOpen }) => !isOpen);
    if (undecided.length <= this.#options.maxAssociations) return;
    // Who connects without asking for anything must not keep out who does: the oldest goes.
    undecided[0]?.abort(new GatewayError('overloaded', 'Too many connections without an association.'));
  }

  #open(): readonly InboundAssociation[] {
    return [...this.#associations].filter(({ isOpen }) => isOpen);
  }

  #welcomesInstances(): boolean {
    return this.#moves.size > 0 || this.#clock.now() - this.#lastMoveAt < this.#options.graceMs;
  }

  #refuses(): 'closing' | 'full' | undefined {
    if (this.#isClosing && this.#moves.size === 0) return 'closing';
    return this.#open().length >= this.#options.maxAssociations ? 'full' : undefined;
  }

  /** Resolves when no move is pending and no instance on its way in, or when the time is over. */
  #idleWithin(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(graceMs, resolve);
      this.#onIdle = () => {
        cancel();
        resolve();
      };
      this.#tellIdle();
    });
  }

  #tellIdle(): void {
    const isBusy = this.#moves.size > 0 || [...this.#associations].some(({ isReceiving }) => isReceiving);
    if (!isBusy) this.#onIdle();
  }
}
