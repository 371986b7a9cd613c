import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import { listing, selected } from '../helpers/listing.js';
import {
  final,
  makeInstance,
  startRoguePeer,
  store,
  type RogueInstance,
  type RoguePeer,
  type Script,
} from '../helpers/rogue-peer.js';
import {
  peerYaml,
  request,
  startTestGateway,
  type RawResponse,
  type TestGateway,
} from '../helpers/test-gateway.js';

let peer: RoguePeer | undefined;
let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  await peer?.close();
});

const SERIES = '/studies/2.25.77.1/series/2.25.77.2';

async function start(instances: readonly RogueInstance[], extra = ''): Promise<void> {
  const onGet: Script = (_request, identifier) => [
    ...selected(instances, identifier).map((one) => store(one)),
    final(),
  ];
  peer = await startRoguePeer({ onFind: listing(instances), onGet });
  gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, extra));
}

const metadata = (headers: Record<string, string> = {}, path = SERIES): Promise<RawResponse> =>
  request(`${gateway?.service ?? ''}${path}/metadata`, { headers });

const uidsOf = (body: Buffer): readonly string[] =>
  (JSON.parse(body.toString()) as { '00080018': { Value: string[] } }[]).map(
    (one) => one['00080018'].Value[0] ?? '',
  );

describe('metadata of a series that was sent before', () => {
  const many = (): RogueInstance[] => Array.from({ length: 20 }, () => makeInstance());

  test('is the same document, with its length and a tag, without asking the PACS for more than the study', async () => {
    await start(many(), 'cache: { reopenAfter: 10s }');
    const first = await metadata();
    const finds = peer?.messages('C-FIND-RQ').length;
    const second = await metadata();
    expect(uidsOf(first.body)).toHaveLength(20);
    expect(second.body.equals(first.body)).toBe(true);
    expect(second.headers['content-length']).toBe(String(first.body.length));
    expect(second.headers.etag).toMatch(/^"[a-z0-9-]+"$/);
    expect(second.headers['content-type']).toBe('application/dicom+json');
    // Whose the study is was asked after the last of it had come, at the end of the first answer.
    expect(peer?.messages('C-FIND-RQ')).toHaveLength(finds ?? 0);
    await request(`${gateway?.service ?? ''}${SERIES}`, {
      headers: { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' },
    });
    expect((await metadata()).headers.etag).toBe(second.headers.etag);
  });

  test('W-60: is 304 to a client that has it, by weak comparison', async () => {
    await start(many());
    await metadata();
    const { etag = '' } = (await metadata()).headers;
    for (const tag of [etag, `W/${etag}`, `"x", ${etag}`]) {
      const again = await metadata({ 'if-none-match': tag });
      expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, etag]);
    }
    expect((await metadata({ 'if-none-match': '"x"' })).status).toBe(200);
  });

  test.each([
    ['gzip', true],
    ['br, gzip;q=0.5', true],
    ['*', true],
    ['gzip;q=0', false],
    ['identity', false],
    ['br', false],
  ])('to a client that takes %s it is compressed: %s', async (accepted, compressed) => {
    await start(many());
    const { body } = await metadata();
    const again = await metadata({ 'accept-encoding': accepted });
    expect(again.headers['content-encoding']).toBe(compressed ? 'gzip' : undefined);
    expect((compressed ? gunzipSync(again.body) : again.body).equals(body)).toBe(true);
    expect(again.headers['content-length']).toBe(String(again.body.length));
    expect(again.headers.vary).toContain('Accept-Encoding');
  });

  test('has another base of its URLs for a client that calls the gateway by another name', async () => {
    await start([makeInstance({ pixelBytes: 10_000 })], '');
    await metadata();
    const other = await metadata({ host: 'localhost:1' });
    expect(other.status).toBe(200);
    const again = await metadata({ host: 'localhost:1' });
    expect(again.body.equals(other.body)).toBe(true);
  });

  test('shows an instance that has come since, also when it was stored through the gateway', async () => {
    const instances = many();
    await start(instances, 'cache: { revalidateAfter: 0 }');
    await metadata();
    await metadata();
    instances.push(makeInstance());
    expect(uidsOf((await metadata()).body)).toHaveLength(21);
  });

  test('a memory too small for it: it is made anew each time', async () => {
    await start(many(), 'cache: { metadata: 4 KiB }');
    const first = await metadata();
    const second = await metadata();
    expect(second.headers.etag).toBeUndefined();
    expect([...uidsOf(second.body)].sort()).toEqual([...uidsOf(first.body)].sort());
  });

  test.each([
    ['its study', { study: '2.25.77.1' }, true],
    ['everything', { all: true }, true],
    ['another study', { study: '2.25.78' }, false],
  ])('is no longer in memory once %s was purged', async (_what, body, isGone) => {
    await start(many());
    await metadata();
    const bytes = async (): Promise<number> => {
      const metrics = (await request(`${gateway?.origin ?? ''}/metrics`)).body.toString();
      return Number(/dicomgw_metadata_bytes\{peer="main"\} (\d+)/.exec(metrics)?.[1]);
    };
    const before = await bytes();
    expect(before).toBeGreaterThan(0);
    const purge = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    };
    expect((await request(`${gateway?.origin ?? ''}/cache/purge`, purge)).status).toBe(200);
    expect(await bytes()).toBe(isGone ? 0 : before);
  });

  test('HEAD has the headers and no body', async () => {
    await start(many());
    const { body } = await metadata();
    const head = await request(`${gateway?.service ?? ''}${SERIES}/metadata`, { method: 'HEAD' });
    expect([head.status, head.body.length]).toEqual([200, 0]);
    expect(head.headers['content-length']).toBe(String(body.length));
  });
});
