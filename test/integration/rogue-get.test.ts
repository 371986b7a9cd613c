import { afterEach, describe, expect, test } from '@jest/globals';

import { GatewayError } from '../../src/core/index.js';
import type { RetrieveCompletion, RetrieveRequest } from '../../src/dimse/index.js';
import { connectPeer, identifier, operation, Taker } from '../helpers/rogue-peer-client.js';
import {
  abort,
  accept,
  cutAfter,
  drop,
  final,
  makeInstance,
  progress,
  raw,
  shaped,
  silence,
  startRoguePeer,
  store,
  Uids,
  untilCancelled,
  type RoguePeer,
  type RoguePeerOptions,
  type Script,
  type Shape,
  type Step,
} from '../helpers/rogue-peer.js';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setUp(
  onGet: Script,
  changes: Parameters<typeof connectPeer>[1] = {},
  options: RoguePeerOptions = {},
): Promise<ReturnType<typeof connectPeer> & { rogue: RoguePeer }> {
  const rogue = await startRoguePeer({ onGet, ...options });
  const client = connectPeer(rogue.address, changes);
  cleanups.push(
    () => rogue.close(),
    () => client.peer.close(0),
  );
  return { rogue, ...client };
}

const request: RetrieveRequest = {
  level: 'SERIES',
  identifier: identifier({ study: '2.25.77.1', series: '2.25.77.2' }),
  sopClassUids: [Uids.ctImageStorage],
};

async function outcome(
  retrieved: Promise<RetrieveCompletion>,
): Promise<{ completion?: RetrieveCompletion; error?: GatewayError }> {
  try {
    return { completion: await retrieved };
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
    return { error: error as GatewayError };
  }
}

describe('a retrieve by C-GET', () => {
  test.each<[string, Shape]>([
    ['in large PDUs', {}],
    ['byte by byte', { writeBytes: 1 }],
    ['in PDVs of one byte', { fragmentBytes: 1 }],
    ['in odd PDVs, several a PDU', { fragmentBytes: 77, pdvsPerPdu: 5 }],
    ['with empty last fragments', { emptyLastFragment: true }],
  ])('R-12: the dataset is the same byte for byte %s', async (_name, shape) => {
    const instance = makeInstance();
    const { peer } = await setUp([shaped(shape), store(instance), progress(), final()]);
    const taker = new Taker();
    const completion = await peer.retrieve(request, taker.receiver, operation());
    expect(completion).toMatchObject({ status: 0, completed: 1, received: 1 });
    expect(taker.taken.get(instance.sopInstanceUid)?.equals(instance.dataset)).toBe(true);
  });

  test('W-41, W-42: asks for the SCP role, and each transfer syntax in a context of its own', async () => {
    const instances = [
      makeInstance(),
      makeInstance({ transferSyntaxUid: Uids.jpegBaseline }),
      makeInstance({ transferSyntaxUid: Uids.implicitLittleEndian }),
    ];
    const { peer, rogue } = await setUp([...instances.map((instance) => store(instance)), final()]);
    const taker = new Taker();
    await peer.retrieve(request, taker.receiver, operation());
    expect(taker.transferSyntaxUids).toEqual(instances.map(({ transferSyntaxUid }) => transferSyntaxUid));
    const [event] = rogue.record.of('associate-rq');
    const proposed = event?.type === 'associate-rq' ? event.request : undefined;
    expect(proposed?.roles).toContainEqual({ sopClassUid: Uids.ctImageStorage, scu: false, scp: true });
    expect(proposed?.contexts.length).toBeLessThanOrEqual(128);
    for (const { abstractSyntax, transferSyntaxes } of proposed?.contexts ?? []) {
      if (abstractSyntax === Uids.ctImageStorage) expect(transferSyntaxes).toHaveLength(1);
    }
  });

  test('W-44: fewer instances than counted show in the completion', async () => {
    const { peer } = await setUp([store(makeInstance()), final(0, { completed: 5 })]);
    const completion = await peer.retrieve(request, new Taker().receiver, operation());
    expect(completion).toMatchObject({ completed: 5, received: 1 });
  });

  test('W-44: failed sub-operations come with their UIDs', async () => {
    const { peer } = await setUp([
      store(makeInstance()),
      final(0xb000, { failed: 2, failedUids: ['1.2.8', '1.2.9'] }),
    ]);
    const completion = await peer.retrieve(request, new Taker().receiver, operation());
    expect(completion).toMatchObject({
      status: 0xb000,
      failed: 2,
      failedSopInstanceUids: ['1.2.8', '1.2.9'],
    });
  });

  test('a peer without Pending responses is fine', async () => {
    const { peer } = await setUp([store(makeInstance()), store(makeInstance()), final(0)]);
    expect(await peer.retrieve(request, new Taker().receiver, operation())).toMatchObject({ received: 2 });
  });

  test('an instance of 64 MiB is held up by its receiver, not gathered', async () => {
    const head = makeInstance();
    const piece = Buffer.alloc(1 << 20, 3);
    function* dataset(): Generator<Buffer> {
      yield head.dataset;
      for (let count = 0; count < 64; count += 1) yield piece;
    }
    const { peer, rogue } = await setUp([store({ ...head, dataset: dataset() }), final()]);
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    let written = 0;
    const retrieved = peer.retrieve(
      request,
      () => ({
        write: async (chunk) => {
          written += chunk.length;
          await gate;
        },
        end: () => 0,
        fail: () => undefined,
      }),
      operation(),
    );
    await rogue.waitFor('C-GET-RQ');
    while (written === 0 || rogue.open[0]?.socket.writableLength === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written).toBeLessThan(1 << 20);
    open();
    expect(await retrieved).toMatchObject({ received: 1 });
    expect(written).toBeGreaterThan(64 << 20);
  });
});

describe('law 1: a retrieve that breaks is never a short success', () => {
  const first = (): Step => store(makeInstance());
  test.each<[string, () => Step[], string]>([
    ['aborts', () => [first(), abort()], 'peer-aborted'],
    ['drops the connection', () => [first(), drop()], 'peer-aborted'],
    ['drops it in the middle of a dataset', () => [first(), cutAfter(400), first()], 'peer-aborted'],
    ['falls silent in the middle', () => [first(), silence()], 'peer-timeout'],
    ['never answers', () => [silence()], 'peer-timeout'],
    ['ends in A701', () => [final(0xa701, { failed: 0 })], 'peer-out-of-resources'],
    ['ends in A900', () => [first(), final(0xa900)], 'peer-failed'],
    ['ends in C001', () => [first(), final(0xc001)], 'peer-failed'],
    ['ends in 0124', () => [final(0x0124)], 'peer-not-authorized'],
    [
      'stores in a context that was not accepted',
      () => [store(makeInstance(), { contextId: 251 })],
      'peer-protocol',
    ],
    ['declares a PDU of 4 GiB', () => [first(), raw(Buffer.from('0400ffffffff', 'hex'))], 'peer-protocol'],
  ])('a peer that %s', async (_name, script, code) => {
    const { peer, rogue } = await setUp(script(), {
      timeouts: { firstResponseMs: 80, betweenResponsesMs: 80 },
    });
    const taker = new Taker();
    const { completion, error } = await outcome(peer.retrieve(request, taker.receiver, operation()));
    expect(completion).toBeUndefined();
    expect(error).toMatchObject({ code });
    expect(taker.taken.size + taker.failures.length).toBe(taker.begun);
    await rogue.allClosed();
  });

  test('a peer that accepts no C-GET is told apart', async () => {
    const { peer } = await setUp([final(0)], {}, { associate: accept({ sopClasses: [] }) });
    expect((await outcome(peer.retrieve(request, new Taker().receiver, operation()))).error).toMatchObject({
      code: 'peer-unsupported',
    });
  });

  test('H-18: an abort sends C-CANCEL and fails what is on its way in', async () => {
    const controller = new AbortController();
    const { peer, rogue } = await setUp([
      shaped({ fragmentBytes: 500, dripMs: 1 }),
      store(makeInstance({ pixelBytes: 60_000 }), { wait: false }),
      untilCancelled(),
      shaped({}),
      final(0xfe00),
    ]);
    const taker = new Taker();
    const retrieved = peer.retrieve(
      request,
      (instance) => {
        setImmediate(() => {
          controller.abort(new GatewayError('cancelled', 'gone'));
        });
        return taker.receiver(instance);
      },
      operation(controller.signal),
    );
    const { completion, error } = await outcome(retrieved);
    expect(completion?.cancelled ?? error?.code).toBe(completion ? true : 'cancelled');
    expect(rogue.messages('C-CANCEL-RQ')).toHaveLength(1);
    expect(taker.failures.map(({ code }) => code)).toEqual(['cancelled']);
  });
});
