import { describe, expect, test } from '@jest/globals';
import type { Priority } from '../../../src/core/index.js';
import { WantQueue } from '../../../src/gateway/want-queue.js';
import { Want } from '../../../src/gateway/want.js';

const wantOf = (study: string, series: number, instance: number, priority: Priority): Want =>
  new Want(
    {
      studyInstanceUid: study,
      seriesInstanceUid: `${study}.${series}`,
      sopInstanceUid: `${study}.${series}.${instance}`,
      sopClassUid: undefined,
    },
    'main',
    'request',
    priority,
  );
const want = (series: number, instance: number, priority: Priority = 'interactive'): Want =>
  wantOf('1', series, instance, priority);
const ofStudy = (study: string, instance: number): Want => wantOf(study, 1, instance, 'interactive');
const uids = (batch: readonly Want[]): readonly string[] => batch.map(({ key }) => key.sopInstanceUid);

describe('WantQueue', () => {
  test('a batch is of one series, and one worker’s share of it', () => {
    const queue = new WantQueue();
    for (const n of [1, 2, 3, 4, 5, 6]) queue.add(want(1, n), false);
    queue.add(want(2, 1), false);
    expect(uids(queue.takeBatch(25, 3))).toEqual(['1.1.1', '1.1.2']);
    expect(uids(queue.takeBatch(25, 3))).toEqual(['1.1.3', '1.1.4']);
    expect(uids(queue.takeBatch(1, 1))).toEqual(['1.1.5']);
    expect(uids(queue.takeBatch(25, 1))).toEqual(['1.1.6']);
    expect(uids(queue.takeBatch(25, 1))).toEqual(['1.2.1']);
    expect(queue.takeBatch(25, 1)).toEqual([]);
  });

  test('studies take turns, a batch each, and each of them goes on where it was', () => {
    const queue = new WantQueue();
    for (const n of [1, 2, 3]) queue.add(want(1, n), false);
    queue.add(want(2, 1), false);
    for (const n of [1, 2]) queue.add(ofStudy('2', n), false);
    queue.add(ofStudy('3', 1), false);
    const taken = Array.from({ length: 7 }, () => uids(queue.takeBatch(1, 1))).flat();
    expect(taken).toEqual(['1.1.1', '2.1.1', '3.1.1', '1.1.2', '2.1.2', '1.1.3', '1.2.1']);
  });

  test('what somebody waits for right now goes first, also when it was queued before', () => {
    const queue = new WantQueue();
    const [first, second] = [want(1, 1), want(1, 2)];
    queue.add(first, false);
    queue.add(second, false);
    queue.promote(second);
    expect(uids(queue.takeBatch(25, 1))).toEqual(['1.1.2']);
    expect(queue.size).toBe(1);
  });

  test('who asks again for what goes first already does not send it behind the others', () => {
    const queue = new WantQueue();
    const [first, second] = [want(1, 1), want(2, 1)];
    queue.add(first, true);
    queue.add(second, true);
    queue.promote(first);
    expect(uids(queue.takeBatch(25, 1))).toEqual(['1.1.1']);
  });

  test('an instance that is to be asked for alone is, and does not hold up the others', () => {
    const queue = new WantQueue();
    const [refused, other] = [want(1, 1), want(1, 2)];
    refused.alone = true;
    queue.add(refused, false);
    queue.add(other, false);
    expect(uids(queue.takeBatch(25, 1))).toEqual(['1.1.1']);
    expect(uids(queue.takeBatch(25, 1))).toEqual(['1.1.2']);
  });

  test('what is removed is not taken', () => {
    const queue = new WantQueue();
    const gone = want(1, 1);
    queue.add(gone, false);
    expect([queue.remove(gone), queue.remove(gone), queue.size]).toEqual([true, false, 0]);
    expect(queue.takeBatch(25, 1)).toEqual([]);
  });

  test('what nobody waits for is taken apart, prefetch before bulk', () => {
    const queue = new WantQueue();
    queue.add(want(1, 1, 'bulk'), false);
    queue.add(want(1, 2, 'prefetch'), false);
    queue.add(want(1, 3), false);
    expect(uids(queue.takeBatch(25, 1))).toEqual(['1.1.3']);
    expect(queue.takeBatch(25, 1)).toEqual([]);
    expect(uids(queue.takeBackground(25, 1))).toEqual(['1.1.2']);
    expect(uids(queue.takeBackground(25, 1))).toEqual(['1.1.1']);
  });

  test('a background want that somebody now waits for is taken with the interactive ones', () => {
    const queue = new WantQueue();
    const [first, second] = [want(1, 1, 'bulk'), want(1, 2, 'bulk')];
    queue.add(first, false);
    queue.add(second, false);
    queue.promote(second, 'interactive', false);
    expect([queue.waiting('bulk'), queue.waiting('interactive'), second.priority]).toEqual([
      1,
      1,
      'interactive',
    ]);
    expect(uids(queue.takeBatch(25, 1))).toEqual(['1.1.2']);
  });

  test.each<Priority>(['interactive', 'bulk'])(
    'after an urgent instance its %s series goes on from there, before other series',
    (priority) => {
      const queue = new WantQueue();
      queue.add(want(2, 1, priority), false);
      const series = [1, 2, 3, 4].map((n) => want(1, n, priority));
      for (const each of series) queue.add(each, false);
      const [, , third] = series;
      if (third) queue.promote(third);
      expect(uids(queue.takeBatch(1, 1))).toEqual(['1.1.3']);
      const rest = priority === 'bulk' ? queue.takeBackground(25, 1) : queue.takeBatch(25, 1);
      expect(uids(rest)).toEqual(['1.1.4', '1.1.1', '1.1.2']);
    },
  );
});
