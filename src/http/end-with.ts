import type { Response } from 'express';

/** How long a client may go on sending a body that was refused. */
const LINGER_MS = 2000;

/**
 * Ends a response with its body. Where the request's body was not read to its end the connection ends too, but not at
 * once: a socket that is closed on unread bytes is reset, and the reset may overtake the answer. So the rest is dropped
 * for a while first.
 */
export function endWith(response: Response, body: Buffer | string): void {
  const { req: request } = response;
  if (request.complete || request.method === 'GET') {
    response.end(body);
    return;
  }
  response.setHeader('Connection', 'close');
  response.write(body);
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  request.once('end', end).once('close', end);
  request.resume();
}
