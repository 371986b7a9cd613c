import { abortReason, toGatewayError, type OperationContext } from '../core/index.js';
import type { Association } from './association.js';
import { proposes } from './context-sets.js';
import type { StoreCompletion, StoreRequest } from './contract.js';
import type { AssociationRequest, Lease } from './lease.js';
import { mayBeProposal } from './negotiation.js';
import type { OperationDependencies } from './operation.js';
import { tooManyWait } from './pool-queue.js';
import { storeOn, type StoreDependencies } from './store.js';
import { isAlone, type StoreJob } from './store-job.js';
import { StoreLane } from './store-lane.js';
import { StoreNegotiation } from './store-negotiation.js';
import { StoreWaiting } from './store-waiting.js';

/**
 * The instances that are to be stored at one peer, by all requests: on so many associations as are configured, first come,
 * first served. An instance whose bytes come while it is sent would hold up the others for as long as its client takes: it
 * has an association to itself.
 */
export class StoreQueue {
  readonly #dependencies: StoreDependencies;
  readonly #waiting: StoreWaiting;
  /** Those that have been taken and are not answered yet. */
  readonly #underWay = new Set<StoreJob>();
  /** How many associations are held, or waited for. */
  #held = 0;
  /** Those that instances are under way on. */
  readonly #lanes = new Set<StoreLane>();
  /** An association that may have several under way was accepted. */
  #isWindowBorne = false;
  /** Until when, by the clock, it is believed that the peer refuses associations for that. */
  #windowRefusedUntil = Number.NEGATIVE_INFINITY;

  constructor(dependencies: OperationDependencies) {
    const { peer, clock } = dependencies;
    this.#dependencies = {
      ...dependencies,
      negotiation: new StoreNegotiation(clock, peer.relearnMs),
      hurries: (association) => peer.storesAhead !== false && this.#follows(association),
    };
    this.#waiting = new StoreWaiting(peer, clock, (signal) =>
      [...this.#underWay].some(({ context }) => context.signal === signal),
    );
  }

  /**
   * Stores one instance. Where its association turns out to be dead, or breaks off with others under way, it is sent again
   * on a new one: under the same UID it is the same instance.
   * @throws GatewayError when it is unknown whether the peer stored it, `overloaded`, or whatever the source threw
   * @see rules S-12, S-14
   */
  async store(request: StoreRequest, context: OperationContext): Promise<StoreCompletion> {
    const { negotiation, peer } = this.#dependencies;
    const refusal = negotiation.refusal(request);
    if (refusal) return refusal;
    if (context.signal.aborted) throw abortReason(context.signal);
    return await new Promise<StoreCompletion>((resolve, reject) => {
      const of = { request, context, isAgain: false, bytes: 0, isBegun: false, isBroken: false };
      const job: StoreJob = { ...of, resolve, reject };
      if (request.once === true)
        void this.#run(job).finally(() => {
          this.#serve();
        });
      else if (this.#isFull && this.#waiting.isFullFor(job)) reject(tooManyWait(peer.name));
      else {
        this.#waiting.add(job);
        this.#serve();
      }
    });
  }

  get #isFull(): boolean {
    const { storeAssociations = 1, associations } = this.#dependencies.peer;
    // One is left to searches: who waits for it in vain would keep others from the rest.
    return this.#held >= Math.min(storeAssociations, Math.max(1, associations - 1));
  }

  #serve(): void {
    while (!this.#isFull && this.#waiting.size > 0) {
      const job = this.#waiting.take();
      if (!job) return;
      this.#held += 1;
      void this.#run(job).finally(() => {
        this.#held -= 1;
        this.#serve();
      });
    }
    for (const lane of this.#lanes) lane.fill();
  }

  /** Sends an instance, and those that can be under way beside it; never rejects. */
  async #run(first: StoreJob): Promise<void> {
    const begin = (job: StoreJob): StoreJob => {
      this.#underWay.add(job);
      return job;
    };
    begin(first);
    try {
      const lease = await this.#acquire(first);
      const lane = new StoreLane({
        lease,
        storeOn: (association, job) => storeOn(this.#dependencies, association, job),
        next: (suits) => {
          const { first: next } = this.#waiting;
          if (!next || !suits(next) || this.#dependencies.pool.stats.waiting > 0) return undefined;
          this.#waiting.take();
          return begin(next);
        },
        again: (job) => {
          this.#waiting.addFirst({ ...job, isAgain: true });
        },
        ended: (job) => {
          this.#underWay.delete(job);
        },
      });
      this.#lanes.add(lane);
      await lane.run(first).finally(() => {
        this.#lanes.delete(lane);
      });
    } catch (error) {
      this.#underWay.delete(first);
      first.reject(error);
    }
  }

  /** Whether, once an instance has been answered on the association, the next one goes there. */
  #follows(association: Association): boolean {
    const { first, size } = this.#waiting;
    return (
      first !== undefined &&
      size >= this.#held &&
      !isAlone(first) &&
      proposes(association.contextSet, first.request)
    );
  }

  async #acquire(job: StoreJob): Promise<Lease> {
    const { pool, peer, clock } = this.#dependencies;
    const { storesAtOnce = 1, relearnMs } = peer;
    if (storesAtOnce === 1 || clock.now() < this.#windowRefusedUntil) return pool.acquire(this.#wanted(job));
    try {
      const lease = await pool.acquire(this.#wanted(job, storesAtOnce));
      this.#isWindowBorne = true;
      return lease;
    } catch (thrown) {
      const isRefusal = !this.#isWindowBorne && mayBeProposal(toGatewayError(thrown));
      if (!isRefusal || job.context.signal.aborted) throw thrown;
      const lease = await pool.acquire(this.#wanted(job));
      this.#windowRefusedUntil = clock.now() + relearnMs;
      return lease;
    }
  }

  #wanted({ request, context, isAgain }: StoreJob, storesAtOnce = 1): AssociationRequest {
    return {
      contextSet: this.#dependencies.negotiation.contextsFor(request, storesAtOnce),
      // Of bytes that come while they are sent the first may be late for a message that has begun.
      suits: (association) =>
        proposes(association.contextSet, request) && !(request.once === true && association.isAhead),
      use: 'transfer',
      fresh: isAgain,
      context,
    };
  }
}
