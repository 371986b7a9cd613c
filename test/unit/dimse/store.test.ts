import { describe, expect, test } from '@jest/globals';
import { GatewayError } from '../../../src/core/index.js';
import type { StoreRequest } from '../../../src/dimse/index.js';
import {
  abort,
  accept,
  drop,
  final,
  makeInstance,
  pdu,
  silence,
  Uids,
  type RoguePeerOptions,
  type Step,
} from '../../helpers/rogue-peer.js';
import { encodeAbort } from '../../helpers/rogue-peer-wire.js';
import { storeResponse } from '../../helpers/store-response.js';
import { contextOf, withRoguePeers } from './peer-setup.js';

const start = withRoguePeers();

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += size) {
    yield await Promise.resolve(bytes.subarray(offset, offset + size));
  }
}

function requestFor(
  options: Parameters<typeof makeInstance>[0] = {},
  chunk = 65_536,
): StoreRequest & { dataset: Buffer } {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, dataset } = makeInstance(options);
  return { sopClassUid, sopInstanceUid, transferSyntaxUid, dataset, bytes: inChunks(dataset, chunk) };
}

describe('C-STORE', () => {
  test.each([1, 1000, 65_536, 10_000_000])('the peer gets every byte, in chunks of %i', async (chunk) => {
    const { peer, rogue, observations } = await start();
    const request = requestFor({ pixelBytes: chunk === 1 ? 3000 : 300_000 }, chunk);
    expect(await peer.store(request, contextOf())).toEqual({ status: 0 });
    const [message] = rogue.messages('C-STORE-RQ');
    expect(message?.command).toMatchObject({
      affectedSopClassUid: request.sopClassUid,
      affectedSopInstanceUid: request.sopInstanceUid,
    });
    expect(message?.dataset.equals(request.dataset)).toBe(true);
    expect(observations).toContainEqual(
      expect.objectContaining({ kind: 'dimse', operation: 'C-STORE', outcome: 'success' }),
    );
  });

  test.each([
    ['an abort', encodeAbort()],
    ['a request to release', pdu(5, Buffer.alloc(4))],
    ['bytes that are no PDU', Buffer.alloc(10, 0xff)],
  ])('S-13: a response counts though %s comes in the same packet', async (_what, rest) => {
    const { peer } = await start({
      onStore: () => [
        (operation) => operation.association.write(Buffer.concat([storeResponse(operation), rest])),
      ],
    });
    expect(await peer.store(requestFor({ pixelBytes: 3000 }), contextOf())).toEqual({ status: 0 });
  });

  test('S-12: proposes the syntax that the bytes are in, and uses no other', async () => {
    const { peer, rogue } = await start({
      associate: accept({ transferSyntaxes: [Uids.explicitLittleEndian] }),
    });
    const request = requestFor({ transferSyntaxUid: Uids.jpeg2000Lossless });
    expect(await peer.store(request, contextOf())).toMatchObject({ status: 0xc122 });
    expect(rogue.messages('C-STORE-RQ')).toHaveLength(0);
  });

  test.each([
    ['0122 when the peer refuses the SOP class', 0x0122, accept({ sopClasses: [] })],
    ['C122 when the peer says that it refuses the syntax', 0xc122, accept({ transferSyntaxes: [] })],
    [
      // As DCMTK does it: the same reason for both.
      'C122 when the peer refuses the syntax with the wrong reason',
      0xc122,
      accept({
        transferSyntaxes: [Uids.explicitLittleEndian],
        tamper: (contexts) =>
          contexts.map((context) => (context.result === 4 ? { ...context, result: 3 } : context)),
      }),
    ],
  ])('gives %s', async (_, status, associate) => {
    const { peer } = await start({ associate });
    const request = requestFor({ transferSyntaxUid: Uids.jpeg2000Lossless });
    expect(await peer.store(request, contextOf())).toMatchObject({ status });
  });

  test.each([0xb000, 0xa700, 0xc000, 0x0111])('gives the status of the peer, %i', async (status) => {
    const { peer } = await start({ onStore: [final(status)] });
    expect(await peer.store(requestFor(), contextOf())).toEqual({ status });
  });

  test('keeps to the PDU length of the peer', async () => {
    const { peer, rogue } = await start({ associate: accept({ maxPduLength: 4096 }) });
    const request = requestFor({ pixelBytes: 50_000 });
    await peer.store(request, contextOf());
    expect(rogue.messages('C-STORE-RQ')[0]?.dataset.equals(request.dataset)).toBe(true);
  });

  test('S-14: stores one after the other on one association', async () => {
    const { peer, rogue } = await start();
    for (let count = 0; count < 5; count += 1) await peer.store(requestFor(), contextOf());
    expect(rogue.record.of('associate-rq')).toHaveLength(1);
  });

  test('S-14: a study of many kinds has one association for all of them, once they have come', async () => {
    const { peer, rogue } = await start();
    const kinds = [1, 2, 3, 4, 5, 6].map((kind) => ({ sopClassUid: `1.2.840.10008.5.1.4.1.1.${kind}` }));
    for (let round = 0; round < 4; round += 1)
      for (const kind of kinds)
        expect(await peer.store(requestFor(kind), contextOf())).toEqual({ status: 0 });
    // Three for transfers, of which the last ones propose what came before too.
    expect(rogue.record.of('associate-rq').length).toBeLessThanOrEqual(kinds.length);
    const [last] = rogue.record.of('associate-rq').slice(-1);
    const proposed = last?.type === 'associate-rq' ? last.request.contexts : [];
    expect(new Set(proposed.map(({ abstractSyntax }) => abstractSyntax)).size).toBe(kinds.length);
    expect(proposed.filter(({ transferSyntaxes }) => transferSyntaxes.length !== 1)).toEqual([]);
  });

  test.each([
    ['SOP class', accept({ sopClasses: [] }), []],
    [
      'transfer syntax',
      accept({ transferSyntaxes: [Uids.implicitLittleEndian] }),
      [Uids.implicitLittleEndian],
    ],
    [
      'transfer syntax',
      accept({ transferSyntaxes: [Uids.explicitLittleEndian] }),
      [Uids.explicitLittleEndian],
    ],
  ])(
    'S-12: a refused %s is not negotiated again for the next, and it is told what is taken',
    async (_, associate, takes) => {
      const { peer, rogue } = await start({ associate });
      const compressed = { transferSyntaxUid: Uids.jpeg2000Lossless };
      for (let count = 0; count < 5; count += 1)
        expect(await peer.store(requestFor(compressed), contextOf())).toMatchObject({ takes });
      expect(rogue.record.of('associate-rq')).toHaveLength(1);
    },
  );

  test('S-12: a refusal is believed for a while', async () => {
    const refusing = accept({ transferSyntaxes: [Uids.explicitLittleEndian] });
    const { peer, rogue } = await start({ associate: [refusing, accept()] }, { relearnMs: 0, idleMs: 0 });
    const compressed = { transferSyntaxUid: Uids.jpeg2000Lossless };
    expect(await peer.store(requestFor(compressed), contextOf())).toMatchObject({ status: 0xc122 });
    expect(await peer.store(requestFor(compressed), contextOf())).toEqual({ status: 0 });
    expect(rogue.record.of('associate-rq')).toHaveLength(2);
  });

  test('S-14: what a dead association has not taken is sent on another, unless it can be read once only', async () => {
    const dying: readonly Step[] = [drop()];
    let count = 0;
    const { peer, rogue } = await start({
      onStore: () => (++count === 2 || count === 5 ? dying : [final(0)]),
    });
    const again = (once: boolean): StoreRequest => {
      const { dataset, ...request } = requestFor();
      return { ...request, bytes: { [Symbol.asyncIterator]: () => inChunks(dataset, 100) }, once };
    };
    await peer.store(again(false), contextOf());
    expect(await peer.store(again(false), contextOf())).toEqual({ status: 0 });
    expect(await peer.store(again(true), contextOf())).toEqual({ status: 0 });
    await expect(peer.store(again(true), contextOf())).rejects.toMatchObject({ code: 'peer-aborted' });
    expect(rogue.messages('C-STORE-RQ')).toHaveLength(5);
  });

  test('a source that fails aborts the association: nothing is stored half', async () => {
    const { peer, rogue } = await start();
    const gone = new GatewayError('cancelled', 'The client went away.');
    async function* broken(): AsyncGenerator<Buffer> {
      yield await Promise.resolve(Buffer.alloc(100_000));
      throw gone;
    }
    await expect(peer.store({ ...requestFor(), bytes: broken() }, contextOf())).rejects.toBe(gone);
    await rogue.waitFor('abort');
    expect(rogue.messages('C-STORE-RQ')).toHaveLength(0);
  });

  test('a source that fails before anything was sent leaves the association as it is', async () => {
    const { peer, rogue } = await start();
    const broken = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new GatewayError('cancelled', 'gone')) }),
    };
    await expect(peer.store({ ...requestFor(), bytes: broken }, contextOf())).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(await peer.store(requestFor(), contextOf())).toEqual({ status: 0 });
    expect(rogue.record.of('associate-rq')).toHaveLength(1);
  });

  test('an aborted signal aborts the association', async () => {
    const { peer, rogue } = await start({ onStore: [silence()] });
    const controller = new AbortController();
    const done = peer.store(requestFor(), contextOf(controller.signal));
    await rogue.waitFor('C-STORE-RQ');
    controller.abort();
    await expect(done).rejects.toMatchObject({ code: 'cancelled' });
    await rogue.waitFor('abort');
  });

  test('a peer that stops taking bytes is a time-out, and the source is not read on', async () => {
    const { peer, rogue } = await start(
      {
        associate: [
          async (association, request, rogue) => {
            await accept()(association, request, rogue);
            association.socket.pause();
          },
        ],
      },
      { timeouts: { betweenResponsesMs: 200 } },
    );
    let given = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        given += 1;
        yield await Promise.resolve(Buffer.alloc(1_000_000));
      }
    }
    await expect(peer.store({ ...requestFor(), bytes: endless() }, contextOf())).rejects.toMatchObject({
      code: 'peer-timeout',
    });
    expect(given).toBeLessThan(50);
    // A socket that is not read does not notice that it is closed.
    for (const { socket } of rogue.open) socket.resume();
  });

  test.each<[string, string, RoguePeerOptions]>([
    ['peer-aborted', 'aborts', { onStore: [abort()] }],
    ['peer-aborted', 'closes the connection', { onStore: [drop()] }],
    ['peer-timeout', 'does not answer', { onStore: [silence()] }],
  ])('is %s when the peer %s', async (code, _, options) => {
    const { peer } = await start(options, { timeouts: { firstResponseMs: 100 } });
    await expect(peer.store(requestFor(), contextOf())).rejects.toMatchObject({ code });
  });
});
