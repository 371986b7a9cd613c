import type { Response } from 'express';
import { STATUS_CODES } from 'node:http';
import type { GatewayError } from '../core/index.js';
import { endWith } from './end-with.js';
import { defaultRetryAfterSeconds, statusOf } from './status.js';

/** The body of an error answer. @see RFC 9457 */
export interface Problem {
  /** Stable: made of the error's code. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly peer?: string;
  /** Four hexadecimal digits, as PS3.7 annex C writes them. */
  readonly dimseStatus?: string;
  readonly requestId: string;
}

/** What `error` looks like from outside: a code, a sentence and the peer, never its cause. */
function problemOf(error: GatewayError, requestId: string): Problem {
  const status = statusOf[error.code];
  return {
    type: `urn:dicomweb-gateway:error:${error.code}`,
    title: STATUS_CODES[status] ?? 'Client Closed Request',
    status,
    code: error.code,
    detail: error.message,
    ...(error.peer === undefined ? {} : { peer: error.peer }),
    ...(error.dimseStatus === undefined
      ? {}
      : { dimseStatus: error.dimseStatus.toString(16).toUpperCase().padStart(4, '0') }),
    requestId,
  };
}

/** To a page that asks for passwords itself a browser must not do so, with a window of its own: it does for `Basic`. */
function challengesFor({ req: request }: Response, challenges: readonly string[]): readonly string[] {
  if (request.get('x-requested-with') !== 'XMLHttpRequest') return challenges;
  return challenges.map((challenge) => challenge.replace(/^Basic /, 'X-Basic '));
}

/** What an answer that did not come to its body has said of that. */
const OF_ANOTHER_BODY = [
  'Content-Disposition',
  'Content-Encoding',
  'Content-Location',
  'Content-Range',
  'Accept-Ranges',
  'ETag',
  'Warning',
  'Vary',
];

/** Answers with a problem document; the head of `response` must not have been sent. @see rule H-16 */
export function sendProblem(response: Response, error: GatewayError, requestId: string): void {
  const problem = problemOf(error, requestId);
  response.status(problem.status);
  const isByOrigin = /\borigin\b/i.test(String(response.getHeader('Vary') ?? ''));
  for (const name of OF_ANOTHER_BODY) response.removeHeader(name);
  if (isByOrigin) response.vary('Origin');
  if (error.challenges) response.setHeader('WWW-Authenticate', challengesFor(response, error.challenges));
  if (problem.status === 503 || problem.status === 429) {
    response.setHeader('Retry-After', String(error.retryAfterSeconds ?? defaultRetryAfterSeconds));
  }
  const body = Buffer.from(JSON.stringify(problem));
  response.setHeader('Content-Type', 'application/problem+json');
  response.setHeader('Content-Length', body.length);
  response.setHeader('Cache-Control', 'no-store');
  endWith(response, body);
}
