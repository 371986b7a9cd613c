import { GatewayError, toGatewayError, type Priority } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import { retrieveIdentifier } from '../query/index.js';
import type { IncomingInstance, InstanceWriter } from '../dimse/index.js';
import { ArrivalWriter, duplicate } from './arrival-writer.js';
import { BackgroundPace } from './background-pace.js';
import { cancelWhenDeserted, cancelWhenHastened } from './batch-cancel.js';
import { FetchWorkers, type WorkKind } from './fetch-workers.js';
import { GivingWay } from './giving-way.js';
import { HeadStarts } from './head-starts.js';
import { isRefusal, notDelivered, type Outcome } from './fetch-outcome.js';
import { sopClassesOf, type ListedInstance } from './listing.js';
import type { FetcherDependencies, PeerBinding } from './ports.js';
import { Refusals } from './refusals.js';
import type { StudyWatch } from './study-watch.js';
import { StudyPulls } from './study-pulls.js';
import { UidLists } from './uid-lists.js';
import { WantQueue } from './want-queue.js';
import { Wants } from './wants.js';
import {
  isWithin,
  outranks,
  Want,
  type Asker,
  type FetchOptions,
  type FoundInstance,
  type Ticket,
} from './want.js';

/**
 * Brings instances from one peer into the cache: what is asked for twice is fetched once, spread over the peer's
 * associations in batches of one series, with what somebody waits for right now in front.
 */
export class InstanceFetcher {
  readonly refusals: Refusals;
  readonly headStarts: HeadStarts;
  /** When and how fast what no person waits for comes. */
  readonly pace: BackgroundPace;
  /** What is on its way. */
  readonly pulls: StudyPulls;
  readonly #binding: PeerBinding;
  readonly #deps: FetcherDependencies;
  readonly #queue = new WantQueue();
  readonly #wants: Wants;
  readonly #workers: FetchWorkers;
  readonly #lists: UidLists;
  readonly #givingWay: GivingWay;
  readonly #duplicate = (): InstanceWriter => duplicate(this.#deps.observe, this.#binding.peer.name);

  /** A head start brings what somebody waits for. */
  readonly #adopted = (instance: FoundInstance): void => {
    this.refusals.delete(instance.key);
    const want = this.#wants.get(instance.key);
    if (want === undefined || want.state === 'arriving') return;
    this.#queue.remove(want);
    this.#deliver(want, instance);
  };

  /** The SOP classes of the retrieve that brought something last. */
  #latestSopClassUids: readonly string[] | undefined;

  readonly #watch: Pick<StudyWatch, 'seen' | 'forget' | 'replaced'>;

  /** `watch` tells what the peer said of a study last. */
  constructor(
    binding: PeerBinding,
    deps: FetcherDependencies,
    watch: Pick<StudyWatch, 'seen' | 'sopClassUids' | 'fastestMs' | 'knows' | 'forget' | 'replaced'>,
  ) {
    this.#binding = binding;
    this.#deps = deps;
    this.pulls = new StudyPulls(() => deps.clock.now());
    this.#wants = new Wants(deps.instances, this.pulls, watch.replaced);
    this.#watch = watch;
    this.#workers = new FetchWorkers(binding.retrieve, this.#queue, (kind) => this.#work(kind));
    this.#lists = new UidLists(binding);
    this.#givingWay = new GivingWay(deps.clock, () => watch.fastestMs);
    this.refusals = new Refusals(deps.clock, binding.retrieve.refusalMs);
    const host = {
      binding,
      deps,
      watch,
      sopClassUids: async (study: string) => {
        const told = await watch.sopClassUids(study);
        return told.length > 0 ? told : this.#latestSopClassUids;
      },
      adopted: this.#adopted,
    };
    this.headStarts = new HeadStarts(host, (target) => this.#holdsOf(target));
    this.pace = new BackgroundPace(binding.retrieve.background, deps.clock);
  }

  /** Instances asked for and not yet asked of the peer. */
  queued(priority: Priority): number {
    return this.#queue.waiting(priority);
  }

  /** What is known of an instance without asking the peer: it is wanted already, or in the cache. */
  knows(key: Omit<Want['key'], 'peer'>): boolean {
    const fullKey = { ...key, peer: this.#binding.peer.name };
    return this.#wants.joinable(key) !== undefined || this.#deps.instances.peek(fullKey) !== undefined;
  }

  /**
   * Asks for an instance; the asker is told once, perhaps before this returns.
   *
   * What waits already is moved up to the asker's priority. The ticket is to be released when the instance has been
   * read.
   */
  fetch(listed: ListedInstance, asker: Asker, options: FetchOptions): Ticket {
    const isForPerson = (options.priority ?? 'interactive') === 'interactive';
    // Who wants it in the cache and does not read it is helped by no second one: that would be let go of as well.
    const known = isForPerson ? this.#wants.joinable(listed) : this.#wants.get(listed);
    if (known) return this.#join(known, asker, options);
    const want = new Want(listed, this.#binding.peer.name, options.requestId, options.priority);
    const cached = this.#deps.instances.get(want.key);
    if (cached) {
      const { requestId } = options;
      this.#deps.observe({ kind: 'stage', stage: 'cache', requestId, durationMs: 0 });
      asker.arrived(cached);
      return { release: () => undefined };
    }
    this.#wants.add(want);
    const ticket = want.join(asker);
    // What is urgent waits for nothing, at the risk that it comes twice.
    const isHeld =
      !options.urgent &&
      this.headStarts.mayBring(want.key, () => {
        if (want.state === 'held') this.#start(want, false);
      });
    if (isHeld) this.#holdBack(want);
    else this.#start(want, options.urgent);
    return ticket;
  }

  /** Whether anything of a study or series is in the cache, or asked for. */
  #holdsOf(target: RetrieveTarget): boolean {
    const cached = this.#deps.instances.ofStudy(this.#binding.peer.name, target.studyInstanceUid);
    return this.#wants.hasWithin(target) || cached.some(({ key }) => isWithin(key, target));
  }

  #holdBack(want: Want): void {
    want.state = 'held';
    want.onDeserted(() => {
      if (want.state === 'held') this.#abandon([want]);
    });
  }

  #start(want: Want, urgent: boolean): void {
    this.#enqueue(want, urgent);
    if (urgent) this.#givingWay.hurry();
    this.#workers.start();
  }

  #enqueue(want: Want, urgent: boolean): void {
    want.state = 'queued';
    want.onDeserted(() => {
      this.#dropIfQueued(want);
    });
    this.#queue.add(want, urgent);
  }

  #join(want: Want, asker: Asker, { urgent, priority = 'interactive' }: FetchOptions): Ticket {
    this.#deps.observe({ kind: 'cache', event: 'join', tier: 'memory' });
    const isBetter = outranks(priority, want.priority);
    if (want.state === 'held' && urgent) {
      want.priority = priority;
      this.#start(want, urgent);
    } else if (want.state === 'queued' && (urgent || isBetter)) {
      this.#queue.promote(want, priority, urgent);
      if (urgent) this.#givingWay.hurry();
      this.#workers.start();
    }
    const ticket = want.join(asker);
    if (isBetter && want.state !== 'queued') {
      want.priority = priority;
      want.onHastened();
    }
    return ticket;
  }

  #dropIfQueued(want: Want): void {
    if (want.state === 'queued' && this.#queue.remove(want)) this.#wants.forget(want);
  }

  async #work(kind: WorkKind): Promise<boolean> {
    const batch = kind === 'interactive' ? this.#takeBatch() : this.#takeBackground();
    if (batch.length === 0) return false;
    await this.#run(batch);
    if (this.#queue.size > 0) await this.#givingWay.next();
    return true;
  }

  #takeBatch(): readonly Want[] {
    const { batchSize, workers } = this.#binding.retrieve;
    return this.#queue.takeBatch(this.#lists.most(batchSize), workers);
  }

  #takeBackground(): readonly Want[] {
    if (!this.#workers.mayGoOnInBackground) return [];
    const { batchSize, workers } = this.#binding.retrieve.background;
    return this.#queue.takeBackground(this.#lists.most(batchSize), workers);
  }

  /** Asks for `batch`, and sees to what did not come; says whether that was because it was given up. */
  async #run(batch: readonly Want[]): Promise<boolean> {
    const { mark } = this.#watch.replaced;
    for (const want of batch) want.request({ mark, seen: this.#watch.seen(want.key) });
    const outcome = await this.#ask(batch);
    const missing = batch.filter((want) => want.state === 'requested');
    this.#lists.ended(batch, missing, outcome);
    const [first] = missing;
    if (first === undefined) return false;
    // Also when all who waited have left at the first sign of it.
    if (outcome.kind === 'failed' && !outcome.gaveUp) this.#watch.forget(first.key.studyInstanceUid);
    this.#abandon(missing);
    const open = missing.filter((want) => want.wanted);
    if (outcome.gaveUp) {
      // Somebody asked again while the retrieve was being given up.
      for (const want of open) this.#enqueue(want, true);
      this.#workers.start();
    } else if (batch.length === 1) this.#refuse(open, outcome);
    else if (missing.length < batch.length) this.#retryAlone(open, outcome);
    else await this.#retryFirst(open, outcome, batch.length);
    return outcome.gaveUp;
  }

  #abandon(missing: readonly Want[]): void {
    for (const want of missing) {
      if (want.wanted) continue;
      want.state = 'settled';
      this.#wants.forget(want);
    }
  }

  /** Some came and some did not: each of the others gets one more chance, unless the association itself failed. */
  #retryAlone(open: readonly Want[], outcome: Outcome): void {
    if (outcome.kind === 'failed' && outcome.error.code !== 'peer-failed') {
      this.#refuse(open, outcome);
      return;
    }
    this.#enqueueAlone(open);
  }

  #enqueueAlone(wants: readonly Want[]): void {
    this.#abandon(wants);
    for (const want of wants) {
      if (!want.wanted) continue;
      want.alone = true;
      this.#enqueue(want, false);
    }
    // A person may have come to wait for one that was asked for in the background.
    this.#workers.start();
  }

  /** Nothing came: a peer that does not know lists of UIDs delivers the first one when asked for it alone. */
  async #retryFirst(open: readonly Want[], outcome: Outcome, count: number): Promise<void> {
    const [first, ...rest] = open;
    if (first === undefined) return;
    if (!this.#lists.mayBeTheReason(outcome)) {
      this.#refuse(open, outcome);
      return;
    }
    const gaveUp = await this.#run([first]);
    const delivered = first.state === 'arriving' || this.#deps.instances.peek(first.key) !== undefined;
    if (delivered) this.#lists.refused(outcome, count);
    // A head start may have brought some of them meanwhile.
    const missing = rest.filter((want) => want.state === 'requested');
    // Who waited for the first may have left before it could tell anything of the others.
    if (delivered || gaveUp || outcome.kind === 'completed') this.#enqueueAlone(missing);
    else this.#refuse(missing, outcome);
  }

  #refuse(wants: readonly Want[], outcome: Outcome): void {
    for (const want of wants) {
      const error =
        outcome.kind === 'failed' ? outcome.error : notDelivered(this.#binding, outcome.completion);
      if (isRefusal(outcome)) this.refusals.add(want.key, error);
      this.#wants.forget(want);
      want.failed(error);
    }
  }

  async #ask(batch: readonly Want[]): Promise<Outcome> {
    const [first] = batch;
    if (first === undefined) throw new GatewayError('internal', 'A retrieve of nothing was asked for.');
    const controller = new AbortController();
    const ended = cancelWhenDeserted(
      batch,
      controller,
      this.#deps.clock,
      this.#binding.retrieve.cancelDelayMs,
    );
    const hasBegun = cancelWhenHastened(batch, controller);
    const turn = this.#givingWay.take(first.priority === 'interactive');
    const begun = (): void => {
      hasBegun();
      turn.begun();
    };
    const { priority } = first;
    const bySop = new Map(batch.map((want) => [want.key.sopInstanceUid, want]));
    try {
      const target = retrieveIdentifier(first.key, [...bySop.keys()]);
      const sopClassUids = sopClassesOf(batch.map((want) => want.listed));
      const completion = await this.#binding.peer.retrieve(
        { ...target, sopClassUids, begun },
        (incoming) => {
          turn.heard();
          return this.#receive(incoming, bySop.get(incoming.sopInstanceUid), batch);
        },
        { requestId: first.requestId, signal: controller.signal, patient: true, priority },
      );
      if (completion.received > 0) this.#latestSopClassUids = sopClassUids;
      return { kind: 'completed', completion, gaveUp: controller.signal.aborted };
    } catch (thrown) {
      return { kind: 'failed', error: toGatewayError(thrown), gaveUp: controller.signal.aborted };
    } finally {
      ended();
      turn.ended();
    }
  }

  #receive(incoming: IncomingInstance, want: Want | undefined, batch: readonly Want[]): InstanceWriter {
    const { instances, observe } = this.#deps;
    if (want?.state !== 'requested') return this.#duplicate();
    const { sopClassUid, transferSyntaxUid } = incoming;
    const arrival = instances.begin(want.key, { sopClassUid, transferSyntaxUid });
    const instance = arrival?.instance ?? instances.peek(want.key);
    if (instance === undefined) return this.#duplicate();
    this.refusals.delete(want.key);
    this.#deliver(want, instance);
    if (arrival === undefined) return this.#duplicate();
    // For those alone who asked before: nobody knows which of the two it is.
    if (this.#wants.isReplaced(want)) instances.delete(want.key);
    const { limits } = this.#binding.retrieve;
    const told = { askedAs: want.asked?.seen, came: this.pulls.counting(want) };
    const seen: StudyWatch['seen'] = (key) => this.#watch.seen(key);
    const writer = new ArrivalWriter(arrival, { limits, observe, seen, ...told });
    // Who waits for one of them waits for those before it.
    return this.pace.slow(writer, () => batch.every(({ priority }) => priority !== 'interactive'));
  }

  #deliver(want: Want, instance: FoundInstance): void {
    const settle = (): void => {
      this.#wants.forget(want);
      want.settle();
    };
    instance.complete.then(settle, () => {
      settle();
      this.#watch.forget(want.key.studyInstanceUid);
    });
    want.arrived(instance);
  }
}
