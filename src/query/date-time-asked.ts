/** What a pair of DA and TM asks for, by the clock in which a peer is asked. */
import { dayLength, firstDay, lastDay } from './calendar.js';
import { dayOf, instant, type DateTimeForm } from './date-time-form.js';
import { earliestLocal, latestLocal, type Zones } from './zone.js';

/** Days since 1970-01-01, inclusive; absent bounds are open. */
export interface Days {
  readonly from?: number;
  readonly to?: number;
}

/** Seconds of a day, from 0 to 86,400, inclusive. */
export interface Seconds {
  readonly from: number;
  readonly to: number;
}

export interface AskedDateTime {
  /** The days that can hold a match. */
  readonly days: Days;
  /** Microseconds since 1970-01-01 00:00, inclusive, where it is one span. */
  readonly interval?: Interval;
  /** Where it is a window of each day by the peer's clock. */
  readonly window?: Seconds;
  /** Whether times matter, or days alone. */
  readonly isTimed: boolean;
  /** The peer is told the request's zone: no day has bounds that hold by its own clock. */
  readonly peerConverts: boolean;
}

export interface Interval {
  readonly from?: bigint;
  readonly to?: bigint;
}

/** A bound in whole seconds of a day. */
export interface Bound {
  readonly day: number;
  /** From 0 to 86,400. */
  readonly second: number;
}

type Combined = Extract<DateTimeForm, { kind: 'combined' }>;
type Independent = Extract<DateTimeForm, { kind: 'independent' }>;

const minute = 60_000_000n;
const secondLength = 1_000_000;
const secondsOfDay = 86_400;

/** `undefined` where no day is named, so that there is no range of days to ask for or to divide. */
export function askedOf(form: DateTimeForm, zones: Zones): AskedDateTime | undefined {
  if (form.kind === 'all') return undefined;
  return form.kind === 'combined' ? askedSpan(form, zones) : askedWindows(form, zones);
}

/** Bounds widened to whole seconds, for peers differ on fractions and on reduced precision (DT-21). */
export function bounds({ from, to }: Interval): readonly [Bound | undefined, Bound | undefined] {
  const split = (at: bigint, round: (seconds: number) => number): Bound => {
    const day = dayOf(at);
    return { day, second: round(Number(at - instant(day, 0)) / secondLength) };
  };
  const end = to === undefined ? undefined : split(to, Math.ceil);
  return [
    from === undefined ? undefined : split(from, Math.floor),
    // Nobody asks for a day without its last second.
    end && end.second >= secondsOfDay - 1 ? { ...end, second: secondsOfDay } : end,
  ];
}

function askedSpan(form: Combined, zones: Zones): AskedDateTime {
  const peerConverts = zones.request !== undefined && zones.peerConverts === true;
  const interval = clamp(peerConverts ? form : shiftInterval(form, zones));
  const [from, to] = bounds(interval);
  return {
    interval,
    // A peer cannot convert a date without a time: a day more at either end, for the filter.
    days: widen(daysBetween(from?.day, to?.day), peerConverts ? 1 : 0),
    isTimed: form.usesTime || peerConverts || !isWhole(from, to),
    peerConverts,
  };
}

function isWhole(from: Bound | undefined, to: Bound | undefined): boolean {
  return (from === undefined || from.second === 0) && (to === undefined || to.second === secondsOfDay);
}

export function daysBetween(from: number | undefined, to: number | undefined): Days {
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

/** By the clock of the peer, where that is known to be another one. */
function shiftInterval({ from, to }: Interval, { request, source }: Zones): Interval {
  if (request === undefined || source === undefined)
    return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
  const utc = (local: bigint): bigint => local - BigInt(request) * minute;
  return {
    ...(from === undefined ? {} : { from: earliestLocal(source, utc(from)) }),
    ...(to === undefined ? {} : { to: latestLocal(source, utc(to)) }),
  };
}

/** A shift may leave the days that DA can write: then a bound is open, or the outermost day. */
function clamp({ from, to }: Interval): Interval {
  const [first, last] = [instant(firstDay, 0), instant(lastDay + 1, 0) - 1n];
  return {
    ...(from === undefined || from < first ? {} : { from: from > last ? instant(lastDay, 0) : from }),
    ...(to === undefined || to > last ? {} : { to: to < first ? instant(firstDay + 1, 0) - 1n : to }),
  };
}

function askedWindows(form: Independent, zones: Zones): AskedDateTime | undefined {
  const { firstDay: from, lastDay: to } = form;
  if (from === undefined && to === undefined) return undefined;
  const { request, source } = zones;
  const peerConverts = request !== undefined && zones.peerConverts === true;
  const common = { isTimed: true, peerConverts };
  if (request === undefined || (source === undefined && !peerConverts) || source === request) {
    return { ...common, days: widen(daysBetween(from, to), 0), window: windowOf(form) };
  }
  // Shifted windows are no interval: whole days, one more at either end (DT-44), or two between the farthest zones.
  const shift = typeof source === 'number' ? Math.abs(source - request) : 0;
  return { ...common, days: widen(daysBetween(from, to), Math.max(1, Math.ceil(shift / (24 * 60)))) };
}

function windowOf({ from, to }: Independent): Seconds {
  return { from: Math.floor(from / secondLength), to: Math.ceil(to / secondLength) };
}

function widen({ from, to }: Days, margin: number): Days {
  return {
    ...(from === undefined || from - margin < firstDay ? {} : { from: Math.min(from - margin, lastDay) }),
    ...(to === undefined || to + margin > lastDay ? {} : { to: Math.max(to + margin, firstDay) }),
  };
}

/** The window of a daily range by the peer's clock, in seconds; `undefined` where it crosses midnight there, or moves with the year. */
export function dailyWindow(form: Independent, zones: Zones): Seconds | undefined {
  const { request, source, peerConverts } = zones;
  if (request === undefined || source === undefined || peerConverts === true) return windowOf(form);
  if (typeof source !== 'number') return undefined;
  const shift = (source - request) * 60 * secondLength;
  const [from, to] = [form.from + shift, form.to + shift];
  const day = Math.floor(from / dayLength);
  if (day !== Math.floor(to / dayLength)) return undefined;
  return {
    from: Math.floor((from - day * dayLength) / secondLength),
    to: Math.ceil((to - day * dayLength) / secondLength),
  };
}
