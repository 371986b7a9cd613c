/** The keys that ask a peer for a pair of DA and TM: in one piece, or in slices that divide further. */
import { firstDay, formatDate, formatTime, lastDay } from './calendar.js';
import {
  bounds,
  daysBetween,
  type AskedDateTime,
  type Bound,
  type Days,
  type Seconds,
} from './date-time-asked.js';

/** What is asked of a pair in one C-FIND, and what of it can be asked in parts. */
export interface DateTimeSlice {
  /** Value of the DA key; empty is universal. */
  readonly date: string;
  /** Value of the TM key; empty is universal. */
  readonly time: string;
  /** Days since 1970-01-01, inclusive; absent bounds are open. */
  readonly days: Days;
  /** Seconds of each of these days, inclusive; left out where the time is not asked for by itself. */
  readonly seconds?: Seconds;
}

const wholeDay: Seconds = { from: 0, to: 86_400 };
/** 1900-01-01: hardly anything is older, so an open past is divided there first. */
const pastEnd = -25_567;

/** By the days alone; what is beside the times is left to the filter (plan A). */
export function dateOnly(asked: AskedDateTime): readonly DateTimeSlice[] {
  return [daySlice(asked.days)];
}

/**
 * The first day from its time on, the days between, the last day to its time (plan B); times by a clock that
 * the peer converts are left to the filter. @see rule DT-20
 */
export function sliced(asked: AskedDateTime): readonly DateTimeSlice[] {
  if (asked.peerConverts) return dateOnly(asked);
  if (asked.window !== undefined) return [timeSlice(asked.days, asked.window)];
  if (asked.interval === undefined) return dateOnly(asked);
  const [from, to] = bounds(asked.interval);
  if (from !== undefined && from.day === to?.day) return edge(asked, from.day);
  const [head, tail] = [cutDay(from, 0), cutDay(to, wholeDay.to)];
  const middle = daysBetween(
    from && (head === undefined ? from.day : head + 1),
    to && (tail === undefined ? to.day : tail - 1),
  );
  return [...edge(asked, head), ...whole(middle), ...edge(asked, tail)];
}

function whole(days: Days): readonly DateTimeSlice[] {
  return (days.from ?? -Infinity) <= (days.to ?? Infinity) ? [daySlice(days)] : [];
}

/** The day of a bound that leaves out a part of it. */
function cutDay(bound: Bound | undefined, uncut: number): number | undefined {
  return bound === undefined || bound.second === uncut ? undefined : bound.day;
}

/** What of the interval is on one day. */
function edge(asked: AskedDateTime, day: number | undefined): readonly DateTimeSlice[] {
  return day === undefined ? [] : [timeSlice(daysOf(day), portion(asked, day))];
}

/** As one range of dates and times, for peers that combine them (plan N). */
export function native(asked: AskedDateTime): readonly DateTimeSlice[] {
  const { interval, isTimed } = asked;
  if (interval === undefined || !isTimed) return dateOnly(asked);
  const [from, to] = bounds(interval);
  if (!asked.peerConverts && from !== undefined && from.day === to?.day) return sliced(asked);
  const end = to && rolledOver(to);
  const join = (format: (bound: Bound) => string): string =>
    `${from ? format(from) : ''}-${end ? format(end) : ''}`;
  return [
    {
      days: asked.days,
      date: join(({ day }) => formatDate(day)),
      time: join(({ second }) => formatTime(second)),
    },
  ];
}

/** The end of a day is the beginning of the next; of the last day that DA can write it is open. */
function rolledOver({ day, second }: Bound): Bound | undefined {
  if (second < wholeDay.to) return { day, second };
  return day < lastDay ? { day: day + 1, second: 0 } : undefined;
}

/**
 * Halves of a slice that are disjoint and cover it: of its days, and within one day of its seconds. Those share the
 * second in which they meet, for peers differ on its fractions (DT-21). Of a day that holds no more than a second of what
 * is asked for that second; of a second nothing. `today` is the last
 * day on which studies are to be expected.
 *
 * @see rule DT-25
 */
export function split(asked: AskedDateTime, slice: DateTimeSlice, today: number): readonly DateTimeSlice[] {
  const { days, seconds } = slice;
  const [from, to] = [days.from ?? firstDay, days.to ?? lastDay];
  if (from < to) {
    const last = pivot(days, from, to, today);
    return [sliceOf({ ...days, to: last }, seconds), sliceOf({ ...days, from: last + 1 }, seconds)];
  }
  const part = seconds ?? portion(asked, from);
  // What is left of a day may be a second: to be asked for instead of the day, and not further divided.
  if (part.to - part.from <= 1) return seconds === undefined ? [timeSlice(daysOf(from), part)] : [];
  const middle = Math.floor((part.from + part.to) / 2);
  return [
    timeSlice(daysOf(from), { from: part.from, to: middle }),
    timeSlice(daysOf(from), { from: middle, to: part.to }),
  ];
}

/** The last day of the first half: where a range is open, the end of what is likely to be in it. */
function pivot(days: Days, from: number, to: number, today: number): number {
  if (days.to === undefined && from <= today && today < to) return today;
  if (days.from === undefined && pastEnd <= to) return pastEnd - 1;
  return Math.floor((from + to) / 2);
}

/** The seconds of a day that can hold a match. */
function portion({ interval, window, peerConverts }: AskedDateTime, day: number): Seconds {
  if (peerConverts) return wholeDay;
  if (window !== undefined) return window;
  if (interval === undefined) return wholeDay;
  const [from, to] = bounds(interval);
  return {
    from: day === from?.day ? from.second : wholeDay.from,
    to: day === to?.day ? to.second : wholeDay.to,
  };
}

function daysOf(day: number): Days {
  return { from: day, to: day };
}

function sliceOf(days: Days, seconds: Seconds | undefined): DateTimeSlice {
  return seconds === undefined ? daySlice(days) : timeSlice(days, seconds);
}

function daySlice(days: Days): DateTimeSlice {
  return { days, date: formatDays(days), time: '' };
}

function timeSlice(days: Days, seconds: Seconds): DateTimeSlice {
  return { days, seconds, date: formatDays(days), time: formatSeconds(seconds) };
}

function formatDays({ from, to }: Days): string {
  const start = from === undefined ? '' : formatDate(from);
  const end = to === undefined ? '' : formatDate(to);
  return start === end ? start : `${start}-${end}`;
}

/**
 * A TM range; universal for a whole day. A full minute begins it as `HHMM`, for peers that compare times as text find no
 * stored `1200` behind `120000`.
 */
export function formatSeconds({ from, to }: Seconds): string {
  const start = from <= 0 ? '' : formatTime(from).replace(/00$/, '');
  const end = to >= wholeDay.to ? '' : formatTime(to);
  return start === '' && end === '' ? '' : `${start}-${end}`;
}
