import type { OperationContext } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import { HeadStart, type Guest, type HeadStartHost, type Outcome } from './head-start.js';

/** Each that brought nothing before the listing did has the next wait as long again, up to so many times. */
const MOST_LATE = 3;
/** How long a peer is given none after one that failed. */
const REST_MS = 10 * 60_000;

/** One request's part in a head start. */
export interface Seat {
  /** The listing has named its first instance. */
  rowCame(): void;
  /** The listing has ended; resolves when it is known what the head start brings. */
  over(): Promise<void>;
  /** The request does not wait for it any more. */
  leave(): void;
}

/**
 * Decides which retrieves of one peer get a head start: of what nobody has asked for yet, and only when the first row takes
 * longer than the peer needs to answer by the time configured. Peers that answer at once (dcmqrscp) never see one, those
 * that find all rows before they send the first (Orthanc) do when there are many.
 */
export class HeadStarts {
  readonly #host: HeadStartHost;
  /** Whether anything of a target is there already, or on its way. */
  readonly #isWarm: (target: RetrieveTarget) => boolean;
  /** Bounded by the requests that wait for them. */
  readonly #active = new Set<HeadStart>();
  /** In a row. */
  #late = 0;
  #restUntil = Number.NEGATIVE_INFINITY;

  constructor(host: Omit<HeadStartHost, 'ended'>, isWarm: (target: RetrieveTarget) => boolean) {
    this.#isWarm = isWarm;
    this.#host = {
      ...host,
      ended: (outcome) => {
        this.#learn(outcome);
      },
    };
  }

  /** To be called when a listing begins. `guest` is told what arrives before the listing names it. */
  join(target: RetrieveTarget, guest: Guest, context: OperationContext): Seat {
    // Of what it brings one instance alone would have to wait for its turn, and is asked for sooner by itself.
    const isWhole = target.sopInstanceUid === undefined;
    const headStart = isWhole ? (this.#running(target) ?? this.#plan(target, context)) : undefined;
    headStart?.join(guest);
    return {
      rowCame: () => {
        headStart?.stop();
      },
      over: () =>
        new Promise((resolve) => {
          if (headStart) headStart.stop(resolve);
          else resolve();
        }),
      leave: () => {
        headStart?.leave(guest);
      },
    };
  }

  /**
   * Whether an instance that a listing has named may be on its way by a head start. That is ended then, and `known`
   * called later, when everything that it brings is in the cache.
   */
  mayBring(target: RetrieveTarget, known: () => void): boolean {
    for (const headStart of this.#live()) {
      if (!headStart.covers(target)) continue;
      headStart.stop();
      if (headStart.isOver) continue;
      headStart.stop(known);
      return true;
    }
    return false;
  }

  #running(target: RetrieveTarget): HeadStart | undefined {
    for (const headStart of this.#live()) {
      const { studyInstanceUid, seriesInstanceUid } = headStart.target;
      if (studyInstanceUid === target.studyInstanceUid && seriesInstanceUid === target.seriesInstanceUid)
        return headStart;
    }
    return undefined;
  }

  #plan(target: RetrieveTarget, { requestId, priority }: OperationContext): HeadStart | undefined {
    const { binding, deps } = this.#host;
    const { headStartMs } = binding.retrieve;
    const isForPerson = priority === undefined || priority === 'interactive';
    if (headStartMs === 0 || !isForPerson) return undefined;
    if (deps.clock.now() < this.#restUntil || this.#isWarm(target)) return undefined;
    if (this.#live().some((other) => other.covers(target))) return undefined;
    // Of a study the series are listed before the first instance is.
    const answers = target.seriesInstanceUid === undefined ? 2 : 1;
    const delayMs = headStartMs * (1 + this.#late) + answers * this.#host.watch.fastestMs;
    const headStart = new HeadStart(target, delayMs, requestId, this.#host);
    this.#active.add(headStart);
    return headStart;
  }

  #live(): readonly HeadStart[] {
    for (const headStart of this.#active) if (headStart.isOver) this.#active.delete(headStart);
    return [...this.#active];
  }

  #learn(outcome: Outcome): void {
    const { binding, deps } = this.#host;
    deps.observe({ kind: 'head-start', peer: binding.peer.name, outcome });
    this.#late = outcome === 'ahead' ? 0 : Math.min(this.#late + 1, MOST_LATE);
    if (outcome === 'failed') this.#restUntil = deps.clock.now() + REST_MS;
  }
}
