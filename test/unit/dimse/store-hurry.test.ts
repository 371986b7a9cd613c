import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import type { StoreRequest } from '../../../src/dimse/index.js';
import { makeInstance, type Step } from '../../helpers/rogue-peer.js';
import { storeResponse } from '../../helpers/store-response.js';
import { contextOf, withRoguePeers } from './peer-setup.js';

const start = withRoguePeers();

function instance(): StoreRequest & { readonly dataset: Buffer } {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, dataset } = makeInstance({ pixelBytes: 40_000 });
  const bytes = {
    [Symbol.asyncIterator]: async function* () {
      yield await Promise.resolve(dataset);
    },
  };
  return { sopClassUid, sopInstanceUid, transferSyntaxUid, dataset, bytes };
}

/** PDU and PDV header: what DCMTK writes by itself, and Nagle's algorithm sends by itself. */
const FIRST_WRITE = 12;

/** The beginning of the response, and the rest once something was heard, which `heard` gets. */
const asNagle =
  (heard: (bytes: Buffer) => void): Step =>
  async (operation) => {
    const { association } = operation;
    const response = storeResponse(operation);
    const acknowledged = once(association.socket, 'data') as Promise<[Buffer]>;
    await association.write(response.subarray(0, FIRST_WRITE));
    const [bytes] = await acknowledged;
    heard(bytes);
    await association.write(response.subarray(FIRST_WRITE));
  };

const whole: Step = (operation) => operation.association.write(storeResponse(operation));

test('a response of which a part is held back is hurried by the first byte of the next request, and by no more', async () => {
  const COUNT = 6;
  const requests = Array.from({ length: COUNT }, instance);
  const hurried: Buffer[] = [];
  let asked = 0;
  const { peer, rogue } = await start({
    onStore: () => [++asked < COUNT ? asNagle((bytes) => hurried.push(bytes)) : whole],
  });
  const context = contextOf();
  const results = await Promise.all(requests.map((request) => peer.store(request, context)));
  expect(results).toEqual(requests.map(() => ({ status: 0 })));
  expect(hurried.map((bytes) => [...bytes])).toEqual(Array.from({ length: COUNT - 1 }, () => [4]));
  const received = rogue.messages('C-STORE-RQ').map(({ dataset }) => dataset);
  expect(received.map((dataset, index) => requests[index]?.dataset.equals(dataset))).toEqual(
    requests.map(() => true),
  );
  expect(rogue.record.of('associate-rq')).toHaveLength(1);
});

test('it is hurried as well by a request that comes when a part of the response is there already', async () => {
  let asked = 0;
  let begun: () => void = () => undefined;
  const beginning = new Promise<void>((resolve) => (begun = resolve));
  const { peer } = await start({
    onStore: () => [
      () => {
        begun();
      },
      ++asked === 1 ? asNagle(() => undefined) : whole,
    ],
  });
  const first = peer.store(instance(), contextOf());
  await beginning;
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  const second = peer.store(instance(), contextOf());
  expect(await Promise.all([first, second])).toEqual([{ status: 0 }, { status: 0 }]);
});

test('what was to follow and is given up leaves an association that the next one is stored on', async () => {
  const controller = new AbortController();
  let asked = 0;
  const { peer, rogue } = await start({
    onStore: () => [
      ++asked === 1
        ? asNagle(() => {
            controller.abort();
          })
        : whole,
    ],
  });
  const first = peer.store(instance(), contextOf());
  const second = peer.store(instance(), contextOf(controller.signal));
  expect(await first).toEqual({ status: 0 });
  await expect(second).rejects.toMatchObject({ code: 'cancelled' });
  expect(await peer.store(instance(), contextOf())).toEqual({ status: 0 });
  expect(rogue.record.of('associate-rq')).toHaveLength(1);
  expect(rogue.messages('C-STORE-RQ')).toHaveLength(2);
});

test('an instance whose bytes come while it is sent is no message that has begun before', async () => {
  const controller = new AbortController();
  let asked = 0;
  const { peer, rogue } = await start({
    onStore: () => [
      ++asked === 1
        ? asNagle(() => {
            controller.abort();
          })
        : whole,
    ],
  });
  const first = peer.store(instance(), contextOf());
  const second = peer.store(instance(), contextOf(controller.signal));
  expect(await first).toEqual({ status: 0 });
  await expect(second).rejects.toMatchObject({ code: 'cancelled' });
  expect(await peer.store({ ...instance(), once: true }, contextOf())).toEqual({ status: 0 });
  expect(rogue.record.of('associate-rq')).toHaveLength(2);
});

test('an association that has said the first byte of a message is not kept for a message that may come late', async () => {
  const controller = new AbortController();
  const { peer, rogue } = await start({
    onStore: [
      asNagle(() => {
        controller.abort();
      }),
    ],
  });
  const first = peer.store(instance(), contextOf());
  const second = peer.store(instance(), contextOf(controller.signal));
  expect(await first).toEqual({ status: 0 });
  await expect(second).rejects.toMatchObject({ code: 'cancelled' });
  await rogue.allClosed();
  expect(peer.stats.associations).toEqual({ opening: 0, busy: 0, idle: 0, closing: 0 });
});

test('an association that has said the first byte of a message that will not come is ended without a word', async () => {
  const controller = new AbortController();
  const { peer, rogue } = await start({
    onStore: [
      asNagle(() => {
        controller.abort();
      }),
    ],
  });
  const first = peer.store(instance(), contextOf());
  const second = peer.store(instance(), contextOf(controller.signal));
  expect(await first).toEqual({ status: 0 });
  await expect(second).rejects.toMatchObject({ code: 'cancelled' });
  await peer.close(1000);
  await rogue.allClosed();
  const said = rogue.record.events.map(({ type }) => type);
  expect(said).toEqual(expect.not.arrayContaining(['abort', 'release-rq', 'unreadable']));
});

test('no byte goes ahead of the response to a peer that is not to be hurried', async () => {
  let asked = 0;
  let hurried = 0;
  const slowly: Step = async (operation) => {
    const { association } = operation;
    const response = storeResponse(operation);
    const count = (bytes: Buffer): void => {
      hurried += bytes.length;
    };
    association.socket.on('data', count);
    await association.write(response.subarray(0, FIRST_WRITE));
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    association.socket.off('data', count);
    await association.write(response.subarray(FIRST_WRITE));
  };
  const { peer } = await start({ onStore: () => [++asked < 3 ? slowly : whole] }, { storesAhead: false });
  const results = await Promise.all([1, 2, 3].map(() => peer.store(instance(), contextOf())));
  expect(results).toEqual([{ status: 0 }, { status: 0 }, { status: 0 }]);
  expect(hurried).toBe(0);
});
