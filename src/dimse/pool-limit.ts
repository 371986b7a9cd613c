import type { Clock } from '../core/index.js';
import type { PeerOptions } from './contract.js';
import type { PeerKnowledge } from './peer-knowledge.js';

/**
 * How long it is believed at first that a peer takes no more associations: others may have had them for a moment, and
 * dcmqrscp counts those that are released until it comes to look.
 */
const FIRST_MS = 2_000;
/** How long it is believed that a peer is slow with one more. */
const SLOW_MS = 30_000;

export interface PoolLimitOptions {
  readonly peer: PeerOptions;
  readonly knowledge: PeerKnowledge;
  readonly clock: Clock;
  /** There may be more again. */
  readonly raised: () => void;
}

/** How many associations a peer takes at once: as many as are configured, or fewer when it has shown that. */
export class PoolLimit {
  readonly #options: PoolLimitOptions;
  #slow: number | undefined;
  #toldForMs = FIRST_MS;
  #lastTold = 0;
  #cancelSlow: () => void = () => undefined;
  #cancelTold: () => void = () => undefined;

  constructor(options: PoolLimitOptions) {
    this.#options = options;
  }

  /** How many it takes as far as it has said so: it refused more. */
  get told(): number {
    const { peer, knowledge } = this.#options;
    return Math.min(peer.associations, knowledge.get('associations') ?? peer.associations);
  }

  /** The same, or fewer, because it lets the next one wait while it is busy with these. */
  get usable(): number {
    return Math.min(this.told, this.#slow ?? Number.POSITIVE_INFINITY);
  }

  /** The peer answers no more than `limit` at once; believed for half a minute. */
  learnSlow(limit: number): void {
    this.#slow = limit;
    this.#cancelSlow();
    this.#cancelSlow = this.#options.clock.after(SLOW_MS, () => {
      this.#slow = undefined;
      this.#options.raised();
    });
  }

  /** The peer refused one more beside `limit` of them; believed for longer each time that it does so again. */
  learnTold(limit: number): void {
    const { peer, knowledge, clock, raised } = this.#options;
    const isConfirmed = knowledge.get('associations') === undefined && this.#lastTold > 0;
    if (isConfirmed) this.#toldForMs = Math.min(2 * this.#toldForMs, Math.max(FIRST_MS, peer.relearnMs));
    this.#lastTold = limit;
    knowledge.learn('associations', limit, this.#toldForMs);
    this.#cancelTold();
    this.#cancelTold = clock.after(this.#toldForMs, raised);
  }

  /** The peer has `count` associations with us. */
  reached(count: number): void {
    if (count <= this.#lastTold) return;
    this.#lastTold = 0;
    this.#toldForMs = FIRST_MS;
  }

  /** What was taken for a limit was none. */
  forget(): void {
    this.#lastTold = 0;
    this.#cancelTold();
    this.#options.knowledge.forget('associations');
  }

  close(): void {
    this.#cancelSlow();
    this.#cancelTold();
  }
}
