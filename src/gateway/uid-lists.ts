import type { Outcome } from './fetch-outcome.js';
import type { PeerBinding } from './ports.js';
import type { Want } from './want.js';

/** Whether it says of no single instance that it failed. */
const isSilent = (outcome: Outcome): boolean =>
  outcome.kind === 'completed' ? outcome.completion.failed === 0 : outcome.error.code === 'peer-failed';

/**
 * What a peer makes of a list of SOP Instance UIDs in one retrieve: some find nothing (PixelMed), some refuse it, some
 * heed so many of them only. It is learnt as retrieves end.
 */
export class UidLists {
  readonly #binding: PeerBinding;
  /** A list has brought more than one instance. */
  #work = false;

  constructor(binding: PeerBinding) {
    this.#binding = binding;
  }

  /** How many to ask for at once, of `batchSize` at most. */
  most(batchSize: number): number {
    return Math.min(batchSize, this.#binding.peer.knowledge.get('uidList') ?? batchSize);
  }

  /** A retrieve of `batch` has ended, without bringing those `missing`. */
  ended(batch: readonly Want[], missing: readonly Want[], outcome: Outcome): void {
    const came = batch.length - missing.length;
    if (came > 1) this.#work = true;
    // A list was cut only if what it left out comes when it is asked for alone.
    const [only] = batch;
    if (batch.length === 1 && came === 1 && only?.cutAfter !== undefined) this.#learn(only.cutAfter);
    if (came === 0 || outcome.gaveUp || !isSilent(outcome)) return;
    const tail = batch.slice(came);
    if (tail.every((want) => want.state === 'requested')) for (const want of tail) want.cutAfter = came;
  }

  /** Whether a retrieve that brought nothing of a list may have ended so because it was one. */
  mayBeTheReason(outcome: Outcome): boolean {
    if (outcome.kind === 'completed' || outcome.error.code === 'peer-failed') return true;
    return outcome.error.code === 'peer-aborted' && !this.#work;
  }

  /**
   * Of a list of so many nothing came, as `outcome` tells, and its first instance did when it was asked for alone: twice,
   * where lists have worked. A peer that counted all of them as failed has understood the list: it could not send just then.
   */
  refused(outcome: Outcome, count: number): void {
    if (outcome.kind === 'completed' && outcome.completion.failed >= count) return;
    if (this.#work) this.#work = false;
    else this.#learn(1);
  }

  #learn(most: number): void {
    const { peer, retrieve } = this.#binding;
    peer.knowledge.learn('uidList', most, retrieve.relearnMs);
  }
}
