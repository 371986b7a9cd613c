import { expect, test } from '@jest/globals';
import { GatewayError } from '../../../src/core/index.js';
import { Refusals } from '../../../src/gateway/refusals.js';
import { ManualClock } from '../cache/harness.js';

const MINUTE = 60_000;
const key = { peer: 'main', studyInstanceUid: '1.2', seriesInstanceUid: '1.2.3', sopInstanceUid: '1.2.3.4' };
const error = new GatewayError('peer-incomplete', 'It did not come.');

/** What is believed now, for so many milliseconds to come. */
function lifeOf(refusals: Refusals, clock: ManualClock): number {
  const from = clock.now();
  while (refusals.get(key)) clock.advance(100);
  return clock.now() - from;
}

test('what may have been the fault of the line is believed for seconds, and longer each time again', () => {
  const clock = new ManualClock();
  const refusals = new Refusals(clock, 5 * MINUTE);
  const lives = Array.from({ length: 9 }, () => {
    refusals.add(key, error);
    expect([refusals.get(key), refusals.has(key)]).toEqual([error, true]);
    return lifeOf(refusals, clock);
  });
  expect(lives.map((life) => life / 1000)).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
  expect(refusals.has({ studyInstanceUid: '1.2' })).toBe(false);
});

test('one that came, or was not refused for long, begins anew', () => {
  const clock = new ManualClock();
  const refusals = new Refusals(clock, MINUTE);
  const twice = (): void => {
    refusals.add(key, error);
    refusals.add(key, error);
    expect(lifeOf(refusals, clock)).toBe(10_000);
  };
  twice();
  refusals.delete(key);
  twice();
  clock.advance(MINUTE);
  twice();
});

test('none is believed for longer than was configured', () => {
  const clock = new ManualClock();
  const refusals = new Refusals(clock, 2000);
  refusals.add(key, error);
  expect(lifeOf(refusals, clock)).toBe(2000);
});
