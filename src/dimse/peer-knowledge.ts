import type { Clock, Observe } from '../core/index.js';
import type { ContextOrder } from './context-sets.js';

/** What may be learnt of a peer by asking it, beyond what is configured. */
interface Learnable {
  /** Most associations that it takes from us at once: it refused more. */
  readonly associations: number;
  /** C-GET is refused, and C-MOVE works. */
  readonly getRefused: true;
  /** Most SOP Instance UIDs of one retrieve that it heeds; 1 = it knows no lists. */
  readonly uidList: number;
  /** The order of presentation contexts in which a C-GET brings what is stored. */
  readonly contextOrder: ContextOrder;
  /** Transfer syntaxes that it accepts for no SOP class in a C-GET, those that archives use most first. */
  readonly refusedTransferSyntaxes: readonly string[];
  /** Whether it says that searches may leave out the unique keys above their level. @see PS3.4 C.5.1.1.1 */
  readonly relational: boolean;
  /** Combined matching of dates and times, which it accepted, finds what asking by the days and filtering finds. */
  readonly dateTimeProved: boolean;
  /** A range of times also finds what has no time. */
  readonly findsEmptyTimes: boolean;
}

type FactName = keyof Learnable;

/** Something learnt, and until when it is believed. */
export interface Fact<T> {
  readonly value: T;
  /** Time of the calendar, as ISO 8601 has it: it means the same to the next process. */
  readonly expires: string;
}

/** All that is believed of a peer, as a plain record that can be written down. */
export type PeerFacts = { readonly [N in FactName]?: Fact<Learnable[N]> };

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
}

/** What was learnt of one peer. Every fact expires, for peers are configured anew, and then it is found out again. */
export class PeerKnowledge {
  readonly #options: KnowledgeOptions;
  /** Bounded by the names. */
  readonly #held = new Map<FactName, Held>();

  constructor(options: KnowledgeOptions) {
    this.#options = options;
    for (const [name, { value, expires }] of Object.entries(options.known ?? {})) {
      const leftMs = Date.parse(expires) - Date.now();
      this.#held.set(name as FactName, { value, expires: options.clock.now() + leftMs });
    }
  }

  /** Undefined when it was never learnt, or that is too long ago. */
  get<N extends FactName>(name: N): Learnable[N] | undefined {
    const held = this.#held.get(name);
    if (!held || held.expires <= this.#options.clock.now()) return undefined;
    return held.value as Learnable[N];
  }

  /** Believes `value` for `lifeMs` milliseconds from now. */
  learn<N extends FactName>(name: N, value: Learnable[N], lifeMs: number): void {
    const { clock, observe, peer } = this.#options;
    const isNew = String(this.get(name)) !== String(value);
    this.#held.set(name, { value, expires: clock.now() + lifeMs });
    if (isNew) observe({ kind: 'learnt', peer, fact: name, value: String(value), forMs: lifeMs });
  }

  /** It turned out to be wrong. */
  forget(name: FactName): void {
    this.#held.delete(name);
  }

  /** What is believed now. */
  get facts(): PeerFacts {
    const now = this.#options.clock.now();
    const entries = [...this.#held].flatMap(([name, { value, expires }]) =>
      expires > now ? [[name, { value, expires: new Date(Date.now() + expires - now).toISOString() }]] : [],
    );
    return Object.fromEntries(entries) as PeerFacts;
  }
}
