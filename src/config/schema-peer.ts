import { z } from 'zod';
import {
  aeAddress,
  aeTitle,
  boolean,
  choice,
  duration,
  durationOrOff,
  hoursOfDay,
  integer,
  key,
  list,
  sizeOrOff,
  text,
} from './kind.js';

const KIB = 2 ** 10;

const singleByte = '6|13|100|101|109|110|126|127|138|144|148|166|203';
/** With code extension only a set of single bytes may come first, or nothing, which is ASCII (PS3.3 C.12.1.1.2). */
const extended = `(?:ISO 2022 IR (?:${singleByte}))?(?:\\\\ISO 2022 IR (?:${singleByte}|58|87|149|159))*`;
const characterSet = text(
  new RegExp(`^(?!$)(?:ISO_IR (?:${singleByte}|192)|GB18030|GBK|${extended})$`),
  'a value of (0008,0005) such as ISO_IR 100 or \\ISO 2022 IR 87',
);

const timeouts = z.strictObject({
  connect: key(duration, 'TCP connect.').prefault('5s'),
  association: key(duration, 'Answer to an association request or release.').prefault('10s'),
  firstResponse: key(duration, 'First response to a search, a store or an echo.').prefault('30s'),
  firstSubOperation: key(
    duration,
    'First response or sub-operation of a retrieve; nearline archives take minutes.',
  ).prefault('15m'),
  betweenResponses: key(
    duration,
    'Silence between responses; bytes of sub-operations count as signs of life.',
  ).prefault('60s'),
  total: key(durationOrOff, 'A whole DIMSE operation.').prefault(0),
  queue: key(duration, 'Waiting for an association.').prefault('30s'),
  firstInstance: key(
    duration,
    'Waiting for the first instance of a retrieve; then the answer is 503 with Retry-After while the retrieve goes on (nearline archives take minutes).',
  ).prefault('30s'),
});

const dateTime = z.strictObject({
  upper: key(
    choice('ceil', 'floor'),
    'Whether an upper bound such as 10:30 means the end (ceil) or the start (floor) of that minute.',
  ).prefault('ceil'),
  unknown: key(choice('match', 'exclude'), 'Whether a study without date or time matches a range.').prefault(
    'match',
  ),
  mixed: key(
    choice('strict', 'natural'),
    'How a range of dates with a single time, or the reverse, is read: independently (strict) or as one span (natural).',
  ).prefault('strict'),
});

const background = z.strictObject({
  associations: key(
    integer(1, 100),
    'Most associations at once for retrieves and stores that no person waits for; where `associations` allows, one more is left to people.',
  ).prefault(1),
  rate: key(
    sizeOrOff(64 * KIB),
    'Most bytes per second of retrieves that no person waits for; 0 for no limit.',
  ).prefault(0),
  hours: key(
    list(hoursOfDay, 'a list of hours of the day such as [19:00-06:30]'),
    'When prefetch and preload may ask the peer, in local time; at any time if left out. Stores and people are not bound by it.',
  ).exactOptional(),
});

const breaker = z.strictObject({
  failures: key(
    integer(0, 1000),
    'Failures in a row, unreachable or silent, after which the peer is not asked any more; 0 for never.',
  ).prefault(5),
  openFor: key(
    duration,
    'How long requests are then answered 503 at once, before one of them tries the peer again.',
  ).prefault('15s'),
});

/** One peer: where it is, and what is known of it. */
export const peer = z.strictObject({
  address: key(aeAddress, 'AE title, host and port of the peer.'),
  retrieve: key(choice('auto', 'get', 'move'), 'How instances are fetched.').prefault('auto'),
  associations: key(
    integer(1, 100),
    'Most associations at once of this process, all kinds; one is kept for searches if there are more than one.',
  ).prefault(4),
  queue: key(
    integer(0, 100_000),
    'Most requests that wait for an association; more are answered 503, background work before people.',
  ).prefault(256),
  background: background.prefault({}),
  idleTimeout: key(duration, 'How long an idle association is kept open.').prefault('10s'),
  timeouts: timeouts.prefault({}),
  breaker: breaker.prefault({}),
  relearnAfter: key(
    duration,
    'How long what is learnt of the peer is believed, such as that it refuses C-GET or lists of UIDs.',
  ).prefault('10m'),
  findLimit: key(
    integer(1, 10_000_000),
    'How many responses the peer gives to a C-FIND at most, if it cuts its answers.',
  ).exactOptional(),
  characterSets: key(
    list(characterSet, 'a list of character sets such as [ISO_IR 100, ISO_IR 192]'),
    'What search values may be encoded in, best first.',
  ).prefault(['ISO_IR 100', 'ISO_IR 192']),
  unencodable: key(
    choice('wildcard', 'reject'),
    'What becomes of a search value that none of them holds: asked for with `*` in place of what is missing and filtered, or refused.',
  ).prefault('wildcard'),
  fallbackCharacterSet: key(
    characterSet,
    'What text is in where a dataset names no character set and is not ASCII.',
  ).exactOptional(),
  characterSetReturnKey: key(boolean, 'Whether the peer wants (0008,0005) among the return keys.').prefault(
    false,
  ),
  issuerOfPatientId: key(
    text(/^[^\\*?\p{Cc}]{1,64}$/u, 'text of 1 to 64 characters without backslash and wildcards'),
    "Who gave out the peer's patient ids, for rows in a group where (0010,0021) is missing. The same id of two issuers is two patients.",
  ).exactOptional(),
  callingAeTitle: key(
    aeTitle,
    'AE title of the gateway towards this peer, in place of `dimse.aeTitle`.',
  ).exactOptional(),
  dateTime: dateTime.prefault({}),
});
