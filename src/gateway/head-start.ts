import { GatewayError, type OperationContext } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import { retrieveIdentifier } from '../query/index.js';
import type { IncomingInstance, InstanceWriter, RetrieveProgress } from '../dimse/index.js';
import { adopt } from './adopt.js';
import { drain, type ArrivalWriterOptions } from './arrival-writer.js';
import type { FetcherDependencies, PeerBinding } from './ports.js';
import type { StudyWatch } from './study-watch.js';
import type { FoundInstance } from './want.js';

/** Between two instances it is not known which comes next: so long it is waited for before the peer is told to stop. */
const NEXT_MS = 100;

/** What a head start stands on. */
export interface HeadStartHost {
  readonly binding: PeerBinding;
  readonly deps: FetcherDependencies;
  /** What the peer said of a study last, how soon it answers at best, and whether it has said whose a target is. */
  readonly watch: Pick<StudyWatch, 'seen' | 'fastestMs' | 'knows' | 'replaced'>;
  /** The SOP classes to propose; empty = the common ones, undefined = it is not known what a retrieve needs. */
  readonly sopClassUids: (studyInstanceUid: string) => Promise<readonly string[] | undefined>;
  /** An instance has begun to arrive, asked for or not. */
  readonly adopted: (instance: FoundInstance) => void;
  /** Whether it brought anything before the listing did. */
  readonly ended: (outcome: Outcome) => void;
}

/** `failed`: the retrieve as a whole. That none of what is there could be sent is `late`. */
export type Outcome = 'ahead' | 'late' | 'failed';

/** Told of what arrives before it is known to be listed. */
export type Guest = (instance: FoundInstance) => void;

/**
 * One retrieve of a whole study or series beside its listing, for peers that take long to answer it. It ends as soon as
 * the listing names instances: then those that have not begun to arrive are spread over the associations.
 */
export class HeadStart {
  readonly target: RetrieveTarget;
  readonly #host: HeadStartHost;
  /** Bounded by the requests that wait for the target. */
  readonly #guests = new Set<Guest>();
  readonly #stop = new AbortController();
  /** Announced by the peer, and not in the cache yet. */
  readonly #unknown = new Set<string>();
  /** In the cache, and not whole yet. */
  #arriving = 0;
  #brought = 0;
  /** When it was asked for. */
  #askedAt = 0;
  #state: 'planned' | 'running' | 'stopping' | 'known' = 'planned';
  #cancelTimer: () => void;
  #onKnown: (() => void)[] = [];

  /** Begins after `delayMs`, unless it is stopped before. */
  constructor(target: RetrieveTarget, delayMs: number, requestId: string, host: HeadStartHost) {
    this.target = target;
    this.#host = host;
    this.#cancelTimer = this.#beginAfter(delayMs, requestId);
  }

  /** Whether it may still bring instances that nobody has asked for. */
  get isOver(): boolean {
    return this.#state === 'known';
  }

  /** Whether it may bring instances of `other`. */
  covers(other: RetrieveTarget): boolean {
    const { studyInstanceUid, seriesInstanceUid } = this.target;
    return (
      studyInstanceUid === other.studyInstanceUid &&
      (seriesInstanceUid ?? other.seriesInstanceUid) === (other.seriesInstanceUid ?? seriesInstanceUid)
    );
  }

  join(guest: Guest): void {
    this.#guests.add(guest);
  }

  /** With the last guest it ends. */
  leave(guest: Guest): void {
    if (this.#guests.delete(guest) && this.#guests.size === 0) this.#end();
  }

  /**
   * The listing has named an instance, or has ended: the peer is told to stop, and what is arriving is taken to its end.
   * `known` is called when everything that it brings is in the cache, at once if it is.
   */
  stop(known?: () => void): void {
    if (known) {
      if (this.#state === 'known') known();
      else this.#onKnown.push(known);
    }
    if (this.#state === 'running') this.#host.ended(this.#brought > 0 ? 'ahead' : 'late');
    this.#end();
  }

  #beginAfter(delayMs: number, requestId: string): () => void {
    return this.#host.deps.clock.after(delayMs, () => {
      // What comes before it is known whose it is would have to be dropped later.
      if (this.#host.watch.knows(this.target)) void this.#begin(requestId);
      else this.#cancelTimer = this.#beginAfter(delayMs, requestId);
    });
  }

  async #begin(requestId: string): Promise<void> {
    const { binding, sopClassUids } = this.#host;
    const classes = await sopClassUids(this.target.studyInstanceUid);
    if (this.#state !== 'planned') return;
    const request = classes && {
      ...retrieveIdentifier(this.target),
      sopClassUids: classes,
      stop: this.#stop.signal,
      onProgress: (progress: RetrieveProgress) => {
        this.#counted(progress);
      },
    };
    // Others may read what arrives: nobody takes it back, and the peer's time-outs bound it.
    const context: OperationContext = { requestId, signal: new AbortController().signal, patient: true };
    this.#askedAt = this.#host.watch.replaced.mark;
    const running =
      request && binding.peer.retrieveNow(request, (incoming) => this.#receive(incoming), context);
    if (!running) {
      this.#known();
      return;
    }
    this.#state = 'running';
    running.then(
      ({ received, failed }) => {
        this.#ended(received === 0 && failed > 0 ? 'late' : 'ahead');
      },
      () => {
        this.#ended('failed');
      },
    );
  }

  #ended(outcome: Outcome): void {
    if (this.#state === 'running') this.#host.ended(outcome);
    this.#known();
  }

  #counted({ remaining = 0, completed, failed, warning }: RetrieveProgress): void {
    if (remaining + completed + failed + warning > this.#host.binding.retrieve.maxInstances) this.#end();
  }

  #end(): void {
    if (this.#state === 'planned') this.#known();
    if (this.#state !== 'running') return;
    this.#state = 'stopping';
    // The peer may have begun the next one, which would come twice if it were asked for now.
    if (this.#brought === 0 || this.#unknown.size + this.#arriving > 0) this.#tellToStop();
    else
      this.#cancelTimer = this.#host.deps.clock.after(NEXT_MS, () => {
        this.#tellToStop();
      });
  }

  #tellToStop(): void {
    this.#cancelTimer();
    this.#stop.abort(new GatewayError('cancelled', 'The listing is there.'));
    this.#look();
  }

  /** Looks whether everything that comes is in the cache. */
  #look(): void {
    if (this.#stop.signal.aborted && this.#unknown.size === 0) this.#known();
  }

  #known(): void {
    this.#cancelTimer();
    if (this.#state === 'known') return;
    this.#state = 'known';
    this.#guests.clear();
    for (const callback of this.#onKnown.splice(0)) callback();
  }

  #receive(incoming: IncomingInstance): InstanceWriter {
    const { binding, deps, watch } = this.#host;
    const seen: ArrivalWriterOptions['seen'] = (key) => watch.seen(key);
    const { sopInstanceUid } = incoming;
    const { studyInstanceUid } = this.target;
    const isReplaced = (): boolean =>
      watch.replaced.since(this.#askedAt, { studyInstanceUid, sopInstanceUid });
    // Its guests may have come after that: whoever wants it asks for it once more.
    if (isReplaced()) return drain;
    this.#unknown.add(sopInstanceUid);
    const settle = (): void => {
      this.#unknown.delete(sopInstanceUid);
      this.#look();
    };
    const onAdopted = (instance: FoundInstance): void => {
      this.#adopted(instance);
      settle();
    };
    try {
      const writer = adopt(binding, deps, { target: this.target, seen, isReplaced, onAdopted }, incoming);
      if (this.#state === 'stopping') this.#tellToStop();
      return {
        write: (chunk) => writer.write(chunk),
        end: async () => {
          try {
            return await writer.end();
          } finally {
            settle();
          }
        },
        fail: (error) => {
          writer.fail(error);
          settle();
        },
      };
    } catch (thrown) {
      settle();
      throw thrown;
    }
  }

  #adopted(instance: FoundInstance): void {
    this.#brought += 1;
    this.#arriving += 1;
    const arrived = (): void => {
      this.#arriving -= 1;
    };
    instance.complete.then(arrived, arrived);
    this.#host.adopted(instance);
    // Once rows come, what they name is told through them.
    if (this.#state === 'running') for (const guest of this.#guests) guest(instance);
    if (this.#brought > this.#host.binding.retrieve.maxInstances) this.#end();
  }
}
