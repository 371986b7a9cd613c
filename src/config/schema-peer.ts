import { z } from 'zod';
import { network } from './network.js';
import { peerTls } from './schema-dimse-tls.js';
import { peerUserIdentity } from './schema-user-identity.js';
import {
  aeAddress,
  aeTitle,
  boolean,
  booleanOrAuto,
  choice,
  duration,
  durationOrOff,
  hoursOfDay,
  integer,
  key,
  list,
  sizeOrOff,
  text,
  type Kind,
} from './kind.js';

const KIB = 2 ** 10;

const singleByte = '6|13|100|101|109|110|126|127|138|144|148|166|203';
/** With code extension only a set of single bytes may come first, or nothing, which is ASCII (PS3.3 C.12.1.1.2). */
const extended = `(?:ISO 2022 IR (?:${singleByte}))?(?:\\\\ISO 2022 IR (?:${singleByte}|58|87|149|159))*`;
const value = new RegExp(`^(?!$)(?:ISO_IR (?:${singleByte}|192)|GB18030|GBK|${extended})$`);
/** The terms of Table C.12-4 that only come behind another one: alone they are behind ASCII. */
const doubleByte = /^ISO 2022 IR (?:58|87|149|159)$/;

const characterSet: Kind<string> = {
  takes: `a value of (0008,0005): ISO_IR ${singleByte.replaceAll('|', ', ')} or 192, GB18030, GBK, or ISO 2022 IR with one of these numbers, 58, 87, 149 or 159, several joined by a backslash (\\ISO 2022 IR 87)`,
  read(given) {
    if (typeof given !== 'string') return undefined;
    const terms = doubleByte.test(given) ? `\\${given}` : given;
    return value.test(terms) ? terms : undefined;
  },
};

const timezone: Kind<string> = {
  takes: 'an offset such as +0100, or the IANA name of a zone such as Europe/Berlin',
  read(value) {
    const text = typeof value === 'number' ? offsetOf(value) : value;
    return typeof text === 'string' && isTimezone(text) ? text : undefined;
  },
};

/** An offset without quotes is a number to YAML. */
function offsetOf(value: number): string {
  return (value < 0 ? '-' : '+') + String(Math.abs(value)).padStart(4, '0');
}

function isTimezone(text: string): boolean {
  if (/^[+-](?:0\d|1[0-4])[0-5]\d$/.test(text))
    return text.startsWith('-') ? text <= '-1200' : text <= '+1400';
  if (!/^[A-Z]/i.test(text)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

const timeouts = z.strictObject({
  connect: key(duration, 'TCP connect.').prefault('5s'),
  association: key(duration, 'Answer to an association request or release.').prefault('10s'),
  firstResponse: key(
    duration,
    'First response to a search, an echo, or a store, which gets a second more for each 16 MiB of the instance.',
  ).prefault('30s'),
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
  plan: key(
    choice('auto', 'native', 'date-only', 'sliced'),
    'How a span of dates and times is asked for: as one range where the peer has accepted combined matching (native), by its days with the exact filter behind it (date-only), or first day, days between and last day apart (sliced). auto is native where `check --study` has seen it agree, else date-only, else sliced.',
  ).prefault('auto'),
  findsEmptyTimes: key(
    boolean,
    'Whether the peer finds studies without a time when it is asked for a range of times. Unless it is known to, sliced asks by the days.',
  ).prefault(false),
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

const keywords = list(
  text(/^[A-Z][A-Za-z0-9]{1,63}$/, 'a keyword'),
  'a list of keywords such as [StudyDescription]',
  0,
);

/** What `auto` finds out is believed for `relearnAfter`; anything else is never tried. */
const fact = (description: string): ReturnType<typeof key<boolean | 'auto'>> =>
  key(booleanOrAuto, description);

const fingerprint: Kind<string> = {
  takes: 'a SHA-256 fingerprint, as openssl x509 -fingerprint -sha256 prints it',
  read: (given) => {
    const digits = typeof given === 'string' ? given.replaceAll(':', '').toUpperCase() : '';
    return /^[0-9A-F]{64}$/.test(digits) ? digits.replace(/..(?!$)/g, '$&:') : undefined;
  },
};

const inbound = z.strictObject({
  aeTitles: key(
    list(aeTitle, 'a list of AE titles such as [ARCHIVE2]', 0),
    'AE titles under which the peer opens associations to the gateway, besides that of its address and `commitmentAeTitles`.',
  ).prefault([]),
  networks: key(
    list(network, 'a list of addresses and networks such as [10.1.2.0/24]', 0),
    'Where the peer opens them from; anywhere if left out. Who comes under its AE title from elsewhere is rejected.',
  ).prefault([]),
  certificates: key(
    list(fingerprint, 'a list of SHA-256 fingerprints', 0),
    'The client certificates that it shows (`dimse.tls`); any that the CA has issued if left out.',
  ).prefault([]),
});

const profile = z.strictObject({
  root: key(
    choice('auto', 'study', 'patient'),
    'The Query/Retrieve information model; auto: the Study Root, or the Patient Root where the peer accepts that alone.',
  ).prefault('auto'),
  relational: fact(
    'Whether searches for series and instances may leave out the study; auto: as the peer accepts it in the negotiation.',
  ).prefault('auto'),
  dateTime: fact(
    'Whether a range of dates and one of times match as one range at the peer; auto: as the peer accepts it in the negotiation.',
  ).prefault('auto'),
  fuzzy: fact(
    'Whether names match by similarity at the peer; auto: as the peer accepts it in the negotiation.',
  ).prefault('auto'),
  timezone: fact(
    'Whether the peer heeds (0008,0201) of a search; auto: as the peer accepts it in the negotiation.',
  ).prefault('auto'),
  emptyValue: fact(
    'Whether `""` matches empty values at the peer; auto: as the peer accepts it in the negotiation.',
  ).prefault('auto'),
  multipleValue: fact(
    'Whether a list of values matches what holds all of them at the peer; auto: as the peer accepts it in the negotiation.',
  ).prefault('auto'),
  needsPatientId: fact(
    'Whether the peer finds no study without a Patient ID; auto: as `check --study` finds.',
  ).prefault('auto'),
  literalWildcard: fact(
    'Whether `*` stands for itself at the peer; auto: as `check --study` finds.',
  ).prefault('auto'),
  upperCasesNames: fact(
    'Whether the peer turns names into upper case, so that they are asked for in it; auto: where `check --study` proves it.',
  ).prefault('auto'),
  ignoredKeys: key(
    keywords,
    'Which keys the peer does not match by at STUDY level; as `check --study` finds if left out.',
  ).exactOptional(),
  trustedKeys: key(
    keywords,
    'Which keys that are numbers, or may have several values, the peer matches as the standard says: `01` is 1, and any of the values is enough. It is asked without all others of these, and the gateway filters what it lists (`search.maxScan`). As `check --study` proves if left out.',
  ).exactOptional(),
});

/** One peer: where it is, and what is known of it. */
export const peer = z.strictObject({
  address: key(aeAddress, 'AE title, host and port of the peer.'),
  retrieve: key(choice('auto', 'get', 'move'), 'How instances are fetched.').prefault('auto'),
  readOnly: key(boolean, 'Whether nothing is stored at this peer: POST is answered 405.').prefault(false),
  associations: key(
    integer(1, 100),
    'Most associations at once of this process, all kinds; one is kept for searches if there are more than one.',
  ).prefault(4),
  queue: key(
    integer(0, 100_000),
    'Most requests that wait for an association; more are answered 503, background work before people.',
  ).prefault(256),
  background: background.prefault({}),
  storeParallel: key(
    integer(1, 100),
    'On how many associations instances are sent to this peer at once, in place of `store.parallel`; never more than `associations` leaves beside searches.',
  ).exactOptional(),
  asyncOperations: key(
    integer(1, 100),
    'How many instances are sent on one association before the first of them is answered, where the peer accepts that (Asynchronous Operations Window); it is proposed for associations that store, unless 1.',
  ).prefault(8),
  storeAhead: key(
    boolean,
    "Whether the first byte of the next instance is sent as soon as a part of the response to the one before has come, which brings the rest of it 40 ms earlier where the sockets of the peer have Nagle's algorithm. Off for a peer that cannot bear that.",
  ).prefault(true),
  idleTimeout: key(duration, 'How long an idle association is kept open.').prefault('10s'),
  timeouts: timeouts.prefault({}),
  breaker: breaker.prefault({}),
  relearnAfter: key(
    duration,
    'How long what is learnt of the peer is believed, such as that it refuses C-GET or lists of UIDs; with a disk cache also by the next process.',
  ).prefault('10m'),
  extendedNegotiation: key(
    choice('auto', 'off'),
    'Whether options of searches are negotiated; auto leaves that out for a while where the peer rejects, aborts or closes the association because of it.',
  ).prefault('auto'),
  profile: profile.prefault({}),
  findLimit: key(
    integer(1, 10_000_000),
    'How many responses the peer gives to a C-FIND at most, if it cuts its answers without saying so: an answer of just so many is not believed to be whole.',
  ).exactOptional(),
  characterSets: key(
    list(characterSet, `a list such as [ISO_IR 100, ISO_IR 192], each ${characterSet.takes}`),
    'What search values may be encoded in, best first. If left out: what the answers of the peer were seen in, the smallest first, then ISO_IR 100 and ISO_IR 192.',
  ).exactOptional(),
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
  commitmentAeTitles: key(
    list(aeTitle, 'a list of AE titles such as [ARCHIVE2]', 0),
    'AE titles under which the peer reports storage commitment, besides that of its address.',
  ).prefault([]),
  inbound: inbound.prefault({}),
  tls: peerTls.exactOptional(),
  userIdentity: peerUserIdentity.exactOptional(),
  modalitiesInStudy: key(
    choice('auto', 'match', 'filter'),
    'Whether a search by one modality is sent to the peer as such (match), or filtered by the gateway alone (filter): some peers find nothing by ModalitiesInStudy, or only studies of this one modality. auto sends it once a study of several modalities was found by each of them, which searches and `check --study` try.',
  ).prefault('auto'),
  dateTime: dateTime.prefault({}),
  timezone: key(
    timezone,
    'The time zone of the dates and times that the peer holds, for searches that name one of their own (TimezoneOffsetFromUTC).',
  ).exactOptional(),
});
