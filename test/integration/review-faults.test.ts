import { afterEach, describe, expect, test } from '@jest/globals';
import net from 'node:net';
import { encapsulatedImage, ctSlice } from '../helpers/fixtures.js';
import { listing, selected } from '../helpers/listing.js';
import {
  final,
  makeInstance,
  pending,
  progress,
  silence,
  startRoguePeer,
  store,
  type RogueInstance,
  type RoguePeer,
  type RoguePeerOptions,
  type Script,
} from '../helpers/rogue-peer.js';
import {
  partsOf,
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

const AS_STORED = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
const SERIES = '/studies/2.25.77.1/series/2.25.77.2';

async function start(
  options: RoguePeerOptions,
  extra = '',
): Promise<{ peer: RoguePeer; gateway: TestGateway }> {
  const peer = await startRoguePeer(options);
  closers.push(() => peer.close());
  const address = `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`;
  const gateway = await startTestGateway(`peers: { main: { address: "${address}" } }\n${extra}`);
  closers.push(() => gateway.close());
  return { peer, gateway };
}

const isWhole = (response: RawResponse): boolean => response.complete && response.status === 200;

/** Writes text on a connection and resolves with what came until it closed, or `enough` came. */
function converse(
  origin: string,
  text: string,
  enough: (answer: string) => boolean = () => false,
): Promise<string> {
  const { port } = new URL(origin);
  return new Promise((resolve) => {
    let answer = '';
    const socket = net.connect(Number(port), '127.0.0.1', () => socket.write(text));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (enough(answer)) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve(answer);
    });
  });
}

describe('pipelined requests', () => {
  test('one that fails behind one that is slow does not end the process', async () => {
    // Encapsulated pixel data that ends too early: as it is it can be delivered, its elements cannot be read.
    const malformed = { ...makeInstance(), dataset: Buffer.from('0800160055490a00312e32', 'hex') };
    const { gateway } = await start({ onFind: listing([malformed]), onGet: [store(malformed), final()] });
    const path = `/dicomweb${SERIES}/instances/${malformed.sopInstanceUid}`;
    await request(gateway.origin + path, { headers: AS_STORED });
    const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    await converse(
      gateway.origin,
      get('/dicomweb/studies') + get(`${path}/metadata`) + get(`${path}/metadata`),
      (answer) => answer.split('HTTP/1.1 ').length > 3,
    );
    expect((await request(`${gateway.origin}/healthz`)).status).toBe(200);
  });

  test('a disconnect ends all of them', async () => {
    const instances = [makeInstance(), makeInstance()];
    const { peer, gateway } = await start({ onFind: [silence()] }, 'retrieve: { cancelDelay: 10ms }');
    const text = instances.map(
      (one) => `GET /dicomweb${SERIES}/instances/${one.sopInstanceUid} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    );
    const { port } = new URL(gateway.origin);
    const socket = net.connect(Number(port), '127.0.0.1', () => socket.write(text.join('')));
    await peer.waitFor('C-FIND-RQ', 2);
    socket.destroy();
    await peer.waitFor('C-CANCEL-RQ', 2);
  });
});

describe('a sweep never passes for whole what is not', () => {
  const instances = (): RogueInstance[] => [makeInstance(), makeInstance(), makeInstance()];
  const capped = (held: readonly RogueInstance[]): Script => listing(held, { counts: 'none', cap: 2 });
  /** Lists of UIDs are answered rightly; what is asked by level alone by `onLevel`. */
  const byLevel =
    (held: readonly RogueInstance[], onLevel: Script): Script =>
    (rq, identifier) => {
      if (identifier.has(0x00080018))
        return [...selected(held, identifier).map((one) => store(one)), final()];
      return typeof onLevel === 'function' ? onLevel(rq, identifier) : onLevel;
    };

  test.each<readonly [string, (held: readonly RogueInstance[]) => Script]>([
    [
      'the peer ends it by itself',
      (held) => [...held.slice(0, 1).map((one) => store(one)), progress({ remaining: 2 }), final(0xfe00)],
    ],
    [
      'B000 without counters',
      () => [final(0xb000, { completed: undefined, failed: undefined, warning: undefined })],
    ],
    [
      'the missing one is of another study',
      (held) => [
        store({
          ...makeInstance({ studyInstanceUid: '2.25.66' }),
          sopInstanceUid: held.at(2)?.sopInstanceUid ?? '',
        }),
        progress({ remaining: 2 }),
        ...held.slice(0, 2).map((one) => store(one)),
        final(),
      ],
    ],
  ])('%s', async (_what, onLevel) => {
    const held = instances();
    const { gateway } = await start({ onFind: capped(held), onGet: byLevel(held, onLevel(held)) });
    for (const path of [SERIES, '/studies/2.25.77.1']) {
      const response = await request(gateway.service + path, { headers: AS_STORED });
      expect([path, isWhole(response)]).toEqual([path, false]);
    }
  });
});

test('a retrieve that the peer itself cancels is not asked for again and again', async () => {
  const one = makeInstance();
  const { peer, gateway } = await start({ onFind: listing([one]), onGet: [final(0xfe00)] });
  const response = await request(gateway.service + SERIES, { headers: AS_STORED });
  expect(response.status).toBe(502);
  expect(peer.messages('C-GET-RQ').length).toBeLessThan(4);
});

test('a look-ahead of 0 still answers a search that has a limit', async () => {
  const rows = [1, 2, 3].map((n) => pending({ StudyInstanceUID: `1.2.${n}` }));
  const { gateway } = await start({ onFind: [...rows, final()] }, 'search: { lookAhead: 0 }');
  const response = await request(`${gateway.service}/studies?limit=2`);
  expect(JSON.parse(response.body.toString())).toHaveLength(2);
  expect(response.headers.warning).toContain('at least 1');
});

test.each(['/instances/1.2.3', ''])(
  'a listing that was cut short before a usable row is not "not found": series%s',
  async (suffix) => {
    const { gateway } = await start({ onFind: [final(0xfe00)] });
    const response = await request(gateway.service + SERIES + suffix, { headers: AS_STORED });
    expect(response.status).toBe(502);
  },
);

test('a download that outlasts the time to drain is reset, not ended', async () => {
  const first = makeInstance();
  const { peer, gateway } = await start({
    onFind: listing([first, makeInstance()]),
    onGet: [store(first), silence()],
  });
  const body = request(gateway.service + SERIES, { headers: { ...AS_STORED, connection: 'close' } });
  await peer.waitFor('C-STORE-RSP');
  await gateway.close();
  const response = await body;
  expect(response.complete && response.status === 200).toBe(false);
});

test('a client that sends before it reads still gets to see why its upload was refused', async () => {
  const { gateway } = await start({}, 'store: { maxPartBytes: 4 KiB }');
  const files = [
    ctSlice({ rows: 512, columns: 512 }).file,
    ctSlice({ instance: 2, rows: 512, columns: 512 }).file,
  ];
  const { contentType, body } = storeBody([...files, ...files, ...files]);
  const answer = await converse(
    gateway.origin,
    `POST /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n\r\n` +
      body.toString('latin1'),
  );
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
});

test('what was stored before a part that is too large is told', async () => {
  const { gateway } = await start({}, 'store: { maxPartBytes: 64 KiB }');
  const [small, large] = [
    ctSlice({ rows: 8, columns: 8 }),
    encapsulatedImage({ instance: 2, rows: 512, columns: 512 }),
  ];
  const big = Buffer.concat([large.file, Buffer.alloc(100_000)]);
  const { contentType, body } = storeBody([small.file, big]);
  const response = await request(`${gateway.service}/studies`, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body,
  });
  expect(response.status).toBe(202);
  expect(response.body.toString()).toContain(small.sopInstanceUid);
});

test('bytes that are no HTTP do not leave a connection half open', async () => {
  const { gateway } = await start({});
  const { port } = new URL(gateway.origin);
  const socket = net.connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true }, () =>
    socket.write('\x00\x01\x02\r\n\r\n'),
  );
  socket.on('data', () => undefined).on('error', () => undefined);
  await new Promise((resolve) => socket.once('end', resolve));
  // The gateway has let go of it although this side was never closed: what is sent now is answered by a reset.
  const gone = new Promise((resolve) => socket.once('close', resolve));
  const poke = setInterval(() => socket.write('x'), 20);
  await gone;
  clearInterval(poke);
});

test('a multipart answer of nothing but refused instances is an error, and the parts of a good one are all there', async () => {
  const good = [makeInstance(), makeInstance()];
  const { gateway } = await start({
    onFind: listing(good),
    onGet: (_rq, id) => [...selected(good, id).map((one) => store(one)), final()],
  });
  expect(partsOf(await request(gateway.service + SERIES, { headers: AS_STORED }))).toHaveLength(2);
});
