import type { Association } from './association.js';
import { proposes } from './context-sets.js';
import type { StoreCompletion } from './contract.js';
import { diedUnheard, type Lease } from './lease.js';
import { canBeAgain, isAlone, type StoreJob } from './store-job.js';

export interface StoreLaneOptions {
  readonly lease: Lease;
  /** Stores on the association. */
  readonly storeOn: (association: Association, job: StoreJob) => Promise<StoreCompletion>;
  /** Gives the next instance if it `suits`. */
  readonly next: (suits: (job: StoreJob) => boolean) => StoreJob | undefined;
  /** Takes back an instance that is to be sent once more. */
  readonly again: (job: StoreJob) => void;
  /** An instance is under way no more. */
  readonly ended: (job: StoreJob) => void;
}

/** Instances that go out on one association until others want it: after so many it is given back for a moment. */
const MOST = 100;

/**
 * Stores on one association: as many at a time as were negotiated, of one request, so that who gives up gives up none of
 * another's.
 *
 * @see PS3.7 D.3.3.3
 */
export class StoreLane {
  readonly #options: StoreLaneOptions;
  readonly #underWay = new Set<StoreJob>();
  #begun = 0;
  /** How many were under way when the association broke off. */
  #crowd = 0;
  #error: unknown;
  #over: () => void = () => undefined;

  constructor(options: StoreLaneOptions) {
    this.#options = options;
  }

  /** Stores an instance and those that follow it; resolves when the association has been given back. */
  async run(first: StoreJob): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#over = resolve;
      this.#begin(first);
      this.fill();
    });
    this.#options.lease.release(this.#error);
  }

  /** Takes what more can be under way. */
  fill(): void {
    const { lease, next } = this.#options;
    const { association } = lease;
    while (association.isOpen && this.#underWay.size < association.storesAtOnce && this.#begun < MOST) {
      const job = next((candidate) => this.#suits(candidate));
      if (!job) break;
      this.#begin(job);
    }
    association.hurry();
  }

  /** Whether a job may go out beside those that are under way. */
  #suits(job: StoreJob): boolean {
    const [other] = this.#underWay;
    if (!other || isAlone(other) || isAlone(job)) return false;
    const isOfOne = other.context.signal === job.context.signal;
    return isOfOne && proposes(this.#options.lease.association.contextSet, job.request);
  }

  #begin(job: StoreJob): void {
    const { lease, storeOn } = this.#options;
    const { association } = lease;
    const lent = { association, reused: lease.reused || this.#begun > 0 };
    const heardBefore = association.heard.messages;
    this.#begun += 1;
    this.#underWay.add(job);
    void storeOn(association, job)
      .then(job.resolve, (error: unknown) => {
        this.#error ??= error;
        if (!association.isOpen) this.#crowd ||= this.#underWay.size;
        const isDead = diedUnheard(lent, heardBefore, error);
        // Who of several brought it to its end is not known: each is tried by itself.
        if ((isDead || this.#crowd > 1) && canBeAgain(job)) this.#options.again(job);
        else job.reject(error);
      })
      .finally(() => {
        this.#underWay.delete(job);
        this.#options.ended(job);
        this.fill();
        if (this.#underWay.size === 0) this.#over();
      });
  }
}
