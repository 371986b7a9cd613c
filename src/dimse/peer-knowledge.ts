import type { Clock, Observe } from '../core/index.js';
import type { FactName, FixedFacts, Learnable, PeerFacts } from './peer-facts.js';

interface Held {
  readonly value: Learnable[FactName];
  /** By the clock. */
  readonly expires: number;
}

export interface KnowledgeOptions {
  readonly peer: string;
  readonly clock: Clock;
  readonly observe: Observe;
  /** What was written down before. */
  readonly known?: PeerFacts | undefined;
  /** What is configured, and so not learnt. */
  readonly fixed?: FixedFacts | undefined;
  /** Nothing that was written down is believed for longer, in milliseconds; no limit when left out. */
  readonly mostMs?: number;
}

/** Told of what is believed anew, or for notably longer. */
type Listener = () => void;

/** The share of its life that a fact gains before it is worth to be written down again. */
const NOTABLE = 0.1;
/** What is taken for granted until something else is learnt: learning just that is no news. */
const assumed: FixedFacts = {
  extendedNegotiation: true,
  root: 'study',
  retrieveRoot: 'study',
  relational: false,
  dateTime: false,
  fuzzy: false,
  timezone: false,
  emptyValue: false,
  multipleValue: false,
  relationalRetrieve: false,
};

/** What was learnt of one peer. Every fact expires, for peers are configured anew, and then it is found out again. */
export class PeerKnowledge {
  readonly #options: KnowledgeOptions;
  /** Bounded by the names. */
  readonly #held = new Map<FactName, Held>();
  #listener: Listener = () => undefined;

  constructor(options: KnowledgeOptions) {
    this.#options = options;
    this.believe(options.known ?? {});
  }

  /** What is configured, else what is believed; undefined when it was never learnt, or that is too long ago. */
  get<N extends FactName>(name: N): Learnable[N] | undefined {
    const fixed = this.fixed(name);
    if (fixed !== undefined) return fixed;
    const held = this.#held.get(name);
    if (!held || held.expires <= this.#options.clock.now()) return undefined;
    return held.value as Learnable[N];
  }

  /** What is configured, if it is. */
  fixed<N extends FactName>(name: N): Learnable[N] | undefined {
    return this.#options.fixed?.[name];
  }

  /** Believes `value` for `lifeMs` milliseconds from now; what is configured stays as it is. */
  learn<N extends FactName>(name: N, value: Learnable[N], lifeMs: number): void {
    if (this.fixed(name) !== undefined) return;
    const { clock, observe, peer } = this.#options;
    const before = this.#held.get(name);
    const expires = clock.now() + lifeMs;
    const isNew = String(this.get(name) ?? assumed[name]) !== String(value);
    const isNotable =
      isNew ||
      before === undefined ||
      expires - before.expires > NOTABLE * lifeMs ||
      expires < before.expires;
    this.#held.set(name, { value, expires });
    if (isNew) observe({ kind: 'learnt', peer, fact: name, value: String(value), forMs: lifeMs });
    if (isNotable) this.#listener();
  }

  /** It turned out to be wrong. */
  forget(name: FactName): void {
    if (this.#held.delete(name)) this.#listener();
  }

  /** Takes over what another process wrote down, where it holds for longer than what is believed here. */
  believe(facts: PeerFacts): void {
    const { clock, mostMs = Number.POSITIVE_INFINITY } = this.#options;
    for (const [name, { value, expires }] of Object.entries(facts)) {
      const until = clock.now() + Math.min(Date.parse(expires) - Date.now(), mostMs);
      const held = this.#held.get(name as FactName);
      if (!held || held.expires < until) this.#held.set(name as FactName, { value, expires: until });
    }
  }

  /** Takes over what was found out beside it in this process: it is written down like what it learns itself. */
  adopt(facts: PeerFacts): void {
    this.believe(facts);
    this.#listener();
  }

  /** Calls `listener` from now on when there is something to be written down; there is one listener. */
  onChange(listener: Listener): void {
    this.#listener = listener;
  }

  /** What is believed now, without what is configured. */
  get facts(): PeerFacts {
    const now = this.#options.clock.now();
    const entries = [...this.#held].flatMap(([name, { value, expires }]) =>
      expires > now ? [[name, { value, expires: new Date(Date.now() + expires - now).toISOString() }]] : [],
    );
    return Object.fromEntries(entries) as PeerFacts;
  }
}
