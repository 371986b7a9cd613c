import { getEventListeners } from 'node:events';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Response } from 'express';
import { GatewayError } from '../../../src/core/index.js';
import { BodyWriter } from '../../../src/http/body-writer.js';

/** A writer of bodies uses of a response what every stream has. */
const asResponse = (stream: Writable): Response => stream as unknown as Response;

/** A response whose connection takes what it is given, or takes nothing and never calls back. */
function responseThat(takes: boolean): Response {
  const response = new Writable({
    write: (_chunk, _encoding, callback) => {
      if (takes) callback();
    },
  });
  return asResponse(response);
}

/** A response whose connection breaks while it is written to. */
function responseThatBreaks(code: string): Response {
  const response = new Writable({
    write: (_chunk, _encoding, callback) => {
      callback(Object.assign(new Error(`write ${code}`), { code, syscall: 'write' }));
    },
  });
  response.on('error', () => undefined);
  return asResponse(response);
}

const PIECE = Buffer.alloc(100_000);
const codeOf = (promise: Promise<void>): Promise<unknown> =>
  promise.then(
    () => 'taken',
    (error: unknown) => (error as GatewayError).code,
  );

describe('a write that is over', () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test.each<readonly [string, boolean, (response: Response, abort: AbortController) => unknown, string]>([
    ['because the connection took it', true, () => undefined, 'taken'],
    ['because the client left', false, (response) => response.emit('close'), 'cancelled'],
    ['because the client did not read', false, () => jest.advanceTimersByTimeAsync(60_000), 'reader-stalled'],
    [
      'because the bytes were taken away',
      false,
      (_response, abort) => {
        abort.abort(new GatewayError('reader-stalled', 'Room is needed.'));
      },
      'reader-stalled',
    ],
  ])('%s leaves no timer and no listener behind', async (_why, takes, ends, outcome) => {
    const abort = new AbortController();
    const response = responseThat(takes);
    const writer = new BodyWriter(response, { stallMs: 60_000, stalled: abort.signal });
    const written = codeOf(writer.write(PIECE));
    await new Promise(setImmediate);
    ends(response, abort);
    expect(await written).toBe(outcome);
    expect(jest.getTimerCount()).toBe(0);
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0);
  });
});

test.each(['ECONNRESET', 'EPIPE'])(
  'a write that fails with %s is a client that has gone, and no fault of the gateway',
  async (code) => {
    expect(await codeOf(new BodyWriter(responseThatBreaks(code)).write(PIECE))).toBe('cancelled');
  },
);
