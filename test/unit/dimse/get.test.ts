import { describe, expect, test } from '@jest/globals';
import { GatewayError } from '../../../src/core/index.js';
import { Dataset, Tags } from '../../../src/dicom/index.js';
import type { IncomingInstance, InstanceReceiver, RetrieveRequest } from '../../../src/dimse/index.js';
import {
  abort,
  accept,
  cutAfter,
  drop,
  final,
  makeInstance,
  progress,
  shaped,
  silence,
  store,
  Uids,
  untilCancelled,
  type RogueInstance,
  type RoguePeerOptions,
} from '../../helpers/rogue-peer.js';
import { contextOf, withRoguePeers } from './peer-setup.js';

const start = withRoguePeers();

const request: RetrieveRequest = {
  level: 'SERIES',
  identifier: new Dataset()
    .setString(Tags.StudyInstanceUID, '2.25.77.1')
    .setString(Tags.SeriesInstanceUID, '2.25.77.2'),
  sopClassUids: [Uids.ctImageStorage],
};

interface Taken {
  readonly instance: IncomingInstance;
  readonly chunks: Buffer[];
  state: 'arriving' | 'ended' | GatewayError;
}

function collect(status = 0): { readonly taken: Taken[]; readonly receiver: InstanceReceiver } {
  const taken: Taken[] = [];
  const receiver: InstanceReceiver = (instance) => {
    const entry: Taken = { instance, chunks: [], state: 'arriving' };
    taken.push(entry);
    return {
      write: (chunk) => void entry.chunks.push(Buffer.from(chunk)),
      end: () => {
        entry.state = 'ended';
        return status;
      },
      fail: (error) => {
        entry.state = error;
      },
    };
  };
  return { taken, receiver };
}

const bytesOf = ({ chunks }: Taken): Buffer => Buffer.concat(chunks);

describe('C-GET', () => {
  test('W-41: proposes the storage SOP classes in the SCP role', async () => {
    const { peer, rogue } = await start();
    await peer.retrieve(request, collect().receiver, contextOf());
    const [event] = rogue.record.of('associate-rq');
    expect(event).toMatchObject({
      request: { roles: [expect.objectContaining({ sopClassUid: Uids.ctImageStorage })] },
    });
  });

  test('W-42: gives each instance to the receiver in the syntax it is stored in, byte for byte', async () => {
    const instances: RogueInstance[] = [
      makeInstance({ pixelBytes: 100_000 }),
      makeInstance({ transferSyntaxUid: Uids.jpeg2000Lossless }),
      makeInstance({ transferSyntaxUid: Uids.implicitLittleEndian }),
    ];
    const { peer, rogue, observations } = await start({
      onGet: [...instances.flatMap((instance) => [store(instance), progress({ remaining: 1 })]), final()],
    });
    const { taken, receiver } = collect();
    const seen: number[] = [];
    const done = await peer.retrieve(
      { ...request, onProgress: ({ completed }) => seen.push(completed) },
      receiver,
      contextOf(),
    );
    expect(done).toEqual({
      status: 0,
      completed: 3,
      failed: 0,
      warning: 0,
      received: 3,
      failedSopInstanceUids: [],
      cancelled: false,
    });
    expect(seen).toEqual([1, 2, 3]);
    taken.forEach((entry, index) => {
      const { transferSyntaxUid, sopInstanceUid, dataset } = instances[index] ?? makeInstance();
      expect(entry.instance).toMatchObject({ transferSyntaxUid, sopInstanceUid });
      expect(bytesOf(entry).equals(dataset as Buffer)).toBe(true);
      expect(entry.state).toBe('ended');
    });
    expect(rogue.messages('C-STORE-RSP').map(({ command }) => command.status)).toEqual([0, 0, 0]);
    expect(observations).toContainEqual(
      expect.objectContaining({ kind: 'dimse', operation: 'C-GET', outcome: 'success', results: 3 }),
    );
  });

  test.each([
    ['several PDVs in one PDU', { pdvsPerPdu: 4, fragmentBytes: 30 }],
    ['byte by byte', { writeBytes: 1 }],
    ['one byte a fragment', { fragmentBytes: 1 }],
    ['with an empty last fragment', { emptyLastFragment: true }],
  ])('R-12: takes instances that come %s', async (_, shape) => {
    const instance = makeInstance();
    const { peer } = await start({ onGet: [shaped(shape), store(instance), final()] });
    const { taken, receiver } = collect();
    await peer.retrieve(request, receiver, contextOf());
    expect(taken.map((entry) => bytesOf(entry).equals(instance.dataset))).toEqual([true]);
  });

  test('W-45: a writer that waits holds the peer up, and its answer goes out when the writer has ended', async () => {
    const size = 30_000_000;
    function* endless(): Generator<Buffer> {
      const chunk = Buffer.alloc(100_000);
      for (let sent = 0; sent < size; sent += chunk.length) yield chunk;
    }
    const { peer, rogue } = await start({
      onGet: [store(makeInstance(), { dataset: endless() }), final()],
    });
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let received = 0;
    let whenHeld: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      whenHeld = resolve;
    });
    const done = peer.retrieve(
      request,
      () => ({
        write: (chunk) => {
          received += chunk.length;
          whenHeld();
          return gate;
        },
        end: async () => {
          expect(rogue.messages('C-STORE-RSP')).toHaveLength(0);
          return Promise.resolve(0);
        },
        fail: () => undefined,
      }),
      contextOf(),
    );
    await held;
    expect(received).toBeLessThan(300_000);
    release();
    expect(await done).toMatchObject({ received: 1 });
    expect(received).toBe(size);
  });

  test('time in which the gateway holds the peer up does not count as silence of the peer', async () => {
    const { peer } = await start(
      { onGet: [store(makeInstance({ pixelBytes: 50_000 })), final()] },
      { timeouts: { firstResponseMs: 80, betweenResponsesMs: 80 } },
    );
    const receiver: InstanceReceiver = () => ({
      write: () => new Promise((resolve) => setTimeout(resolve, 120)),
      end: () => 0,
      fail: () => undefined,
    });
    expect(await peer.retrieve(request, receiver, contextOf())).toMatchObject({ received: 1 });
  });

  test('a chunk stays as it is until its write has resolved', async () => {
    const dataset = Buffer.alloc(3_000_000, 'abcdefghijklmnopqrstuvwxyz0123456789');
    const { peer } = await start({ onGet: [store(makeInstance(), { dataset }), final()] });
    const parts: Buffer[] = [];
    const receiver: InstanceReceiver = () => ({
      write: async (chunk) => {
        await new Promise((resolve) => setImmediate(resolve));
        parts.push(Buffer.from(chunk));
      },
      end: () => 0,
      fail: () => undefined,
    });
    await peer.retrieve(request, receiver, contextOf());
    expect(Buffer.concat(parts).equals(dataset)).toBe(true);
  });

  test.each<[string, InstanceReceiver]>([
    [
      'a receiver that throws',
      () => {
        throw new GatewayError('overloaded', 'full');
      },
    ],
    [
      'a writer that throws',
      () => ({
        write: () => {
          throw new GatewayError('cache-failed', 'disk');
        },
        end: () => 0,
        fail: () => undefined,
      }),
    ],
    [
      'a writer that rejects',
      () => ({
        write: () => Promise.reject(new GatewayError('cache-failed', 'disk')),
        end: () => 0,
        fail: () => undefined,
      }),
    ],
    [
      'a writer whose end rejects',
      () => ({
        write: () => undefined,
        end: () => Promise.reject(new GatewayError('cache-failed', 'disk')),
        fail: () => undefined,
      }),
    ],
  ])('%s refuses that instance with A700, and the next one comes', async (_, failing) => {
    const { peer, rogue } = await start({ onGet: [store(makeInstance()), store(makeInstance()), final()] });
    const { taken, receiver } = collect();
    let count = 0;
    const done = await peer.retrieve(
      request,
      (instance) => ((count += 1) === 1 ? failing(instance) : receiver(instance)),
      contextOf(),
    );
    expect(rogue.messages('C-STORE-RSP').map(({ command }) => command.status)).toEqual([0xa700, 0]);
    expect(done).toMatchObject({ status: 0xb000, received: 1, failed: 1 });
    expect(taken).toHaveLength(1);
  });

  test('W-44: the counters and the failed instances of the last response are told', async () => {
    const { peer } = await start({
      associate: accept({ transferSyntaxes: [Uids.explicitLittleEndian] }),
      onGet: [store(makeInstance()), final(0xb000, { completed: 1, failed: 2, failedUids: ['1.2', '1.3'] })],
    });
    expect(await peer.retrieve(request, collect().receiver, contextOf())).toMatchObject({
      status: 0xb000,
      completed: 1,
      failed: 2,
      failedSopInstanceUids: ['1.2', '1.3'],
    });
  });

  test('a failure after which not all is accounted for is an error, not a result', async () => {
    const { peer } = await start({
      onGet: [store(makeInstance()), progress({ remaining: 9 }), final(0xc000, { completed: 1, failed: 1 })],
    });
    await expect(peer.retrieve(request, collect().receiver, contextOf())).rejects.toMatchObject({
      code: 'peer-failed',
      dimseStatus: 0xc000,
    });
  });

  test('an archive that sends everything in the first context of a SOP class is asked the other way round', async () => {
    const instance = makeInstance({ transferSyntaxUid: Uids.jpeg2000Lossless });
    const { peer, rogue } = await start({
      onGet: () => [
        async (operation) => {
          const { association } = operation;
          const storage = [...association.accepted.values()].find(
            ({ abstractSyntax }) => abstractSyntax === Uids.ctImageStorage,
          );
          // Only what the first context is in can be sent, as DCMTK's archive does it.
          if (storage?.transferSyntax === Uids.jpeg2000Lossless) await store(instance)(operation);
          else operation.counted.failed += 1;
          await final(operation.counted.failed > 0 ? 0xa702 : 0)(operation);
        },
      ],
      associate: accept({ transferSyntaxes: [Uids.explicitLittleEndian, Uids.jpeg2000Lossless] }),
    });
    const { taken, receiver } = collect();
    expect(await peer.retrieve(request, receiver, contextOf())).toMatchObject({
      status: 0,
      received: 1,
      failed: 0,
    });
    expect(taken).toHaveLength(1);
    expect(peer.knowledge.get('contextOrder')).toBe('plain-last');
    await peer.retrieve(request, receiver, contextOf());
    expect(rogue.messages('C-GET-RQ')).toHaveLength(3);
  });

  test('the transfer syntaxes that a peer accepts for no SOP class are known, and those that it takes are not among them', async () => {
    const taken = [Uids.explicitLittleEndian, Uids.jpeg2000Lossless];
    const { peer } = await start({
      associate: accept({
        sopClasses: [Uids.studyRootGet, Uids.ctImageStorage],
        transferSyntaxes: [Uids.implicitLittleEndian, ...taken],
      }),
    });
    await peer.retrieve(request, collect().receiver, contextOf());
    const refused = peer.knowledge.get('refusedTransferSyntaxes');
    expect(refused).toContain('1.2.840.10008.1.2.4.50');
    expect(refused).not.toEqual(expect.arrayContaining([Uids.jpeg2000Lossless]));
    // A SOP class that is refused as a whole says nothing of them.
    const both = { ...request, sopClassUids: [Uids.ctImageStorage, Uids.mrImageStorage] };
    await peer.retrieve(both, collect().receiver, contextOf());
    expect(peer.knowledge.get('refusedTransferSyntaxes')).toEqual(refused);
  });

  test.each<[string, string, RoguePeerOptions]>([
    ['peer-aborted', 'aborts within an instance', { onGet: [store(makeInstance()), abort()] }],
    ['peer-aborted', 'closes the connection', { onGet: [store(makeInstance()), drop()] }],
    ['peer-timeout', 'falls silent', { onGet: [store(makeInstance()), silence()] }],
    ['peer-out-of-resources', 'refuses with A701', { onGet: [final(0xa701)] }],
    [
      'peer-protocol',
      'sends a C-STORE without a dataset',
      { onGet: [(o) => o.respond({ commandField: 1 })] },
    ],
    ['peer-unsupported', 'accepts no storage', { associate: accept({ sopClasses: [Uids.studyRootGet] }) }],
    ['peer-unsupported', 'accepts no C-GET', { associate: accept({ sopClasses: [Uids.ctImageStorage] }) }],
  ])('is %s when the peer %s', async (code, _, options) => {
    const { peer } = await start(options, { timeouts: { betweenResponsesMs: 100 } });
    await expect(peer.retrieve(request, collect().receiver, contextOf())).rejects.toMatchObject({ code });
  });

  test('T-1: an instance that breaks off fails its writer, and is never ended', async () => {
    const { peer } = await start({ onGet: [cutAfter(60_000), store(makeInstance({ pixelBytes: 200_000 }))] });
    const { taken, receiver } = collect();
    await expect(peer.retrieve(request, receiver, contextOf())).rejects.toMatchObject({
      code: 'peer-aborted',
    });
    expect(taken.map(({ state }) => state)).toEqual([expect.objectContaining({ code: 'peer-aborted' })]);
  });

  test('H-18: an aborted signal cancels, refuses what still comes, and the association is released, not used again', async () => {
    const { peer, rogue } = await start({
      onGet: [store(makeInstance()), progress(), untilCancelled(), store(makeInstance()), final(0xfe00)],
    });
    const controller = new AbortController();
    const { taken, receiver } = collect();
    const done = await peer.retrieve(
      {
        ...request,
        onProgress: () => {
          controller.abort();
        },
      },
      receiver,
      contextOf(controller.signal),
    );
    expect(done).toMatchObject({ cancelled: true, received: 1 });
    expect(taken).toHaveLength(1);
    expect(rogue.messages('C-STORE-RSP').map(({ command }) => command.status)).toEqual([0, 0xa700]);
    await rogue.waitFor('release-rq');
    expect(peer.stats.associations.idle).toBe(0);
  });

  test('is done once more where a reused association was dead', async () => {
    let gets = 0;
    const onGet = () => ((gets += 1) === 2 ? [drop()] : [store(makeInstance()), final()]);
    const { peer, rogue } = await start({ onGet });
    await peer.retrieve(request, collect().receiver, contextOf());
    expect(await peer.retrieve(request, collect().receiver, contextOf())).toMatchObject({ received: 1 });
    expect(rogue.record.of('associate-rq')).toHaveLength(2);
  });
});
