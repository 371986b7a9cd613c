import { expect, test } from '@jest/globals';
import type { Clock } from '../../../src/core/index.js';
import { AbsentStudies } from '../../../src/gateway/absent-studies.js';

function at(): { clock: Clock; time: { now: number } } {
  const time = { now: 1000 };
  return { time, clock: { now: () => time.now, after: () => () => undefined } };
}

test('what a peer does not hold is believed from when it was asked, for a while', () => {
  const { clock, time } = at();
  const absent = new AbsentStudies(clock, 100);
  const isAbsent = absent.asking('2.25.1');
  time.now += 50;
  expect(absent.has('2.25.1')).toBe(false);
  isAbsent();
  expect(absent.has('2.25.1')).toBe(true);
  time.now += 50;
  expect(absent.has('2.25.1')).toBe(false);
});

test('an answer that was on its way when something was stored is not believed', () => {
  const { clock } = at();
  const absent = new AbsentStudies(clock, 100);
  const isAbsent = absent.asking('2.25.1');
  absent.clear();
  isAbsent();
  expect(absent.has('2.25.1')).toBe(false);
});

test('the oldest is forgotten when there are too many', () => {
  const absent = new AbsentStudies(at().clock, 100);
  for (let study = 0; study <= 10_000; study += 1) absent.asking(`2.25.${study}`)();
  expect([absent.has('2.25.0'), absent.has('2.25.1'), absent.has('2.25.10000')]).toEqual([false, true, true]);
});
