import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { toGatewayError } from '../../src/core/index.js';
import { planDateTime, type DateTimePlan, type DateTimePolicy } from '../../src/query/index.js';

/**
 * The reference works on text and on every minute of a day, where the code works on integers and intervals, so that
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

/** `YYYYMMDDHHMM` in the zone of the request, of a minute in the zone of the peer. */
function local(date: string, minute: number, shift: number): string {
  const [year, month, day] = [date.slice(0, 4), date.slice(4, 6), date.slice(6)].map(Number);
  const at = new Date(Date.UTC(year ?? 0, (month ?? 1) - 1, day ?? 1, 0, minute - shift));
  return at.toISOString().replace(/[-:T]/g, '').slice(0, 12);
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

const everyMinute = Array.from({ length: 1440 }, (_, minute) => minute);

function expected(asked: Case, [date, time]: readonly [string, string]): boolean {
  const { unknown } = asked.policy;
  const usesTime = asked.time !== '';
  if (asked.date === '' && !usesTime) return true;
  const known =
    time === '' ? undefined : Number(lowest(time).slice(0, 2)) * 60 + Number(lowest(time).slice(2));
  const minutes = known === undefined ? everyMinute : [known];
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

/** An SCP that knows no combined matching and takes empty values for a match. */
function isFound(plan: DateTimePlan, [date, time]: readonly [string, string]): boolean {
  const within = (value: string, key: string): boolean => {
    const [from, to] = bounds(key);
    return value === '' || ((from === '' || value >= from) && (to === '' || value <= to));
  };
  return (
    within(date, plan.identifierDate) &&
    within(time === '' ? '' : lowest(time).padEnd(6, '0'), plan.identifierTime)
  );
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

describe('date-only plan', () => {
  test('DT-28: the answer after the filter is what brute force finds, and nothing of it is left unasked', () => {
    fc.assert(
      fc.property(cases, fc.array(stored, { minLength: 1, maxLength: 6 }), (asked, studies) => {
        const plan = planOf(asked);
        expect(plan !== undefined).toBe(isLegal(asked));
        if (plan === undefined) return;
        for (const study of studies) {
          const isExpected = expected(asked, study);
          expect([study, plan.matches(...study)]).toEqual([study, isExpected]);
          if (isExpected) expect([study, isFound(plan, study)]).toEqual([study, true]);
        }
      }),
      { numRuns: 1500, interruptAfterTimeLimit: 15_000 },
    );
  }, 30_000);

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
