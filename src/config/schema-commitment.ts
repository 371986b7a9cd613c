import { z } from 'zod';
import { duration, durationOrOff, integer, key, size, text } from './kind.js';

const KIB = 2 ** 10;

/** How requests for storage commitment are kept and answered. */
export const commitment = z.strictObject({
  directory: key(
    text(/^[^\0]+$/, 'a directory'),
    'Where requests for storage commitment and their results are kept; `commitments` in `cache.disk.directory` if left out. With neither storage commitment is not offered (501).',
  ).exactOptional(),
  answerWithin: key(
    durationOrOff,
    'How long the answer to a request waits for the result, to be 200 with it in place of 202; 0 means not at all.',
  ).prefault('1s'),
  keepAssociation: key(
    durationOrOff,
    'How long the association of a request is kept open for the report of the peer, unless its place is needed; 0 means not at all: then the peer must report on an association of its own, to `dimse.listen`.',
  ).prefault('30s'),
  resultTimeout: key(
    duration,
    'How long the peer may take to report. Then the answer is 504, unless the report comes after all.',
  ).prefault('24h'),
  keepResults: key(
    duration,
    'How long a result is told. Then the answer is 410 for as long again, and after that the Transaction UID may be used anew.',
  ).prefault('168h'),
  maxTransactions: key(
    integer(1, 100_000),
    'Most requests that are kept, of all peers. Beyond it the oldest result goes (410), and where all wait for results the answer is 503.',
  ).prefault(10_000),
  maxInstances: key(integer(1, 1_000_000), 'Most instances of one request; more are answered 413.').prefault(
    20_000,
  ),
  maxBytes: key(size(KIB, 2 ** 28), 'Most bytes of one request, and of one report.').prefault('8 MiB'),
});
