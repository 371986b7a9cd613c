import { expect, test } from '@jest/globals';
import { GatewayError } from '../../../src/core/index.js';
import { StudyPulls } from '../../../src/gateway/study-pulls.js';
import { Want, type FoundInstance } from '../../../src/gateway/want.js';

const want = (study: string, instance: string, priority: 'interactive' | 'bulk' = 'bulk'): Want =>
  new Want(
    { studyInstanceUid: study, seriesInstanceUid: '2', sopInstanceUid: instance, sopClassUid: undefined },
    'main',
    'request',
    priority,
  );
const asker = { arrived: () => undefined, failed: () => undefined };
/** An instance of which so many bytes are there. */
const whole = (size: number): FoundInstance => ({ meta: {}, source: { size } }) as unknown as FoundInstance;

test('a study is there while anything of it is on its way, and says what became of each', () => {
  let now = 1000;
  const pulls = new StudyPulls(() => now);
  const [came, failed, left, other] = [
    want('1', 'a'),
    want('1', 'b'),
    want('1', 'c', 'interactive'),
    want('9', 'd'),
  ];
  for (const one of [came, failed, left, other]) {
    one.join(asker);
    pulls.began(one);
  }
  pulls.counting(came)(600);
  now = 3000;
  expect(pulls.list()).toEqual([
    {
      studyInstanceUid: '1',
      priority: 'interactive',
      asked: 3,
      complete: 0,
      failed: 0,
      bytes: 600,
      elapsedMs: 2000,
    },
    { studyInstanceUid: '9', priority: 'bulk', asked: 1, complete: 0, failed: 0, bytes: 0, elapsedMs: 2000 },
  ]);
  // What came otherwise than it was counted is counted as it is there.
  came.arrived(whole(1000));
  pulls.ended(came);
  failed.failed(new GatewayError('peer-failed', 'no'));
  pulls.ended(failed);
  pulls.ended(failed);
  expect(pulls.list()[0]).toMatchObject({ asked: 3, complete: 1, failed: 1, bytes: 1000 });
  left.leave(asker);
  pulls.ended(left);
  pulls.ended(other);
  expect(pulls.list()).toEqual([]);
  pulls.counting(came)(5);
  expect(pulls.list()).toEqual([]);
});

test('what is given up is not missing', () => {
  const pulls = new StudyPulls(() => 0);
  const [one, another] = [want('1', 'a'), want('1', 'b')];
  another.join(asker);
  for (const each of [one, another]) pulls.began(each);
  pulls.ended(one);
  expect(pulls.list()[0]).toMatchObject({ asked: 1, complete: 0, failed: 0 });
});
