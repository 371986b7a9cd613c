import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ctSlice, encapsulatedImage, syntaxes, usCine } from '../helpers/fixtures.js';
import { readElements, readFrames, textOf } from '../helpers/independent-reader.js';
import { XML } from '../helpers/native-xml.js';
import { sampleFiles } from '../helpers/pacs-suite.js';
import { makeInstance, type RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { datasetOf, partsOf, request, transferSyntaxOf, type RawResponse } from '../helpers/test-gateway.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(instances: readonly RogueInstance[]): Promise<Scene> {
  const scene = await startScene({ instances, yaml: 'retrieve: { inlineBytes: 64 }' });
  closers.push(() => scene.close());
  return scene;
}

type Held = RogueInstance & { readonly dataset: Buffer };
const pathOf = ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }: RogueInstance): string =>
  `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;

const get = (url: string, headers: Record<string, string> = {}): Promise<RawResponse> =>
  request(url, { headers });

const MPEG4 = '1.2.840.10008.1.2.4.102';
const VIDEO = /^1\.2\.840\.10008\.1\.2\.4\.10\d/;
const pixelTags = ['7FE00010', '7FE00008', '7FE00009'];

type Json = Readonly<Record<string, { vr: string; BulkDataURI?: string; Value?: readonly unknown[] }>>;

/** VRs and BulkDataURIs of a dataset in JSON by path. */
function walk(
  json: Json,
  parent: string,
  vrs: Map<string, string>,
  uris: Map<string, string>,
): Map<string, string> {
  for (const [tag, { vr, BulkDataURI, Value = [] }] of Object.entries(json)) {
    const path = parent === '' ? tag : `${parent}/${tag}`;
    vrs.set(path, vr);
    if (BulkDataURI !== undefined) uris.set(path, BulkDataURI);
    if (vr !== 'SQ') continue;
    for (const [index, item] of Value.entries()) walk((item ?? {}) as Json, `${path}/${index}`, vrs, uris);
  }
  return uris;
}

/** What the URIs of an instance must give: whole values, frames of encapsulated pixel data one by one. */
function expectedOf(one: Held, path: string, vrs: ReadonlyMap<string, string>): readonly Buffer[] {
  const vrOf = (of: string): string | undefined => vrs.get(of);
  const found = readElements(one.dataset, one.transferSyntaxUid, vrOf).find((each) => each.path === path);
  if (found === undefined) throw new Error(`${path} is not in the dataset`);
  if (found.fragments === undefined) return [found.value];
  if (!pixelTags.includes(path)) return [Buffer.concat(found.fragments.slice(1))];
  return readFrames(one.dataset, one.transferSyntaxUid, { vrOf, video: VIDEO.test(one.transferSyntaxUid) });
}

/** The bytes of an answer without an Accept header. */
function bodiesOf(response: RawResponse): readonly Buffer[] {
  if (!(response.headers['content-type'] ?? '').startsWith('multipart')) return [response.body];
  return partsOf(response).map(({ body }) => body);
}

/** Follows every URI that the metadata of an instance hands out, and says how many there were. */
async function follow(scene: Scene, one: Held): Promise<number> {
  const url = scene.url(pathOf(one));
  const metadata = await get(`${url}/metadata`);
  expect(metadata.status).toBe(200);
  const vrs = new Map<string, string>();
  const uris = walk((JSON.parse(metadata.body.toString()) as Json[])[0] ?? {}, '', vrs, new Map());
  const [xml] = partsOf(await get(`${url}/metadata`, { accept: XML }));
  const inXml = [...(xml?.body.toString() ?? '').matchAll(/<BulkData uri="([^"]*)"\/>/g)];
  expect(inXml.map(([, uri]) => uri).sort()).toEqual([...uris.values()].sort());
  const followed: [string, readonly Buffer[]][] = [];
  for (const [path, uri] of uris) {
    const response = await get(uri);
    expect([one.sopInstanceUid, path, response.status]).toEqual([one.sopInstanceUid, path, 200]);
    if (response.headers['content-type'] === 'application/pdf') continue; // without its padding
    followed.push([path, bodiesOf(response)]);
  }
  for (const [path, bodies] of followed) {
    const expected = expectedOf(one, path, vrs);
    expect([path, bodies.map(({ length }) => length)]).toEqual([path, expected.map(({ length }) => length)]);
    expect(bodies.every((body, index) => body.equals(expected[index] ?? Buffer.alloc(0)))).toBe(true);
  }
  return uris.size;
}

async function purge(scene: Scene): Promise<void> {
  const { status } = await request(`${scene.gateway.origin}/cache/purge`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ all: true }),
  });
  expect(status).toBe(200);
}

/** A file as the PACS holds it; undefined for one that no PACS takes. */
function heldFile(path: string): Held | undefined {
  const file = readFileSync(path);
  try {
    const [transferSyntaxUid, dataset] = [transferSyntaxOf(file), datasetOf(file)];
    const elements = readElements(dataset, transferSyntaxUid);
    const uid = (tag: string): string => textOf(elements, tag) ?? '';
    const held = {
      sopClassUid: uid('00080016'),
      sopInstanceUid: uid('00080018'),
      studyInstanceUid: uid('0020000D'),
      seriesInstanceUid: uid('0020000E'),
      transferSyntaxUid,
      dataset,
    };
    return Object.values(held).includes('') ? undefined : held;
  } catch {
    return undefined; // cut off, or without File Meta Information
  }
}

/** Sample files, of a long series only the first two. */
const samples = sampleFiles()
  .filter((path) => !/series-.*\/(?!00[12])\d+\.dcm$/.test(path))
  .flatMap((path) => heldFile(path) ?? []);

const lut = Buffer.alloc(2000, 'lut ');
const generated: readonly Held[] = [
  ...[syntaxes.implicitLittle, syntaxes.explicitLittle, syntaxes.deflated, syntaxes.explicitBig].map(
    (transferSyntaxUid, index) => ctSlice({ study: 40 + index, transferSyntaxUid }),
  ),
  usCine({ study: 50 }),
  encapsulatedImage({ study: 51, frames: 3 }),
  encapsulatedImage({ study: 52 }),
  makeInstance({ transferSyntaxUid: MPEG4, pixelBytes: 70_000 }),
  makeInstance({
    extra: {
      '00091001:OB': Buffer.alloc(300, 'private'),
      '00282000:OB': Buffer.alloc(3144, 'icc '),
      '00281201:OW': lut,
      '54001010:OW': Buffer.alloc(4000, 'audio'),
    },
  }),
];

describe('W-04, W-49: every BulkDataURI of the metadata', () => {
  test.each([
    ['generated instances', generated, 12],
    ...(samples.length > 0 ? ([['sample files', samples, 150]] as const) : []),
  ])(
    'of %s gives the bytes of the dataset, also when the cache was emptied',
    async (_what, instances, least) => {
      const scene = await start(instances);
      let count = 0;
      for (const one of instances) count += await follow(scene, one);
      expect(count).toBeGreaterThan(least);
      await purge(scene);
      for (const one of instances) {
        const metadata = await get(`${scene.url(pathOf(one))}/metadata`);
        const uris = walk(
          (JSON.parse(metadata.body.toString()) as Json[])[0] ?? {},
          '',
          new Map(),
          new Map(),
        );
        const [last] = [...uris.values()].slice(-1);
        if (last === undefined) continue;
        const before = bodiesOf(await get(last));
        await purge(scene);
        const again = await get(last);
        expect([one.sopInstanceUid, again.status]).toEqual([one.sopInstanceUid, 200]);
        expect(Buffer.concat(bodiesOf(again)).equals(Buffer.concat(before))).toBe(true);
      }
    },
    120_000,
  );
});

function documentOf(type: string, value: string): Held {
  const declared = Buffer.alloc(4);
  declared.writeUInt32LE(value.length);
  return makeInstance({
    sopClassUid: '1.2.840.10008.5.1.4.1.1.104.1',
    pixelBytes: 0,
    extra: {
      '00420011:OB': Buffer.from(value + (value.length % 2 === 1 ? '\0' : '')),
      '00420012:LO': type,
      '00420015:UL': declared,
    },
  });
}

describe('encapsulated documents', () => {
  const uriOf = (scene: Scene, one: Held): string => scene.url(`${pathOf(one)}/bulkdata/00420011`);

  const LOCKED = "default-src 'none'; sandbox";
  test.each([
    ['application/pdf', 'inline', 'pdf', undefined],
    ['model/stl', 'inline', 'stl', LOCKED],
    ['text/XML', 'attachment', 'xml', LOCKED],
    ['text/html', 'attachment', 'html', LOCKED],
    ['image/svg+xml', 'attachment', 'bin', LOCKED],
    ['application/javascript', 'attachment', 'bin', LOCKED],
  ])('R-08: %s comes in its type, and a browser does no more than show it', async (type, how, end, csp) => {
    const one = documentOf(type, 'a document of an odd length');
    const scene = await start([one]);
    const response = await get(uriOf(scene, one));
    expect(response.body.toString()).toBe('a document of an odd length');
    expect(response.headers).toMatchObject({
      'content-type': type.toLowerCase(),
      'content-length': '27',
      'content-disposition': `${how}; filename="${one.sopInstanceUid}.${end}"`,
      'x-content-type-options': 'nosniff',
    });
    expect(response.headers['content-security-policy']).toBe(csp);
  });

  test('W-04: the value as it stands comes as application/octet-stream, bare or in a part', async () => {
    const one = documentOf('application/pdf', '%PDF.');
    const scene = await start([one]);
    const bare = await get(uriOf(scene, one), { accept: 'application/octet-stream' });
    expect([bare.headers['content-type'], bare.body.toString()]).toEqual([
      'application/octet-stream',
      '%PDF.\0',
    ]);
    for (const [accept, type] of [
      ['multipart/related; type="application/octet-stream"; transfer-syntax=*', 'application/octet-stream'],
      ['multipart/related; type="application/pdf"', 'application/pdf'],
    ] as const) {
      const [part] = partsOf(await get(uriOf(scene, one), { accept }));
      expect(part?.headers['content-type']).toBe(type);
    }
    // As OHIF asks for it.
    const asked = await get(`${uriOf(scene, one)}?accept=application/pdf`);
    expect([asked.status, asked.headers['content-type']]).toEqual([200, 'application/pdf']);
    expect((await get(uriOf(scene, one), { accept: 'text/html' })).status).toBe(406);
  });

  test('R-06: a type that is none is bytes, whatever stands in it', async () => {
    const one = documentOf('text/html\r\nX-Evil: 1', 'x<script>');
    const scene = await start([one]);
    const { headers, body } = await get(uriOf(scene, one));
    expect(headers['content-type']).toBe('application/octet-stream');
    expect([headers['x-evil'], body.toString()]).toEqual([undefined, 'x<script>\0']);
  });

  test('W-61: ranges, validators and If-Range', async () => {
    const one = documentOf('application/pdf', '%PDF-1.7 bytes');
    const scene = await start([one]);
    const { etag = '' } = (await get(uriOf(scene, one))).headers;
    const part = await get(uriOf(scene, one), { range: 'bytes=5-7', 'if-range': etag });
    expect([part.status, part.headers['content-range'], part.body.toString()]).toEqual([
      206,
      'bytes 5-7/14',
      '1.7',
    ]);
    expect((await get(uriOf(scene, one), { range: 'bytes=99-' })).status).toBe(416);
    expect((await get(uriOf(scene, one), { range: 'bytes=0-1', 'if-range': '"x"' })).status).toBe(200);
    // RFC 9110 13.1.1: who goes on with another representation gets nothing of this one.
    const conditions = [
      ['"x"', 412],
      [`W/${etag}`, 412],
      [`"x", ${etag}`, 206],
      ['*', 206],
    ] as const;
    for (const [tags, status] of conditions) {
      const rest = await get(uriOf(scene, one), { range: 'bytes=5-7', 'if-match': tags });
      expect([tags, rest.status, rest.body.length]).toEqual([tags, status, status === 206 ? 3 : 0]);
    }
    expect((await get(uriOf(scene, one), { 'if-none-match': etag })).status).toBe(304);
  });
});

describe('video', () => {
  const kinds = [
    ['1.2.840.10008.1.2.4.100', 'video/mpeg'],
    [MPEG4, 'video/mp4'],
    ['1.2.840.10008.1.2.4.107', 'video/H265'],
  ] as const;

  test.each(kinds)(
    'W-29: of %s is one stream, whichever resource names it',
    async (transferSyntaxUid, type) => {
      const one = makeInstance({ transferSyntaxUid, pixelBytes: 5000, extra: { NumberOfFrames: '250' } });
      const scene = await start([one]);
      const [stream = Buffer.alloc(0)] = readFrames(one.dataset, transferSyntaxUid, { video: true });
      for (const [resource, accept] of [
        ['/pixeldata', undefined],
        ['/bulkdata/7FE00010', undefined],
        ['/pixeldata', type],
        ['/frames/1', type],
        ['/frames/1', 'video/*'],
      ] as const) {
        const url = scene.url(pathOf(one) + resource);
        const headers = accept === undefined ? {} : { accept };
        const whole = await get(url, headers);
        expect([resource, whole.status, whole.headers['content-type']]).toEqual([
          resource,
          200,
          `${type}; transfer-syntax=${transferSyntaxUid}`,
        ]);
        expect(whole.body.equals(stream)).toBe(true);
        const { etag = '' } = whole.headers;
        const part = await get(url, { ...headers, range: 'bytes=100-199', 'if-range': etag });
        expect([part.status, part.headers['content-range']]).toEqual([206, 'bytes 100-199/5000']);
        expect(part.body.equals(stream.subarray(100, 200))).toBe(true);
        expect((await get(url, { ...headers, range: 'bytes=5000-' })).status).toBe(416);
      }
      expect((await get(scene.url(`${pathOf(one)}/frames/2`), { accept: type })).status).toBe(404);
    },
  );
});
