import {
  abortReason,
  GatewayError,
  toGatewayError,
  type Clock,
  type Observe,
  type Priority,
} from '../core/index.js';
import type { Association } from './association.js';
import type { Attempt, CircuitBreaker } from './breaker.js';
import type { CommitmentEvents, PeerOptions, PeerStats } from './contract.js';
import { idleMsOf } from './idle-time.js';
import { diedUnheard, runOn, type AssociationRequest, type AssociationUse, type Lease } from './lease.js';
import { openAssociation } from './open-association.js';
import { openingSign, operationSign, saysFull } from './peer-sign.js';
import type { PeerKnowledge } from './peer-knowledge.js';
import { PoolLimit } from './pool-limit.js';
import { PoolQueue, type Waiter } from './pool-queue.js';
import { mayTake } from './pool-shares.js';

export interface PoolOptions {
  readonly peer: PeerOptions;
  readonly observe: Observe;
  readonly clock: Clock;
  readonly breaker: CircuitBreaker;
  readonly knowledge: PeerKnowledge;
  readonly events?: CommitmentEvents | undefined;
}

interface Slot {
  state: 'opening' | 'busy' | 'idle' | 'closing';
  use: AssociationUse;
  isBackground: boolean;
  association: Association | undefined;
  /** Gives up the opening, or the idle time. */
  cancel: (reason: GatewayError) => void;
}

/** Some peers let an association wait while their threads are busy with others, idle ones too: those are let go then. */
const SLOW_OPENING_MS = 300;
/** A release that the peer does not answer (seen of dcmqrscp after a cancelled C-GET) holds up whoever waits no longer. */
const SLOW_RELEASE_MS = 500;

/** Why idle time ends; made once, for it ends with every instance. */
const NEEDED = new GatewayError('cancelled', 'The association is needed.');

/** The associations with one peer: at most so many, reused while they fit, with a bounded queue for the next one. */
export class AssociationPool {
  readonly #options: PoolOptions;
  /** Bounded by the peer's `associations`. */
  readonly #slots = new Set<Slot>();
  /** Bounded by the peer's `queue`. */
  readonly #waiters: PoolQueue;
  readonly #limit: PoolLimit;
  #lastId = 0;
  #isClosing = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#waiters = new PoolQueue(options.peer, options.clock);
    this.#limit = new PoolLimit({
      ...options,
      raised: () => {
        this.#serve();
      },
    });
  }

  get stats(): Pick<PeerStats, 'associations' | 'associationLimit' | 'waiting' | 'waitingBy'> {
    const associations = { opening: 0, busy: 0, idle: 0, closing: 0 };
    for (const { state } of this.#slots) associations[state] += 1;
    const { size: waiting, counts: waitingBy } = this.#waiters;
    return { associations, associationLimit: this.#limit.usable, waiting, waitingBy };
  }

  /** Whether a transfer for a person would get an association at once, and a search still finds one. */
  get hasRoomForTransfer(): boolean {
    const { opening, busy, closing } = this.stats.associations;
    const isFree = opening + busy + closing < this.#limit.usable && this.#limit.usable > 1;
    return isFree && !this.#isClosing && this.#waiters.size === 0 && this.#mayTake('transfer', false);
  }

  /**
   * Runs an operation on an association. Where a reused one turns out to be dead before the peer said anything, it is
   * done once more on a new one, unless `mayRepeat` says that it cannot.
   * @throws GatewayError whatever opening or the operation throws; `overloaded` when there is no place in the queue
   */
  async run<T>(
    request: AssociationRequest,
    operation: (association: Association) => Promise<T>,
    mayRepeat: () => boolean = () => true,
  ): Promise<T> {
    const lease = await this.acquire(request);
    const heardBefore = lease.association.heard.messages;
    try {
      return await runOn(lease, operation);
    } catch (error) {
      if (!diedUnheard(lease, heardBefore, error) || !mayRepeat()) throw error;
    }
    return await runOn(await this.acquire({ ...request, fresh: true }), operation);
  }

  /**
   * Waits for an association, people before background work. The lease must be released.
   * @throws GatewayError `overloaded`, `shutting-down`, the signal's reason, why it could not be opened, or
   *   `peer-unreachable` at once while the circuit breaker is open
   */
  async acquire(request: AssociationRequest): Promise<Lease> {
    const { signal } = request.context;
    if (this.#isClosing) throw shuttingDown();
    if (signal.aborted) throw abortReason(signal);
    const attempt = this.#options.breaker.admit(request.askedFor);
    const lease = this.#waiters.join(request, attempt);
    this.#serve();
    this.#waiters.trim();
    return await lease;
  }

  /** Refuses all that waits. */
  refuseWaiters(error: GatewayError): void {
    this.#waiters.refuseAll(error);
  }

  /** Takes no more requests, lets the running ones go on for `graceMs`, and leaves no association open. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    this.#limit.close();
    this.refuseWaiters(shuttingDown());
    for (const slot of this.#slots) if (slot.state === 'idle') this.#retire(slot);
    if (this.#slots.size === 0) return;
    const cancel = this.#options.clock.after(graceMs, () => {
      for (const { association, cancel: giveUp } of this.#slots) {
        giveUp(shuttingDown());
        association?.abort(shuttingDown());
      }
    });
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    cancel();
  }

  #lease(slot: Slot, lent: Pick<Lease, 'association' | 'reused'>, attempt: Attempt): Lease {
    const { association } = lent;
    const heardBefore = association.heard.messages;
    let released = false;
    association.heard.onNext(attempt.heard);
    attempt.begun();
    return {
      ...lent,
      release: (error) => {
        if (released) return;
        released = true;
        const heard = association.heard.messages > heardBefore;
        const sign = diedUnheard(lent, heardBefore, error) ? 'none' : operationSign(error, heard);
        attempt.ended(sign, error === undefined ? undefined : toGatewayError(error));
        this.#takeBack(slot, association);
      },
    };
  }

  /** Gives waiters what there is, in their order; one that cannot be served does not hold up those of the other use. */
  #serve(): void {
    let coming = this.stats.associations.closing;
    for (const waiter of this.#waiters.inOrder()) {
      if (!this.#mayStart(waiter)) continue;
      if (this.#grantIdle(waiter) || this.#grantNew(waiter)) {
        this.#waiters.remove(waiter);
        this.#tellQueue(waiter);
      } else if (coming > 0) coming -= 1;
      else if (!this.#retireOldest()) return;
    }
  }

  #tellQueue({ since, request: { context } }: Waiter): void {
    const { observe, peer, clock } = this.#options;
    const { requestId } = context;
    const durationMs = clock.now() - since;
    observe({ kind: 'stage', stage: 'queue', requestId, peer: peer.name, durationMs });
  }

  #mayStart({ request: { use }, priority }: Waiter): boolean {
    return this.#mayTake(use, isBackground(priority));
  }

  #mayTake(use: AssociationUse, isForBackground: boolean): boolean {
    const { backgroundAssociations: background = 1 } = this.#options.peer;
    const { told, usable } = this.#limit;
    const held = [...this.#slots].filter(({ state }) => state === 'opening' || state === 'busy');
    const wanted = { use, isBackground: isForBackground };
    return mayTake(wanted, held, { associations: told, usable, background });
  }

  /** The one used last is the least likely to be dead. */
  #grantIdle(waiter: Waiter): boolean {
    const { contextSet, use, fresh, suits = () => true } = waiter.request;
    if (fresh) return false;
    const found = [...this.#slots].findLast(
      ({ state, association }) =>
        state === 'idle' && association?.contextSet.signature === contextSet.signature && suits(association),
    );
    if (!found?.association) return false;
    found.cancel(NEEDED);
    found.state = 'busy';
    found.use = use;
    found.isBackground = isBackground(waiter.priority);
    waiter.grant(this.#lease(found, { association: found.association, reused: true }, waiter.attempt));
    return true;
  }

  #grantNew(waiter: Waiter): boolean {
    if (this.#slots.size >= this.#limit.usable) return false;
    void this.#open(waiter);
    return true;
  }

  async #open(waiter: Waiter): Promise<void> {
    const { peer, observe, clock, knowledge, events } = this.#options;
    const { contextSet, use, context } = waiter.request;
    const controller = new AbortController();
    const onAbort = (): void => {
      controller.abort(abortReason(context.signal));
    };
    context.signal.addEventListener('abort', onAbort, { once: true });
    const slot: Slot = {
      state: 'opening',
      use,
      isBackground: isBackground(waiter.priority),
      association: undefined,
      cancel: (reason) => {
        controller.abort(reason);
      },
    };
    const others = [...this.#slots].flatMap(({ association }) => association ?? []);
    this.#slots.add(slot);
    const startedAt = clock.now();
    const makeRoom = (): void => {
      if (this.#retireOldest()) this.#limit.learnSlow(this.#slots.size - this.stats.associations.closing);
      stopWatching = clock.after(SLOW_OPENING_MS, makeRoom);
    };
    let stopWatching = clock.after(SLOW_OPENING_MS, makeRoom);
    this.#lastId += 1;
    const id = `${peer.name}-${this.#lastId}`;
    const { requestId } = context;
    try {
      const association = await openAssociation(
        { id, peer, contextSet, observe, clock, requestId, knowledge, others, events },
        controller.signal,
      );
      slot.association = association;
      slot.state = 'busy';
      slot.cancel = () => undefined;
      this.#limit.reached(this.#slots.size);
      association.onClose(() => {
        if (slot.state !== 'busy') this.#remove(slot);
      });
      waiter.grant(this.#lease(slot, { association, reused: false }, waiter.attempt));
    } catch (thrown) {
      this.#notOpened(slot, waiter, { error: toGatewayError(thrown), startedAt });
    } finally {
      stopWatching();
      context.signal.removeEventListener('abort', onAbort);
    }
  }

  /** A peer that is full while it serves us has told its limit: the request waits for one of the others to end. */
  #notOpened(
    slot: Slot,
    waiter: Waiter,
    { error, startedAt }: { readonly error: GatewayError; readonly startedAt: number },
  ): void {
    this.#slots.delete(slot);
    const others = [...this.#slots];
    const heard = others.some(({ association }) => (association?.lastHeard ?? 0) > startedAt);
    const { context, mayWait = true } = waiter.request;
    const isFull = others.length > 0 && saysFull(error, heard);
    if (isFull && !this.#isClosing) this.#limit.learnTold(others.length);
    // Refused although it had no other: the number was not the reason.
    else if (error.code === 'peer-aborted') this.#limit.forget();
    if (isFull && mayWait && !this.#isClosing && !context.signal.aborted) this.#waiters.putBack(waiter);
    else waiter.reject(error, openingSign(error, heard));
    this.#changed();
  }

  #takeBack(slot: Slot, association: Association): void {
    if (!association.isIdle) {
      association.abort(new GatewayError('cancelled', 'The operation was given up.'));
      this.#remove(slot);
      return;
    }
    slot.state = 'idle';
    // Moved to the end: the order is that of use.
    this.#slots.delete(slot);
    this.#slots.add(slot);
    const { clock, peer } = this.#options;
    const idleMs = idleMsOf(association, peer.idleMs);
    const isDone = this.#isClosing || idleMs === 0 || association.contexts.accepted.length === 0;
    // dcmqrscp keeps its index locked after a cancelled retrieve, for as long as the association is there.
    if (isDone || association.wasCancelled) {
      this.#retire(slot);
      return;
    }
    slot.cancel = clock.after(idleMs, () => {
      this.#retire(slot);
    });
    this.#serve();
  }

  #retireOldest(): boolean {
    for (const slot of this.#slots) {
      if (slot.state !== 'idle') continue;
      this.#retire(slot);
      return true;
    }
    return false;
  }

  /** Its place is free when the peer has let go of it, not before: peers count. */
  #retire(slot: Slot): void {
    slot.cancel(shuttingDown());
    slot.cancel = () => undefined;
    slot.state = 'closing';
    const { association } = slot;
    if (association === undefined) return;
    const look = (): void => {
      if (this.#waiters.size > 0 || association.wasCancelled)
        association.abort(new GatewayError('cancelled', 'The release took too long.'));
      // Who needs its place may come later.
      else cancel = this.#options.clock.after(SLOW_RELEASE_MS, look);
    };
    let cancel = this.#options.clock.after(SLOW_RELEASE_MS, look);
    association.onClose(() => {
      cancel();
    });
    void association.release();
  }

  #remove(slot: Slot): void {
    slot.cancel(shuttingDown());
    if (this.#slots.delete(slot)) this.#changed();
  }

  #changed(): void {
    if (this.#slots.size === 0) this.#onEmpty?.();
    this.#serve();
  }
}

const isBackground = (priority: Priority): boolean => priority !== 'interactive';

const shuttingDown = (): GatewayError => new GatewayError('shutting-down', 'The gateway is shutting down.');
