import type { Clock } from '../core/index.js';
import { isPlain, storeContexts, type StorePair } from './context-sets.js';
import type { StoreCompletion } from './contract.js';
import type { ContextSet, NegotiatedContexts } from './negotiation.js';
import { ContextResults } from './pdu.js';
import { Statuses } from './status.js';

/** What one association for stores proposes at most: with what tells refusals apart 80 contexts of 128. */
const MOST_PAIRS = 40;
/** Refusals that are remembered; the oldest goes first. */
const MOST_REFUSALS = 1000;
/** How long a refusal is believed at most: whoever has the peer taught to take more tries again soon. */
const MOST_BELIEVED_MS = 60_000;

interface Refusal {
  readonly completion: StoreCompletion;
  /** By the clock. */
  readonly expires: number;
}

const keyOf = ({ sopClassUid, transferSyntaxUid }: StorePair): string =>
  `${sopClassUid} ${transferSyntaxUid}`;

/**
 * What instances come to one peer, and which of them it refuses: an association is proposed for all that came lately, so
 * that a study of many kinds needs one, and what is refused does not have the next one of its kind negotiate again.
 */
export class StoreNegotiation {
  readonly #clock: Clock;
  readonly #believedMs: number;
  /** In the order of use, the latest last. */
  readonly #pairs = new Map<string, StorePair>();
  readonly #refusals = new Map<string, Refusal>();

  /** Refusals are believed for `believedMs` milliseconds, and never for more than a minute. */
  constructor(clock: Clock, believedMs: number) {
    this.#clock = clock;
    this.#believedMs = Math.min(believedMs, MOST_BELIEVED_MS);
  }

  /** What to propose for an instance, with what else came lately; as many as `storesAtOnce` are to be under way at one time. */
  contextsFor({ sopClassUid, transferSyntaxUid }: StorePair, storesAtOnce = 1): ContextSet {
    const pair = { sopClassUid, transferSyntaxUid };
    const key = keyOf(pair);
    this.#pairs.delete(key);
    this.#pairs.set(key, pair);
    const [oldest] = this.#pairs.keys();
    if (this.#pairs.size > MOST_PAIRS && oldest !== undefined) this.#pairs.delete(oldest);
    return storeContexts([...this.#pairs.values()].reverse(), storesAtOnce);
  }

  /** How the peer has refused such instances lately. */
  refusal(pair: StorePair): StoreCompletion | undefined {
    const refusal = this.#refusals.get(keyOf(pair));
    return refusal && refusal.expires > this.#clock.now() ? refusal.completion : undefined;
  }

  /** The peer refuses such instances, by these contexts: what is told of it, now and for a while. */
  refused(pair: StorePair, contexts: NegotiatedContexts): StoreCompletion {
    const completion = refusalOf(pair, contexts);
    const key = keyOf(pair);
    this.#pairs.delete(key); // nothing of the kind will be sent
    this.#refusals.delete(key);
    this.#refusals.set(key, { completion, expires: this.#clock.now() + this.#believedMs });
    const [oldest] = this.#refusals.keys();
    if (this.#refusals.size > MOST_REFUSALS && oldest !== undefined) this.#refusals.delete(oldest);
    return completion;
  }
}

/** The failure reason that STOW-RS gives for a refused context. @see rule S-12 and the table of section 5 */
function refusalOf({ sopClassUid }: StorePair, contexts: NegotiatedContexts): StoreCompletion {
  const accepted = contexts.accepted.filter(({ abstractSyntax }) => abstractSyntax === sopClassUid);
  const isSyntax =
    accepted.length > 0 || contexts.refusal(sopClassUid) === ContextResults.transferSyntaxesRejected;
  const plain = accepted.map(({ transferSyntaxUid }) => transferSyntaxUid).filter(isPlain);
  return {
    status: isSyntax ? Statuses.transferSyntaxNotSupported : Statuses.sopClassNotSupported,
    takes: [...new Set(plain)],
  };
}
