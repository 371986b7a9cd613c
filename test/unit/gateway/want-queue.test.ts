import { describe, expect, test } from '@jest/globals';
import { WantQueue } from '../../../src/gateway/want-queue.js';
import { Want } from '../../../src/gateway/want.js';

const want = (series: number, instance: number): Want =>
  new Want(
    {
      studyInstanceUid: '1',
      seriesInstanceUid: `1.${series}`,
      sopInstanceUid: `1.${series}.${instance}`,
      sopClassUid: undefined,
    },
    'main',
    'request',
  );
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

  test('what somebody waits for right now goes first, also when it was queued before', () => {
    const queue = new WantQueue();
    const [first, second] = [want(1, 1), want(1, 2)];
    queue.add(first, false);
    queue.add(second, false);
    queue.promote(second);
    expect(uids(queue.takeBatch(25, 1))).toEqual(['1.1.2']);
    expect(queue.size).toBe(1);
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
});
