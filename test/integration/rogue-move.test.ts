import { afterEach, describe, expect, test } from '@jest/globals';

import { GatewayError, type Clock, type Observation } from '../../src/core/index.js';
import {
  createStorageScp,
  type PeerOptions,
  type RetrieveRequest,
  type StorageScp,
} from '../../src/dimse/index.js';
import { connectPeer, fastClock, identifier, operation, Taker } from '../helpers/rogue-peer-client.js';
import {
  abort,
  connectDestination,
  cutAfter,
  drop,
  final,
  makeInstance,
  pendingUntilCancelled,
  progress,
  shaped,
  silence,
  startRoguePeer,
  store,
  Uids,
  until,
  untilCancelled,
  wait,
  type RogueInstance,
  type RogueOperation,
  type RoguePeer,
  type RoguePeerOptions,
  type Script,
} from '../helpers/rogue-peer.js';

const STUDY = '2.25.77.1';
const SERIES = '2.25.77.2';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Setting {
  readonly rogue: RoguePeer;
  readonly scp: StorageScp;
  readonly peer: ReturnType<typeof connectPeer>['peer'];
  readonly observed: Observation[];
}

async function setUp(
  onMove: Script,
  changes: Parameters<typeof connectPeer>[1] = {},
  rogueOptions: RoguePeerOptions = {},
  clock?: Clock,
): Promise<Setting> {
  const scp = await createStorageScp(
    {
      aeTitle: 'GATEWAY',
      listen: { host: '127.0.0.1', port: 0 },
      advertise: { host: 'gw.example', port: 11112 },
    },
    { observe: () => undefined },
  );
  const rogue = await startRoguePeer({
    onMove,
    moveDestinations: { GATEWAY: scp.listening },
    ...rogueOptions,
  });
  const { peer, observed } = connectPeer(rogue.address, { retrieve: 'move', ...changes }, scp, clock);
  cleanups.push(
    () => rogue.close(),
    () => scp.close(0),
    () => peer.close(0),
  );
  return { rogue, scp, peer, observed };
}

const seriesRequest: RetrieveRequest = {
  level: 'SERIES',
  identifier: identifier({ study: STUDY, series: SERIES }),
  sopClassUids: [],
};
const listRequest = (...instances: RogueInstance[]): RetrieveRequest => ({
  level: 'IMAGE',
  identifier: identifier({
    study: STUDY,
    series: SERIES,
    instances: instances.map(({ sopInstanceUid }) => sopInstanceUid),
  }),
  sopClassUids: [],
});

async function failureOf(promise: Promise<unknown>): Promise<GatewayError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(GatewayError);
  return error as GatewayError;
}

const quick: Partial<PeerOptions['timeouts']> = { firstResponseMs: 60, betweenResponsesMs: 60 };

describe('a retrieve by C-MOVE', () => {
  test('W-40, W-44: names our AE title, brings every instance byte for byte, and reports its progress', async () => {
    const instances = [
      makeInstance({ pixelBytes: 200_000 }),
      makeInstance({ transferSyntaxUid: Uids.jpeg2000Lossless }),
      makeInstance({ transferSyntaxUid: Uids.implicitLittleEndian, sopClassUid: Uids.mrImageStorage }),
    ];
    const { rogue, peer } = await setUp([
      ...instances.flatMap((instance, index) => [store(instance), progress({ remaining: 2 - index })]),
      final(),
    ]);
    const taker = new Taker();
    const seen: unknown[] = [];
    const completion = await peer.retrieve(
      { ...seriesRequest, onProgress: (p) => seen.push(p) },
      taker.receiver,
      operation(),
    );
    expect(completion).toMatchObject({ status: 0, completed: 3, received: 3, failed: 0, cancelled: false });
    for (const { sopInstanceUid, dataset } of instances) {
      expect(taker.taken.get(sopInstanceUid)?.equals(dataset)).toBe(true);
    }
    expect(taker.transferSyntaxUids).toEqual(instances.map(({ transferSyntaxUid }) => transferSyntaxUid));
    expect(seen).toHaveLength(3);
    const [request] = rogue.messages('C-MOVE-RQ');
    expect(request?.command).toMatchObject({
      moveDestination: 'GATEWAY',
      affectedSopClassUid: Uids.studyRootMove,
    });
    expect(rogue.stepErrors).toEqual([]);
  });

  test.each(['one PDV a byte', 'several PDVs a PDU'])('R-12: the datasets survive %s', async (how) => {
    const instance = makeInstance({ pixelBytes: 3000 });
    const shape = how === 'one PDV a byte' ? { fragmentBytes: 1 } : { fragmentBytes: 99, pdvsPerPdu: 7 };
    const { peer } = await setUp([shaped(shape), store(instance), final()]);
    const taker = new Taker();
    await peer.retrieve(seriesRequest, taker.receiver, operation());
    expect(taker.taken.get(instance.sopInstanceUid)?.equals(instance.dataset)).toBe(true);
  });

  test('W-43: two retrieves of one series at once are both served, whether the peer names the C-MOVE or not', async () => {
    const instances = [makeInstance(), makeInstance()];
    for (const originator of [true, false]) {
      let waiting = 0;
      const { peer, rogue } = await setUp([
        until(async () => {
          waiting += 1;
          await rogue.waitFor('C-MOVE-RQ', 2);
        }),
        ...instances.map((instance) => store(instance, { originator })),
        final(),
      ]);
      const takers = [new Taker(), new Taker()];
      const completions = await Promise.all(
        takers.map(({ receiver }) => peer.retrieve(seriesRequest, receiver, operation())),
      );
      expect(waiting).toBe(2);
      expect(completions).toMatchObject([
        { completed: 2, received: 2 },
        { completed: 2, received: 2 },
      ]);
      for (const { taken } of takers) expect(taken.size).toBe(2);
    }
  });

  test('W-43: parallel lists of one series do not get each other’s instances, without Move Originator', async () => {
    const instances = [makeInstance(), makeInstance(), makeInstance(), makeInstance()];
    const [a, b, c, d] = instances as [RogueInstance, RogueInstance, RogueInstance, RogueInstance];
    const { peer, rogue } = await setUp((_request, keys) => {
      const wanted = keys.get(0x00080018) ?? '';
      return [
        until(() => rogue.waitFor('C-MOVE-RQ', 2)),
        ...instances
          .filter(({ sopInstanceUid }) => wanted.split('\\').includes(sopInstanceUid))
          .map((instance) => store(instance, { originator: false })),
        final(),
      ];
    });
    const [first, second] = [new Taker(), new Taker()];
    await Promise.all([
      peer.retrieve(listRequest(a, b), first.receiver, operation()),
      peer.retrieve(listRequest(c, d), second.receiver, operation()),
    ]);
    expect(first.copies).toEqual([a.sopInstanceUid, b.sopInstanceUid]);
    expect(second.copies).toEqual([c.sopInstanceUid, d.sopInstanceUid]);
  });

  test('W-44: the last response may overtake the instances', async () => {
    const instances = [makeInstance({ pixelBytes: 60_000 }), makeInstance()];
    const [slow, late] = instances as [RogueInstance, RogueInstance];
    const { peer, rogue } = await setUp([
      connectDestination(...instances),
      shaped({ fragmentBytes: 4000, dripMs: 1 }),
      store(slow, { wait: false }),
      final(0, { completed: 2 }),
      wait(30),
      store(late),
    ]);
    const taker = new Taker();
    const completion = await peer.retrieve(seriesRequest, taker.receiver, operation());
    expect(completion).toMatchObject({ completed: 2, received: 2 });
    expect(taker.taken.size).toBe(2);
    await rogue.allClosed();
  });

  test('W-44: fewer instances than counted are told as received, once the peer has closed its association', async () => {
    const instance = makeInstance();
    const { peer } = await setUp([store(instance), final(0, { completed: 3 })]);
    const completion = await peer.retrieve(seriesRequest, new Taker().receiver, operation());
    expect(completion).toMatchObject({ status: 0, completed: 3, received: 1 });
  });

  test('W-44: what never comes on an association that stays open is waited for in bounds', async () => {
    const { peer, rogue } = await setUp(
      [store(makeInstance()), final(0, { completed: 2 }), silence()],
      { timeouts: { firstResponseMs: 0, betweenResponsesMs: 0, associationMs: 0 } },
      {},
      fastClock(200),
    );
    const completion = await peer.retrieve(seriesRequest, new Taker().receiver, operation());
    expect(completion).toMatchObject({ completed: 2, received: 1, cancelled: false });
    expect(rogue.events.some(({ type }) => type === 'closed')).toBe(false);
  });

  test('H-18: an abort while the last instances are on their way ends the wait', async () => {
    const controller = new AbortController();
    const instance = makeInstance({ pixelBytes: 100_000 });
    const { peer, scp } = await setUp([
      connectDestination(instance),
      shaped({ fragmentBytes: 500, dripMs: 1 }),
      store(instance, { wait: false }),
      final(0, { completed: 1 }),
      wait(20),
      until(() => {
        controller.abort(new GatewayError('cancelled', 'gone'));
      }),
    ]);
    const taker = new Taker();
    const completion = await peer.retrieve(seriesRequest, taker.receiver, operation(controller.signal));
    expect(completion).toMatchObject({ cancelled: true, completed: 1, received: 0 });
    expect(taker.failures.map(({ code }) => code)).toEqual(['cancelled']);
    expect(scp.stats.pendingMoves).toBe(0);
  });

  test('a peer without counters and Pending responses: what came is counted', async () => {
    const instance = makeInstance();
    const { peer } = await setUp([
      store(instance),
      final(0, { completed: undefined, failed: undefined, warning: undefined }),
    ]);
    const completion = await peer.retrieve(seriesRequest, new Taker().receiver, operation());
    expect(completion).toMatchObject({ completed: 1, received: 1, failed: 0 });
  });

  test('W-44: failed sub-operations come with their UIDs', async () => {
    const [taken, refused] = [makeInstance(), makeInstance()];
    const { peer } = await setUp([store(taken), store(refused), final()]);
    const taker = new Taker();
    const completion = await peer.retrieve(
      seriesRequest,
      (instance) => {
        if (instance.sopInstanceUid === refused.sopInstanceUid) throw new GatewayError('overloaded', 'full');
        return taker.receiver(instance);
      },
      operation(),
    );
    expect(completion).toMatchObject({
      status: 0xb000,
      completed: 1,
      failed: 1,
      received: 1,
      failedSopInstanceUids: [refused.sopInstanceUid],
    });
  });
});

describe('time and cancelling', () => {
  test('without any Pending the bytes of sub-operations keep the C-MOVE alive', async () => {
    const instances = Array.from({ length: 5 }, () => makeInstance({ pixelBytes: 5000 }));
    const { peer } = await setUp(
      [
        connectDestination(...instances),
        shaped({ fragmentBytes: 1000, dripMs: 8 }),
        ...instances.map((instance) => store(instance)),
        final(),
      ],
      { timeouts: quick },
    );
    const completion = await peer.retrieve(seriesRequest, new Taker().receiver, operation());
    expect(completion.received).toBe(5);
  });

  test('a peer that falls silent after a first instance is a time-out', async () => {
    const { peer, rogue } = await setUp([store(makeInstance()), silence()], { timeouts: quick });
    const failure = await failureOf(peer.retrieve(seriesRequest, new Taker().receiver, operation()));
    expect(failure).toMatchObject({ code: 'peer-timeout', peer: 'main' });
    await rogue.waitFor('abort');
  });

  test('time for which the gateway holds the peer up does not count', async () => {
    const instance = makeInstance();
    const { peer } = await setUp([store(instance), final()], { timeouts: quick });
    const taker = new Taker();
    const completion = await peer.retrieve(
      seriesRequest,
      (incoming) => {
        const writer = taker.receiver(incoming);
        return { ...writer, end: () => new Promise<number>((resolve) => setTimeout(resolve, 200, 0)) };
      },
      operation(),
    );
    expect(completion.received).toBe(1);
  });

  test('H-18: an abort sends C-CANCEL, fails what is on its way in, and refuses what still comes', async () => {
    const [first, second] = [makeInstance({ pixelBytes: 100_000 }), makeInstance()];
    const { peer, rogue, scp } = await setUp([
      connectDestination(first, second),
      shaped({ fragmentBytes: 500, dripMs: 1 }),
      store(first, { wait: false }),
      untilCancelled(),
      shaped({}),
      store(second),
      final(0xfe00),
    ]);
    const controller = new AbortController();
    const taker = new Taker();
    const retrieved = peer.retrieve(
      seriesRequest,
      (instance) => {
        queueMicrotask(() => {
          controller.abort(new GatewayError('cancelled', 'gone'));
        });
        return taker.receiver(instance);
      },
      operation(controller.signal),
    );
    expect(await retrieved).toMatchObject({ cancelled: true, received: 0 });
    expect(taker.failures.map(({ code }) => code)).toEqual(['cancelled']);
    expect(taker.begun).toBe(1);
    expect(rogue.messages('C-CANCEL-RQ')).toHaveLength(1);
    expect(scp.stats.pendingMoves).toBe(0);
    await rogue.waitFor('C-STORE-RSP', 2);
    expect(rogue.messages('C-STORE-RSP').map(({ command }) => command.status)).not.toContain(0);
  });

  test('when the C-MOVE association is lost what is on its way in fails too', async () => {
    const instance = makeInstance({ pixelBytes: 100_000 });
    let begun: () => void = () => undefined;
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const { peer, scp } = await setUp([
      connectDestination(instance),
      shaped({ fragmentBytes: 500, dripMs: 1 }),
      store(instance, { wait: false }),
      until(hasBegun),
      drop(),
    ]);
    const taker = new Taker();
    const retrieved = peer.retrieve(
      seriesRequest,
      (incoming) => {
        begun();
        return taker.receiver(incoming);
      },
      operation(),
    );
    expect((await failureOf(retrieved)).code).toBe('peer-aborted');
    expect([taker.begun, taker.taken.size]).toEqual([1, 0]);
    expect(taker.failures.map(({ code }) => code)).toEqual(['peer-aborted']);
    expect(scp.stats.pendingMoves).toBe(0);
  });

  test('an instance that breaks off is not counted, and the rest is', async () => {
    const [broken, whole] = [makeInstance({ pixelBytes: 50_000 }), makeInstance()];
    const { peer } = await setUp([
      connectDestination(broken),
      until(({ outbound }: RogueOperation) => outbound[0]?.cutAfter(10_000)),
      store(broken, { wait: false }),
      until(({ outbound, peer: { waitFor } }: RogueOperation) =>
        waitFor(({ association, type }) => type === 'closed' && association === outbound[0]?.id),
      ),
      store(whole),
      final(0xb000, { completed: 1, failed: 1, failedUids: [broken.sopInstanceUid] }),
    ]);
    const taker = new Taker();
    const completion = await peer.retrieve(seriesRequest, taker.receiver, operation());
    expect(completion).toMatchObject({ completed: 1, failed: 1, received: 1 });
    expect([...taker.taken.keys()]).toEqual([whole.sopInstanceUid]);
    expect(taker.failures.map(({ code }) => code)).toEqual(['peer-aborted']);
  });
});

describe('refusals', () => {
  test('A801 says what to enter at the peer', async () => {
    const { peer } = await setUp([], {}, { moveDestinations: {} });
    const failure = await failureOf(peer.retrieve(seriesRequest, new Taker().receiver, operation()));
    expect(failure).toMatchObject({ code: 'peer-move-destination', dimseStatus: 0xa801, peer: 'main' });
    expect(failure.message).toContain('GATEWAY@gw.example:11112');
  });

  test.each([
    ['A702', 0xa702, 'peer-out-of-resources'],
    ['C000, as Orthanc says', 0xc000, 'peer-failed'],
  ])('%s before anything came asks to look at the way back', async (_name, status, code) => {
    const { peer } = await setUp([final(status, { failed: 0 })]);
    const failure = await failureOf(peer.retrieve(seriesRequest, new Taker().receiver, operation()));
    expect(failure).toMatchObject({ code, dimseStatus: status });
    expect(failure.message).toContain('GATEWAY@gw.example:11112');
  });

  test('W-44: A702 with failed sub-operations is a completion in which nothing came', async () => {
    const { peer } = await setUp([final(0xa702, { failed: 2, failedUids: ['1.2.3', '1.2.4'] })]);
    const completion = await peer.retrieve(seriesRequest, new Taker().receiver, operation());
    expect(completion).toMatchObject({ status: 0xa702, received: 0, failed: 2 });
  });

  test.each([
    ['0124', 0x0124, 'peer-not-authorized'],
    ['A701', 0xa701, 'peer-out-of-resources'],
    ['A900', 0xa900, 'peer-failed'],
    ['C001', 0xc001, 'peer-failed'],
  ])('status %s is a failure', async (_name, status, code) => {
    const { peer } = await setUp([final(status)]);
    const failure = await failureOf(peer.retrieve(seriesRequest, new Taker().receiver, operation()));
    expect(failure).toMatchObject({ code, dimseStatus: status });
  });

  test('a peer that accepts no C-MOVE is told apart', async () => {
    const { accept } = await import('../helpers/rogue-peer.js');
    const { peer } = await setUp([], {}, { associate: accept({ sopClasses: [] }) });
    const failure = await failureOf(peer.retrieve(seriesRequest, new Taker().receiver, operation()));
    expect(failure.code).toBe('peer-unsupported');
  });

  test.each<[string, Script]>([
    ['aborts', [store(makeInstance()), abort()]],
    ['drops the connection', [store(makeInstance()), drop()]],
    ['cuts a response', [store(makeInstance()), cutAfter(20), final()]],
  ])('a peer that %s in the middle is a failure, not a short success', async (_name, script) => {
    const { peer, rogue, scp } = await setUp(script);
    const failure = await failureOf(peer.retrieve(seriesRequest, new Taker().receiver, operation()));
    expect(failure.code).toBe('peer-aborted');
    await rogue.allClosed();
    expect(scp.stats.pendingMoves).toBe(0);
  });

  test('a storage SCP that is closing takes no C-MOVE', async () => {
    const { peer, scp } = await setUp([final()]);
    await scp.close(0);
    const failure = await failureOf(peer.retrieve(seriesRequest, new Taker().receiver, operation()));
    expect(failure.code).toBe('shutting-down');
  });

  test('the signal of a request that is over stops it before anything is sent', async () => {
    const { peer, rogue } = await setUp([pendingUntilCancelled(() => ({}))]);
    const aborted = AbortSignal.abort(new GatewayError('cancelled', 'gone'));
    const failure = await failureOf(peer.retrieve(seriesRequest, new Taker().receiver, operation(aborted)));
    expect(failure.code).toBe('cancelled');
    expect(rogue.messages('C-MOVE-RQ')).toEqual([]);
  });
});
