import { abortReason, Channel, GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import { sopClassesOf } from './instance-fetcher.js';
import type { ListedInstance } from './listing.js';
import { openListing } from './open-listing.js';
import type { RetrieveBinding } from './side.js';
import { sweep, type SweepRequest } from './sweep.js';
import type { FoundInstance, HeldInstance, Ticket } from './want.js';

/** What is being retrieved, with everything that is known before its first byte. */
export interface OpenedRetrieve {
  /** Instances that the peer lists and does not deliver. More than none: the answer is partial. @see rule W-09 */
  readonly refused: number;
  /**
   * The instances in the order in which they come; each is held in the cache until the next is asked for.
   * Throws when one of them fails after the retrieve was opened.
   */
  readonly instances: AsyncGenerator<HeldInstance, void, undefined>;
  /** Aborts when a held instance was taken away because its reader stalled, also while nobody asks for more. */
  readonly stalled: AbortSignal;
}

type Event =
  | { readonly kind: 'arrived'; readonly instance: HeldInstance; readonly release: () => void }
  /** An instance that will not come. */
  | { readonly kind: 'failed'; readonly error: GatewayError }
  /** It is not known what else there is: nothing that follows can be whole. */
  | { readonly kind: 'broken'; readonly error: GatewayError };

/** Collects what one request asked for: the listing feeds it, the response body drains it. */
class Collector {
  readonly #side: RetrieveBinding;
  readonly #target: RetrieveTarget;
  readonly #context: OperationContext;
  // Bounded by the instances of one request, each of which puts in one event.
  readonly #events = new Channel<Event>(Number.POSITIVE_INFINITY);
  /** What is still to be given back: places in the queue, and instances held in the cache. */
  readonly #held = new Set<() => void>();
  /** Undefined when there is nothing to abort any more. */
  #listing: AbortController | undefined;
  readonly #stalled = new AbortController();
  readonly #onAbort: () => void;
  readonly #reading: ReturnType<RetrieveBinding['deps']['instances']['reading']>;
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

  constructor(side: RetrieveBinding, target: RetrieveTarget, context: OperationContext) {
    this.#side = side;
    this.#target = target;
    const listing = new AbortController();
    this.#listing = listing;
    this.#context = { ...context, signal: listing.signal, patient: true };
    this.#reading = side.deps.instances.reading();
    this.#onAbort = () => {
      this.#events.fail(abortReason(context.signal));
      this.close();
    };
    context.signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#held.add(() => {
      context.signal.removeEventListener('abort', this.#onAbort);
    });
  }

  /** Aborts when bytes that this request held were taken from it, because it did not read and others needed room. */
  get stalled(): AbortSignal {
    return this.#stalled.signal;
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
      this.#settle();
    }
  }

  async #listAndAsk(known: Set<string>): Promise<void> {
    const all: ListedInstance[] = [];
    const listing = await openListing(this.#side, this.#target, this.#context);
    const { watch } = this.#side;
    const start = watch.listingStart(this.#target);
    try {
      let next = await listing.next();
      for (; !next.done; next = await listing.next()) {
        known.add(next.value.sopInstanceUid);
        all.push(next.value);
        this.#ask(next.value);
      }
      this.#listed();
      if (!next.value.verified && known.size > 0) await this.#sweep(known, all);
      if (!next.value.remembered) watch.remember(this.#target, all, start);
    } finally {
      await listing.return({ count: 0, verified: false });
    }
  }

  #ask(listed: ListedInstance): void {
    const { fetcher, binding } = this.#side;
    const refusal = fetcher.refusals.get({ ...listed, peer: binding.peer.name });
    // Who asks for just this instance gets a new attempt.
    const isOne = this.#target.sopInstanceUid !== undefined;
    if (refusal && !isOne && !fetcher.knows(listed)) {
      // After the status line it is too late to call the answer partial.
      if (this.#told) this.#events.offer({ kind: 'failed', error: refusal });
      else this.refused.push(refusal);
      return;
    }
    this.#open += 1;
    const place: { ticket?: Ticket } = {}; // the asker may be told before there is a ticket
    const giveBack = this.#hold(() => place.ticket?.release());
    const asker = {
      arrived: (instance: FoundInstance) => {
        this.#arrived(instance, giveBack);
      },
      failed: (error: GatewayError) => {
        giveBack();
        // What was said of the study lately may not hold any more.
        this.#side.watch.forget(listed.studyInstanceUid);
        this.#events.offer({ kind: 'failed', error });
        this.#settle();
      },
    };
    const { requestId, priority } = this.#context;
    place.ticket = fetcher.fetch(listed, asker, { urgent: isOne, requestId, priority });
  }

  #arrived(instance: FoundInstance, giveBack: () => void): void {
    const onStalled = (error: GatewayError): void => {
      this.#stalled.abort(error);
    };
    const lease = instance.lease({ onStalled, reading: this.#reading });
    const letGo = this.#hold(() => {
      lease.release();
    });
    const release = (): void => {
      letGo();
      giveBack();
    };
    // Nobody listens any more: the instance stays in the cache on its own merits, the place in the queue is kept
    // until `close`, which is what lets a pull go on after its client was told to come back.
    const { key, info, complete } = instance;
    const held: HeldInstance = { key, info, complete, source: lease.source, lent: lease.lent };
    if (!this.#events.offer({ kind: 'arrived', instance: held, release })) letGo();
    this.#settle();
  }

  async #sweep(known: ReadonlySet<string>, all: ListedInstance[]): Promise<void> {
    const { binding, deps, watch } = this.#side;
    const extras: ListedInstance[] = [];
    const onExtra = (instance: FoundInstance): void => {
      this.#open += 1;
      extras.push({ ...instance.key, ...instance.info });
      this.#arrived(instance, () => undefined);
    };
    const seen: SweepRequest['seen'] = (key) => watch.seen(key);
    const request = { target: this.#target, known, sopClassUids: sopClassesOf(all), seen, onExtra };
    await sweep(binding, deps, request, this.#context);
    all.push(...extras);
  }

  /** One of the things that may still put in events is done; after the last of them there will be no more. */
  #settle(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#events.close();
  }

  /** Remembers something to give back; the returned function does so once. */
  #hold(giveBack: () => void): () => void {
    const once = (): void => {
      if (this.#held.delete(once)) giveBack();
    };
    this.#held.add(once);
    return once;
  }

  /** The status line is decided now. */
  tell(): number {
    this.#told = true;
    return this.refused.length;
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
    this.#listing?.abort(new GatewayError('cancelled', 'The client has gone.'));
    for (const giveBack of [...this.#held]) giveBack();
  }
}

const notFound = (): GatewayError => new GatewayError('not-found', 'The PACS has nothing under these UIDs.');

/**
 * Opens a retrieve of a study, a series or an instance: lists it, asks for what is not in the cache, and resolves when
 * the first instance begins to arrive, so that the status line can be truthful.
 *
 * @throws GatewayError `not-found` when the peer lists nothing, `retrieve-pending` when the first instance takes longer
 *   than configured (the pull goes on), or the failure when nothing at all could be delivered
 * @see rules W-09..W-14, W-46
 */
export async function openRetrieve(
  side: RetrieveBinding,
  target: RetrieveTarget,
  context: OperationContext,
): Promise<OpenedRetrieve> {
  const collector = new Collector(side, target, context);
  const started = collector.start();
  const events = collector.events[Symbol.asyncIterator]();
  try {
    // A remembered refusal further down the list must be known before the status line: then the listing comes first.
    if (side.fetcher.refusals.size > 0) await collector.listed;
    const failures: GatewayError[] = [];
    const first = await firstArrival(side, collector, events, failures);
    if (first === undefined) {
      // A listing that failed is no empty one.
      await started;
      throw failures[0] ?? collector.refused[0] ?? notFound();
    }
    const refused = failures.length + collector.tell();
    return { refused, instances: deliver(first, events, collector), stalled: collector.stalled };
  } catch (thrown) {
    collector.close();
    throw thrown;
  }
}

type Arrived = Extract<Event, { kind: 'arrived' }>;

async function firstArrival(
  { binding, deps }: RetrieveBinding,
  collector: Collector,
  events: AsyncIterator<Event>,
  failures: GatewayError[],
): Promise<Arrived | undefined> {
  const { firstInstanceMs, retryAfterSeconds } = binding.retrieve;
  let cancelTimer: (() => void) | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    cancelTimer = deps.clock.after(firstInstanceMs, () => {
      collector.detach();
      const message = 'The PACS has not sent the first image yet; it is being fetched. Ask again later.';
      reject(new GatewayError('retrieve-pending', message, { peer: binding.peer.name, retryAfterSeconds }));
    });
  });
  try {
    for (;;) {
      const next = await Promise.race([events.next(), late]);
      if (next.done) return undefined;
      if (next.value.kind === 'arrived') return next.value;
      if (next.value.kind === 'broken') throw next.value.error;
      failures.push(next.value.error);
    }
  } finally {
    cancelTimer?.();
  }
}

async function* deliver(
  first: Arrived,
  events: AsyncIterator<Event>,
  collector: Collector,
): AsyncGenerator<HeldInstance, void, undefined> {
  let current = first;
  try {
    for (;;) {
      yield current.instance;
      current.release();
      const next: IteratorResult<Event, unknown> = await events.next();
      if (next.done) return;
      if (next.value.kind !== 'arrived') throw next.value.error;
      current = next.value;
    }
  } finally {
    collector.close(); // also gives back the instance that was being read
  }
}
