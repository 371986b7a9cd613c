import { describe, expect, test } from '@jest/globals';
import { SameStudy } from '../../../src/gateway/same-study.js';
import type { Seen } from '../../../src/gateway/study-state.js';
import type { FoundInstance } from '../../../src/gateway/want.js';

const STUDY = '2.25.1';

const seenOf = (patient: string, { modality = 'CT', life = 0, instances = 3 } = {}): Seen => ({
  study: { identity: { '100020': patient }, series: 1, instances },
  series: { '80060': modality },
  life,
});

/** An instance that begins to come now, or one that was `seen` so when it came. */
function instance(seen?: Seen, series = 1): FoundInstance {
  const key = {
    peer: 'main',
    studyInstanceUid: STUDY,
    seriesInstanceUid: `2.25.1.${series}`,
    sopInstanceUid: '2.25.1.1.1',
  };
  const meta = seen && { seenAs: seen.study, seriesAs: seen.series };
  // What is looked at of it, no more.
  return { key, meta, complete: new Promise(() => undefined) } as unknown as FoundInstance;
}

/** Whether an answer is the same study's still when the peer has said `first`, one came, and it says `then`. */
function after(first: Seen | undefined, then: Seen | undefined): boolean[] {
  let now = first;
  const same = new SameStudy(() => now);
  same.add(instance());
  now = then;
  return [same.isStill(instance().key), same.isAllStill(STUDY)];
}

describe('an answer of which something has come', () => {
  test.each([
    ['is another patient’s', seenOf('b')],
    ['has gone and come back', seenOf('a', { life: 1 })],
    ['was corrected in its series', seenOf('a', { modality: 'MR' })],
  ])('is no other’s: its study %s', (_what, then) => {
    expect(after(seenOf('a'), then)).toEqual([false, false]);
  });

  test.each([
    ['has grown', seenOf('a'), seenOf('a', { instances: 4 })],
    ['is heard of for the first time', undefined, seenOf('a')],
    ['is not known any more', seenOf('a'), undefined],
    ['is told of without its series', seenOf('a'), { ...seenOf('a'), series: undefined }],
  ])('goes on: its study %s', (_what, first, then) => {
    expect(after(first, then)).toEqual([true, true]);
  });

  test('is of what was said before something else came, also when that is said again', () => {
    let now = seenOf('a');
    const same = new SameStudy(() => now);
    same.add(instance());
    now = seenOf('b');
    same.add(instance());
    now = seenOf('a');
    expect(same.isAllStill(STUDY)).toBe(false);
  });

  test('is of no two patients by what is cached', () => {
    const same = new SameStudy(() => seenOf('b'));
    same.add(instance(seenOf('a')));
    expect(same.isAllStill(STUDY)).toBe(false);
  });

  test('is looked at in all series, also where the peer tells nothing of them', () => {
    let now: Seen = { ...seenOf('a'), series: undefined };
    const same = new SameStudy(() => now);
    same.add(instance());
    same.add(instance(undefined, 2));
    now = { ...seenOf('b'), series: undefined };
    expect(same.isAllStill(STUDY)).toBe(false);
  });
});
