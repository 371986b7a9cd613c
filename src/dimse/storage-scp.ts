import type { Socket } from 'node:net';
import { formatAeAddress, GatewayError, systemClock, type Clock, type Observe } from '../core/index.js';
import { InboundAssociation } from './storage-scp-association.js';
import type { InboundCaller, InboundHost } from './storage-scp-host.js';
import type { InboundEvents } from './storage-scp-events.js';
import { Callers, type KnownCaller } from './storage-scp-callers.js';
import { Doorway, type ServerTlsOptions } from './storage-scp-doorway.js';
import { MoveExpectations, type ExpectedMove, type MoveExpectation } from './storage-scp-expectations.js';
import type { Refusal } from './storage-scp-rejections.js';
import type { IdentityJudge } from './user-identity.js';

/** Where peers send the instances of a C-MOVE. Milliseconds and bytes. */
export interface StorageScpOptions {
  readonly aeTitle: string;
  /** Port 0 = any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** What peers must be told where it differs from `listen`; used in texts alone. */
  readonly advertise?: { readonly host: string; readonly port: number };
  /** TLS alone, if there is any; else plain alone. @see PS3.15 B.12 */
  readonly tls?: ServerTlsOptions | undefined;
  /** The configured peers as callers; nobody is known when left out. */
  readonly callers?: readonly KnownCaller[];
  /** Whether others may open an association too; default: `any`, for a peer often sends under another AE title than it answers. */
  readonly admits?: 'any' | 'known';
  /** Who may open an association; nobody is asked when left out. @see PS3.7 D.3.3.7 */
  readonly identities?: IdentityJudge | undefined;
  /** Longest P-DATA-TF that peers may send; default 256 KiB. */
  readonly maxPduLength?: number;
  /** Most associations at once; default 64. */
  readonly maxAssociations?: number;
  /** Most connections that have not asked for an association yet, of which the oldest gives way; default 64. */
  readonly maxUndecided?: number;
  /** Most of either from one address; default 64. */
  readonly maxPerAddress?: number;
  /** How long after the last C-MOVE an association may still be opened; default 30 s. */
  readonly graceMs?: number;
  /** From the connection to the A-ASSOCIATE-RQ; default 10 s. */
  readonly associationMs?: number;
  /** Silence between messages while no C-MOVE is pending; default 60 s. */
  readonly idleMs?: number;
  /** How long an association may last in all; default 24 h, 0 for ever. */
  readonly totalMs?: number;
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

const GAVE_WAY = 'gave way to a configured peer';

const DEFAULTS = {
  maxPduLength: 256 * 1024,
  admits: 'any' as const,
  maxAssociations: 64,
  maxUndecided: 64,
  maxPerAddress: 64,
  graceMs: 30_000,
  associationMs: 10_000,
  idleMs: 60_000,
  totalMs: 86_400_000,
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
  readonly #options: StorageScpOptions & Required<Pick<StorageScpOptions, keyof typeof DEFAULTS>>;
  readonly #clock: Clock;
  readonly #host: InboundHost;
  readonly #doorway: Doorway;
  readonly #moves: MoveExpectations;
  /** At most `maxAssociations` that are open, and `maxUndecided` that have not asked yet. */
  readonly #associations = new Set<InboundAssociation>();
  #lastMoveAt = Number.NEGATIVE_INFINITY;
  #isClosing = false;
  #onIdle: () => void = () => undefined;
  #listening = { host: '', port: 0 };

  constructor(options: StorageScpOptions, observe: Observe, clock: Clock) {
    this.aeTitle = options.aeTitle;
    this.#options = { ...DEFAULTS, ...options };
    this.#clock = clock;
    const { maxPduLength, associationMs, idleMs, totalMs, stallMs, callers = [], admits } = this.#options;
    const known = new Callers(callers, admits);
    this.#moves = new MoveExpectations({
      peersOf: (aeTitle) => known.peersOf(aeTitle),
      areStrict: admits === 'known',
    });
    this.#host = {
      aeTitle: options.aeTitle,
      callers: known,
      identities: options.identities,
      maxPduLength,
      timeouts: { associationMs, idleMs, totalMs, stallMs },
      moves: this.#moves,
      events: options.events,
      welcomesInstances: () => this.#welcomesInstances(),
      refuses: (caller) => this.#refuses(caller),
      makeRoom: (caller) => {
        this.#makeRoom(caller);
      },
      onReceived: () => {
        this.#tellIdle();
      },
      observe,
      clock,
    };
    this.#doorway = this.#createDoorway(observe);
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
    this.#listening = await this.#doorway.listen();
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
    const closed = this.#doorway.close();
    await this.#idleWithin(graceMs);
    const error = new GatewayError('shutting-down', 'The gateway is shutting down.');
    this.#moves.endAll(error);
    for (const association of [...this.#associations]) association.abort(error);
    await closed();
  }

  #createDoorway(observe: Observe): Doorway {
    const { listen, tls, maxUndecided, maxPerAddress, associationMs } = this.#options;
    return new Doorway({
      listen,
      tls,
      maxUndecided,
      maxPerAddress,
      handshakeMs: associationMs,
      clock: this.#clock,
      onGuest: (socket) => this.#connected(socket),
      onRefused: (reason, remote) => {
        observe({ kind: 'inbound-refused', reason, remote });
      },
    });
  }

  #connected(socket: Socket): InboundAssociation {
    const association = new InboundAssociation(socket, this.#host, () => {
      this.#associations.delete(association);
      this.#tellIdle();
    });
    this.#associations.add(association);
    return association;
  }

  #open(): readonly InboundAssociation[] {
    return [...this.#associations].filter(({ isOpen }) => isOpen);
  }

  #welcomesInstances(): boolean {
    return this.#moves.size > 0 || this.#clock.now() - this.#lastMoveAt < this.#options.graceMs;
  }

  #refuses(caller: InboundCaller): Refusal | undefined {
    if (this.#isClosing && this.#moves.size === 0) return 'closing';
    const limit = this.#limitAt(caller);
    return limit && !this.#whoGivesWay(limit, caller) ? limit : undefined;
  }

  /** The limit that one more association from there would break. */
  #limitAt({ remote }: InboundCaller): 'full' | 'crowded' | undefined {
    const open = this.#open();
    if (open.length >= this.#options.maxAssociations) return 'full';
    const neighbours = open.filter((association) => association.remote === remote);
    return neighbours.length >= this.#options.maxPerAddress ? 'crowded' : undefined;
  }

  /**
   * Whoever reaches the port may open an association and keep it. To one that is asked for by a peer the oldest of those
   * gives way that no peer has opened, and that brings nothing that is waited for.
   */
  #whoGivesWay(
    limit: 'full' | 'crowded',
    { remote, isKnown }: InboundCaller,
  ): InboundAssociation | undefined {
    if (!isKnown) return undefined;
    const candidates = this.#open().filter((one) => limit === 'full' || one.remote === remote);
    return candidates.find(({ isKnown: isPeers, isBringing }) => !isPeers && !isBringing);
  }

  #makeRoom(caller: InboundCaller): void {
    const limit = this.#limitAt(caller);
    const oldest = limit && this.#whoGivesWay(limit, caller);
    oldest?.abort(new GatewayError('overloaded', 'The association gave way to that of a configured peer.'));
    if (oldest) this.#host.observe({ kind: 'inbound-refused', reason: GAVE_WAY, remote: oldest.remote });
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
