/**
 * Combined matching of a DA and TM pair (PS3.18 8.3.4.1.1).
 *
 * A pair of keys becomes one normal form: an interval on one axis of microseconds, or a set of days crossed
 * with a window of the day. The ways of asking a peer for it and the exact filter over its answers are functions of
 * that form alone, so that every way has the same result.
 */
import { askedOf, dailyWindow } from './date-time-asked.js';
import { judgeDateTime } from './date-time-filter.js';
import { normaliseDateTime, type DateTimeForm, type DateTimePolicy } from './date-time-form.js';
import { dateOnly, formatSeconds, native, sliced, split, type DateTimeSlice } from './date-time-slices.js';
import type { Verdict } from './verdict.js';
import type { Zones } from './zone.js';

/** A planned pair: what to send for it, and the exact filter over what comes back. */
export interface DateTimePlan {
  /** Value of the DA key, where the pair is asked for in one piece and by its days; empty is universal. */
  readonly identifierDate: string;
  /** Value of the TM key with it; empty is universal. */
  readonly identifierTime: string;
  /** Other ways of asking; none without a day to ask for. */
  readonly ways: DateTimeWays | undefined;
  /** Judges an entity's values: `''` is empty at the peer, `undefined` was not returned; `zone` is its (0008,0201). */
  readonly verdict: (date?: string, time?: string, zone?: string) => Verdict;
  /** Whether an entity may be shown: anything but `no-match`. */
  readonly matches: (date?: string, time?: string, zone?: string) => boolean;
}

/** The ways of asking for a pair; each asks for all that matches, in C-FINDs whose answers are put together. */
export interface DateTimeWays {
  /** Plan A. */
  readonly dateOnly: readonly DateTimeSlice[];
  /** Plan B. Finds an entity without a time only if the peer takes an empty time for a match (DT-24). */
  readonly sliced: readonly DateTimeSlice[];
  /** Plan N, for peers that combine dates and times. */
  readonly native: readonly DateTimeSlice[];
  /** Whether the two keys mean something else together than each by itself. */
  readonly isCombined: boolean;
  /** Parts of a slice that the peer did not answer whole; none of one that cannot be divided. `today` in days since 1970. */
  readonly split: (slice: DateTimeSlice, today: number) => readonly DateTimeSlice[];
}

/**
 * Plans a pair.
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
    judgeDateTime(form, { date: storedDate, time: storedTime, zone }, zones, policy);
  const ways = waysOf(form, zones);
  return {
    identifierDate: ways?.dateOnly[0]?.date ?? '',
    identifierTime: form.kind === 'independent' && !ways ? dailyTime(form, zones) : '',
    ways,
    verdict,
    matches: (...stored) => verdict(...stored) !== 'no-match',
  };
}

function waysOf(form: DateTimeForm, zones: Zones): DateTimeWays | undefined {
  const asked = askedOf(form, zones);
  if (asked === undefined) return undefined;
  return {
    dateOnly: dateOnly(asked),
    sliced: sliced(asked),
    native: native(asked),
    isCombined: form.kind === 'combined',
    split: (slice, today) => split(asked, slice, today),
  };
}

function dailyTime(form: Extract<DateTimeForm, { kind: 'independent' }>, zones: Zones): string {
  const window = dailyWindow(form, zones);
  return window === undefined ? '' : formatSeconds(window);
}
