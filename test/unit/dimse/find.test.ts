import { describe, expect, test } from '@jest/globals';
import { Tags } from '../../../src/dicom/index.js';
import {
  abort,
  accept,
  cutAfter,
  drop,
  final,
  makeInstance,
  pdu,
  pdv,
  pending,
  pendingUntilCancelled,
  progress,
  raw,
  shaped,
  silence,
  store,
  until,
  Uids,
  type RoguePeerOptions,
} from '../../helpers/rogue-peer.js';
import { allRows, anyStudy, contextOf, withRoguePeers } from './peer-setup.js';

const start = withRoguePeers();
const row = (n: number) => pending({ StudyInstanceUID: `1.2.${n}` });

describe('C-FIND', () => {
  test('gives the rows and how the peer ended', async () => {
    const { peer, rogue, observations } = await start({ onFind: [row(1), row(2), final()] });
    const result = await allRows(peer.find('STUDY', anyStudy(), contextOf()));
    expect(result).toEqual({ uids: ['1.2.1', '1.2.2'], status: 0, truncated: false });
    expect(rogue.messages('C-FIND-RQ')[0]?.command).toMatchObject({
      affectedSopClassUid: Uids.studyRootFind,
    });
    expect(observations).toContainEqual(
      expect.objectContaining({ kind: 'dimse', operation: 'C-FIND', outcome: 'success', results: 2 }),
    );
  });

  test('J-19: tells once which attributes came twice in its rows, and nothing of their values', async () => {
    const twice = pending({ StudyInstanceUID: '1.2.1', '0020000D:UI': '1.2.9' });
    const { peer, observations } = await start({ onFind: [twice, twice, final()] });
    expect((await allRows(peer.find('STUDY', anyStudy(), contextOf()))).uids).toEqual(['1.2.9', '1.2.9']);
    expect(observations.filter(({ kind }) => kind === 'repeated-attributes')).toEqual([
      expect.objectContaining({ peer: 'main', in: 'match', tags: ['0020000D'] }),
    ]);
  });

  test('sends the level, and (0008,0005) as a return key to a peer that wants it', async () => {
    const seen: ReadonlyMap<number, string>[] = [];
    const onFind = (_: unknown, identifier: ReadonlyMap<number, string>) => {
      seen.push(identifier);
      return [final()];
    };
    const { peer } = await start({ onFind }, { characterSetReturnKey: true });
    await allRows(peer.find('STUDY', anyStudy(), contextOf()));
    expect(seen[0]?.get(Tags.QueryRetrieveLevel)).toBe('STUDY');
    expect(seen[0]?.get(Tags.SpecificCharacterSet)).toBe('');
  });

  test('uses one association again and again', async () => {
    const { peer, rogue } = await start({ onFind: [row(1), final()] });
    for (let count = 0; count < 5; count += 1) await allRows(peer.find('STUDY', anyStudy(), contextOf()));
    expect(rogue.record.of('associate-rq')).toHaveLength(1);
  });

  test.each([
    ['several PDVs in one PDU', { pdvsPerPdu: 3, fragmentBytes: 6 }],
    ['byte by byte', { writeBytes: 1 }],
    ['with an empty last fragment', { emptyLastFragment: true }],
    ['one byte a fragment', { fragmentBytes: 1 }],
  ])('R-12: reads rows that come %s', async (_, shape) => {
    const { peer } = await start({ onFind: [shaped(shape), row(1), row(2), final()] });
    const { uids } = await allRows(peer.find('STUDY', anyStudy(), contextOf()));
    expect(uids).toEqual(['1.2.1', '1.2.2']);
  });

  test('an end in FE00 that nobody asked for is a truncated answer', async () => {
    const { peer } = await start({ onFind: [row(1), final(0xfe00)] });
    expect(await allRows(peer.find('STUDY', anyStudy(), contextOf()))).toMatchObject({ truncated: true });
  });

  test.each([
    [0xa700, 'peer-out-of-resources'],
    [0xa900, 'peer-failed'],
    [0xc001, 'peer-failed'],
    [0x0122, 'peer-unsupported'],
    [0x0124, 'peer-not-authorized'],
  ])('a failure status %i is %s, after the rows that came', async (status, code) => {
    const { peer } = await start({ onFind: [row(1), final(status, { errorComment: 'DOE^JOHN' })] });
    const search = peer.find('STUDY', anyStudy(), contextOf());
    expect((await search.next()).done).toBe(false);
    const failure = search.next();
    await expect(failure).rejects.toMatchObject({ code, dimseStatus: status, peer: 'main' });
    await expect(failure).rejects.not.toMatchObject({ message: expect.stringContaining('DOE') });
  });

  test.each<[string, string, RoguePeerOptions]>([
    ['peer-aborted', 'an abort', { onFind: [row(1), abort()] }],
    ['peer-aborted', 'a lost connection', { onFind: [row(1), drop()] }],
    ['peer-aborted', 'a connection lost within a row', { onFind: [row(1), cutAfter(60), row(2)] }],
    ['peer-aborted', 'a release in the middle', { onFind: [row(1), raw(pdu(5, Buffer.alloc(4)))] }],
    ['peer-timeout', 'silence', { onFind: [row(1), silence()] }],
    ['peer-protocol', 'a pending answer without a row', { onFind: [row(1), progress()] }],
    [
      'peer-protocol',
      'a row that is no dataset',
      { onFind: [row(1), pending(Buffer.from('0800', 'hex')), final()] },
    ],
    [
      'peer-protocol',
      'a sub-operation',
      { onFind: [row(1), store(makeInstance(), { contextId: 1, wait: false })] },
    ],
    [
      'peer-protocol',
      'a context that does not exist',
      { onFind: [row(1), raw(pdu(4, pdv(9, 3, Buffer.alloc(8))))] },
    ],
    [
      'peer-protocol',
      'a dataset in place of a command',
      { onFind: [row(1), raw(pdu(4, pdv(1, 2, Buffer.alloc(8))))] },
    ],
    ['peer-protocol', 'an endless PDU', { onFind: [row(1), raw(Buffer.from('04007fffffff', 'hex'))] }],
    [
      'peer-protocol',
      'another answer to the association',
      { onFind: [row(1), raw(pdu(3, Buffer.alloc(4)))] },
    ],
  ])('T-1: is %s after the rows that came, on %s', async (code, _, options) => {
    const { peer } = await start(options, { timeouts: { betweenResponsesMs: 100 } });
    const search = peer.find('STUDY', anyStudy(), contextOf());
    expect((await search.next()).value).toBeDefined();
    await expect(allRows(search)).rejects.toMatchObject({ code });
  });

  test('a peer that never answers is a time-out', async () => {
    const { peer } = await start({ onFind: [silence()] }, { timeouts: { firstResponseMs: 100 } });
    await expect(allRows(peer.find('STUDY', anyStudy(), contextOf()))).rejects.toMatchObject({
      code: 'peer-timeout',
    });
  });

  test('the total time-out ends an answer that drips', async () => {
    const { peer } = await start(
      { onFind: [pendingUntilCancelled(() => ({}))] },
      { timeouts: { totalMs: 150 } },
    );
    await expect(allRows(peer.find('STUDY', anyStudy(), contextOf()))).rejects.toMatchObject({
      code: 'peer-timeout',
    });
  });

  test('a late answer after the last one does no harm (R-12)', async () => {
    const { peer, rogue } = await start({ onFind: [row(1), final(), row(2)] });
    await allRows(peer.find('STUDY', anyStudy(), contextOf()));
    const { uids } = await allRows(peer.find('STUDY', anyStudy(), contextOf()));
    expect(uids).toEqual(['1.2.1']);
    expect(rogue.record.of('associate-rq')).toHaveLength(1);
  });

  test('H-18: leaving early cancels, and the association is used again', async () => {
    const rows = pendingUntilCancelled((index) => ({ StudyInstanceUID: `1.2.${index + 1}` }));
    let searches = 0;
    const onFind = () => ((searches += 1) === 1 ? [rows] : [row(7), final()]);
    const { peer, rogue } = await start({ onFind }, { associations: 1 });
    for await (const found of peer.find('STUDY', anyStudy(), contextOf())) {
      expect(found.string(Tags.StudyInstanceUID)).toBe('1.2.1');
      break;
    }
    expect(await allRows(peer.find('STUDY', anyStudy(), contextOf()))).toMatchObject({ uids: ['1.2.7'] });
    expect(rogue.messages('C-CANCEL-RQ')).toHaveLength(1);
    expect(rogue.record.of('associate-rq')).toHaveLength(1);
  });

  test('H-18: an aborted signal cancels at the peer and fails the search', async () => {
    const { peer, rogue } = await start({ onFind: [pendingUntilCancelled(() => ({}))] });
    const controller = new AbortController();
    const search = peer.find('STUDY', anyStudy(), contextOf(controller.signal));
    await search.next();
    controller.abort();
    await expect(allRows(search)).rejects.toMatchObject({ code: 'cancelled' });
    await rogue.waitFor('C-CANCEL-RQ');
  });

  test('R-10: rows that nobody takes hold the peer up, and nothing is lost', async () => {
    const big = 'x'.repeat(60_000);
    const count = 400;
    let sent = 0;
    const rows = Array.from({ length: count }, (_, index) => [
      pending({ StudyInstanceUID: `1.2.${index}`, StudyDescription: big }),
      until(() => (sent += 1)),
    ]).flat();
    const { peer } = await start({ onFind: [...rows, final()] });
    const search = peer.find('STUDY', anyStudy(), contextOf());
    await search.next();
    // As far as the peer gets: until the row queue, both socket buffers and its own are full.
    let before = -1;
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(sent).toBeLessThan(count);
    expect((await allRows(search)).uids).toHaveLength(count - 1);
  });

  test('many rows that are there at once leave turns of the event loop to others', async () => {
    const count = 2000;
    let told: () => void = () => undefined;
    const allSent = new Promise<void>((resolve) => {
      told = resolve;
    });
    const rows = Array.from({ length: count }, (_, index) => row(index));
    const { peer } = await start({
      onFind: [
        ...rows,
        final(),
        () => {
          told();
        },
      ],
    });
    const search = peer.find('STUDY', anyStudy(), contextOf());
    await search.next();
    await allSent;
    await new Promise((resolve) => setImmediate(resolve)); // what was sent has been read
    let inThisTurn = 0;
    let most = 0;
    let isOver = false;
    const turn = (): void => {
      most = Math.max(most, inThisTurn);
      inThisTurn = 0;
      if (!isOver) setImmediate(turn);
    };
    turn();
    let found = 1;
    for (let next = await search.next(); !next.done; next = await search.next()) {
      found += 1;
      inThisTurn += 1;
    }
    isOver = true;
    turn();
    expect(found).toBe(count);
    expect(most).toBeLessThanOrEqual(count / 4);
  });

  test('a refused context is peer-unsupported', async () => {
    const { peer } = await start({ associate: accept({ sopClasses: [Uids.verification] }) });
    await expect(allRows(peer.find('STUDY', anyStudy(), contextOf()))).rejects.toMatchObject({
      code: 'peer-unsupported',
    });
  });
});
