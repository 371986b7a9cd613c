import { GatewayError, toGatewayError } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import type { ListedInstance } from './listing.js';
import { nearestFirst } from './neighbours.js';
import { pull } from './pull.js';
import type { RetrieveBinding } from './side.js';

export interface PrefetchSettings {
  readonly mode: 'series' | 'off';
  /** Most bytes that the cache can hold, in its larger tier. */
  readonly cacheBytes: () => number;
}

/** How long a series is not looked at again; a viewer that scrolls opens a frame several times in a second. */
const REMEMBER_MS = 60_000;
/** Series that are remembered, some 200 bytes each; the longest unopened are forgotten first. */
const MOST_REMEMBERED = 1000;
/** Series that are brought at once: whoever opens one more has left the first one. */
const MOST_RUNNING = 4;
/** The share of the cache that one series may take unasked. */
const MOST_OF_CACHE = 0.5;

/**
 * Brings the rest of a series into the cache when somebody opens one of its instances.
 *
 * It never delays a person: it takes an association only where one remains for searches and one for people, goes last in
 * every queue, keeps to the hours and the rate of background work, and stops when several others were opened since.
 */
export class Prefetcher {
  readonly #side: RetrieveBinding;
  readonly #settings: PrefetchSettings;
  /** When each series was opened last, the longest ago first. */
  readonly #opened = new Map<string, number>();
  readonly #running = new Map<string, AbortController>();
  #isClosed = false;

  constructor(side: RetrieveBinding, settings: PrefetchSettings) {
    this.#side = side;
    this.#settings = settings;
  }

  /** Somebody has opened this instance. */
  opened(target: RetrieveTarget, requestId: string): void {
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = target;
    if (seriesInstanceUid === undefined || sopInstanceUid === undefined) return;
    const series = `${studyInstanceUid} ${seriesInstanceUid}`;
    if (!this.#mayWork() || this.#running.has(series) || this.#isRemembered(series)) return;
    void this.#run({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }, requestId);
  }

  /** Gives up what runs. */
  close(): void {
    this.#isClosed = true;
    for (const controller of this.#running.values()) {
      controller.abort(new GatewayError('shutting-down', 'The gateway is stopping.'));
    }
  }

  #mayWork(): boolean {
    const { fetcher, binding } = this.#side;
    const leavesOne = binding.retrieve.workers > binding.retrieve.background.workers;
    return this.#settings.mode === 'series' && leavesOne && !this.#isClosed && fetcher.pace.closedFor === 0;
  }

  #isRemembered(series: string): boolean {
    const now = this.#side.deps.clock.now();
    const before = this.#opened.get(series);
    if (before !== undefined && now - before < REMEMBER_MS) return true;
    this.#opened.delete(series);
    this.#opened.set(series, now);
    const [oldest] = this.#opened.keys();
    if (this.#opened.size > MOST_REMEMBERED && oldest !== undefined) this.#opened.delete(oldest);
    return false;
  }

  async #run(opened: Required<RetrieveTarget>, requestId: string): Promise<void> {
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = opened;
    const { signal, leave } = this.#enter(`${studyInstanceUid} ${seriesInstanceUid}`);
    const found = { isTooLarge: false };
    const plan = (list: readonly ListedInstance[]): readonly ListedInstance[] => {
      found.isTooLarge = list.length * this.#sizeOf(opened) > this.#settings.cacheBytes() * MOST_OF_CACHE;
      return found.isTooLarge ? [] : nearestFirst(list, sopInstanceUid);
    };
    try {
      const target = { studyInstanceUid, seriesInstanceUid };
      const context = { requestId, signal, priority: 'prefetch' } as const;
      const { complete, failed, dropped, bytes, error } = await pull(this.#side, { target, plan }, context);
      const isWhole = failed === 0 && dropped === 0;
      const state = found.isTooLarge ? 'skipped' : isWhole ? 'complete' : 'incomplete';
      this.#tell(requestId, state, { complete, failed, dropped, bytes, ...(error && { error }) });
    } catch (thrown) {
      const error = toGatewayError(thrown);
      const isCancelled = signal.aborted;
      // Whoever opens it again wants it again; what failed would fail again.
      if (isCancelled) this.#opened.delete(`${studyInstanceUid} ${seriesInstanceUid}`);
      this.#tell(requestId, isCancelled ? 'cancelled' : 'failed', { ...NOTHING, error });
    } finally {
      leave();
    }
  }

  /** The one begun longest ago makes room. */
  #enter(series: string): { readonly signal: AbortSignal; readonly leave: () => void } {
    const [oldest] = this.#running.values();
    if (this.#running.size >= MOST_RUNNING) {
      oldest?.abort(new GatewayError('cancelled', 'Other series were opened since.'));
    }
    const controller = new AbortController();
    this.#running.set(series, controller);
    const leave = (): void => {
      if (this.#running.get(series) === controller) this.#running.delete(series);
    };
    controller.signal.addEventListener('abort', leave, { once: true });
    return { signal: controller.signal, leave };
  }

  /** What is known of one instance stands for the others; 0 while it arrives. */
  #sizeOf({ studyInstanceUid, sopInstanceUid }: Required<RetrieveTarget>): number {
    const { deps, binding } = this.#side;
    const there = deps.instances.ofStudy(binding.peer.name, studyInstanceUid);
    return there.find(({ key }) => key.sopInstanceUid === sopInstanceUid)?.source.size ?? 0;
  }

  #tell(requestId: string, state: PrefetchState, result: PrefetchResult): void {
    const peer = this.#side.binding.peer.name;
    this.#side.deps.observe({ kind: 'pull', purpose: 'prefetch', peer, requestId, state, ...result });
  }
}

type PrefetchState = 'complete' | 'incomplete' | 'failed' | 'cancelled' | 'skipped';

interface PrefetchResult {
  readonly complete: number;
  readonly failed: number;
  readonly dropped: number;
  readonly bytes: number;
  readonly error?: GatewayError;
}

const NOTHING = { complete: 0, failed: 0, dropped: 0, bytes: 0 };
