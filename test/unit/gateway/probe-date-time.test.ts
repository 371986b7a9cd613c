import { describe, expect, test } from '@jest/globals';
import type { Peer } from '../../../src/dimse/index.js';
import { probeDateTime } from '../../../src/gateway/probe-date-time.js';
import { spanAround } from '../../../src/query/index.js';
import { datedPeer, type DatedPeerOptions, type DatedStudy } from '../../helpers/dated-peer.js';

const context = { requestId: 'test', signal: new AbortController().signal };
const week: readonly DatedStudy[] = [
  ['20220101', '0930'],
  ['20220102', '1000'],
  ['20220102', '2359'],
  ['20220103', '0800'],
  ['20220104', '1200'],
];

/** What is learnt of a peer by asking for a span around its second study, and what it was asked for. */
async function probe(options: DatedPeerOptions): Promise<{ proved: unknown; asked: readonly string[] }> {
  const peer = datedPeer(options);
  const { find, binding } = peer.source;
  // Peers match by UID; this one knows dates alone.
  const asking: Peer['find'] = async function* (level, identifier, given) {
    const uid = identifier.string(0x0020000d);
    const answer = find(level, identifier, given);
    for (;;) {
      const next = await answer.next();
      if (next.done) return next.value;
      if (uid === undefined || next.value.string(0x0020000d) === uid) yield next.value;
    }
  };
  const subject = {
    knowledge: peer.knowledge,
    queryOptions: () => binding.peer.queryOptions(context),
    find: asking,
  };
  await probeDateTime(
    // What else a peer does is of no concern here.
    subject as unknown as Peer,
    { studyInstanceUid: '1.2.2', relearnMs: 1000 },
    context,
  );
  return { proved: peer.knowledge.get('dateTimeProved'), asked: peer.asked };
}

const options = { dateTime: true };

describe('the self-test of combined matching', () => {
  test('DT-23: a peer that combines is proved to', async () => {
    const { proved, asked } = await probe({ studies: week, options, habits: { combines: true } });
    expect(proved).toBe(true);
    expect(asked).toEqual(['', '20220101-20220103', '20220101-20220103·110000-113001']);
  });

  test('DT-23: a peer that accepts combined matching and does not combine is found out', async () => {
    expect((await probe({ studies: week, options })).proved).toBe(false);
  });

  test('DT-24: so is one that combines, and leaves out what has no time', async () => {
    const studies = [...week, ['20220102', ''] as const];
    const habits = { combines: true, findsEmptyTimes: false };
    expect((await probe({ studies, options, habits })).proved).toBe(false);
    expect((await probe({ studies, options, habits: { combines: true } })).proved).toBe(true);
  });

  test('DT-23: nothing is learnt of a peer that did not accept it, nor of a study without a time', async () => {
    expect(await probe({ studies: week })).toEqual({ proved: undefined, asked: [] });
    const timeless: readonly DatedStudy[] = [
      ['20220101', ''],
      ['20220102', ''],
    ];
    expect((await probe({ studies: timeless, options, habits: { combines: true } })).proved).toBeUndefined();
  });

  test('DT-23: nothing is learnt of an answer that is cut', async () => {
    const habits = { combines: true, cap: 2 };
    expect((await probe({ studies: week, options, habits })).proved).toBeUndefined();
  });

  test.each([
    ['0000', '010000-013000'],
    ['115959.9', '125959-132959'],
    ['12', '100000-103000'],
    ['235959', '215959-222959'],
  ])('a study at %s is not in the window of the day %s', (time, window) => {
    expect(spanAround('20220102', time)).toEqual({ date: '20220101-20220103', time: window });
    expect([spanAround('', time), spanAround('20220102', ''), spanAround('99991231', time)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
