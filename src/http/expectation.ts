import type { Request } from 'express';
import { GatewayError } from '../core/index.js';

const isContinue = (request: Request): boolean =>
  request.httpVersion === '1.1' && /^100-continue$/i.test((request.get('expect') ?? '').trim());

/**
 * Holds a request to what can be expected: nothing, or to be told to go on. Some clients send the header empty.
 *
 * @throws GatewayError `expectation-failed` @see RFC 9110 10.1.1
 */
export function requireExpectation(request: Request): void {
  const expected = (request.get('expect') ?? '').trim();
  // A body that nobody asked for may come or not: what follows on the connection could be taken for it.
  if (isContinue(request)) request.res?.setHeader('Connection', 'close');
  if (expected === '' || /^100-continue$/i.test(expected)) return;
  throw new GatewayError('expectation-failed', 'Nothing can be expected but 100-continue.');
}

/** Tells a client that waits for it to send the body: everything before that has been looked at, and is acceptable. */
export function tellToGoOn(request: Request): void {
  if (!isContinue(request)) return;
  request.res?.removeHeader('Connection');
  request.res?.writeContinue();
}
