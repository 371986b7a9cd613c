import type { CachedInstance, InstanceKey } from '../cache/index.js';
import { LazySet, type GatewayError, type Priority } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import type { ListedInstance } from './listing.js';
import type { InstanceRecord } from './ports.js';
import type { Seen } from './study-state.js';

/** An instance in the cache, arriving or there. */
export type FoundInstance = CachedInstance<InstanceRecord>;

/** An instance that one request reads: its bytes stay until the request lets go of it, or stalls for too long. */
export interface HeldInstance extends Pick<
  FoundInstance,
  'key' | 'info' | 'source' | 'complete' | 'unlessTooLong'
> {
  /** The bytes for who hands them on at once: a piece is overwritten when the next one is asked for. */
  readonly lent: FoundInstance['source'];
  /** Holds it beyond its turn, until the function that is returned is called. */
  keep(): () => void;
}

/** One whose every byte has come. */
export interface WholeInstance extends Pick<FoundInstance, 'key' | 'info'> {
  readonly record: InstanceRecord;
}

/** Someone who asked for an instance. */
export interface Asker {
  /** The instance is there or has begun to arrive. */
  arrived(instance: FoundInstance): void;
  failed(error: GatewayError): void;
}

/** Proof of having asked: to be given back once the instance has been read, or is not wanted any more. */
export interface Ticket {
  release(): void;
}

/** How an instance is asked for. */
export interface FetchOptions {
  /** Before everything that is not. */
  readonly urgent: boolean;
  readonly requestId: string;
  /** `interactive` when left out. */
  readonly priority?: Priority | undefined;
}

const NOTHING = (): void => undefined;

/** One asker's place with a want. */
class Place implements Ticket {
  readonly #want: Want;
  readonly #asker: Asker;

  constructor(want: Want, asker: Asker) {
    this.#want = want;
    this.#asker = asker;
  }

  release(): void {
    this.#want.leave(this.#asker);
  }
}

/** An instance that somebody waits for. At most one exists per instance, whoever and however many ask. */
export class Want {
  readonly listed: ListedInstance;
  readonly key: InstanceKey;
  /** `held`: not to be asked for before it is known whether a head start brings it. */
  state: 'held' | 'queued' | 'requested' | 'arriving' | 'settled' = 'queued';
  /** Of the request that asked first, so that the association's log lines carry it. */
  readonly requestId: string;
  /** When it was asked of the peer, and what that had said of it by then. */
  asked: { readonly mark: number; readonly seen: Seen | undefined } | undefined;
  /** Asked for in a retrieve of its own, after one of several left it out. */
  alone = false;
  /** How many that retrieve brought before it left this one out, and all that followed, without a word. */
  cutAfter: number | undefined;
  /** The best of those who asked; `WantQueue` alone changes it while it is queued. */
  priority: Priority;
  /** Called when somebody with a better priority has come while it is asked for. */
  onHastened: () => void = NOTHING;
  readonly #askers = new LazySet<Asker>();
  #instance: FoundInstance | undefined;
  #onDeserted: () => void = NOTHING;

  constructor(listed: ListedInstance, peer: string, requestId: string, priority: Priority = 'interactive') {
    this.listed = listed;
    this.requestId = requestId;
    this.priority = priority;
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = listed;
    this.key = { peer, studyInstanceUid, seriesInstanceUid, sopInstanceUid };
  }

  /** Whether anybody still waits for it or reads it. */
  get wanted(): boolean {
    return this.#askers.size > 0;
  }

  /** Whether somebody reads it who did not ask for it by this want, such as one to whom a retrieve of all brought it. */
  get isReadByOthers(): boolean {
    return this.#instance?.isHeld ?? false;
  }

  /** Once it has begun to arrive. */
  get instance(): FoundInstance | undefined {
    return this.#instance;
  }

  /** Called when the last asker has gone. */
  onDeserted(callback: () => void): void {
    this.#onDeserted = callback;
  }

  /** It is asked of the peer now. */
  request(asked: NonNullable<Want['asked']>): void {
    this.state = 'requested';
    this.asked = asked;
  }

  join(asker: Asker): Ticket {
    this.#askers.add(asker);
    if (this.#instance) asker.arrived(this.#instance);
    return new Place(this, asker);
  }

  /** `asker` has read it, or does not want it any more. */
  leave(asker: Asker): void {
    if (this.#askers.delete(asker) && !this.wanted) this.#onDeserted();
  }

  /** Every byte is there, or none will come any more: who asked keeps nothing of it here. */
  settle(): void {
    this.state = 'settled';
    this.onHastened = NOTHING;
    if (!this.wanted) return;
    this.#askers.clear();
    this.#onDeserted();
    this.#onDeserted = NOTHING;
  }

  arrived(instance: FoundInstance): void {
    this.state = 'arriving';
    this.#instance = instance;
    for (const asker of this.#askers) asker.arrived(instance);
  }

  failed(error: GatewayError): void {
    const told = this.state === 'arriving';
    this.state = 'settled';
    if (told) return; // readers of the arrival see the error where it happened
    for (const asker of this.#askers) asker.failed(error);
  }
}

/** Whether an instance is of a study or series. */
export const isWithin = (
  key: InstanceKey,
  { studyInstanceUid, seriesInstanceUid }: RetrieveTarget,
): boolean =>
  key.studyInstanceUid === studyInstanceUid &&
  (seriesInstanceUid ?? key.seriesInstanceUid) === key.seriesInstanceUid;

const RANK: Readonly<Record<Priority, number>> = { interactive: 0, prefetch: 1, bulk: 2 };

/** Whether who waits at `priority` goes before who waits at `other`. */
export const outranks = (priority: Priority, other: Priority): boolean => RANK[priority] < RANK[other];
