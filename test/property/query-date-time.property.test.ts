import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { toGatewayError } from '../../src/core/index.js';
import {
  planDateTime,
  type DateTimePlan,
  type DateTimePolicy,
  type DateTimeSlice,
} from '../../src/query/index.js';
import { earliestLocal, instantsOf, latestLocal, namedZone } from '../../src/query/zone.js';
import { found, plainHabits, type Habits } from '../helpers/dated-peer.js';

/**
 * The reference works on text and on the minutes of a day, where the code works on integers and intervals, so that
 * they have no mistake in common. Whole minutes everywhere make every minute's start stand for the minute.
 */
interface Case {
  readonly date: string;
  readonly time: string;
  readonly policy: DateTimePolicy;
  readonly request: number | undefined;
  readonly source: number;
}

const days = ['20211231', '20220101', '20220102', '20220103', '20220104', '20240228', '20240229', '20240301'];
const clock = ['0000', '00', '0030', '0600', '10', '1000', '1030', '16', '1630', '2200', '23', '2359'];
const zones = [-720, -300, -30, 0, 60, 120, 330, 840];

function keyOf(values: readonly string[]): fc.Arbitrary<string> {
  const one = fc.constantFrom(...values);
  return fc.oneof(
    fc.constant(''),
    one,
    fc.tuple(one, one).map(([from, to]) => `${from}-${to}`),
    one.map((from) => `${from}-`),
    one.map((to) => `-${to}`),
  );
}

const cases: fc.Arbitrary<Case> = fc.record({
  date: keyOf(days),
  time: keyOf(clock),
  policy: fc.record({
    upper: fc.constantFrom<DateTimePolicy['upper']>('ceil', 'floor'),
    unknown: fc.constantFrom<DateTimePolicy['unknown']>('match', 'exclude'),
    mixed: fc.constantFrom<DateTimePolicy['mixed']>('strict', 'natural'),
  }),
  request: fc.option(fc.constantFrom(...zones), { nil: undefined }),
  source: fc.constantFrom(...zones),
});
const stored = fc.tuple(fc.constantFrom('', ...days), fc.constantFrom('', ...clock));

const shiftOf = ({ request, source }: Case): number => (request === undefined ? 0 : source - request);
const lowest = (time: string): string => time.padEnd(4, '0');
const highest = (time: string, { upper }: DateTimePolicy): string =>
  upper === 'floor' || time.length === 4 ? lowest(time) : `${time}59`;
const formOf = (key: string): string =>
  key === '' ? 'U' : !key.includes('-') ? 'S' : key.startsWith('-') ? 'T' : key.endsWith('-') ? 'F' : 'R';

function bounds(key: string): [string, string] {
  const [from = '', to = from] = key.split('-');
  return [from, to];
}

function isJoined({ date, time, policy }: Case): boolean {
  const [days, times] = [formOf(date), formOf(time)];
  if (days === 'U') return false;
  if (days === 'S' || times === 'U' || days === times) return true;
  return policy.mixed === 'natural' && days === 'R' && (times === 'F' || times === 'T');
}

const locals = new Map<string, string>();

/** `YYYYMMDDHHMM` in the zone of the request, of a minute in the zone of the peer. */
function local(date: string, minute: number, shift: number): string {
  const key = `${date} ${minute - shift}`;
  const known = locals.get(key);
  if (known !== undefined) return known;
  const [year, month, day] = [date.slice(0, 4), date.slice(4, 6), date.slice(6)].map(Number);
  const at = new Date(Date.UTC(year ?? 0, (month ?? 1) - 1, day ?? 1, 0, minute - shift));
  const text = at.toISOString().replace(/[-:T]/g, '').slice(0, 12);
  locals.set(key, text);
  return text;
}

function isAsked(asked: Case, minute: string): boolean {
  const [firstDay, lastDay] = bounds(asked.date);
  const [fromTime, toTime] = bounds(asked.time);
  const from = fromTime === '' ? '0000' : lowest(fromTime);
  const to = toTime === '' ? '2359' : highest(toTime, asked.policy);
  const [day, clockTime] = [minute.slice(0, 8), minute.slice(8)];
  if (isJoined(asked)) {
    return (firstDay === '' || minute >= firstDay + from) && (lastDay === '' || minute <= lastDay + to);
  }
  const isDay = (firstDay === '' || day >= firstDay) && (lastDay === '' || day <= lastDay);
  return isDay && clockTime >= from && clockTime <= to;
}

/** Every minute that is next to one where anything can begin or end: those are full and half hours, and the minute before. */
const minutesOfDay = Array.from({ length: 1440 }, (_, minute) => minute).filter((minute) =>
  [0, 1, 28, 29].includes(minute % 30),
);

function expected(asked: Case, [date, time]: readonly [string, string]): boolean {
  const { unknown } = asked.policy;
  const usesTime = asked.time !== '';
  if (asked.date === '' && !usesTime) return true;
  const known =
    time === '' ? undefined : Number(lowest(time).slice(0, 2)) * 60 + Number(lowest(time).slice(2));
  const minutes = known === undefined ? minutesOfDay : [known];
  if (date === '') return expectedWithoutDate(asked, known);
  const hits = minutes.filter((minute) => isAsked(asked, local(date, minute, shiftOf(asked))));
  if (hits.length === 0) return false;
  const isDecided = known !== undefined || (!usesTime && hits.length === minutes.length);
  return isDecided || unknown === 'match';
}

function expectedWithoutDate(asked: Case, known: number | undefined): boolean {
  const excludes = asked.policy.unknown === 'exclude';
  if (asked.date !== '' && excludes) return false;
  if (known === undefined) return asked.time === '' || !excludes;
  return isJoined(asked) || isAsked({ ...asked, date: '' }, local('20220102', known, shiftOf(asked)));
}

/** Valid by the rules, as text: ranges may not end before they start. */
function isLegal(asked: Case): boolean {
  const [firstDay, lastDay] = bounds(asked.date);
  const [fromTime, toTime] = bounds(asked.time);
  if (formOf(asked.date) === 'R' && firstDay > lastDay) return false;
  const from = fromTime === '' ? '0000' : lowest(fromTime);
  const to = toTime === '' ? '2359' : highest(toTime, asked.policy);
  if (!isJoined(asked)) return from <= to;
  return firstDay === '' || lastDay === '' || firstDay + from <= lastDay + to;
}

function planOf(asked: Case): DateTimePlan | undefined {
  const zonesOf = asked.request === undefined ? {} : { request: asked.request, source: asked.source };
  try {
    return planDateTime(asked.date, asked.time, asked.policy, zonesOf);
  } catch (thrown) {
    expect(toGatewayError(thrown).code).toBe('bad-request');
    return undefined;
  }
}

/** 2022-01-03 */
const today = 18_995;

/** What an SCP gives to slices, each divided as long as it is cut; undefined when that is not possible. */
function ask(plan: DateTimePlan, slices: readonly DateTimeSlice[], studies: Studies, habits: Habits): Asked {
  const rows = new Set<number>();
  for (const slice of slices) {
    const answer = found(studies, slice, habits);
    const { cap = answer.length } = habits;
    for (const index of answer.slice(0, cap)) rows.add(index);
    if (answer.length <= cap) continue;
    const parts = plan.ways?.split(slice, today) ?? [];
    requireDivided(slice, parts);
    const more = parts.length === 0 ? undefined : ask(plan, parts, studies, habits);
    if (more === undefined) return undefined;
    for (const index of more) rows.add(index);
  }
  return rows;
}

type Studies = readonly (readonly [string, string])[];
type Asked = ReadonlySet<number> | undefined;

function require(holds: boolean, ...what: unknown[]): void {
  if (!holds)
    throw new Error(
      JSON.stringify(what, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    );
}

/** The days that DA can write: an open bound is as far as these. */
const firstOf = ({ days }: DateTimeSlice): number => days.from ?? -719_528;
const lastOf = ({ days }: DateTimeSlice): number => days.to ?? 2_932_896;

/** Parts are halves: of the days, which are disjoint, or of the seconds of a day, which share the one where they meet. */
function requireDivided(slice: DateTimeSlice, parts: readonly DateTimeSlice[]): void {
  const [early, late] = parts;
  if (early === undefined || late === undefined) return;
  const isOneDay = firstOf(late) === firstOf(early);
  const [from, to] = [early.seconds?.from, late.seconds?.to];
  require(firstOf(early) === firstOf(slice) && lastOf(late) === lastOf(slice), 'covers', slice, parts);
  require(isOneDay || firstOf(late) === lastOf(early) + 1, 'disjoint', slice, parts);
  require(!isOneDay || early.seconds?.to === late.seconds?.from, 'meet', slice, parts);
  require(!isOneDay ||
    slice.seconds === undefined ||
    (from === slice.seconds.from && to === slice.seconds.to), slice);
}

function requireDisjoint(slices: readonly DateTimeSlice[]): void {
  for (const [index, slice] of slices.entries()) {
    const next = slices[index + 1];
    require(next === undefined || lastOf(slice) < firstOf(next), 'disjoint', slices);
  }
}

const habitsOf: fc.Arbitrary<
  Pick<Habits, 'upper' | 'findsEmptyTimes'> & { readonly cap: number | undefined }
> = fc.record({
  upper: fc.constantFrom<Habits['upper']>('ceil', 'floor'),
  findsEmptyTimes: fc.boolean(),
  cap: fc.option(fc.integer({ min: 2, max: 4 }), { nil: undefined }),
});

/** A plan's answer after the filter is what brute force finds; `isSure` says that the peer finds it all. */
function requireFound(
  asked: Case,
  plan: DateTimePlan,
  studies: Studies,
  [slices, habits, isSure]: readonly [readonly DateTimeSlice[], Habits, boolean],
): void {
  requireDisjoint(slices);
  const answer = ask(plan, slices, studies, habits);
  if (answer === undefined) {
    // As many in one second as the peer gives at most, or without a date: that cannot be divided.
    require(habits.cap !== undefined, 'cut', slices);
    return;
  }
  for (const [index, study] of studies.entries()) {
    const isExpected = expected(asked, study);
    const isShown = answer.has(index) && plan.matches(...study);
    const mayMiss = !isSure && study[1] === '';
    require(isShown === isExpected || (mayMiss && !isShown), { asked, study, slices, habits, isExpected });
  }
}

describe('the plans', () => {
  test('DT-20, DT-28: the answer of every plan after the filter is what brute force finds, in slices that are disjoint', () => {
    fc.assert(
      fc.property(
        cases,
        fc.array(stored, { minLength: 1, maxLength: 6 }),
        habitsOf,
        (asked, studies, { cap, ...some }) => {
          const plan = planOf(asked);
          require((plan !== undefined) === isLegal(asked), asked);
          if (plan === undefined) return;
          const habits: Habits = { ...plainHabits, ...some, ...(cap === undefined ? {} : { cap }) };
          const { ways } = plan;
          if (ways === undefined) {
            const alone = { date: plan.identifierDate, time: plan.identifierTime, days: {} };
            const { cap: _, ...whole } = habits;
            requireFound(asked, plan, studies, [[alone], whole, some.findsEmptyTimes]);
            return;
          }
          const isSure = some.findsEmptyTimes;
          // By the days a time matters only to what has been cut within a day.
          requireFound(asked, plan, studies, [ways.dateOnly, habits, isSure || cap === undefined]);
          requireFound(asked, plan, studies, [ways.sliced, habits, isSure]);
          requireFound(asked, plan, studies, [ways.native, { ...habits, combines: true }, isSure]);
        },
      ),
      { numRuns: 100_000, seed: 20_220_101 },
    );
  }, 240_000);

  test('DT-43: in a zone with daylight saving a local time is told by each instant that it may be', () => {
    const berlin = namedZone('Europe/Berlin');
    if (berlin === undefined) throw new Error('no such zone');
    const [start, end] = [Date.UTC(2021, 0), Date.UTC(2024, 0)];
    const changes = [Date.UTC(2022, 2, 27, 1), Date.UTC(2022, 9, 30, 1), Date.UTC(2023, 2, 26, 1)];
    const instant = fc.oneof(
      fc.integer({ min: start, max: end }),
      fc.tuple(fc.constantFrom(...changes), fc.integer({ min: -9e6, max: 9e6 })).map(([at, by]) => at + by),
    );
    const local = (utc: bigint): bigint => utc + berlin.offsetAt(utc);
    fc.assert(
      fc.property(instant, instant, (one, other) => {
        const [early, late] = [BigInt(Math.min(one, other)) * 1000n, BigInt(Math.max(one, other)) * 1000n];
        require(instantsOf(berlin, local(early)).includes(early), early);
        require(earliestLocal(berlin, early) <= local(late), early, late);
        require(latestLocal(berlin, late) >= local(early), early, late);
        // Whatever a stored time may be, it is asked for where one of its instants is.
        for (const utc of instantsOf(berlin, early)) {
          require(utc > late || early <= latestLocal(berlin, late), 'to', early, late);
          require(utc < late || early >= earliestLocal(berlin, late), 'from', early, late);
        }
      }),
      { numRuns: 10_000, seed: 43 },
    );
  });

  test('any text is a plan or a client error', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[\d.:+-]{0,20}$/));
    fc.assert(
      fc.property(text, text, text, text, (date, time, storedDate, storedTime) => {
        const policy: DateTimePolicy = { upper: 'ceil', unknown: 'match', mixed: 'strict' };
        const plan = planOf({ date, time, policy, request: 60, source: 0 });
        expect(['match', 'no-match', undefined]).toContain(plan?.verdict(storedDate, storedTime, storedTime));
      }),
      { numRuns: 2000, interruptAfterTimeLimit: 5000 },
    );
  });
});
