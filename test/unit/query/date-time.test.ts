import { describe, expect, test } from '@jest/globals';
import { codeOf } from './code-of.js';
import { planDateTime, type DateTimePolicy } from '../../../src/query/index.js';
import { examples, numbers, standard, studies } from '../../helpers/date-time-examples.js';

/** A C-FIND SCP of the old sort: keys are independent, text is compared, an empty value matches. */
function isFound([date, time]: readonly [string, string], asked: { date: string; time: string }): boolean {
  return inTextRange(date, asked.date) && inTextRange(time.padEnd(time === '' ? 0 : 6, '0'), asked.time);
}

function inTextRange(value: string, range: string): boolean {
  if (value === '' || range === '') return true;
  const [from = '', to = from] = range.split('-');
  return (from === '' || value >= from) && (to === '' || value <= to);
}

describe('the worked examples of combined matching', () => {
  test.each(examples)('DT-01: example $point', ({ da = '', tm = '', policy, zones, a, drops, match }) => {
    const plan = planDateTime(da, tm, { ...standard, ...policy }, zones);
    const [date = '', time = ''] = a.split('·');
    expect({ date: plan.identifierDate, time: plan.identifierTime }).toEqual({ date, time });
    const found = studies.flatMap((study, index) => (isFound(study, { date, time }) ? [index + 1] : []));
    const kept = found.filter((number) => plan.matches(...(studies[number - 1] ?? [])));
    expect(found.filter((number) => !kept.includes(number))).toEqual(numbers(drops));
    expect(kept).toEqual(numbers(match));
    const all = studies.flatMap((study, index) => (plan.matches(...study) ? [index + 1] : []));
    expect(all).toEqual(numbers(match));
  });

  test.each([
    ['19: single date, wrapped time', '20220101', '2200-0600'],
    ['20: dates reversed', '20220102-20220101', '1000-1600'],
  ])('DT-02: example %s is a client error', (_, da, tm) => {
    expect(codeOf(() => planDateTime(da, tm, standard))).toBe('bad-request');
  });
});

describe('the grammar of date and time keys', () => {
  test.each([
    ['-', ''],
    ['20220101-20220102-20220103', ''],
    ['2022', ''],
    ['2022.01.01', ''],
    ['20220230', ''],
    ['20221301', ''],
    ['20220101 ', ''],
    ['today', ''],
    ['', '-'],
    ['', '24'],
    ['', '1060'],
    ['', '10:00'],
    ['', '1000-1100-1200'],
    ['', '100000.'],
    ['', '100000.1234567'],
    ['', '1600-1000'],
    ['20220101-', '1600-1000'],
    ['20220101', '1600-1000'],
  ])('DT-03, DT-06: DA %p with TM %p is a client error that does not repeat the value', (da, tm) => {
    const plan = (): unknown => planDateTime(da, tm, standard);
    expect(codeOf(plan)).toBe('bad-request');
    expect(plan).toThrow(/matching key/);
  });

  test('DT-02: a later day makes an earlier time legal', () => {
    expect(planDateTime('20220101-20220102', '2200-0600', standard).matches('20220102', '0030')).toBe(true);
  });

  test('DT-05: an upper bound ends with its stated precision, a lower one begins with it', () => {
    const hour = planDateTime('20220101', '10-11', standard);
    expect([hour.matches('20220101', '115959.999999'), hour.matches('20220101', '120000')]).toEqual([
      true,
      false,
    ]);
    const tenth = planDateTime('20220101', '100000.5', standard);
    expect([tenth.matches('20220101', '100000.59'), tenth.matches('20220101', '100000.6')]).toEqual([
      true,
      false,
    ]);
  });

  test('DT-06: a leap second is the last instant of its minute, in keys and in answers', () => {
    const plan = planDateTime('20161231', '235960', standard);
    expect(plan.matches('20161231', '235960')).toBe(true);
    expect(plan.matches('20161231', '235959.5')).toBe(false);
  });

  test('DT-06: answers may be written as ACR-NEMA did, or be padded', () => {
    const plan = planDateTime('20220101-20220103', '1000-1600', standard);
    expect(plan.matches('2022.01.01', '10:00:00')).toBe(true);
    expect(plan.matches('2022.01.01 ', '09:59:59 ')).toBe(false);
  });

  test('DT-04: a far future bound is exact', () => {
    const plan = planDateTime('20220101-99991231', '1000-235959.999999', standard);
    expect(plan.identifierDate).toBe('20220101-99991231');
    expect(plan.matches('99991231', '235959.999999')).toBe(true);
    expect(planDateTime('99991231', '235959.999998', standard).matches('99991231', '235959.999999')).toBe(
      false,
    );
  });

  test('nothing asked matches everything', () => {
    const plan = planDateTime('', '', standard);
    expect([plan.identifierDate, plan.identifierTime, plan.verdict()]).toEqual(['', '', 'match']);
  });

  test('a natural pair is not joined where a time bound would be lost', () => {
    const plan = planDateTime('20220101-', '-1600', { ...standard, mixed: 'natural' });
    expect(plan.matches('20220105', '1700')).toBe(false);
    expect(plan.matches('20220105', '1500')).toBe(true);
  });
});

describe('unknown and missing values', () => {
  const plan = planDateTime('20220101-20220103', '1000-1600', standard);

  test('DT-07: an empty time matches if its day overlaps, an empty or unreadable date always', () => {
    expect(plan.verdict('20220101', '')).toBe('match');
    expect(plan.verdict('20220104', '')).toBe('no-match');
    expect(plan.verdict('', '1800')).toBe('match');
    expect(plan.verdict('garbage', 'garbage')).toBe('match');
  });

  test('DT-09: a value that was not returned is unverified, unless the rest decides', () => {
    expect(plan.verdict(undefined, '1200')).toBe('unverified');
    expect(plan.verdict('20220101', undefined)).toBe('unverified');
    expect(plan.verdict('20220102', undefined)).toBe('match');
    expect(plan.verdict('20220104', undefined)).toBe('no-match');
    const daily = planDateTime('', '1000-1600', standard);
    expect([daily.verdict(undefined, '1200'), daily.verdict('20220101', undefined)]).toEqual([
      'match',
      'unverified',
    ]);
    const strict = planDateTime('20220101-20220103', '1200', standard);
    expect(strict.verdict(undefined, '1800')).toBe('no-match');
    expect(strict.verdict(undefined, '1200')).toBe('unverified');
    expect(strict.verdict(undefined, undefined)).toBe('unverified');
    expect(strict.verdict('20220105', undefined)).toBe('no-match');
  });

  test('DT-07: excluding unknown values drops empty ones, but asks nothing that was not asked', () => {
    const exclude: DateTimePolicy = { ...standard, unknown: 'exclude' };
    const both = planDateTime('20220101-20220103', '1000-1600', exclude);
    expect([both.verdict('20220102', ''), both.verdict('', '1200')]).toEqual(['no-match', 'no-match']);
    expect(planDateTime('20220101-20220103', '', exclude).verdict('20220102', '')).toBe('match');
    expect(planDateTime('', '1000-1600', exclude).verdict('', '1200')).toBe('match');
  });
});

describe('time zones', () => {
  test('DT-45: without a zone in the request nothing is shifted, whatever the entity says', () => {
    const plan = planDateTime('20220102', '0000-0300', standard, { source: 60 });
    expect(plan.identifierDate).toBe('20220102');
    expect(plan.matches('20220102', '0100', '+0900')).toBe(true);
  });

  test('DT-42: an entity with a zone of its own is compared in it', () => {
    const plan = planDateTime('20220102', '0000-0300', standard, { request: 120, source: 0 });
    expect(plan.matches('20220102', '0200', '+0200')).toBe(true);
    expect(plan.matches('20220102', '0200', '+0000')).toBe(false);
    expect(plan.matches('20220102', '0200', 'nonsense')).toBe(false);
  });

  test('DT-41: where the zone of the peer is not known nothing is shifted', () => {
    const plan = planDateTime('20220102', '0000-0300', standard, { request: 120 });
    expect([plan.identifierDate, plan.matches('20220102', '0200')]).toEqual(['20220102', true]);
  });

  test('DT-44: daily windows on some days are asked one day wider and filtered in the zone of the request', () => {
    const plan = planDateTime('20220101-20220103', '2330', standard, { request: 60, source: 0 });
    expect([plan.identifierDate, plan.identifierTime]).toEqual(['20211231-20220104', '']);
    expect(plan.matches('20220101', '2230')).toBe(true);
    expect(plan.matches('20220101', '2330')).toBe(false);
    expect(plan.matches('20211231', '2230')).toBe(false);
    expect(plan.matches('20220101', '')).toBe(true);
    expect(plan.matches('', '2230')).toBe(true);
    expect(plan.matches('', '2330')).toBe(false);
  });

  test('DT-44: a daily window is asked shifted while it stays within a day', () => {
    const inside = planDateTime('', '1000-1600', standard, { request: 60, source: 0 });
    expect(inside.identifierTime).toBe('0900-150100');
    const across = planDateTime('', '0000-0200', standard, { request: 60, source: 0 });
    expect(across.identifierTime).toBe('');
    expect([across.matches('20220101', '2330'), across.matches('20220101', '0130')]).toEqual([true, false]);
  });

  test('a shift past the last day that DA can name leaves the bound open', () => {
    const plan = planDateTime('99991231', '', standard, { request: -720, source: 840 });
    expect(plan.identifierDate).toBe('99991231-');
  });
});
