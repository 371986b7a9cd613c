/** What a pair of DA and TM keys asks for, in one normal form (PS3.18 8.3.4.1.1). */
import { GatewayError } from '../core/index.js';
import { dayLength, parseDate, parseTime, type TimeSpan } from './calendar.js';

/** Where the standard leaves the meaning of date and time keys open. */
export interface DateTimePolicy {
  /** An upper bound of reduced precision is its last (`ceil`) or its first (`floor`) instant. */
  readonly upper: 'ceil' | 'floor';
  /** An entity whose date or time is empty matches, or does not. */
  readonly unknown: 'match' | 'exclude';
  /** Ranges of different forms are independent (`strict`), or bounds that meet are joined (`natural`). */
  readonly mixed: 'strict' | 'natural';
}

/**
 * In the request's zone; absent bounds are open, all bounds are inclusive. Instants are microseconds since 1970-01-01
 * 00:00: a double is exact for 285 years only, and clients do send 99991231.
 */
export type DateTimeForm =
  | { readonly kind: 'all' }
  | {
      readonly kind: 'combined';
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

interface Bounds<T> {
  readonly form: 'U' | 'S' | 'R' | 'F' | 'T';
  readonly from?: T;
  readonly to?: T;
}

const axisDay = BigInt(dayLength);

/** Microseconds since 1970-01-01 00:00. */
export function instant(day: number, microsecond: number): bigint {
  return BigInt(day) * axisDay + BigInt(microsecond);
}

/** Days since 1970-01-01, rounded down. */
export function dayOf(value: bigint): number {
  const remainder = value % axisDay;
  return Number((value - (remainder < 0n ? remainder + axisDay : remainder)) / axisDay);
}

/**
 * The normal form of a pair.
 *
 * @throws GatewayError `bad-request` for a value that is no DA or TM, or a range that ends before it starts.
 */
export function normaliseDateTime(date: string, time: string, policy: DateTimePolicy): DateTimeForm {
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
