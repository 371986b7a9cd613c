import { GatewayError, Semaphore, toGatewayError, wait, type OperationContext } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import { PreloadJob, type PreloadStatus } from './preload-job.js';
import type { PreloadSettings } from './preload-settings.js';
import { pull } from './pull.js';
import { targetText } from './refusals.js';
import type { RetrieveBinding } from './side.js';

/** What an `overloaded` client is told to wait. */
const RETRY_AFTER_SECONDS = 30;
/** Ended preloads that are remembered, some 500 bytes each; the oldest are forgotten first. */
const MOST_ENDED = 1000;

/** The preloads of one peer: at most one of each study or series. */
export class PreloadJobs {
  readonly #side: RetrieveBinding;
  readonly #settings: PreloadSettings;
  readonly #places: Semaphore;
  readonly #jobs = new Map<string, PreloadJob>();
  /** Those that are over, in that order, with what stops them from being forgotten in time. */
  readonly #ended = new Map<PreloadJob, () => void>();
  #isClosed = false;

  constructor(side: RetrieveBinding, settings: PreloadSettings) {
    this.#side = side;
    this.#settings = settings;
    this.#places = new Semaphore(settings.parallel);
  }

  /**
   * Begins to bring everything at or below `target` into the cache; joins a preload of it that is not over.
   * @throws GatewayError `overloaded` when too many wait, `shutting-down`, `not-found` where the peer says in time that it does
   * not have the study, or why it cannot be asked
   */
  async start(target: RetrieveTarget, context: OperationContext): Promise<PreloadJob> {
    const running = this.#running(target);
    if (running) return running;
    this.#requirePlace();
    await this.#look(target, context);
    return this.#running(target) ?? this.#begin(target, context.requestId);
  }

  /** The latest preload of just this, if it is not forgotten. */
  get(target: RetrieveTarget): PreloadJob | undefined {
    return this.#jobs.get(targetText(target));
  }

  /** Those that run and wait, and the `mostEnded` that ended last, in the order in which they were asked for. */
  list(mostEnded: number): readonly PreloadStatus[] {
    const jobs = [...this.#jobs.values()];
    const ended = new Set([...this.#ended.keys()].slice(-mostEnded));
    return jobs.filter((job) => !job.isOver || ended.has(job)).map(({ status }) => status);
  }

  /** Gives up what runs and waits, and takes nothing more. */
  close(): void {
    this.#isClosed = true;
    for (const job of this.#jobs.values())
      job.cancel(new GatewayError('shutting-down', 'The gateway is stopping.'));
  }

  #running(target: RetrieveTarget): PreloadJob | undefined {
    const job = this.#jobs.get(targetText(target));
    return job?.isOver === false ? job : undefined;
  }

  #requirePlace(): void {
    if (this.#isClosed) throw new GatewayError('shutting-down', 'The gateway is stopping.');
    const { parallel, queue } = this.#settings;
    const open = [...this.#jobs.values()].filter(({ isOver }) => !isOver);
    if (open.length < parallel + queue) return;
    const message = 'Too many preloads wait already.';
    throw new GatewayError('overloaded', message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
  }

  /** Whether there is anything to bring; a peer that takes longer to say so, or is not to be asked now, is not waited for. */
  async #look(target: RetrieveTarget, context: OperationContext): Promise<void> {
    const { answerMs } = this.#settings;
    const { deps, fetcher, watch } = this.#side;
    if (answerMs === 0 || fetcher.pace.closedFor > 0) return;
    const answered = new AbortController();
    const late = wait(deps.clock, answerMs, AbortSignal.any([context.signal, answered.signal]));
    try {
      await Promise.race([watch.check(target, { ...context, patient: true }), late]);
    } finally {
      answered.abort();
    }
  }

  #begin(target: RetrieveTarget, requestId: string): PreloadJob {
    this.#requirePlace();
    const { clock } = this.#side.deps;
    const job = new PreloadJob(target, () => clock.now());
    const ended = this.#jobs.get(targetText(target));
    if (ended) this.#forget(ended);
    this.#jobs.set(targetText(target), job);
    void this.#run(job, requestId);
    return job;
  }

  async #run(job: PreloadJob, requestId: string): Promise<void> {
    const { signal, target } = job;
    const { observe } = this.#side.deps;
    const { name } = this.#side.binding.peer;
    let leave: (() => void) | undefined;
    try {
      // Waiting for the hours takes no place from others: all of them wait.
      await this.#side.fetcher.pace.open(signal);
      leave = await this.#places.acquire(signal);
      job.began();
      const context: OperationContext = { requestId, signal, priority: 'bulk' };
      job.ended(await pull(this.#side, { target, onProgress: job.progressed.bind(job) }, context));
    } catch (thrown) {
      job.failed(toGatewayError(thrown));
    } finally {
      leave?.();
      const { state, complete, failed, dropped, bytes, error } = job.status;
      if (state !== 'waiting' && state !== 'running') {
        const counts = { complete, failed, dropped, bytes, ...(error && { error }) };
        observe({ kind: 'pull', purpose: 'preload', peer: name, requestId, state, ...counts });
      }
      this.#forgetLater(job);
    }
  }

  #forgetLater(job: PreloadJob): void {
    const cancel = this.#side.deps.clock.after(this.#settings.keepMs, () => {
      this.#forget(job);
    });
    this.#ended.set(job, cancel);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > MOST_ENDED && oldest) this.#forget(oldest);
  }

  #forget(job: PreloadJob): void {
    this.#ended.get(job)?.();
    this.#ended.delete(job);
    if (this.#jobs.get(targetText(job.target)) === job) this.#jobs.delete(targetText(job.target));
  }
}
