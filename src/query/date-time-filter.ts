/** The exact filter of a DA and TM pair over the values that a peer returned. */
import { dayLength, parseStoredDate, parseStoredTime, parseZone } from './calendar.js';
import { dayOf, instant, type DateTimeForm, type DateTimePolicy } from './date-time-form.js';
import { every, type Verdict } from './verdict.js';
import { instantsOf, widestShift, type Zone, type Zones } from './zone.js';

type Combined = Extract<DateTimeForm, { kind: 'combined' }>;
type Independent = Extract<DateTimeForm, { kind: 'independent' }>;

/** First and last microsecond, in the request's zone, at which an entity can be. */
type Span = readonly [bigint, bigint];

/** What an entity says of its date and time: `''` is empty, `undefined` was not returned. */
export interface StoredValues {
  readonly date: string | undefined;
  readonly time: string | undefined;
  /** Its (0008,0201). */
  readonly zone: string | undefined;
}

/** An entity's date and time as far as they can be read, and what it means that they cannot. */
interface Stored {
  readonly day: number | undefined;
  readonly time: number | undefined;
  readonly withoutDate: Verdict;
  readonly withoutTime: Verdict;
  /** More than one where its clock showed the same time twice. */
  readonly spans: readonly Span[];
  /** Microseconds that the entity's clock is ahead of the request's; `undefined` where that depends on the date. */
  readonly shift: bigint | undefined;
}

const minute = 60_000_000n;

/** Judges an entity by what its pair asks for. */
export function judgeDateTime(
  form: DateTimeForm,
  values: StoredValues,
  zones: Zones,
  policy: DateTimePolicy,
): Verdict {
  if (form.kind === 'all') return 'match';
  const place = placeOf(zones, values.zone);
  const stored = readStored(values, place, policy);
  const verdict = form.kind === 'combined' ? judgeCombined(form, stored) : judgeIndependent(form, stored);
  // The peer knew the zone and has not told it: what may lie in the interval is taken as the peer gave it.
  return place === 'unknown' && verdict === 'match' ? 'unverified' : verdict;
}

/** Whether nobody but the peer knows in which zone its values are, so that a match cannot be checked. */
export function isZoneUnknown(zones: Zones, zone: string | undefined): boolean {
  return placeOf(zones, zone) === 'unknown';
}

interface Place {
  readonly zone: Zone;
  readonly request: number;
}

/** Where an entity's clock stands. Where the peer did not convert, an unknown zone is taken for the request's. */
function placeOf(zones: Zones, entityZone: string | undefined): Place | 'here' | 'unknown' {
  const { request, source } = zones;
  if (request === undefined) return 'here';
  const zone = (entityZone === undefined ? undefined : parseZone(entityZone)) ?? source;
  if (zone !== undefined) return { zone, request };
  return zones.peerConverts === true ? 'unknown' : 'here';
}

/** A value that cannot be read is unknown, like an empty one; one that was not returned proves nothing. */
function readStored(values: StoredValues, place: ReturnType<typeof placeOf>, policy: DateTimePolicy): Stored {
  const { date, time } = values;
  const unknown = policy.unknown === 'match' ? 'match' : 'no-match';
  const day = date === undefined ? undefined : parseStoredDate(date);
  const at = time === undefined ? undefined : parseStoredTime(time);
  return {
    day,
    time: at,
    withoutDate: date === undefined ? 'unverified' : unknown,
    withoutTime: time === undefined ? 'unverified' : unknown,
    spans: day === undefined ? [] : spansOf(day, at, place),
    shift: shiftOf(place),
  };
}

function shiftOf(place: ReturnType<typeof placeOf>): bigint | undefined {
  if (place === 'here') return 0n;
  if (place === 'unknown' || typeof place.zone !== 'number') return undefined;
  return BigInt(place.zone - place.request) * minute;
}

function spansOf(day: number, time: number | undefined, place: ReturnType<typeof placeOf>): readonly Span[] {
  const start = instant(day, time ?? 0);
  const end = instant(day, time ?? dayLength - 1);
  if (place === 'here') return [[start, end]];
  if (place === 'unknown') return [[start - widestShift, end + widestShift]];
  const here = (local: bigint): readonly bigint[] =>
    instantsOf(place.zone, local).map((utc) => utc + BigInt(place.request) * minute);
  if (time !== undefined) return here(start).map((at) => [at, at]);
  const [first = start] = here(start);
  return [[first, here(end).at(-1) ?? end]];
}

function judgeCombined(form: Combined, { day, time, spans, withoutDate, withoutTime }: Stored): Verdict {
  if (day === undefined) return withoutDate;
  const { from, to, usesTime } = form;
  const isBeside = ([start, end]: Span): boolean =>
    (from !== undefined && end < from) || (to !== undefined && start > to);
  if (spans.every(isBeside)) return 'no-match';
  if (time !== undefined) return 'match';
  // A whole day inside needs no time, unless empty times were asked to be left out.
  const isInside = spans.every(
    ([start, end]) => (from === undefined || start >= from) && (to === undefined || end <= to),
  );
  return isInside && (!usesTime || withoutTime === 'unverified') ? 'match' : withoutTime;
}

function judgeIndependent(form: Independent, stored: Stored): Verdict {
  const { day, time, withoutTime, shift } = stored;
  if (day !== undefined) {
    if (!stored.spans.some((span) => isInSet(form, span))) return 'no-match';
    return time === undefined ? withoutTime : 'match';
  }
  const usesDate = form.firstDay !== undefined || form.lastDay !== undefined;
  const withoutDate = usesDate ? stored.withoutDate : 'match';
  if (time === undefined) return every([withoutTime, withoutDate]);
  // Without its day nobody knows whether clocks were put forward.
  if (shift === undefined) return withoutDate;
  const local = modulo(time - Number(shift));
  return local >= form.from && local <= form.to ? withoutDate : 'no-match';
}

/** Whether any instant of a span, some days long at most, is on a day of the set and within the window. */
function isInSet(form: Independent, [start, end]: Span): boolean {
  for (let day = dayOf(start); day <= dayOf(end); day++) {
    const midnight = instant(day, 0);
    const next = instant(day + 1, 0);
    const from = start > midnight ? Number(start - midnight) : 0;
    const to = end < next ? Number(end - midnight) : dayLength - 1;
    const isDay = day >= (form.firstDay ?? -Infinity) && day <= (form.lastDay ?? Infinity);
    if (isDay && from <= form.to && to >= form.from) return true;
  }
  return false;
}

function modulo(time: number): number {
  return ((time % dayLength) + dayLength) % dayLength;
}
