import http from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ctSlice, type Fixture } from '../helpers/fixtures.js';
import {
  abort,
  accept,
  acceptUntil,
  drop,
  final,
  refusingPort,
  reject,
  silence,
  startRoguePeer,
  type AssociateStep,
  type RoguePeer,
  type RoguePeerOptions,
  type Step,
} from '../helpers/rogue-peer.js';
import { answerOf, postFiles } from '../helpers/store-answer.js';
import {
  HASTY,
  peerYaml,
  request,
  startTestGateway,
  storeBody,
  type RawResponse,
  type TestGateway,
} from '../helpers/test-gateway.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const COUNT = 10;
/** The instance that something happens to. */
const NTH = 4;
const files = (side = 16): readonly Fixture[] =>
  Array.from({ length: COUNT }, (_, index) => ctSlice({ instance: index + 1, rows: side, columns: side }));
/** Datasets that do not come in one piece. */
const LARGE = 400;

/** A PACS that keeps what it acknowledges, and what a test makes of it. */
interface World {
  readonly peer: RoguePeer;
  readonly gateway: TestGateway;
  /** SOP Instance UIDs that it answered with success or a warning, in their order. */
  readonly acknowledged: string[];
}

/** `onNth` is its answer to one of the instances; the others are acknowledged. */
async function start(onNth: Step, extra = '', options: RoguePeerOptions = {}): Promise<World> {
  const acknowledged: string[] = [];
  const nth = files()[NTH - 1]?.sopInstanceUid;
  const peer = await startRoguePeer({
    ...options,
    onStore: ({ affectedSopInstanceUid: uid = '' }) =>
      uid === nth ? [onNth] : [() => acknowledged.push(uid), final(0)],
  });
  closers.push(() => peer.close());
  const address = `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`;
  const gateway = await startTestGateway(peerYaml(address, extra));
  closers.push(() => gateway.close());
  return { peer, gateway, acknowledged };
}

const storeAll = (
  { gateway }: Pick<World, 'gateway'>,
  headers = {},
  fixtures = files(),
): Promise<RawResponse> =>
  postFiles(
    `${gateway.service}/studies`,
    fixtures.map(({ file }) => file),
    headers,
  );

/** The law of a store: what is called stored was acknowledged, and the other way round; each instance is told once. */
function expectTrue(response: RawResponse, acknowledged: readonly string[]): void {
  const { stored, failed, other } = answerOf(response);
  expect([...stored].sort()).toEqual([...acknowledged].sort());
  expect(other).toEqual([]);
  expect([...stored, ...Object.keys(failed)].sort()).toEqual(
    files()
      .map(({ sopInstanceUid }) => sopInstanceUid)
      .sort(),
  );
}

const nthUid = files()[NTH - 1]?.sopInstanceUid ?? '';
/** Something that the PACS says to the one instance. */
const answer = (status: number): Step => final(status);

describe.each([1, 3])(
  'of ten instances, %i at once, the answer lists just what the PACS has acknowledged',
  (parallel) => {
    const extra = `store: { parallel: ${parallel} }`;

    test.each([
      0x0110, 0x0111, 0x0117, 0x0122, 0x0124, 0x0210, 0x0211, 0x0212, 0xa700, 0xa7ff, 0xa900, 0xa9ff, 0xc000,
      0xc122, 0xcfff, 0xfe00, 0xff00,
    ])('S-08, S-10: refusing one with %i is 202 with that reason', async (status) => {
      const world = await start(answer(status), extra);
      const response = await storeAll(world);
      expect(response.status).toBe(202);
      expectTrue(response, world.acknowledged);
      expect(answerOf(response).failed).toEqual({ [nthUid]: status });
    });

    test.each([0xb000, 0xb006, 0xb007, 0xb123, 0x0001, 0x0107, 0x0116])(
      'S-08, S-10, S-11: a warning, %i, is 202, stored, with its WarningReason and words for it',
      async (status) => {
        const world = await start(answer(status), extra);
        const response = await storeAll(world);
        expect(response.status).toBe(202);
        expectTrue(response, [...world.acknowledged, nthUid]);
        expect(answerOf(response).warnings).toEqual({ [nthUid]: status });
        expect(answerOf(response).failed).toEqual({});
        const code = status.toString(16).toUpperCase().padStart(4, '0');
        expect(response.headers.warning).toContain(`stored with warning ${code}`);
        expect(response.headers.location).toMatch(/\/studies\/[0-9.]+$/);
      },
    );

    test.each<readonly [string, Step]>([
      ['aborts', abort()],
      ['closes the connection', drop()],
      [
        'resets the connection',
        ({ association }) => {
          association.reset();
        },
      ],
      ['says nothing', silence()],
      ['answers another request', (operation) => operation.respond({ messageIdRespondedTo: 999 })],
      ['answers something else', (operation) => operation.respond({ commandField: 0x8030 })],
      ['answers without a status', (operation) => operation.respond({ status: undefined })],
      [
        'answers no DICOM',
        ({ association }) => association.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')),
      ],
    ])('S-13: a PACS that %s after one: that one is 0110, the others are stored', async (what, step) => {
      const world = await start(step, what === 'says nothing' ? `${HASTY}\n${extra}` : extra);
      const response = await storeAll(world);
      expect(response.status).toBe(202);
      expectTrue(response, world.acknowledged);
      expect(answerOf(response).failed).toEqual({ [nthUid]: 0x0110 });
    });
  },
);

describe('a PACS that is killed', () => {
  /** Nobody listens any more, and no connection is left. */
  const kill = ({ peer }: { readonly peer: RoguePeer }): Promise<void> => peer.close();

  test('S-13: before an answer: the rest is a failure, what came before is stored', async () => {
    const world = await start(kill, 'store: { parallel: 1 }');
    const response = await storeAll(world);
    expect(response.status).toBe(202);
    expectTrue(response, world.acknowledged);
    expect(world.acknowledged).toHaveLength(NTH - 1);
    expect(new Set(Object.values(answerOf(response).failed))).toEqual(new Set([0xa700]));
  });

  test('S-13: right after an answer, which counts', async () => {
    const acknowledgeAndDie: Step = async (operation) => {
      await operation.respond({ status: 0 });
      await operation.peer.close();
    };
    const world = await start(acknowledgeAndDie, 'store: { parallel: 1 }');
    const response = await storeAll(world);
    expect(response.status).toBe(202);
    expectTrue(response, [...world.acknowledged, nthUid]);
    expect(world.acknowledged).toHaveLength(NTH - 1);
  });

  test('S-13: in the middle of a dataset', async () => {
    const large = files(LARGE);
    const bytes = (large[0]?.dataset.length ?? 0) * (NTH - 0.5);
    const associate: AssociateStep = acceptUntil(bytes, ({ socket }) => {
      socket.resetAndDestroy();
      void world.peer.close();
    });
    const world: World = await start(answer(0), 'store: { parallel: 1 }', { associate });
    const response = await storeAll(world, {}, large);
    expect(response.status).toBe(202);
    expectTrue(response, world.acknowledged);
    expect(world.acknowledged).toHaveLength(NTH - 1);
    expect(world.peer.messages('C-STORE-RQ')).toHaveLength(NTH - 1);
  });

  test('S-14: in the middle of a dataset and there again: it is sent once more, and all are stored', async () => {
    const large = files(LARGE);
    const bytes = (large[0]?.dataset.length ?? 0) * (NTH - 0.5);
    const associate = [acceptUntil(bytes, ({ socket }) => socket.resetAndDestroy()), accept()];
    const world = await start(
      (operation) => {
        world.acknowledged.push(nthUid);
        return operation.respond({ status: 0 });
      },
      'store: { parallel: 1 }',
      { associate },
    );
    const response = await storeAll(world, {}, large);
    expect(response.status).toBe(200);
    expectTrue(response, world.acknowledged);
    expect(world.peer.record.of('associate-rq')).toHaveLength(2);
  });

  test('S-14: and the PACS then says that it is a duplicate: that is passed on, for nobody knows of what', async () => {
    const large = files(LARGE);
    const bytes = (large[0]?.dataset.length ?? 0) * (NTH - 0.5);
    const associate = [acceptUntil(bytes, ({ socket }) => socket.resetAndDestroy()), accept()];
    const world = await start(answer(0x0111), 'store: { parallel: 1 }', { associate });
    const response = await storeAll(world, {}, large);
    expect(response.status).toBe(202);
    expectTrue(response, world.acknowledged);
    expect(answerOf(response).failed).toEqual({ [nthUid]: 0x0111 });
    expect(world.peer.record.of('associate-rq')).toHaveLength(2);
  });

  test('S-08: before the first is 503 with Retry-After', async () => {
    const gateway = await startTestGateway(peerYaml(`GONE@127.0.0.1:${await refusingPort()}`));
    closers.push(() => gateway.close());
    const response = await storeAll({ gateway });
    expect([response.status, response.headers['retry-after'] !== undefined]).toEqual([503, true]);
    expect(response.headers['content-type']).toBe('application/problem+json');
  });
});

describe('an association that cannot be had', () => {
  test.each([
    ['for now', reject('transient'), 503],
    ['because it is full', reject('transient', 3, 2), 503],
    ['for good', reject('permanent'), 409],
  ])('S-08: rejected %s: nothing is called stored', async (_what, associate, status) => {
    const world = await start(answer(0), '', { associate });
    const response = await storeAll(world);
    expect(response.status).toBe(status);
    if (status === 409) expectTrue(response, []);
    else expect(response.headers['retry-after']).toBeDefined();
  });

  test('S-08: a PACS that does not answer the request for one', async () => {
    const world = await start(answer(0), HASTY, { associate: () => undefined });
    const response = await storeAll(world);
    expect([response.status, response.headers['retry-after'] !== undefined]).toEqual([503, true]);
  });

  test('S-13: rejected in the middle: the rest is a failure', async () => {
    const associate = [accept(), reject('transient')];
    const world = await start(abort(), 'store: { parallel: 1 }', { associate });
    const response = await storeAll(world);
    expect(response.status).toBe(202);
    expectTrue(response, world.acknowledged);
    expect(world.acknowledged).toHaveLength(NTH - 1);
  });
});

describe('the form of the answer', () => {
  test('S-08: a body of Part 10 files without any is a bad request', async () => {
    const { gateway } = await start(final(0));
    const response = await postFiles(`${gateway.service}/studies`, []);
    expect([response.status, response.body.toString()]).toEqual([
      400,
      expect.stringContaining('nothing to store'),
    ]);
  });

  test('S-09: XML for who asks for it, with failures in it', async () => {
    const world = await start(answer(0xa900));
    const response = await storeAll(world, { accept: 'application/dicom+xml' });
    expect([response.status, response.headers['content-type']]).toEqual([202, 'application/dicom+xml']);
    const text = response.body.toString();
    expect(text).toContain('keyword="FailedSOPSequence"');
    expect(text).toContain(nthUid);
    expect(text).toContain('<Value number="1">43264</Value>');
  });

  test.each([undefined, '*/*', 'application/dicom+json', 'application/json'])(
    'S-09: JSON for %s',
    async (accepted) => {
      const world = await start(answer(0));
      const response = await storeAll(world, accepted === undefined ? {} : { accept: accepted });
      expect([response.status, response.headers['content-type']]).toEqual([200, 'application/dicom+json']);
    },
  );

  test('S-10: parts that are no instance are other failures, beside instances that failed and those stored', async () => {
    const world = await start(answer(0xa700));
    const bodies = [Buffer.from('hello'), ...files().map(({ file }) => file), Buffer.alloc(0)];
    const response = await postFiles(`${world.gateway.service}/studies`, bodies);
    expect(response.status).toBe(202);
    const { stored, failed, other } = answerOf(response);
    expect([...stored].sort()).toEqual([...world.acknowledged].sort());
    expect([failed, other]).toEqual([{ [nthUid]: 0xa700 }, [0xc000, 0xc000]]);
  });
});

describe('a client that leaves', () => {
  const { contentType, body } = storeBody(files().map(({ file }) => file));

  test('S-13: what was acknowledged stays, what was in flight is aborted, and the log says which', async () => {
    let leave: () => void = () => undefined;
    const world = await start(() => {
      leave();
      return new Promise(() => undefined);
    }, 'store: { parallel: 1 }');
    const outgoing = http.request(`${world.gateway.service}/studies`, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': contentType },
    });
    outgoing.on('error', () => undefined);
    leave = () => outgoing.destroy();
    outgoing.end(body);
    const line = await world.gateway.logged('the client left');
    expect(line).toContain('stored: 1-3, broken off on the way to the peer: 4, not stored: 5');
    expect(world.acknowledged).toHaveLength(NTH - 1);
    await world.peer.waitFor('abort');
    await world.peer.allClosed();
    expect(world.peer.messages('C-STORE-RQ')).toHaveLength(NTH);
    expect(line).not.toContain(nthUid);
  });

  test('S-13: in the middle of its body', async () => {
    const world = await start(answer(0), 'store: { parallel: 1 }');
    const { port, hostname, pathname } = new URL(`${world.gateway.service}/studies`);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write(
      `POST ${pathname} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    socket.write(body.subarray(0, body.length / 2));
    await world.peer.waitFor('C-STORE-RQ', 2);
    socket.destroy();
    const line = await world.gateway.logged('the client left');
    const stored = Number(/stored: 1-(\d+)/.exec(line)?.[1]);
    expect(stored).toBe(world.peer.messages('C-STORE-RQ').length);
  });
});

test('S-13: a client that leaves in the middle of one instance that flows to the PACS: the log says that it was begun', async () => {
  let begin: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const associate = acceptUntil(10_000, () => {
    begin();
  });
  const world = await start(answer(0), 'cache: { memory: 1 MiB, stallTimeout: 20s }', { associate });
  const { file } = ctSlice({ rows: 2000, columns: 2000 });
  const { port, hostname, pathname } = new URL(`${world.gateway.service}/studies`);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/dicom\r\nContent-Length: ${file.length}\r\n\r\n`,
  );
  socket.write(file.subarray(0, 0.8 * file.length));
  await begun;
  socket.destroy();
  expect(await world.gateway.logged('the client left')).toContain('broken off on the way to the peer: 1');
});

test('S-08: a client that reads nothing before it has sent everything gets its 202 all the same', async () => {
  const world = await start(answer(0), 'store: { maxPartBytes: 64 KiB }');
  const huge = Buffer.concat([ctSlice({ instance: 11 }).file, Buffer.alloc(30_000_000)]);
  const [first] = files();
  const { contentType, body } = storeBody([first?.file ?? huge, huge]);
  const response = await request(`${world.gateway.service}/studies`, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body,
  });
  expect(response.status).toBe(202);
  const { stored, other } = answerOf(response);
  expect([stored, other]).toEqual([[first?.sopInstanceUid], [0x0110]]);
});
