import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { Priority } from '../../../src/core/index.js';
import { Dataset, Tags } from '../../../src/dicom/index.js';
import type { Peer } from '../../../src/dimse/index.js';
import {
  accept,
  drop,
  encodeAbort,
  final,
  pending,
  reject,
  Uids,
  until,
  type AssociateStep,
} from '../../helpers/rogue-peer.js';
import { allRows, anyStudy, contextOf, withRoguePeers } from './peer-setup.js';

const start = withRoguePeers();

function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Accepts so many associations at once, and refuses more. */
const atMost =
  (most: number, refusal: AssociateStep): AssociateStep =>
  (association, request, rogue) => {
    const held = rogue.open.filter(({ accepted }) => accepted.size > 0).length;
    return (held < most ? accept() : refusal)(association, request, rogue);
  };

const search = (peer: Peer, priority: Priority = 'interactive') =>
  allRows(peer.find('STUDY', anyStudy(), { ...contextOf(), priority }));
const retrieve = (
  peer: Peer,
  sopClassUid: string = Uids.ctImageStorage,
  priority: Priority = 'interactive',
) =>
  peer.retrieve(
    {
      level: 'STUDY',
      identifier: new Dataset().setString(Tags.StudyInstanceUID, '1.2'),
      sopClassUids: [sopClassUid],
    },
    () => ({ write: () => undefined, end: () => 0, fail: () => undefined }),
    { ...contextOf(), priority },
  );

describe('the pool', () => {
  test('never opens more associations than it may, and serves all', async () => {
    const { peer, rogue } = await start(
      { onFind: [pending({ StudyInstanceUID: '1.2' }), final()] },
      { associations: 3 },
    );
    const all = await Promise.all(Array.from({ length: 10 }, () => search(peer)));
    expect(all.every(({ uids }) => uids.length === 1)).toBe(true);
    expect(rogue.record.of('associate-rq').length).toBeLessThanOrEqual(3);
  });

  test('keeps one association for searches', async () => {
    const held = gate();
    const { peer, rogue } = await start({ onGet: [until(held.opened), final()] }, { associations: 2 });
    const retrieves = [retrieve(peer), retrieve(peer)];
    await rogue.waitFor('C-GET-RQ');
    expect(await search(peer)).toMatchObject({ status: 0 });
    expect(rogue.messages('C-GET-RQ')).toHaveLength(1);
    expect(peer.stats.waiting).toBe(1);
    held.open();
    await Promise.all(retrieves);
  });

  test('with a single association everything takes its turn on it', async () => {
    const { peer, rogue } = await start({}, { associations: 1 });
    await Promise.all([search(peer), retrieve(peer), search(peer)]);
    expect(rogue.stepErrors).toEqual([]);
  });

  test('lets go of an idle association for one with other contexts', async () => {
    const { peer, rogue } = await start({}, { associations: 2 });
    for (const sopClass of [Uids.ctImageStorage, Uids.mrImageStorage, '1.2.3'])
      await retrieve(peer, sopClass);
    await search(peer);
    expect(rogue.record.of('associate-rq')).toHaveLength(4);
    expect(rogue.record.of('release-rq').length).toBeGreaterThanOrEqual(2);
  });

  test('a release that is not answered holds nobody up, also who comes when it was long asked', async () => {
    const { peer, rogue } = await start(
      { release: 'silence' },
      { associations: 1, idleMs: 1, timeouts: { associationMs: 60_000 } },
    );
    await search(peer);
    await rogue.waitFor('release-rq');
    // No event tells it: for longer than a release may be slow nobody waits, and the place is still taken.
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(await search(peer)).toMatchObject({ status: 0 });
  });

  test('releases what was idle for too long', async () => {
    const { peer, rogue } = await start({}, { idleMs: 20 });
    await search(peer);
    await rogue.waitFor('release-rq');
    await rogue.allClosed();
    expect(peer.stats.associations.idle).toBe(0);
  });

  test('forgets an association that dies while it is idle', async () => {
    const { peer, rogue } = await start();
    await search(peer);
    for (const association of rogue.open) association.reset();
    await rogue.allClosed();
    await search(peer);
    expect(rogue.record.of('associate-rq')).toHaveLength(2);
  });

  test('does a search once more that died unheard on a reused association', async () => {
    let finds = 0;
    const onFind = () => ((finds += 1) === 2 ? [drop()] : [pending({ StudyInstanceUID: '1.2' }), final()]);
    const { peer } = await start({ onFind });
    await search(peer);
    expect((await search(peer)).uids).toEqual(['1.2']);
    expect(finds).toBe(3);
  });

  test('does not do a search once more that died on a fresh association', async () => {
    const { peer, rogue } = await start({ onFind: [drop()] });
    await expect(search(peer)).rejects.toMatchObject({ code: 'peer-aborted' });
    expect(rogue.messages('C-FIND-RQ')).toHaveLength(1);
  });

  test('R-10: refuses what does not fit into the queue', async () => {
    const held = gate();
    const { peer, rogue } = await start(
      { onFind: [until(held.opened), final()] },
      { associations: 1, queue: 1 },
    );
    const first = search(peer);
    await rogue.waitFor('C-FIND-RQ');
    const second = search(peer);
    await expect(search(peer)).rejects.toMatchObject({
      code: 'overloaded',
      retryAfterSeconds: expect.any(Number),
    });
    held.open();
    await Promise.all([first, second]);
  });

  test('refuses who waited too long', async () => {
    const held = gate();
    const { peer, rogue } = await start(
      { onFind: [until(held.opened), final()] },
      { associations: 1, timeouts: { queueMs: 50 } },
    );
    const first = search(peer);
    await rogue.waitFor('C-FIND-RQ');
    await expect(search(peer)).rejects.toMatchObject({ code: 'overloaded' });
    held.open();
    await first;
  });

  test('refuses whose time was over while an association was opened that the peer then refused', async () => {
    const held = gate();
    const rejecting = gate();
    const refuse: AssociateStep = async (...asked) => {
      await rejecting.opened;
      await reject('transient')(...asked);
    };
    const { peer, rogue } = await start(
      { associate: [accept(), refuse], onFind: [until(held.opened), final()] },
      { associations: 2, timeouts: { queueMs: 50 } },
    );
    const first = search(peer);
    await rogue.waitFor('C-FIND-RQ');
    const second = search(peer);
    void second.catch(() => undefined);
    await rogue.waitFor('associate-rq', 2);
    // Its time, which is what is looked at here.
    await delay(60);
    rejecting.open();
    await expect(second).rejects.toMatchObject({ code: 'overloaded' });
    held.open();
    await first;
  });

  test('who gives up while waiting leaves the queue', async () => {
    const held = gate();
    const { peer, rogue } = await start({ onFind: [until(held.opened), final()] }, { associations: 1 });
    const first = search(peer);
    await rogue.waitFor('C-FIND-RQ');
    const controller = new AbortController();
    const second = allRows(peer.find('STUDY', anyStudy(), contextOf(controller.signal)));
    controller.abort();
    await expect(second).rejects.toMatchObject({ code: 'cancelled' });
    expect(peer.stats.waiting).toBe(0);
    held.open();
    await first;
  });

  test('a peer that is full while it serves us is not asked for more: the request waits', async () => {
    const held = gate();
    const { peer, rogue } = await start({
      associate: [accept(), reject('transient'), accept()],
      onFind: [until(held.opened), final()],
    });
    const first = search(peer);
    await rogue.waitFor('C-FIND-RQ');
    const second = search(peer);
    await rogue.waitFor('associate-rq', 2);
    held.open();
    expect(await Promise.all([first, second])).toHaveLength(2);
    expect(rogue.messages('C-FIND-RQ')).toHaveLength(2);
  });

  describe.each<[string, AssociateStep]>([
    ['rejects it, temporarily congested', reject('transient', 3, 1)],
    ['rejects it, a local limit is exceeded', reject('transient', 3, 2)],
    ['rejects it for good, with a reason that passes', reject('permanent', 3, 2)],
    ['aborts it', (association) => association.write(encodeAbort(0, 0))],
    [
      'closes the connection',
      (association) => {
        association.drop();
      },
    ],
  ])('of a peer that takes two associations, and of a third one %s', (_, refusal) => {
    const associate = atMost(2, refusal);

    test('all requests are served, over two, and the limit is known', async () => {
      const { peer, rogue, observations } = await start({
        associate,
        onFind: [pending({ StudyInstanceUID: '1.2' }), final()],
      });
      const rows = await Promise.all(Array.from({ length: 12 }, () => search(peer)));
      expect(rows.map(({ uids }) => uids)).toEqual(Array.from({ length: 12 }, () => ['1.2']));
      expect(peer.knowledge.facts.associations?.value).toBe(2);
      expect(peer.stats.associationLimit).toBe(2);
      expect(observations).toContainEqual(
        expect.objectContaining({ kind: 'learnt', fact: 'associations', value: '2' }),
      );
      const asked = rogue.record.of('associate-rq').length;
      await Promise.all(Array.from({ length: 12 }, () => search(peer)));
      expect(rogue.record.of('associate-rq')).toHaveLength(asked);
    });

    test('one of the two is kept for searches', async () => {
      const held = gate();
      const { peer, rogue } = await start({ associate, onGet: [until(held.opened), final()] });
      await Promise.all(Array.from({ length: 4 }, () => search(peer)));
      const retrieves = [retrieve(peer), retrieve(peer), retrieve(peer)];
      await rogue.waitFor('C-GET-RQ');
      expect(await search(peer)).toMatchObject({ status: 0 });
      expect(rogue.messages('C-GET-RQ')).toHaveLength(1);
      held.open();
      await Promise.all(retrieves);
    });
  });

  test('a peer that refuses every association fails each request, and has shown no limit', async () => {
    const { peer } = await start({
      associate: (association) => {
        association.drop();
      },
    });
    const all = await Promise.allSettled(Array.from({ length: 4 }, () => search(peer)));
    for (const one of all)
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'peer-aborted' } });
    expect(peer.stats.associationLimit).toBe(4);
  });

  test('counts what a peer takes at once, and leaves it as it was', async () => {
    const { peer, rogue } = await start({
      associate: atMost(3, reject('transient')),
    });
    expect(await peer.probeAssociations(contextOf())).toBe(3);
    expect(peer.stats.associations.busy).toBe(0);
    expect(rogue.messages('C-ECHO-RQ')).toHaveLength(0);
  });

  test('nobody there takes none: it fails', async () => {
    const { peer } = await start({ associate: reject('permanent') });
    await expect(peer.probeAssociations(contextOf())).rejects.toMatchObject({ code: 'peer-rejected' });
  });

  test('closing refuses what waits, lets what runs finish, and releases', async () => {
    const held = gate();
    const { peer, rogue } = await start({ onFind: [until(held.opened), final()] }, { associations: 1 });
    const first = search(peer);
    await rogue.waitFor('C-FIND-RQ');
    const second = search(peer);
    const closing = peer.close(4000);
    await expect(second).rejects.toMatchObject({ code: 'shutting-down' });
    await expect(search(peer)).rejects.toMatchObject({ code: 'shutting-down' });
    held.open();
    await first;
    await closing;
    expect(rogue.record.of('release-rq')).toHaveLength(1);
  });

  test('closing aborts what does not finish in time', async () => {
    const { peer, rogue } = await start({ onFind: [until(new Promise(() => undefined))] });
    const first = search(peer);
    await rogue.waitFor('C-FIND-RQ');
    const closing = peer.close(50);
    await expect(first).rejects.toMatchObject({ code: 'shutting-down' });
    await closing;
    await rogue.waitFor('abort');
  });

  test('serves people before guesses before jobs, whoever came first', async () => {
    const held = gate();
    const { peer, rogue } = await start({ onFind: [until(held.opened), final()] }, { associations: 1 });
    const first = search(peer);
    await rogue.waitFor('C-FIND-RQ');
    const served: string[] = [];
    const waiting = (['bulk', 'prefetch', 'interactive'] as const).map((priority) =>
      search(peer, priority).then(() => served.push(priority)),
    );
    await Promise.resolve();
    expect(peer.stats.waitingBy).toEqual({ interactive: 1, prefetch: 1, bulk: 1 });
    held.open();
    await Promise.all([first, ...waiting]);
    expect(served).toEqual(['interactive', 'prefetch', 'bulk']);
  });

  test('background retrieves leave an association to a person', async () => {
    const held = gate();
    const ct = Uids.ctImageStorage;
    const { peer, rogue } = await start(
      { onGet: [until(held.opened), final()] },
      { associations: 4, backgroundAssociations: 9 },
    );
    const jobs = [1, 2, 3, 4].map(() => retrieve(peer, ct, 'bulk'));
    await rogue.waitFor('C-GET-RQ', 2);
    const person = retrieve(peer);
    await rogue.waitFor('C-GET-RQ', 3);
    expect(peer.stats.waitingBy).toEqual({ interactive: 0, prefetch: 0, bulk: 2 });
    held.open();
    await Promise.all([...jobs, person]);
  });

  test('a person who finds the queue full takes the place of the newest background request', async () => {
    const held = gate();
    const { peer, rogue } = await start(
      { onFind: [until(held.opened), final()] },
      { associations: 1, queue: 2 },
    );
    const first = search(peer);
    await rogue.waitFor('C-FIND-RQ');
    const older = search(peer, 'bulk');
    const newer = search(peer, 'bulk');
    const person = search(peer);
    await expect(newer).rejects.toMatchObject({
      code: 'overloaded',
      retryAfterSeconds: expect.any(Number),
    });
    await expect(search(peer, 'bulk')).rejects.toMatchObject({ code: 'overloaded' });
    held.open();
    await Promise.all([first, older, person]);
  });
});

describe('the circuit breaker of a peer', () => {
  const breaker = { failures: 2, openForMs: 60_000 };

  test('a reused association that died unheard does not count, nor do clients that leave', async () => {
    const { peer, rogue } = await start(
      { onFind: [until(new Promise(() => undefined))] },
      { breaker, associations: 1 },
    );
    for (let count = 1; count <= 3; count += 1) {
      const controller = new AbortController();
      const rows = allRows(peer.find('STUDY', anyStudy(), contextOf(controller.signal)));
      await rogue.waitFor('C-FIND-RQ', count);
      controller.abort();
      await expect(rows).rejects.toMatchObject({ code: 'cancelled' });
      for (const association of rogue.open) association.reset();
    }
    expect(peer.stats.breaker.state).toBe('closed');
  });

  test('retrieves that the peer breaks off do not stop searches while it answers a C-ECHO', async () => {
    const { peer, rogue } = await start({ onGet: [drop()] }, { breaker });
    for (let count = 0; count < 3; count += 1) {
      await expect(retrieve(peer)).rejects.toMatchObject({ code: 'peer-aborted' });
    }
    await rogue.waitFor('C-ECHO-RQ');
    expect(await search(peer)).toMatchObject({ status: 0 });
    expect(peer.stats.breaker).toEqual({ state: 'closed' });
  });

  test('a peer that breaks off searches and the C-ECHO is not asked any more', async () => {
    const { peer, rogue, observations } = await start({ onFind: [drop()], onEcho: [drop()] }, { breaker });
    for (let count = 0; count < 2; count += 1) {
      await expect(search(peer)).rejects.toMatchObject({ code: 'peer-aborted' });
    }
    await rogue.waitFor('C-ECHO-RQ');
    await rogue.allClosed();
    await expect(search(peer)).rejects.toMatchObject({
      code: 'peer-unreachable',
      retryAfterSeconds: expect.any(Number),
    });
    expect(rogue.messages('C-FIND-RQ')).toHaveLength(2);
    expect(observations.filter(({ kind }) => kind === 'breaker')).toHaveLength(1);
  });
});
