import { describe, expect, test } from '@jest/globals';
import { codeOf } from './code-of.js';
import { planDateTimeValue } from '../../../src/query/date-time-value.js';
import { namedZone } from '../../../src/query/zone.js';
import type { DateTimePolicy } from '../../../src/query/index.js';

const policy: DateTimePolicy = { upper: 'ceil', unknown: 'match', mixed: 'strict' };

describe('DT keys', () => {
  test.each([
    ['2022-2023', '20220101-20240101000000'],
    ['20220101', '20220101-20220102000000'],
    ['202202', '20220201-20220301000000'],
    ['20220101100000.5-', '2022010110-'],
    ['20220101001000-', '202201010010-'],
    ['-20220103', '-20220104000000'],
  ])('DT-30: %s is asked as %s', (value, identifier) => {
    expect(planDateTimeValue(value, policy).identifier).toBe(identifier);
  });

  test.each(['', '-', '2022-2021', '20220101--', 'x', '20221301', '2022010124', '20220101+1500', '1-2'])(
    'DT-30: %p is a client error',
    (value) => {
      expect(codeOf(() => planDateTimeValue(value, policy))).toBe('bad-request');
    },
  );

  test('DT-30: a minus is a range unless only an offset makes sense', () => {
    const offset = planDateTimeValue('20220101100000-0500', policy);
    expect(offset.verdict('20220101150000+0000')).toBe('match');
    expect(offset.verdict('20220101150001+0000')).toBe('no-match');
    const both = planDateTimeValue('20220101100000-0500-20220101110000-0500', policy);
    expect(both.verdict('20220101153000+0000')).toBe('match');
    expect(both.verdict('20220101163000+0000')).toBe('no-match');
  });

  test('DT-31: a value with an offset is never sent, for it may read as a range', () => {
    expect(planDateTimeValue('20220101100000-0500', policy).identifier).toBe('');
  });

  test('DT-32: an offset in the value wins over the zone of the request', () => {
    const zoned = planDateTimeValue('20220101100000', policy, { request: 120, source: 0 });
    expect(zoned.verdict('20220101080000')).toBe('match');
    expect(zoned.verdict('20220101100000')).toBe('no-match');
    expect(zoned.verdict('20220101100000+0200')).toBe('match');
    expect(zoned.verdict('20220101100000', '+0200')).toBe('match');
    expect(
      planDateTimeValue('20220101100000+0000', policy, { request: 120, source: 0 }).verdict('20220101100000'),
    ).toBe('match');
  });

  test('DT-45: values without any zone are compared as written', () => {
    const plan = planDateTimeValue('20220101-20220103', policy);
    expect(plan.verdict('20220103235959.999999')).toBe('match');
    expect(plan.verdict('20220104')).toBe('no-match');
    expect(plan.verdict('20220102', '+0900')).toBe('match');
  });

  test('DT-07, Q-43: an empty or unreadable value is unknown, one not returned unverified', () => {
    const plan = planDateTimeValue('2022', policy);
    expect([plan.verdict(''), plan.verdict('soon'), plan.verdict(undefined)]).toEqual([
      'match',
      'match',
      'unverified',
    ]);
    expect(planDateTimeValue('2022', { ...policy, unknown: 'exclude' }).verdict('')).toBe('no-match');
  });

  test('DT-05: the floor policy ends with the first instant', () => {
    expect(planDateTimeValue('2022-2023', { ...policy, upper: 'floor' }).verdict('20230102')).toBe(
      'no-match',
    );
  });
});

describe('DT values and zones', () => {
  test('DT-41: a peer that converts is asked for the values as they are, if they have no offset of their own', () => {
    const zones = { request: 120, peerConverts: true };
    expect(planDateTimeValue('20220101100000', policy, zones).identifier).toBe('2022010110-20220101100001');
    expect(planDateTimeValue('20220101100000+0100', policy, zones).identifier).toBe('');
  });

  test('DT-42: what a converting peer returns without a zone cannot be checked', () => {
    const plan = planDateTimeValue('20220101100000', policy, { request: 120, peerConverts: true });
    expect(plan.verdict('20220101080000')).toBe('unverified');
    expect(plan.verdict('20220101080000', '+0000')).toBe('match');
    expect(plan.verdict('20220101100000', '+0000')).toBe('no-match');
    expect(plan.verdict('20220101080000+0000')).toBe('match');
  });

  test('DT-43: a stored value is read in the zone of the peer, as each instant that it may be', () => {
    const source = namedZone('Europe/Berlin');
    if (source === undefined) throw new Error('no such zone');
    const at = (value: string) => planDateTimeValue(value, policy, { request: 0, source });
    expect(at('20220715100000').verdict('20220715120000')).toBe('match');
    expect(at('20220115100000').verdict('20220115120000')).toBe('no-match');
    expect(at('20221030003000').verdict('20221030023000')).toBe('match');
    expect(at('20221030013000').verdict('20221030023000')).toBe('match');
  });
});
