import { mkdtempSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { atRest, leakCheck } from '../helpers/leaks.js';
import { listing, selected } from '../helpers/listing.js';
import {
  final,
  makeInstance,
  startRoguePeer,
  store,
  type RogueInstance,
  type RoguePeer,
} from '../helpers/rogue-peer.js';
import {
  datasetOf,
  partsOf,
  peerYaml,
  request,
  sha256,
  startTestGateway,
  type RawResponse,
  type TestGateway,
} from '../helpers/test-gateway.js';
import { unzip } from '../helpers/zip-reader.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const SERIES = '/studies/2.25.77.1/series/2.25.77.2';
const AS_STORED = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
const MIB = 2 ** 20;

const sized = (bytes: number): RogueInstance[] =>
  Array.from({ length: 6 }, () => makeInstance({ pixelBytes: bytes }));
const digestsOfAll = (all: readonly RogueInstance[]): ReadonlySet<string> =>
  new Set(all.map(({ dataset }) => sha256(dataset as Buffer)));
const instances = sized(2 * MIB);
const digests = digestsOfAll(instances);
const digestsOf = (response: Pick<RawResponse, 'headers' | 'body'>): ReadonlySet<string> => {
  const isArchive = response.headers['content-type'] === 'application/zip';
  const files = isArchive ? unzip(response.body) : partsOf(response);
  return new Set(files.map(({ body }) => sha256(datasetOf(body))));
};

interface Running {
  readonly peer: RoguePeer;
  readonly gateway: TestGateway;
  readonly directory: string;
  readonly get: () => Promise<RawResponse>;
}

/** A gateway whose memory holds a small part of the series, with a disk tier or without. */
async function start(tier: 'memory' | 'disk', extra = '', held = instances): Promise<Running> {
  const peer = await startRoguePeer({
    onFind: listing(held),
    onGet: (_request, identifier) => [...selected(held, identifier).map((one) => store(one)), final()],
  });
  closers.push(() => peer.close());
  const directory = mkdtempSync(join(tmpdir(), 'cache-faults-'));
  closers.push(() => rm(directory, { recursive: true, force: true }));
  const disk = tier === 'disk' ? `, disk: { directory: "${join(directory, 'cache')}", size: 64 MiB }` : '';
  // Where readers are to be cut off, soon; else not, however slow the machine is.
  const stallTimeout = tier === 'disk' ? '1m' : '300ms';
  const cache = `cache: { memory: 2 MiB, stallTimeout: ${stallTimeout}${disk} }`;
  const address = `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`;
  const gateway = await startTestGateway(peerYaml(address, `${cache}\n${extra}`));
  closers.push(() => gateway.close());
  const get = (): Promise<RawResponse> => request(gateway.service + SERIES, { headers: AS_STORED });
  return { peer, gateway, directory: join(directory, 'cache'), get };
}

const memoryOf = async ({ telemetry }: TestGateway): Promise<number> =>
  Number(/^dicomgw_cache_bytes\{tier="memory"\} (\d+)/m.exec((await telemetry.metrics()).body)?.[1]);

describe('the cache directory', () => {
  test.each<readonly [string, (directory: string) => Promise<unknown>]>([
    ['deleted', (directory) => rm(directory, { recursive: true })],
    ['moved away', (directory) => rename(directory, `${directory}.gone`)],
    [
      'replaced by something in which no file can be made',
      async (directory) => {
        await rename(directory, `${directory}.gone`);
        await writeFile(directory, '');
      },
    ],
    [
      'emptied',
      async (directory) => {
        await rm(directory, { recursive: true });
        await mkdir(directory);
      },
    ],
  ])('%s underneath: nothing wrong is served, and soon everything again', async (_what, harm) => {
    const { gateway, directory, get } = await start('disk');
    expect(digestsOf(await get())).toEqual(digests);
    await harm(directory);
    let whole = false;
    for (let attempt = 0; attempt < 10 && !whole; attempt += 1) {
      const response = await get();
      whole = response.status === 200 && response.complete;
      if (whole) expect(digestsOf(response)).toEqual(digests);
      else expect(response.complete && response.status < 500).toBe(false);
    }
    expect(whole).toBe(true);
    await atRest(gateway);
    expect((await request(`${gateway.origin}/healthz`)).status).toBe(200);
  });
});

describe('a client that never reads', () => {
  const neverReads = (url: string, headers = AS_STORED): Promise<http.IncomingMessage> =>
    new Promise((resolve, reject) => {
      const outgoing = http.get(url, { headers, agent: false }, (response) => {
        response.pause();
        response.on('error', () => undefined);
        resolve(response);
      });
      outgoing.on('error', reject);
    });

  test.each([
    ['parts', AS_STORED],
    ['an archive', { accept: 'application/zip; transfer-syntax=*' }],
  ])(
    'of %s, with a disk tier, holds no association and no memory, and gets all in the end',
    async (_what, headers) => {
      const noLeaks = leakCheck();
      const { gateway, get } = await start('disk');
      const response = await neverReads(gateway.service + SERIES, headers);
      // Everything it has asked for goes to disk.
      await gateway.logged('"operation":"C-GET"');
      await atRest(gateway);
      expect(digestsOf(await get())).toEqual(digests);
      expect(await memoryOf(gateway)).toBeLessThanOrEqual(2 * MIB);
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      expect(digestsOf({ headers: response.headers, body })).toEqual(digests);
      for (const close of closers.splice(0).reverse()) await close();
      await noLeaks();
    },
  );

  test('without a disk tier is cut off when others need its memory, and its association is free', async () => {
    const noLeaks = leakCheck();
    // More than the kernel takes for a client that does not: up to some 40 MB where it is generous.
    const large = sized(12 * MIB);
    const { gateway, peer, get } = await start('memory', 'retrieve: { cancelDelay: 1ms }', large);
    const stuck = [await neverReads(gateway.service + SERIES), await neverReads(gateway.service + SERIES)];
    const responses = await Promise.all([get(), get()]);
    expect(await memoryOf(gateway)).toBeLessThanOrEqual(3 * MIB);
    await gateway.logged('"errorCode":"reader-stalled"');
    for (const response of responses)
      if (response.status === 200 && response.complete)
        expect(digestsOf(response)).toEqual(digestsOfAll(large));
    await atRest(gateway);
    for (const response of stuck) response.destroy();
    for (const close of closers.splice(0).reverse()) await close();
    await peer.allClosed();
    await noLeaks();
  });
});

describe('entries of one peer', () => {
  /** Two peers that hold instances of the same UIDs. */
  async function startTwo(): Promise<{
    readonly peers: readonly [RoguePeer, RoguePeer];
    readonly open: (peer: 'one' | 'two', headers?: Record<string, string>) => Promise<number>;
    readonly purge: (body: unknown) => Promise<unknown>;
    readonly holds: { one: boolean };
  }> {
    const holds = { one: true };
    const held = [makeInstance(), makeInstance()];
    const peers = (await Promise.all(
      (['one', 'two'] as const).map((name) =>
        startRoguePeer({
          aeTitle: name.toUpperCase(),
          onFind: (rq, identifier) => {
            const script = listing(name === 'two' || holds.one ? held : []);
            return typeof script === 'function' ? script(rq, identifier) : script;
          },
          onGet: (_request, identifier) => [...selected(held, identifier).map((one) => store(one)), final()],
        }),
      ),
    )) as [RoguePeer, RoguePeer];
    closers.push(...peers.map((peer) => () => peer.close()));
    const gateway = await startTestGateway(
      [
        'peers:',
        ...peers.map(
          ({ address }, index) =>
            `  ${index === 0 ? 'one' : 'two'}: { address: "${address.aeTitle}@127.0.0.1:${address.port}" }`,
        ),
        'defaultPeer: one',
        'cache: { revalidateAfter: 0, relistAfter: 0 }',
      ].join('\n'),
    );
    closers.push(() => gateway.close());
    return {
      peers,
      holds,
      open: async (peer, headers = {}) => {
        const url = `${gateway.origin}/peers/${peer}/dicomweb${SERIES}`;
        const response = await request(url, { headers: { ...AS_STORED, ...headers } });
        return response.status === 200 ? partsOf(response).length : response.status;
      },
      purge: async (body) => {
        const response = await request(`${gateway.origin}/cache/purge`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
        return JSON.parse(response.body.toString()) as unknown;
      },
    };
  }

  const sent = (peer: RoguePeer): number => peer.messages('C-STORE-RSP').length;

  test.each([
    ['a purge of everything', { all: true, peer: 'one' }],
    ['a purge of the study', { study: '2.25.77.1', peer: 'one' }],
  ])('are not dropped by %s of another', async (_what, body) => {
    const { peers, open, purge } = await startTwo();
    expect([await open('one'), await open('two')]).toEqual([2, 2]);
    expect(await purge(body)).toEqual({ dropped: 2 });
    expect([await open('one'), await open('two')]).toEqual([2, 2]);
    expect(peers.map(sent)).toEqual([4, 2]);
  });

  test('are not dropped when a client wants another’s anew, or when another has lost the study', async () => {
    const { peers, open, holds } = await startTwo();
    expect([await open('one'), await open('two')]).toEqual([2, 2]);
    expect(await open('one', { 'cache-control': 'no-cache' })).toBe(2);
    holds.one = false;
    expect([await open('one'), await open('two')]).toEqual([404, 2]);
    expect(peers.map(sent)).toEqual([4, 2]);
  });
});
