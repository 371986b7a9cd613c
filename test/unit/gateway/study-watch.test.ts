import { expect, test } from '@jest/globals';
import { Dataset, Tags } from '../../../src/dicom/index.js';
import type { FindCompletion } from '../../../src/dimse/index.js';
import type { FetcherDependencies, PeerBinding } from '../../../src/gateway/ports.js';
import { StudyWatch } from '../../../src/gateway/study-watch.js';
import { ManualClock } from '../cache/harness.js';

const STUDY = '1';
const TARGET = { studyInstanceUid: STUDY };
const context = { requestId: 'test', signal: new AbortController().signal };
const listed = { studyInstanceUid: STUDY, seriesInstanceUid: '1.1', sopInstanceUid: '1.1.1' };

/** A watch over a peer whose answers wait for the test. */
function setUp(): {
  readonly watch: StudyWatch;
  readonly answers: (() => void)[];
  readonly clock: ManualClock;
} {
  const answers: (() => void)[] = [];
  async function* find(): AsyncGenerator<Dataset, FindCompletion, undefined> {
    await new Promise<void>((resolve) => answers.push(resolve));
    yield new Dataset()
      .setString(Tags.StudyInstanceUID, STUDY, 'UI')
      .setString(Tags.NumberOfStudyRelatedInstances, '1', 'IS');
    return { status: 0, truncated: false };
  }
  const binding = {
    peer: { name: 'main', find },
    retrieve: { revalidateMs: 1000, reopenMs: 100, relistMs: 1000 },
  };
  const instances = { ofStudy: () => [], hasStudy: () => false };
  const clock = new ManualClock();
  const deps = { instances, observe: () => undefined, clock };
  // What a watch uses of a peer and a cache, no more.
  const watch = new StudyWatch(
    binding as unknown as PeerBinding,
    deps as unknown as FetcherDependencies,
    () => undefined,
  );
  return { watch, answers, clock };
}

test('S-13: of a study that nobody had heard of, what was asked before a store is not believed after it', async () => {
  const { watch, answers } = setUp();
  const start = watch.listingStart(TARGET);
  const asking = watch.check({ studyInstanceUid: STUDY }, context);
  watch.forget(STUDY);
  answers.shift()?.();
  await asking;
  watch.remember(TARGET, [{ ...listed, sopClassUid: undefined }], start);
  expect(watch.listing(TARGET)).toBeUndefined();
  const again = watch.check({ studyInstanceUid: STUDY }, context);
  expect(answers).toHaveLength(1);
  answers.shift()?.();
  await again;
});

test('what was asked after it is', async () => {
  const { watch, answers } = setUp();
  watch.forget(STUDY);
  const start = watch.listingStart(TARGET);
  const asking = watch.check({ studyInstanceUid: STUDY }, context);
  answers.shift()?.();
  await asking;
  watch.remember(TARGET, [{ ...listed, sopClassUid: undefined }], start);
  expect(watch.listing(TARGET)).toHaveLength(1);
  await watch.check({ studyInstanceUid: STUDY }, context);
  expect(answers).toHaveLength(0);
});

test('another study is not concerned', async () => {
  const { watch, answers } = setUp();
  const start = watch.listingStart(TARGET);
  const asking = watch.check({ studyInstanceUid: STUDY }, context);
  watch.forget('2');
  answers.shift()?.();
  await asking;
  watch.remember(TARGET, [{ ...listed, sopClassUid: undefined }], start);
  expect(watch.listing(TARGET)).toHaveLength(1);
});

test('who opens a study or series has the PACS asked sooner than who reads an instance, once for all', async () => {
  const { watch, answers, clock } = setUp();
  const series = { studyInstanceUid: STUDY, seriesInstanceUid: '1.2' };
  const first = watch.check({ studyInstanceUid: STUDY }, context);
  answers.shift()?.();
  await first;
  await watch.check(series, context);
  clock.advance(100);
  await watch.check({ ...series, sopInstanceUid: '1.3' }, context);
  expect(answers).toHaveLength(0);
  const opening = [watch.check(series, context), watch.checkCached({ studyInstanceUid: STUDY }, context)];
  expect(answers).toHaveLength(1);
  answers.shift()?.();
  await Promise.all(opening);
  await watch.check(series, context);
  expect(answers).toHaveLength(0);
  clock.advance(1000);
  const reading = watch.check({ ...series, sopInstanceUid: '1.3' }, context);
  expect(answers).toHaveLength(1);
  answers.shift()?.();
  await reading;
});
