import type { Request, Response } from 'express';
import type { Exchange } from './exchange.js';
import type { StageBook, Stages } from './stage-book.js';

/** Who is told in `Server-Timing` what a request waited for: clients that prefer it, or all. */
export interface HttpTiming {
  readonly mode: 'asked' | 'always';
  readonly stages: StageBook;
}

/** `Prefer: server-timing`, among other preferences. @see RFC 7240 2 */
const prefersTiming = (request: Request): boolean =>
  (request.get('prefer') ?? '').split(',').some((one) => /^\s*server-timing\s*(?:[;=]|$)/i.test(one));

/** Has the head of the answer say what the request waited for, to whom is told. */
export function timed(
  exchange: Exchange,
  request: Request,
  response: Response,
  timing: HttpTiming | undefined,
): void {
  if (timing === undefined || (timing.mode === 'asked' && !prefersTiming(request))) return;
  exchange.onHead = (elapsedMs) => {
    response.setHeader('Server-Timing', serverTiming(timing.stages.of(exchange.requestId), elapsedMs));
    if (timing.mode === 'asked') response.appendHeader('Vary', 'Prefer');
  };
}

const inMilliseconds = (durationMs: number): string => durationMs.toFixed(1);

/**
 * What the head of an answer says of the time before it. Stages of operations that run side by side are added up, so they may
 * be more than `total`. @see W3C Server Timing 2
 */
function serverTiming(stages: Stages, totalMs: number): string {
  const metrics = [...stages].map(([name, { count, durationMs }]) => {
    const times = count === 1 ? '' : `;desc="${count} times"`;
    return name === 'cache'
      ? `cache;desc="${count} found"`
      : `${name};dur=${inMilliseconds(durationMs)}${times}`;
  });
  return [`total;dur=${inMilliseconds(totalMs)}`, ...metrics].join(', ');
}
