/** Matching of DT attributes, which hold date, time and offset in one value (PS3.5 6.2, PS3.4 C.2.2.2.5.3). */
import { GatewayError } from '../core/index.js';
import {
  dayLength,
  dayNumber,
  daysInMonth,
  formatDate,
  formatTime,
  lastDay,
  parseZone,
  timeSpan,
} from './calendar.js';
import type { DateTimePolicy } from './date-time-form.js';
import type { Verdict } from './verdict.js';
import { instantsOf, widestShift, type Zones } from './zone.js';

/** A planned DT key: what to send for it, and the exact filter over what comes back. */
export interface DateTimeValuePlan {
  /** Value of the key; empty is universal. */
  readonly identifier: string;
  /** Judges an entity's value: `''` is empty at the peer, `undefined` was not returned; `zone` is its (0008,0201). */
  readonly verdict: (stored?: string, zone?: string) => Verdict;
}

/** What a value of reduced precision stands for, in microseconds since 1970-01-01 of its own zone. */
interface Moment {
  readonly first: bigint;
  readonly last: bigint;
  /** Minutes east of UTC, when the value says so. */
  readonly offset?: number;
}

interface Range {
  readonly from?: Moment;
  readonly to?: Moment;
}

const second = 1_000_000n;
const day = BigInt(dayLength);

/**
 * Plans a DT key: `dt`, `dt-`, `-dt` or `dt-dt`, where a `-` may begin an offset instead (DT-30).
 *
 * @throws GatewayError `bad-request` when no reading of the value makes sense.
 */
export function planDateTimeValue(
  value: string,
  policy: DateTimePolicy,
  zones: Zones = {},
): DateTimeValuePlan {
  const { from, to } = parseRange(value);
  const lower = from && { at: from.first, offset: from.offset ?? zones.request };
  const upper = to && {
    at: policy.upper === 'ceil' ? to.last : to.first,
    offset: to.offset ?? zones.request,
  };
  const isZoned = [lower, upper].some((bound) => bound?.offset !== undefined);
  const hasOwnOffset = [from, to].some((bound) => bound?.offset !== undefined);
  const isConverted = isZoned && !(zones.peerConverts === true && !hasOwnOffset);
  return {
    // Values with offsets are left to the filter: peers disagree about them, and a single one may read as a range (DT-31).
    identifier: isConverted ? '' : formatRange(lower?.at, upper?.at),
    verdict: (stored, zone) => {
      if (stored === undefined) return 'unverified';
      const at = readMoment(stored, isZoned ? zone : undefined);
      if (at === undefined) return policy.unknown === 'match' ? 'match' : 'no-match';
      // Where neither says an offset nothing is converted (DT-45).
      const within = isZoned ? zones : {};
      const isPlaced = at.offset !== undefined || within.source !== undefined;
      // An instant was asked for, and nobody here knows in which zone this value is.
      const isUnknown = isZoned && !isPlaced && (hasOwnOffset || zones.peerConverts === true);
      return isUnknown ? judgeAnywhere(at.at, lower, upper) : judge(at, lower, upper, within);
    },
  };
}

function judge(at: Bound, lower: Bound | undefined, upper: Bound | undefined, zones: Zones): Verdict {
  return isOrdered(lower, at, zones) && isOrdered(at, upper, zones) ? 'match' : 'no-match';
}

/** Of a value that may be in any zone: there may be none in which it is within the bounds. */
function judgeAnywhere(at: bigint, lower: Bound | undefined, upper: Bound | undefined): Verdict {
  const isBefore = lower !== undefined && at + widestShift < lower.at;
  const isAfter = upper !== undefined && at - widestShift > upper.at;
  return isBefore || isAfter ? 'no-match' : 'unverified';
}

/** A stored value as its first instant, in its own zone or else the entity's. */
function readMoment(stored: string, zone: string | undefined): Bound | undefined {
  const moment = parseMoment(stored.trim());
  return (
    moment && {
      at: moment.first,
      offset: moment.offset ?? (zone === undefined ? undefined : parseZone(zone)),
    }
  );
}

interface Bound {
  readonly at: bigint;
  readonly offset: number | undefined;
}

/** An absent bound is open. Compared on UTC where both zones are known, as written where they are not (DT-45). */
function isOrdered(early: Bound | undefined, late: Bound | undefined, zones: Zones): boolean {
  if (early === undefined || late === undefined) return true;
  const [first] = instantsAt(early, zones);
  const last = instantsAt(late, zones).at(-1);
  return first === undefined || last === undefined ? early.at <= late.at : first <= last;
}

/** On UTC; two for an hour that clocks show twice, none where the zone is not known. */
function instantsAt({ at, offset }: Bound, { source }: Zones): readonly bigint[] {
  const zone = offset ?? source;
  return zone === undefined ? [] : instantsOf(zone, at);
}

function parseRange(value: string): Range {
  for (let dash = value.indexOf('-'); dash >= 0; dash = value.indexOf('-', dash + 1)) {
    const range = rangeAt(value, dash);
    if (range !== undefined) return range;
  }
  const single = parseMoment(value);
  if (single === undefined) {
    throw new GatewayError('bad-request', 'A matching key is neither a date and time nor a range of them.');
  }
  return { from: single, to: single };
}

function rangeAt(value: string, dash: number): Range | undefined {
  const [start, end] = [value.slice(0, dash), value.slice(dash + 1)];
  const [from, to] = [parseMoment(start), parseMoment(end)];
  if (start === '') return to && { to };
  if (end === '') return from && { from };
  if (from === undefined || to === undefined) return undefined;
  const early = { at: from.first, offset: from.offset ?? to.offset };
  const late = { at: to.last, offset: to.offset ?? from.offset };
  return isOrdered(early, late, {}) ? { from, to } : undefined;
}

const grammar =
  /^(?<year>\d{4})(?:(?<month>\d{2})(?:(?<date>\d{2})(?:(?<hour>\d{2})(?:(?<minute>\d{2})(?:(?<second>\d{2})(?:\.(?<fraction>\d{1,6}))?)?)?)?)?)?(?<zone>[+-]\d{4})?$/;

function parseMoment(text: string): Moment | undefined {
  const parts = grammar.exec(text)?.groups;
  if (parts === undefined) return undefined;
  const { hour, zone } = parts;
  const offset = zone === undefined ? undefined : parseZone(zone);
  if (zone !== undefined && offset === undefined) return undefined;
  const days = daySpan(Number(parts['year']), parts['month'], parts['date']);
  const time =
    hour === undefined
      ? { first: 0, last: dayLength - 1 }
      : timeSpan(hour, parts['minute'], parts['second'], parts['fraction']);
  if (days === undefined || time === undefined) return undefined;
  return {
    first: BigInt(days.first) * day + BigInt(time.first),
    last: BigInt(days.last) * day + BigInt(time.last),
    ...(offset === undefined ? {} : { offset }),
  };
}

function daySpan(year: number, month?: string, date?: string): { first: number; last: number } | undefined {
  const lastMonth = Number(month ?? 12);
  const first = dayNumber(year, Number(month ?? 1), Number(date ?? 1));
  const last = dayNumber(year, lastMonth, Number(date ?? daysInMonth(year, lastMonth)));
  return first === undefined || last === undefined ? undefined : { first, last };
}

/**
 * Bounds widened to whole seconds: peers read reduced precision and fractions differently (DT-21). Of the first one no more
 * of the time is written than says something: a value of a day alone comes before its midnight for who compares text (DT-05).
 */
function formatRange(from: bigint | undefined, to: bigint | undefined): string {
  const first = from === undefined ? '' : format(floorDivide(from, second));
  const start = first.slice(0, 8) + first.slice(8).replace(/(?:00)+$/, '');
  const end = to === undefined ? '' : format(-floorDivide(-to, second));
  return start === '' && end === '' ? '' : `${start}-${end}`;
}

/** Empty after the last second that DT can write. */
function format(seconds: bigint): string {
  const dayNumberOf = floorDivide(seconds, 86_400n);
  if (dayNumberOf > BigInt(lastDay)) return '';
  return formatDate(Number(dayNumberOf)) + formatTime(Number(seconds - dayNumberOf * 86_400n));
}

function floorDivide(value: bigint, by: bigint): bigint {
  return value >= 0n ? value / by : -((by - 1n - value) / by);
}
