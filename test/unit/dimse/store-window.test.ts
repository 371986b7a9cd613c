import { setMaxListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import type { Peer, StoreRequest } from '../../../src/dimse/index.js';
import {
  abort,
  accept,
  final,
  makeInstance,
  reject,
  silence,
  until,
  type RogueOperation,
  type RoguePeer,
  type Step,
} from '../../helpers/rogue-peer.js';
import { contextOf, withRoguePeers } from './peer-setup.js';

const start = withRoguePeers();

function requestOf(chunks: () => AsyncIterable<Buffer>, of = makeInstance()): StoreRequest {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = of;
  return { sopClassUid, sopInstanceUid, transferSyntaxUid, bytes: chunksOf(chunks) };
}

const chunksOf = (chunks: () => AsyncIterable<Buffer>): AsyncIterable<Buffer> => ({
  [Symbol.asyncIterator]: () => chunks()[Symbol.asyncIterator](),
});

function instance(): StoreRequest {
  const made = makeInstance();
  return requestOf(async function* () {
    yield await Promise.resolve(made.dataset);
  }, made);
}

/** Stores `count` instances of one request; UIDs with what became of them. */
function storeAll(
  peer: Peer,
  count: number,
  { signal = new AbortController().signal, requests = Array.from({ length: count }, instance) } = {},
): Promise<
  readonly {
    readonly uid: string;
    readonly outcome: PromiseSettledResult<Awaited<ReturnType<Peer['store']>>>;
  }[]
> {
  setMaxListeners(0, signal);
  const context = contextOf(signal);
  return Promise.all(
    requests.map(async (request) => {
      const [outcome] = await Promise.allSettled([peer.store(request, context)]);
      return { uid: request.sopInstanceUid, outcome };
    }),
  );
}

const opened = (rogue: RoguePeer): number => rogue.record.of('associate-rq').length;
const uidOf = ({ request }: RogueOperation): string => request.affectedSopInstanceUid ?? '';

describe('PS3.7 D.3.3.3: the asynchronous operations window', () => {
  test.each([
    [1, 'does not answer the item', 8, {}],
    [1, 'accepts one', 8, { operationsAtOnce: 1 }],
    [3, 'accepts three', 8, { operationsAtOnce: 3 }],
    [4, 'accepts more than was proposed', 4, { operationsAtOnce: 9 }],
    [4, 'accepts any number', 4, { operationsAtOnce: 0 }],
    [1, 'was not asked', 1, { operationsAtOnce: 5 }],
  ])('%i at once where the peer %s', async (most, _what, storesAtOnce, options) => {
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const { peer, rogue } = await start(
      { associate: accept(options), onStore: [until(gate), final(0)] },
      { storesAtOnce },
    );
    const storing = storeAll(peer, 12);
    await rogue.waitFor('C-STORE-RQ', most);
    expect(rogue.messages('C-STORE-RQ')).toHaveLength(most);
    go();
    const results = await storing;
    expect(results.map(({ outcome }) => outcome)).toEqual(
      results.map(() => ({ status: 'fulfilled', value: { status: 0 } })),
    );
    expect(opened(rogue)).toBe(1);
    const [request] = rogue.record.of('associate-rq');
    expect(request?.type === 'associate-rq' && request.request.asyncWindow).toEqual(
      storesAtOnce > 1 ? [storesAtOnce, 1] : undefined,
    );
  });

  test('responses are matched by their Message IDs, in whatever order they come', async () => {
    const held: RogueOperation[] = [];
    let all: () => void = () => undefined;
    const here = new Promise<void>((resolve) => (all = resolve));
    const { peer } = await start(
      {
        associate: accept({ operationsAtOnce: 5 }),
        onStore: [
          (operation) => {
            held.push(operation);
            if (held.length === 5) all();
          },
        ],
      },
      { storesAtOnce: 5 },
    );
    const storing = storeAll(peer, 5);
    await here;
    const statusOf = new Map(held.map((operation, index) => [uidOf(operation), 0xa700 + index]));
    for (const operation of [...held].reverse())
      await operation.respond({ status: statusOf.get(uidOf(operation)) ?? 0 });
    for (const { uid, outcome } of await storing)
      expect(outcome).toEqual({ status: 'fulfilled', value: { status: statusOf.get(uid) } });
  });

  test.each<readonly [string, Step]>([
    ['is aborted', abort()],
    ['is silent', silence()],
  ])('S-13, S-14: when it %s at one of several, that one fails alone', async (_what, step) => {
    const [bad, ...others] = Array.from({ length: 6 }, instance);
    if (!bad) throw new Error('no instance');
    const acknowledged: string[] = [];
    const ok: Step = async (operation) => {
      await operation.respond({ status: 0 });
      acknowledged.push(uidOf(operation));
    };
    const { peer } = await start(
      {
        associate: accept({ operationsAtOnce: 3 }),
        onStore: ({ affectedSopInstanceUid }) => [affectedSopInstanceUid === bad.sopInstanceUid ? step : ok],
      },
      { storesAtOnce: 3, timeouts: { firstResponseMs: 300, betweenResponsesMs: 300 } },
    );
    const [first, second, ...rest] = others;
    const requests = [first, second, bad, ...rest].flatMap((request) => request ?? []);
    const results = await storeAll(peer, 0, { requests });
    const stored = results.flatMap(({ uid, outcome }) => (outcome.status === 'fulfilled' ? [uid] : []));
    expect(stored).toEqual(others.map(({ sopInstanceUid }) => sopInstanceUid));
    expect(new Set(acknowledged)).toEqual(new Set(stored));
  });

  test('S-13: a peer that always breaks off is asked twice for each, and nothing is called stored', async () => {
    const { peer, rogue } = await start(
      { associate: accept({ operationsAtOnce: 4 }), onStore: [abort()] },
      { storesAtOnce: 4 },
    );
    const results = await storeAll(peer, 4);
    expect(results.map(({ outcome }) => outcome.status)).toEqual(results.map(() => 'rejected'));
    expect(rogue.messages('C-STORE-RQ').length).toBeLessThanOrEqual(8);
  });

  test('one whose bytes cannot be had brings none of the others down', async () => {
    const { peer } = await start(
      { associate: accept({ operationsAtOnce: 4 }), onStore: [final(0)] },
      { storesAtOnce: 4 },
    );
    const broken = requestOf(async function* () {
      yield await Promise.resolve(Buffer.alloc(100_000));
      throw new Error('the disk is gone');
    });
    const requests = [instance(), broken, instance(), instance()];
    const results = await storeAll(peer, 0, { requests });
    expect(results.map(({ outcome }) => outcome.status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
  });

  test('a request that is given up takes none of another request with it', async () => {
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const { peer, rogue } = await start(
      { associate: accept({ operationsAtOnce: 4 }), onStore: [until(gate), final(0)] },
      { storesAtOnce: 4 },
    );
    const controller = new AbortController();
    const given = storeAll(peer, 2, { signal: controller.signal });
    const kept = storeAll(peer, 2);
    await rogue.waitFor('C-STORE-RQ', 2);
    controller.abort();
    go();
    expect((await given).map(({ outcome }) => outcome.status)).toEqual(['rejected', 'rejected']);
    expect((await kept).map(({ outcome }) => outcome.status)).toEqual(['fulfilled', 'fulfilled']);
  });

  test('searches have their turn between the instances of a peer that takes one association', async () => {
    const { peer, rogue } = await start(
      { associate: accept({ operationsAtOnce: 2 }) },
      { storesAtOnce: 2, associations: 1 },
    );
    let isOver = false;
    const storing = storeAll(peer, 500).finally(() => (isOver = true));
    await rogue.waitFor('C-STORE-RQ');
    await peer.echo(contextOf());
    expect(isOver).toBe(false);
    expect((await storing).every(({ outcome }) => outcome.status === 'fulfilled')).toBe(true);
  });

  test('a peer that rejects associations because of the item is asked without it, also for the next', async () => {
    const { peer, rogue } = await start(
      {
        associate: (association, request, self) =>
          (request.asyncWindow ? reject('permanent', 1, 1) : accept())(association, request, self),
      },
      { storesAtOnce: 8, idleMs: 0 },
    );
    for (let count = 0; count < 3; count += 1)
      expect(await peer.store(instance(), contextOf())).toEqual({ status: 0 });
    expect(opened(rogue)).toBe(4);
  });

  test('one by one, by all requests together, unless more associations are configured', async () => {
    let now = 0;
    let most = 0;
    const { peer, rogue } = await start({
      onStore: [
        () => {
          now += 1;
          most = Math.max(most, now);
        },
        () => new Promise((resolve) => setImmediate(resolve)),
        () => (now -= 1),
        final(0),
      ],
    });
    await Promise.all([storeAll(peer, 10), storeAll(peer, 10), storeAll(peer, 10)]);
    expect([most, opened(rogue)]).toEqual([1, 1]);
  });
});
