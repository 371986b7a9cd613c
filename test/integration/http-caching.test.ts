import { afterEach, describe, expect, test } from '@jest/globals';
import http from 'node:http';
import { ctSlice, encapsulatedImage, syntaxes } from '../helpers/fixtures.js';
import { listing, selected } from '../helpers/listing.js';
import { XML } from '../helpers/native-xml.js';
import {
  final,
  makeInstance,
  startRoguePeer,
  store,
  type RogueInstance,
  type RoguePeer,
  type Script,
} from '../helpers/rogue-peer.js';
import { request, startTestGateway, type RawResponse, type TestGateway } from '../helpers/test-gateway.js';

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(
  instances: readonly RogueInstance[],
  onGet: Script = (_request, identifier) => [
    ...selected(instances, identifier).map((one) => store(one)),
    final(),
  ],
): Promise<{ peer: RoguePeer; gateway: TestGateway }> {
  const peer = await startRoguePeer({ onFind: listing(instances), onGet });
  closers.push(() => peer.close());
  const address = `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`;
  const gateway = await startTestGateway(`peers: { main: { address: "${address}" } }\n`);
  closers.push(() => gateway.close());
  return { peer, gateway };
}

const FILE = 'application/dicom; transfer-syntax=*';
const BYTES = 'application/octet-stream; transfer-syntax=*';
const pathOf = (one: RogueInstance): string =>
  `/studies/${one.studyInstanceUid}/series/${one.seriesInstanceUid}/instances/${one.sopInstanceUid}`;

const IMPLICIT = '1.2.840.10008.1.2';
const BIG = '1.2.840.10008.1.2.2';
const JPEG = '1.2.840.10008.1.2.4.50';

const resources = [
  ['an instance', '', FILE],
  ['a frame', '/frames/1', BYTES],
  ['bulk data', '/bulkdata/7FE00010', BYTES],
  ['pixel data', '/pixeldata', BYTES],
] as const;

/** Asks twice, so that the second answer is of an instance that is complete. */
async function warm(url: string, accept: string): Promise<RawResponse> {
  await request(url, { headers: { accept } });
  const whole = await request(url, { headers: { accept } });
  expect(whole.status).toBe(200);
  return whole;
}

describe('validators', () => {
  test.each([
    ...resources,
    ['metadata', '/metadata', 'application/dicom+json'] as const,
    ['metadata in XML', '/metadata', XML] as const,
  ])('%s that the client has is answered with 304 and without the PACS', async (_what, suffix, accept) => {
    const one = makeInstance();
    const { peer, gateway } = await start([one]);
    const url = gateway.service + pathOf(one) + suffix;
    const whole = await warm(url, accept);
    const etag = whole.headers.etag ?? '';
    expect(etag).toMatch(/^"[^"]+"$/);
    const headers = { accept, 'if-none-match': `"other", W/${etag}`, range: 'bytes=0-1' };
    for (const method of ['GET', 'HEAD']) {
      const again = await request(url, { method, headers });
      expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, etag]);
      expect(again.headers['cache-control']).toBe('private, no-cache');
      expect(again.headers.vary).toBe(whole.headers.vary);
      expect(again.headers['content-length']).toBeUndefined();
    }
    const other = await request(url, { headers: { accept, 'if-none-match': '"other"' } });
    expect([other.status, other.body.equals(whole.body)]).toEqual([200, true]);
    expect(peer.messages('C-GET-RQ')).toHaveLength(1);
  });

  test('representations, and other bytes under the same UIDs, have other validators', async () => {
    const sopInstanceUid = '2.25.77.9.1';
    const tags: (string | undefined)[] = [];
    for (const PatientID of ['ONE', 'TWO']) {
      const one = makeInstance({ sopInstanceUid, extra: { PatientID } });
      const { gateway } = await start([one]);
      // Pixel data has two names.
      for (const [, suffix, accept] of resources.filter(([what]) => what !== 'bulk data')) {
        tags.push((await warm(gateway.service + pathOf(one) + suffix, accept)).headers.etag);
      }
    }
    expect(tags).not.toContain(undefined);
    expect(new Set(tags).size).toBe(tags.length);
  });

  test('the validator of metadata depends on the base URL that stands in it', async () => {
    const one = makeInstance();
    const { gateway } = await start([one]);
    const url = `${gateway.service}${pathOf(one)}/metadata`;
    const whole = await warm(url, '*/*');
    const moved = await request(url, { headers: { host: 'localhost:1' } });
    expect(moved.body.equals(whole.body)).toBe(moved.headers.etag === whole.headers.etag);
  });

  test('an instance that is still arriving has none, and no range of it is served', async () => {
    // Long enough that the answer begins while most of it is still on the way.
    const whole = makeInstance({ pixelBytes: 16_000_000 });
    const { gateway } = await start([whole]);
    const headers = { accept: FILE, range: 'bytes=0-9', 'if-none-match': '*' };
    const { status, seen } = await new Promise<{ status: number; seen: http.IncomingHttpHeaders }>(
      (resolve, reject) => {
        http
          .get(gateway.service + pathOf(whole), { headers, agent: false }, (response) => {
            resolve({ status: response.statusCode ?? 0, seen: response.headers });
            response.resume();
          })
          .on('error', reject);
      },
    );
    expect([status, seen.etag, seen['content-range']]).toEqual([200, undefined, undefined]);
  });
});

/** Numbers from 0 to 1 that are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Five frames of 33 x 61 bits, one behind the other. */
const bits = makeInstance({
  extra: {
    '00280008:IS': '5',
    Rows: 33,
    Columns: 61,
    BitsAllocated: 1,
    BitsStored: 1,
    HighBit: 0,
    '7FE00010:OW': Buffer.from(Array.from({ length: 1260 }, (_, at) => (at * 7919) >> 3)),
  },
});
const deflated = ctSlice({ transferSyntaxUid: syntaxes.deflated, rows: 40, columns: 40 });
const fragments = { frames: 3, fragmentsPerFrame: 4, fragmentLength: 200 };
const fragmented = encapsulatedImage({ ...fragments, instance: 2 });
const untabled = encapsulatedImage({ ...fragments, instance: 3, offsetTable: false });

describe('ranges', () => {
  const cases = [
    ...resources.map(([what, suffix, accept]) => [what, suffix, accept, {}] as const),
    ['a frame stored big endian', '/frames/1', BYTES, { transferSyntaxUid: BIG }],
    ['bulk data stored big endian', '/bulkdata/7FE00010', BYTES, { transferSyntaxUid: BIG }],
    ['a JPEG frame', '/frames/1', 'image/jpeg; transfer-syntax=*', { transferSyntaxUid: JPEG }],
  ] as const;

  test.each(cases)('spans of %s are slices of the whole', async (_what, suffix, accept, options) => {
    const pixels = Buffer.from(Array.from({ length: 3000 }, (_, at) => (at * 7919) >> 3));
    const native = options as { transferSyntaxUid?: string };
    const extra = native.transferSyntaxUid === JPEG ? {} : { '7FE00010:OW': pixels };
    const one = makeInstance({ ...native, pixelBytes: 3000, extra });
    const { gateway } = await start([one]);
    const url = gateway.service + pathOf(one) + suffix;
    const { body, headers } = await warm(url, accept);
    expect([headers['accept-ranges'], headers['content-length']]).toEqual(['bytes', String(body.length)]);
    const random = seeded(body.length);
    for (let round = 0; round < 25; round += 1) {
      const first = Math.floor(random() * body.length);
      const last = first + Math.floor(random() * (body.length - first));
      const range = `bytes=${first}-${last}`;
      const part = await request(url, { headers: { accept, range, 'if-range': headers.etag ?? '' } });
      expect([part.status, part.headers['content-range']]).toEqual([
        206,
        `bytes ${first}-${last}/${body.length}`,
      ]);
      expect(part.headers['content-length']).toBe(String(last - first + 1));
      expect([range, part.body.equals(body.subarray(first, last + 1))]).toEqual([range, true]);
    }
  });

  test.each<readonly [string, RogueInstance, number, string]>([
    ['a frame of single bits, not at a byte boundary', bits, 2, BYTES],
    ['a frame of single bits, the last one', bits, 5, BYTES],
    ['a frame of a deflated instance', deflated, 1, BYTES],
    ['a frame in several fragments', fragmented, 2, 'image/jpeg; transfer-syntax=*'],
    ['a frame in several fragments without offset table', untabled, 3, 'image/jpeg; transfer-syntax=*'],
  ])('spans of %s are slices of the whole', async (_what, one, frame, accept) => {
    const { gateway } = await start([one]);
    const url = `${gateway.service}${pathOf(one)}/frames/${frame}`;
    const { body, headers } = await warm(url, accept);
    expect([headers['accept-ranges'], headers['content-length']]).toEqual(['bytes', String(body.length)]);
    const ask = (more: http.OutgoingHttpHeaders): Promise<RawResponse> =>
      request(url, { headers: { accept, ...more } });
    const random = seeded(body.length + frame);
    for (let round = 0; round < 25; round += 1) {
      const first = Math.floor(random() * body.length);
      const last = first + Math.floor(random() * (body.length - first));
      const part = await ask({ range: `bytes=${first}-${last}`, 'if-range': headers.etag ?? '' });
      expect([part.status, part.headers.etag]).toEqual([206, headers.etag]);
      expect(part.body.equals(body.subarray(first, last + 1))).toBe(true);
    }
    expect((await ask({ range: `bytes=${body.length}-` })).status).toBe(416);
    const other = await ask({ range: 'bytes=0-0', 'if-range': '"other"' });
    expect([other.status, other.body.equals(body)]).toEqual([200, true]);
  });

  test.each([IMPLICIT, BIG])(
    'a range of an instance re-encoded from %s, of unknown length, is ignored',
    async (transferSyntaxUid) => {
      const one = makeInstance({ transferSyntaxUid });
      const { gateway } = await start([one]);
      const url = gateway.service + pathOf(one);
      const { body, headers } = await warm(url, 'application/dicom');
      expect(headers['content-type']).toContain('1.2.840.10008.1.2.1');
      expect([headers['accept-ranges'], headers['content-length']]).toEqual([undefined, undefined]);
      const ignored = await request(url, { headers: { accept: 'application/dicom', range: 'bytes=0-9' } });
      expect([ignored.status, ignored.body.equals(body)]).toEqual([200, true]);
      expect(ignored.headers.etag).toBe(headers.etag);
    },
  );

  test('of an instance: behind its end 416, with another If-Range the whole, HEAD its length', async () => {
    const one = makeInstance();
    const { gateway } = await start([one]);
    const url = gateway.service + pathOf(one);
    const { body, headers } = await warm(url, FILE);
    const ask = (more: http.OutgoingHttpHeaders, method = 'GET'): Promise<RawResponse> =>
      request(url, { method, headers: { accept: FILE, ...more } });

    const behind = await ask({ range: `bytes=${body.length}-` });
    expect([behind.status, behind.headers['content-range'], behind.body.length]).toEqual([
      416,
      `bytes */${body.length}`,
      0,
    ]);
    const changed = await ask({ range: 'bytes=0-9', 'if-range': '"other"' });
    expect([changed.status, changed.body.equals(body)]).toEqual([200, true]);
    const malformed = await ask({ range: 'bytes=9-5' });
    expect([malformed.status, malformed.body.equals(body)]).toEqual([200, true]);
    const suffix = await ask({ range: 'bytes=-7' });
    expect([suffix.status, suffix.body.equals(body.subarray(-7))]).toEqual([206, true]);
    const head = await ask({ range: 'bytes=0-9' }, 'HEAD');
    expect([head.status, head.headers['content-length'], head.headers.etag, head.body.length]).toEqual([
      200,
      String(body.length),
      headers.etag,
      0,
    ]);
    expect(head.headers['accept-ranges']).toBe('bytes');
  });
});
