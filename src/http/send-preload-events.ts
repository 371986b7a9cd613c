import type { Response } from 'express';
import { abortReason, wait, type Clock, type OperationContext } from '../core/index.js';
import type { PreloadJob } from '../gateway/index.js';
import { BodyWriter } from './body-writer.js';
import { preloadReport } from './preload-report.js';

export interface EventsOptions {
  readonly context: OperationContext;
  readonly clock: Clock;
  /** How long the client may take nothing. */
  readonly stallMs: number;
  /** Is told that events begin. */
  readonly followed: () => void;
}

/** No picture moves smoother than this, and each step of a pull of thousands would be an event. */
const LEAST_BETWEEN_MS = 250;
/** Proxies close what is silent for a minute. */
const HEARTBEAT_MS = 15_000;

/**
 * Tells how a preload goes on as server-sent events: `progress` for each change, `end` for the last one. A client that
 * reads slowly gets the latest state only, never a backlog.
 *
 * @see HTML Living Standard 9.2
 */
export async function sendPreloadEvents(
  response: Response,
  job: PreloadJob,
  { context, clock, stallMs, followed }: EventsOptions,
): Promise<void> {
  response.setHeader('Content-Type', 'text/event-stream');
  response.setHeader('Cache-Control', 'no-store');
  // nginx would keep events until its buffer is full.
  response.setHeader('X-Accel-Buffering', 'no');
  if (response.req.method === 'HEAD') {
    response.end();
    return;
  }
  followed();
  const writer = new BodyWriter(response, { stallMs });
  for (let told = -1; ;) {
    const { version, isOver } = job;
    const heartbeat = ': still here\n\n';
    await writer.write(version === told ? heartbeat : eventOf(job));
    await writer.flush();
    if (isOver) break;
    told = version;
    await wait(clock, LEAST_BETWEEN_MS, context.signal);
    await change(job, told, clock, context.signal);
    if (context.signal.aborted) throw abortReason(context.signal);
  }
  response.end();
}

/** One event; JSON has no line breaks, which would end it. */
function eventOf(job: PreloadJob): string {
  const name = job.isOver ? 'end' : 'progress';
  return `event: ${name}\nid: ${job.version}\ndata: ${JSON.stringify(preloadReport(job.status))}\n\n`;
}

/** Resolves when there is something new, when it is time for a sign of life, or when `signal` aborts. */
async function change(job: PreloadJob, told: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const turn = new AbortController();
  const end = (): void => {
    turn.abort();
  };
  const cancel = clock.after(HEARTBEAT_MS, end);
  signal.addEventListener('abort', end, { once: true });
  try {
    if (!signal.aborted) await job.changedSince(told, turn.signal);
  } finally {
    cancel();
    signal.removeEventListener('abort', end);
  }
}
