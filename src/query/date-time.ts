/**
 * Combined matching of a DA and TM pair (PS3.18 8.3.4.1.1).
 *
 * A pair of keys becomes one normal form: an interval on one axis of microseconds, or a set of days crossed
 * with a window of the day. What is asked of the peer and the exact filter over its answers are functions of
 * that form alone, so that another way of asking is another function and the filter stays the same.
 */
import { GatewayError } from '../core/index.js';
import {
  dayLength,
  firstDay,
  formatDate,
  formatTime,
  lastDay,
  parseDate,
  parseStoredDate,
  parseStoredTime,
  parseTime,
  parseZone,
  type TimeSpan,
} from './calendar.js';
import { every, type Verdict } from './verdict.js';

/** Where the standard leaves the meaning of date and time keys open. */
export interface DateTimePolicy {
  /** An upper bound of reduced precision is its last (`ceil`) or its first (`floor`) instant. */
  readonly upper: 'ceil' | 'floor';
  /** An entity whose date or time is empty matches, or does not. */
  readonly unknown: 'match' | 'exclude';
  /** Ranges of different forms are independent (`strict`), or bounds that meet are joined (`natural`). */
  readonly mixed: 'strict' | 'natural';
}

/** Minutes east of UTC: of the values in the request, and of the values that the peer holds. */
export interface Zones {
  readonly request?: number;
  readonly source?: number;
}

/** What a DA and TM pair asks for, in the request's zone; absent bounds are open, all bounds are inclusive. */
type DateTimeForm =
  | { readonly kind: 'all' }
  | {
      readonly kind: 'combined';
      /** Microseconds since 1970-01-01 00:00. A double is exact for 285 years only; clients do send 99991231. */
      readonly from?: bigint;
      readonly to?: bigint;
      readonly usesTime: boolean;
    }
  | {
      readonly kind: 'independent';
      /** Days since 1970-01-01. */
      readonly firstDay?: number;
      readonly lastDay?: number;
      /** Microseconds of the day. */
      readonly from: number;
      readonly to: number;
    };

/** A planned pair: what to send for it, and the exact filter over what comes back. */
export interface DateTimePlan {
  /** Value of the DA key; empty is universal. */
  readonly identifierDate: string;
  /** Value of the TM key; empty is universal. */
  readonly identifierTime: string;
  /** Judges an entity's values: `''` is empty at the peer, `undefined` was not returned; `zone` is its (0008,0201). */
  readonly verdict: (date?: string, time?: string, zone?: string) => Verdict;
  /** Whether an entity may be shown: anything but `no-match`. */
  readonly matches: (date?: string, time?: string, zone?: string) => boolean;
}

interface Bounds<T> {
  readonly form: 'U' | 'S' | 'R' | 'F' | 'T';
  readonly from?: T;
  readonly to?: T;
}

const axisDay = BigInt(dayLength);
const minuteLength = 60_000_000;

/**
 * The date-only plan: the peer is asked for the days, the time is filtered here.
 *
 * @throws GatewayError `bad-request` for a value that is no DA or TM, or a range that ends before it starts.
 * @see PS3.18 8.3.4.1.1
 */
export function planDateTime(
  date: string,
  time: string,
  policy: DateTimePolicy,
  zones: Zones = {},
): DateTimePlan {
  const form = normaliseDateTime(date, time, policy);
  const verdict = (storedDate?: string, storedTime?: string, zone?: string): Verdict =>
    judge(form, readStored({ date: storedDate, time: storedTime }, zoneShift(zones, zone), policy));
  return {
    ...dateOnlyKeys(form, zoneShift(zones)),
    verdict,
    matches: (...stored) => verdict(...stored) !== 'no-match',
  };
}

/** Microseconds from the request's zone to the peer's, or to the entity's own; 0 when either is not known (DT-45). */
function zoneShift(zones: Zones, entityZone?: string): number {
  if (zones.request === undefined) return 0;
  const source = (entityZone === undefined ? undefined : parseZone(entityZone)) ?? zones.source;
  return source === undefined ? 0 : (source - zones.request) * minuteLength;
}

/**
 * The normal form of a pair.
 *
 * @throws GatewayError `bad-request` for a value that is no DA or TM, or a range that ends before it starts.
 */
function normaliseDateTime(date: string, time: string, policy: DateTimePolicy): DateTimeForm {
  const days = parseBounds(date, parseDate, 'date (YYYYMMDD)');
  const times = parseBounds(time, parseTime, 'time (HHMMSS)');
  if (days.form === 'R' && (days.from ?? 0) > (days.to ?? 0)) throw reversed('date');
  if (days.form === 'U' && times.form === 'U') return { kind: 'all' };
  return isCombined(days.form, times.form, policy)
    ? combine(days, times, policy)
    : separate(days, times, policy);
}

function separate(days: Bounds<number>, times: Bounds<TimeSpan>, policy: DateTimePolicy): DateTimeForm {
  const from = times.from?.first ?? 0;
  const to = upperBound(times.to, policy);
  // C-FIND forbids a range that crosses midnight, and so does PS3.18 where the pair is not combined.
  if (from > to) throw reversed('time');
  return {
    kind: 'independent',
    from,
    to,
    ...(days.from === undefined ? {} : { firstDay: days.from }),
    ...(days.to === undefined ? {} : { lastDay: days.to }),
  };
}

function parseBounds<T>(text: string, parse: (text: string) => T | undefined, what: string): Bounds<T> {
  if (text === '') return { form: 'U' };
  const one = (part: string): T => {
    const value = parse(part);
    if (value === undefined) throw malformed(what);
    return value;
  };
  const [start = '', end, more] = text.split('-', 3);
  if (more !== undefined) throw malformed(what);
  if (end === undefined) return { form: 'S', from: one(start), to: one(start) };
  if (start === '') return { form: 'T', to: one(end) };
  return end === '' ? { form: 'F', from: one(start) } : { form: 'R', from: one(start), to: one(end) };
}

function malformed(what: string): GatewayError {
  return new GatewayError('bad-request', `A matching key is neither a ${what} nor a range of them.`);
}

function reversed(what: string): GatewayError {
  return new GatewayError('bad-request', `A ${what} range in the matching keys ends before it starts.`);
}

/** A single day is an interval with any time; natural joining needs a day bound for every time bound, else one would be lost. */
function isCombined(
  days: Bounds<number>['form'],
  times: Bounds<number>['form'],
  policy: DateTimePolicy,
): boolean {
  if (days === 'U') return false;
  if (days === 'S' || times === 'U' || days === times) return true;
  return policy.mixed === 'natural' && days === 'R' && times !== 'S';
}

function combine(days: Bounds<number>, times: Bounds<TimeSpan>, policy: DateTimePolicy): DateTimeForm {
  const from = days.from === undefined ? undefined : instant(days.from, times.from?.first ?? 0);
  const to = days.to === undefined ? undefined : instant(days.to, upperBound(times.to, policy));
  if (from !== undefined && to !== undefined && from > to) throw reversed('date and time');
  return {
    kind: 'combined',
    usesTime: times.form !== 'U',
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
}

function upperBound(time: TimeSpan | undefined, policy: DateTimePolicy): number {
  if (time === undefined) return dayLength - 1;
  return policy.upper === 'ceil' ? time.last : time.first;
}

function instant(day: number, microsecond: number): bigint {
  return BigInt(day) * axisDay + BigInt(microsecond);
}

function dayOf(value: bigint): number {
  const remainder = value % axisDay;
  return Number((value - (remainder < 0n ? remainder + axisDay : remainder)) / axisDay);
}

/** What the date-only plan asks, for values that lie `shift` microseconds ahead of the request's zone. */
function dateOnlyKeys(form: DateTimeForm, shift: number): { identifierDate: string; identifierTime: string } {
  if (form.kind === 'all') return { identifierDate: '', identifierTime: '' };
  if (form.kind === 'combined') {
    const [from, to] = [form.from, form.to].map((bound) =>
      bound === undefined ? undefined : dayOf(bound + BigInt(shift)),
    );
    return { identifierDate: dateRange(from, to), identifierTime: '' };
  }
  const { firstDay: first, lastDay: last } = form;
  if (first === undefined && last === undefined) {
    return { identifierDate: '', identifierTime: timeRange(form.from + shift, form.to + shift) };
  }
  // Shifted windows are no interval: whole days, one more at either end (DT-44), or two between the farthest zones.
  const margin = Math.ceil(Math.abs(shift) / dayLength);
  return {
    identifierDate: dateRange(
      first === undefined ? undefined : first - margin,
      last === undefined ? undefined : last + margin,
    ),
    identifierTime: '',
  };
}

/** A shift may leave the days that DA can write: then a bound is open, or the outermost day. */
function dateRange(from: number | undefined, to: number | undefined): string {
  const start = from === undefined || from < firstDay ? '' : formatDate(Math.min(from, lastDay));
  const end = to === undefined || to > lastDay ? '' : formatDate(Math.max(to, firstDay));
  return start === end ? start : `${start}-${end}`;
}

/** Bounds widened to whole seconds, for peers differ on fractions (DT-21); universal when a shift moved it over midnight. */
function timeRange(from: number, to: number): string {
  const day = Math.floor(from / dayLength);
  if (day !== Math.floor(to / dayLength)) return '';
  const start = Math.floor((from - day * dayLength) / 1_000_000);
  const end = Math.ceil((to - day * dayLength) / 1_000_000);
  if (start === 0 && end >= 86_400) return '';
  return `${start === 0 ? '' : formatTime(start)}-${end >= 86_400 ? '' : formatTime(end)}`;
}

type Combined = Extract<DateTimeForm, { kind: 'combined' }>;
type Independent = Extract<DateTimeForm, { kind: 'independent' }>;

/** An entity's date and time as far as they can be read, and what it means that they cannot. */
interface Stored {
  readonly day: number | undefined;
  readonly time: number | undefined;
  readonly withoutDate: Verdict;
  readonly withoutTime: Verdict;
  /** Microseconds that the entity's zone is ahead of the request's. */
  readonly shift: number;
}

/** A value that cannot be read is unknown, like an empty one; one that was not returned proves nothing. */
function readStored(
  { date, time }: { date: string | undefined; time: string | undefined },
  shift: number,
  policy: DateTimePolicy,
): Stored {
  const unknown = policy.unknown === 'match' ? 'match' : 'no-match';
  return {
    day: date === undefined ? undefined : parseStoredDate(date),
    time: time === undefined ? undefined : parseStoredTime(time),
    withoutDate: date === undefined ? 'unverified' : unknown,
    withoutTime: time === undefined ? 'unverified' : unknown,
    shift,
  };
}

/** The exact filter. */
function judge(form: DateTimeForm, stored: Stored): Verdict {
  if (form.kind === 'all') return 'match';
  return form.kind === 'combined' ? judgeCombined(form, stored) : judgeIndependent(form, stored);
}

/** First and last microsecond, in the request's zone, at which an entity of this day can be. */
function spanOf(day: number, { time, shift }: Stored): readonly [bigint, bigint] {
  const start = instant(day, time ?? 0) - BigInt(shift);
  return [start, time === undefined ? start + axisDay - 1n : start];
}

function judgeCombined(form: Combined, stored: Stored): Verdict {
  if (stored.day === undefined) return stored.withoutDate;
  const [start, end] = spanOf(stored.day, stored);
  const { from = start, to = end, usesTime } = form;
  if (end < from || start > to) return 'no-match';
  if (stored.time !== undefined) return 'match';
  // A whole day inside needs no time, unless empty times were asked to be left out.
  const isInside = start >= from && end <= to;
  return isInside && (!usesTime || stored.withoutTime === 'unverified') ? 'match' : stored.withoutTime;
}

function judgeIndependent(form: Independent, stored: Stored): Verdict {
  const { day, time, withoutTime } = stored;
  const usesDate = form.firstDay !== undefined || form.lastDay !== undefined;
  if (day !== undefined) {
    if (!isInSet(form, ...spanOf(day, stored))) return 'no-match';
    return time === undefined ? withoutTime : 'match';
  }
  const withoutDate = usesDate ? stored.withoutDate : 'match';
  if (time === undefined) return every([withoutTime, withoutDate]);
  const local = modulo(time - stored.shift);
  return local >= form.from && local <= form.to ? withoutDate : 'no-match';
}

/** Whether any instant of [start, end], at most a day long, is on a day of the set and within the window. */
function isInSet(form: Independent, start: bigint, end: bigint): boolean {
  for (let day = dayOf(start); day <= dayOf(end); day++) {
    const midnight = instant(day, 0);
    const from = start > midnight ? Number(start - midnight) : 0;
    const to = end < midnight + axisDay ? Number(end - midnight) : dayLength - 1;
    const isDay = day >= (form.firstDay ?? -Infinity) && day <= (form.lastDay ?? Infinity);
    if (isDay && from <= form.to && to >= form.from) return true;
  }
  return false;
}

function modulo(time: number): number {
  return ((time % dayLength) + dayLength) % dayLength;
}
