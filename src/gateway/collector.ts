import { abortReason, Channel, GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import { EarlyArrivals } from './early-arrivals.js';
import type { Guest } from './head-start.js';
import type { Seat } from './head-starts.js';
import { overtaken } from './fetch-outcome.js';
import { Holding, type HoldingOwner } from './holding.js';
import { sopClassesOf, type ListedInstance } from './listing.js';
import { openListing } from './open-listing.js';
import { SameStudy } from './same-study.js';
import type { RetrieveBinding } from './side.js';
import { sweep, type SweepRequest } from './sweep.js';
import type { Turn } from './union-turn.js';
import { isWithin, type FoundInstance, type HeldInstance, type WholeInstance } from './want.js';

/** What becomes of one thing that was asked for. */
export type Event =
  | Pick<Holding, 'kind' | 'instance' | 'release'>
  /** An instance that will not come. */
  | { readonly kind: 'failed'; readonly error: GatewayError }
  /** It is not known what else there is: nothing that follows can be whole. */
  | { readonly kind: 'broken'; readonly error: GatewayError };

export type Arrived = Extract<Event, { kind: 'arrived' }>;

/** Collects what one request asked for: the listing feeds it, the response body drains it. */
export class Collector {
  readonly #side: RetrieveBinding;
  readonly #target: RetrieveTarget;
  readonly #context: OperationContext;
  /** Undefined where one peer is asked alone. */
  readonly #turn: Turn | undefined;
  // Bounded by the instances of one request, each of which puts in one event.
  readonly #events = new Channel<Event>(Number.POSITIVE_INFINITY);
  /** Whose what has come is. */
  readonly #same: SameStudy;
  /** What is still to be given back. */
  readonly #held = new Set<Holding>();
  /** Undefined when there is nothing to abort any more. */
  #listing: AbortController | undefined;
  readonly #stalled = new AbortController();
  readonly #clientSignal: AbortSignal;
  readonly #onAbort: () => void;
  readonly #onStalled = (error: GatewayError): void => {
    this.#stalled.abort(error);
  };
  readonly #reading: ReturnType<RetrieveBinding['deps']['instances']['reading']>;
  readonly #owner: HoldingOwner = {
    arrived: (holding, instance) => {
      this.#arrived(holding, instance);
    },
    failed: (holding, error) => {
      holding.release();
      // What was said of the study lately may not hold any more.
      this.#side.watch.forget(this.#target.studyInstanceUid);
      this.#events.offer({ kind: 'failed', error });
      this.#settle();
    },
    ended: (holding) => {
      this.#held.delete(holding);
    },
  };
  /** What came before its row did. */
  readonly #early = new EarlyArrivals({
    begun: (instance) => {
      this.#open += 1;
      return this.#hold(new Holding(this.#owner, { release: instance.hold() }));
    },
    there: (instance, holding) => {
      if (!this.#arrived(holding, instance)) holding.release();
    },
    failed: () => {
      this.#settle();
    },
  });
  readonly #guest: Guest = (instance) => {
    if (isWithin(instance.key, this.#target)) this.#early.guest(instance);
  };
  #seat: Seat | undefined;
  #open = 1;
  #detached = false;
  #told = false;
  #listed: () => void = () => undefined;
  /** Resolves when the listing has ended, well or not; what it left out may still be looked for. */
  readonly listed = new Promise<void>((resolve) => {
    this.#listed = resolve;
  });
  /** Instances that the peer is known not to deliver. */
  readonly refused: GatewayError[] = [];
  #fetches = false;
  #asks = false;
  /** Instances that have begun to come. */
  #arrivals = 0;
  #list: readonly ListedInstance[] | undefined;
  /** Of what was listed; undefined where the peer does not tell. */
  readonly sopClassUids = new Set<string | undefined>();

  constructor(side: RetrieveBinding, target: RetrieveTarget, context: OperationContext, turn?: Turn) {
    this.#side = side;
    this.#turn = turn;
    this.#target = target;
    this.#same = new SameStudy((key) => side.watch.seen(key));
    const listing = new AbortController();
    this.#listing = listing;
    this.#context = { ...context, signal: listing.signal, patient: true };
    this.#reading = side.deps.instances.reading();
    this.#onAbort = () => {
      this.#events.fail(abortReason(context.signal));
      this.close();
    };
    this.#clientSignal = context.signal;
    if (context.signal.aborted) this.#onAbort();
    else context.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Aborts when bytes that this request held were taken from it, because it did not read and others needed room. */
  get stalled(): AbortSignal {
    return this.#stalled.signal;
  }

  /** Whether anything is asked of the peer for this answer; to be used when the listing has ended. */
  get fetches(): boolean {
    return this.#fetches;
  }

  /** Whether the peer is asked for the list; known when anything has come. */
  get asks(): boolean {
    return this.#asks;
  }

  /**
   * All that was listed, if every byte of it was there; to be used when the listing has ended, before anything is let go
   * of.
   */
  get whole(): readonly WholeInstance[] | undefined {
    const isAll = this.#list !== undefined && this.refused.length === 0;
    if (!isAll || this.#fetches || !this.isSame) return undefined;
    const whole: WholeInstance[] = [];
    for (const held of this.#held) {
      const one = held.whole;
      if (!one) return undefined;
      whole.push(one);
    }
    return whole;
  }

  /** The list that the watch remembers and that this is the whole of; undefined before it has ended. */
  get list(): readonly ListedInstance[] | undefined {
    return this.#list;
  }

  get events(): AsyncIterable<Event> {
    return this.#events;
  }

  /** Lists and asks for everything; resolves when the listing has ended, well or not. */
  async start(): Promise<void> {
    const known = new Set<string>();
    try {
      await this.#listAndAsk(known);
    } catch (thrown) {
      this.#events.offer({ kind: 'broken', error: toGatewayError(thrown) });
    } finally {
      this.#listing = undefined;
      this.#listed();
      this.#turn?.end();
      this.#seat?.leave();
      this.#settle();
    }
  }

  async #listAndAsk(known: Set<string>): Promise<void> {
    const all: ListedInstance[] = [];
    const listing = await openListing(this.#side, this.#target, this.#context, () => {
      this.#asks = true;
      // Another member may have it already.
      if (this.#turn) return;
      this.#seat = this.#side.fetcher.headStarts.join(this.#target, this.#guest, this.#context);
    });
    const { watch } = this.#side;
    const { signal } = this.#context;
    const start = watch.listingStart(this.#target);
    const add = (instance: ListedInstance): void => {
      known.add(instance.sopInstanceUid);
      all.push(instance);
      this.sopClassUids.add(instance.sopClassUid);
    };
    try {
      let next = await listing.next();
      for (; !next.done; next = await listing.next()) {
        // Rows that were there already come without a look at the signal: nobody would give back what they ask for.
        if (signal.aborted) throw abortReason(signal);
        if (known.size === 0) this.#seat?.rowCame();
        add(next.value);
        if (!this.#turn && !this.#early.claim(next.value.sopInstanceUid)) this.#ask(next.value);
      }
      if (!next.value.remembered) this.#fetches = true;
      if (this.#turn) await this.#askInTurn(this.#turn, all);
      this.#listed();
      const isWhole = await this.#complete(next.value.verified, add, known, all);
      if (isWhole) this.#list = next.value.remembered ?? watch.remember(this.#target, all, start);
      this.#turn?.listed(this.#list);
    } finally {
      await listing.return({ count: 0, verified: false });
    }
  }

  /** Asks for what no member before this one has. The list is whole by then, so that no association is held for it. */
  async #askInTurn({ begin, end }: Turn, all: readonly ListedInstance[]): Promise<void> {
    await begin();
    if (this.#context.signal.aborted) throw abortReason(this.#context.signal);
    for (const listed of all) this.#ask(listed);
    end();
  }

  /** Finds what a listing has left out; says whether everything there is is known now. */
  async #complete(
    isVerified: boolean,
    add: (instance: ListedInstance) => void,
    known: ReadonlySet<string>,
    all: ListedInstance[],
  ): Promise<boolean> {
    await this.#seat?.over();
    const unlisted = await this.#early.unclaimed();
    for (const { key, info } of unlisted) add({ ...key, ...info });
    if (isVerified && unlisted.length === 0) return true;
    if (known.size === 0) return false;
    await this.#sweep(known, all);
    return true;
  }

  #ask(listed: ListedInstance): void {
    const { fetcher, binding } = this.#side;
    const refusal = fetcher.refusals.get({ ...listed, peer: binding.peer.name });
    // Who asks for just this instance gets a new attempt.
    const isOne = this.#target.sopInstanceUid !== undefined;
    if (refusal && !isOne && !fetcher.knows(listed)) {
      if (this.#turn) {
        this.#turn.leave(listed.sopInstanceUid, refusal);
        return;
      }
      // After the status line it is too late to call the answer partial.
      if (this.#told) this.#events.offer({ kind: 'failed', error: refusal });
      else this.refused.push(refusal);
      return;
    }
    if (this.#turn?.take(listed.sopInstanceUid) === false) return;
    this.#open += 1;
    const holding = this.#hold(new Holding(this.#owner));
    const { requestId, priority } = this.#context;
    holding.ticket = fetcher.fetch(listed, holding, { urgent: isOne, requestId, priority });
    if (!holding.whole) this.#fetches = true;
  }

  /** Says whether anybody will read it. */
  #arrived(holding: Holding, instance: FoundInstance): boolean {
    this.#arrivals += 1;
    this.#same.add(instance);
    holding.take(instance, instance.lease({ onStalled: this.#onStalled, reading: this.#reading }));
    // Nobody listens any more: the instance stays in the cache on its own merits, the place in the queue is kept
    // until `close`, which is what lets a pull go on after its client was told to come back.
    const isTaken = this.#events.offer(holding);
    if (!isTaken) holding.letGo();
    this.#settle();
    return isTaken;
  }

  async #sweep(known: ReadonlySet<string>, all: ListedInstance[]): Promise<void> {
    const { binding, deps, watch } = this.#side;
    const extras: ListedInstance[] = [];
    const onExtra = (instance: FoundInstance): void => {
      extras.push({ ...instance.key, ...instance.info });
      if (this.#turn?.take(instance.key.sopInstanceUid) === false) return;
      this.#open += 1;
      this.#arrived(this.#hold(new Holding(this.#owner)), instance);
    };
    const seen: SweepRequest['seen'] = (key) => watch.seen(key);
    const request = { target: this.#target, known, sopClassUids: sopClassesOf(all), seen, onExtra };
    await sweep(binding, deps, { ...request, replaced: watch.replaced }, this.#context);
    all.push(...extras);
  }

  /** One of the things that may still put in events is done; after the last of them there will be no more. */
  #settle(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#events.close();
  }

  #hold(holding: Holding): Holding {
    this.#held.add(holding);
    return holding;
  }

  /** The status line is decided now. */
  tell(): number {
    this.#told = true;
    return this.refused.length;
  }

  /** Whether the peer says of the study still what it said when each instance came that has come. */
  get isSame(): boolean {
    return this.#same.isAllStill(this.#target.studyInstanceUid);
  }

  /**
   * What has come is of one patient, also with `next`; without it that which is all.
   *
   * @throws GatewayError `peer-incomplete` when the peer does not say of the study any more what it said before
   */
  requireSame(next?: HeldInstance): void {
    if (!(next ? this.#same.isStill(next.key) : this.isSame)) throw overtaken(this.#side.binding.peer.name);
  }

  /**
   * All that has come is of one patient, by what the peer says now: a correction that nobody has asked about meanwhile
   * would show in nothing else. Of one instance alone, and of what was in the cache, nothing more is asked.
   *
   * @throws GatewayError as `requireSame`
   */
  async requireStillSame(): Promise<void> {
    if (this.#fetches && this.#arrivals > 1) await this.#askOnceMore();
    this.requireSame();
  }

  async #askOnceMore(): Promise<void> {
    const { watch, deps, binding } = this.#side;
    const { studyInstanceUid } = this.#target;
    // What the peer does not tell of its studies it does not tell now.
    if (watch.told(studyInstanceUid) === undefined) return;
    const context = { ...this.#context, signal: this.#clientSignal };
    try {
      await watch.checkAfter(studyInstanceUid, deps.instances.latestOrdinal, context);
    } catch (thrown) {
      const { code } = toGatewayError(thrown);
      // It has sent all of it. That it cannot be asked any more takes nothing away from that.
      if (code === 'not-found') throw overtaken(binding.peer.name);
    }
  }

  /** The client is told to come back later: what was asked for is pulled all the same. */
  detach(): void {
    this.#detached = true;
    this.#events.close();
  }

  /** Gives back everything that nobody will read, and stops listing. */
  close(): void {
    this.#events.close();
    this.#reading.close();
    if (this.#detached) return;
    this.#seat?.leave();
    this.#listing?.abort(new GatewayError('cancelled', 'The client has gone.'));
    this.#clientSignal.removeEventListener('abort', this.#onAbort);
    for (const holding of this.#held) holding.release();
  }
}
