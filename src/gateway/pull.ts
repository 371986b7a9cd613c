import {
  abortReason,
  GatewayError,
  Semaphore,
  toGatewayError,
  type OperationContext,
} from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import { sopClassesOf, type ListedInstance } from './listing.js';
import { openListing } from './open-listing.js';
import type { RetrieveBinding } from './side.js';
import type { ListingStart } from './study-watch.js';
import { sweep, type SweepRequest } from './sweep.js';
import type { FoundInstance, Ticket } from './want.js';

/** How far a pull has come. */
export interface PullProgress {
  /** Instances that the peer lists; undefined until it has listed them all. */
  readonly listed: number | undefined;
  /** Instances that have come, or were there. */
  readonly complete: number;
  readonly failed: number;
  /** Of those that are complete. */
  readonly bytes: number;
}

/** How a pull ended: everything is in the cache when nothing failed and nothing was dropped. */
export interface PullOutcome extends PullProgress {
  readonly listed: number;
  /** Instances that came and had to leave the cache before the last one did. */
  readonly dropped: number;
  /** Why the first one of those that failed did. */
  readonly error: GatewayError | undefined;
}

export interface PullRequest {
  readonly target: RetrieveTarget;
  readonly onProgress?: (progress: PullProgress) => void;
  /** Looks at the list before anything is asked for, and puts it in order; an empty one ends the pull. */
  readonly plan?: (list: readonly ListedInstance[]) => readonly ListedInstance[];
}

/** Retrieves that are asked for ahead of those that run, so that no worker waits for the next. */
const AHEAD = 4;

/**
 * Brings everything at or below `target` into the cache, in the background: nobody reads it, so nothing keeps it there.
 *
 * The list is complete before the first instance is asked for, so that no association is held for it meanwhile.
 *
 * @throws GatewayError of the listing that failed, `not-found` when it is empty, or the signal's reason. What single instances failed of is counted.
 */
export function pull(
  side: RetrieveBinding,
  request: PullRequest,
  context: OperationContext,
): Promise<PullOutcome> {
  return new Pull(side, request, context).run();
}

class Pull {
  readonly #side: RetrieveBinding;
  readonly #request: PullRequest;
  readonly #context: OperationContext;
  readonly #places: Semaphore;
  readonly #tickets = new Set<Ticket>();
  readonly #came = new Set<string>();
  readonly #settling = new Set<Promise<void>>();
  #listed: number | undefined;
  #failed = 0;
  #bytes = 0;
  #error: GatewayError | undefined;

  constructor(side: RetrieveBinding, request: PullRequest, context: OperationContext) {
    this.#side = side;
    this.#request = request;
    this.#context = { ...context, patient: true };
    const { workers, batchSize } = side.binding.retrieve.background;
    this.#places = new Semaphore(AHEAD * workers * batchSize);
  }

  async run(): Promise<PullOutcome> {
    const { signal } = this.#context;
    const letGo = (): void => {
      for (const ticket of this.#tickets) ticket.release();
    };
    signal.addEventListener('abort', letGo, { once: true });
    try {
      return await this.#run();
    } finally {
      signal.removeEventListener('abort', letGo);
      letGo();
    }
  }

  async #run(): Promise<PullOutcome> {
    const { watch, fetcher } = this.#side;
    const { target, plan } = this.#request;
    const { signal } = this.#context;
    await fetcher.pace.open(signal);
    const { list, verified, start } = await this.#list();
    if (list.length === 0) throw new GatewayError('not-found', 'The PACS has nothing under these UIDs.');
    const planned = plan ? plan(list) : list;
    this.#listed = planned.length;
    this.#tell();
    for (const listed of planned) await this.#fetch(listed);
    await this.#allSettled();
    const isSwept = planned.length > 0 && !verified;
    const extras = isSwept ? await this.#sweep(list) : [];
    if ((verified || isSwept) && this.#failed === 0 && start)
      watch.remember(target, [...list, ...extras], start);
    return { ...this.#progress(), listed: this.#listed, dropped: this.#dropped(), error: this.#error };
  }

  async #list(): Promise<{ list: ListedInstance[]; verified: boolean; start: ListingStart | undefined }> {
    const { target } = this.#request;
    const listing = await openListing(this.#side, target, this.#context);
    const start = this.#side.watch.listingStart(target);
    const list: ListedInstance[] = [];
    for (;;) {
      const next = await listing.next();
      if (next.done) {
        const { verified, remembered } = next.value;
        return { list, verified, start: remembered ? undefined : start };
      }
      list.push(next.value);
    }
  }

  async #fetch(listed: ListedInstance): Promise<void> {
    const { fetcher, binding } = this.#side;
    const leave = await this.#places.acquire(this.#context.signal);
    await fetcher.pace.open(this.#context.signal);
    const refusal = fetcher.refusals.get({ ...listed, peer: binding.peer.name });
    if (refusal) this.#count(refusal);
    const settled = refusal ? Promise.resolve() : this.#settled(listed);
    const gone = settled.finally(() => {
      leave();
      this.#settling.delete(gone);
      this.#tell();
    });
    this.#settling.add(gone);
  }

  /** @throws the signal's reason: what was asked for is given back then, and settles no more */
  async #allSettled(): Promise<void> {
    const { signal } = this.#context;
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        reject(abortReason(signal));
      };
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      void Promise.all(this.#settling).then(() => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
    });
  }

  /** Resolves when the instance is there, or will not come. */
  #settled(listed: ListedInstance): Promise<void> {
    const place: { ticket?: Ticket; done?: boolean } = {};
    const giveBack = (): void => {
      place.done = true;
      if (!place.ticket) return;
      place.ticket.release();
      this.#tickets.delete(place.ticket);
    };
    const { requestId, priority } = this.#context;
    return new Promise<FoundInstance>((resolve, reject) => {
      const asker = { arrived: resolve, failed: reject };
      place.ticket = this.#side.fetcher.fetch(listed, asker, { urgent: false, requestId, priority });
      if (place.done) place.ticket.release();
      else this.#tickets.add(place.ticket);
    })
      .then((instance) => this.#complete(instance))
      .catch((thrown: unknown) => {
        this.#fail(toGatewayError(thrown));
      })
      .finally(giveBack);
  }

  async #complete(instance: FoundInstance): Promise<void> {
    await instance.unlessTooLong(instance.complete);
    this.#came.add(instance.key.sopInstanceUid);
    this.#bytes += instance.source.size ?? 0;
  }

  #fail(error: GatewayError): void {
    this.#count(error);
    // What was said of the study lately may not hold any more.
    this.#side.watch.forget(this.#request.target.studyInstanceUid);
  }

  #count(error: GatewayError): void {
    this.#failed += 1;
    this.#error ??= error;
  }

  /** What the listing may have left out without a word. */
  async #sweep(list: readonly ListedInstance[]): Promise<readonly ListedInstance[]> {
    const { binding, deps, watch, fetcher } = this.#side;
    const extras: ListedInstance[] = [];
    const settling: Promise<void>[] = [];
    const onExtra = (instance: FoundInstance): void => {
      extras.push({ ...instance.key, ...instance.info });
      this.#listed = (this.#listed ?? 0) + 1;
      const complete = this.#complete(instance).catch((thrown: unknown) => {
        this.#fail(toGatewayError(thrown));
      });
      settling.push(complete);
      this.#tell();
    };
    const known = new Set(list.map(({ sopInstanceUid }) => sopInstanceUid));
    const seen: SweepRequest['seen'] = (key) => watch.seen(key);
    const request = { target: this.#request.target, known, sopClassUids: sopClassesOf(list), seen, onExtra };
    await sweep(binding, deps, { ...request, replaced: watch.replaced, pace: fetcher.pace }, this.#context);
    await Promise.all(settling);
    return extras;
  }

  /** A cache that is smaller than what was pulled has let go of some of it already. */
  #dropped(): number {
    const { deps, binding } = this.#side;
    const there = deps.instances.ofStudy(binding.peer.name, this.#request.target.studyInstanceUid);
    const complete = new Set(there.filter(({ meta }) => meta).map(({ key }) => key.sopInstanceUid));
    return [...this.#came].filter((uid) => !complete.has(uid)).length;
  }

  #progress(): PullProgress {
    return {
      listed: this.#listed,
      complete: this.#came.size,
      failed: this.#failed,
      bytes: this.#bytes,
    };
  }

  #tell(): void {
    this.#request.onProgress?.(this.#progress());
  }
}
