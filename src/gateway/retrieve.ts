import { GatewayError, type OperationContext } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import { Collector, type Arrived, type Event } from './collector.js';
import type { ListedInstance } from './listing.js';
import type { RetrieveBinding } from './side.js';
import type { Turn } from './union-turn.js';
import type { HeldInstance, WholeInstance } from './want.js';

/** What is being retrieved, with everything that is known before its first byte. */
export interface OpenedRetrieve {
  /** Instances that the peer lists and does not deliver. More than none: the answer is partial. @see rule W-09 */
  readonly refused: number;
  /**
   * The instances in the order in which they come; each is held in the cache until the next is asked for, or for as long
   * as it is kept.
   * Throws when one of them fails after the retrieve was opened, or when the study was corrected meanwhile.
   */
  readonly instances: AsyncGenerator<HeldInstance, void, undefined>;
  /** Aborts when a held instance was taken away because its reader stalled, also while nobody asks for more. */
  readonly stalled: AbortSignal;
  /** The SOP classes of what is listed, when all of it is; undefined among them where the peer does not tell one. */
  readonly sopClassUids: () => Promise<ReadonlySet<string | undefined>>;
  /** What each peer's watch remembers as the list that this is the whole of, when all has been delivered. */
  readonly lists: () => readonly (readonly ListedInstance[] | undefined)[];
  /**
   * All of it, where it was listed before and every byte has come: then nothing is asked of the peer any more for this
   * answer; undefined otherwise. To be used before the first of them is let go of.
   */
  readonly whole: () => Promise<readonly WholeInstance[] | undefined>;
  /** Ends it, also while the next instance is waited for. */
  readonly close: () => void;
}

/** What is being retrieved of one peer. */
export interface OpenedAtPeer extends OpenedRetrieve {
  /** Whether anything is asked of the peer for it; known of one of several members, which has listed all it has. */
  readonly fetches: boolean;
  /** Whether the peer says of the study still what it said when each instance came that has come. */
  readonly isSame: () => boolean;
}

const notFound = (): GatewayError => new GatewayError('not-found', 'The PACS has nothing under these UIDs.');

/**
 * Opens a retrieve of a study, a series or an instance: lists it, asks for what is not in the cache, and resolves when
 * the first instance begins to arrive, so that the status line can be truthful.
 *
 * @throws GatewayError `not-found` when the peer lists nothing, `retrieve-pending` when the first instance takes longer
 *   than configured (the pull goes on), or the failure when nothing at all could be delivered
 * With a `turn` it is one of several members that are asked: `not-found` means that it has nothing that is its to deliver.
 *
 * @see rules W-09..W-14, W-46
 */
export async function openRetrieve(
  side: RetrieveBinding,
  target: RetrieveTarget,
  context: OperationContext,
  turn?: Turn,
): Promise<OpenedAtPeer> {
  const collector = new Collector(side, target, context, turn);
  const started = collector.start();
  const events = collector.events[Symbol.asyncIterator]();
  try {
    // A remembered refusal further down the list must be known before the status line: then the listing comes first.
    if (side.fetcher.refusals.has(target)) await collector.listed;
    const failures: GatewayError[] = [];
    const first = await firstArrival(side, collector, events, failures);
    if (first === undefined) {
      // A listing that failed is no empty one.
      await started;
      throw failures[0] ?? collector.refused[0] ?? notFound();
    }
    collector.requireSame(first.instance);
    const refused = failures.length + collector.tell();
    const close = (): void => {
      collector.close();
    };
    const sopClassUids = async (): ReturnType<OpenedRetrieve['sopClassUids']> => {
      await collector.listed;
      return collector.sopClassUids;
    };
    const instances = deliver(first, events, collector);
    const { stalled, fetches } = collector;
    const whole = async (): ReturnType<OpenedRetrieve['whole']> => {
      if (collector.asks) return undefined;
      await started;
      return collector.whole;
    };
    const said = { sopClassUids, whole, lists: () => [collector.list], isSame: () => collector.isSame };
    return { refused, instances, stalled, close, fetches, ...said };
  } catch (thrown) {
    collector.close();
    throw thrown;
  }
}

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
      collector.requireSame(current.instance);
      yield current.instance;
      current.release();
      const next: IteratorResult<Event, unknown> = await events.next();
      if (next.done) {
        await collector.requireStillSame();
        return;
      }
      if (next.value.kind !== 'arrived') throw next.value.error;
      current = next.value;
    }
  } finally {
    collector.close(); // also gives back the instance that was being read
  }
}
