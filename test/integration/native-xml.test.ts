import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ctSlice } from '../helpers/fixtures.js';
import { datasetsOf, readNativeXml, XML } from '../helpers/native-xml.js';
import {
  drop,
  final,
  makeInstance,
  pending,
  startRoguePeer,
  store,
  type RogueInstance,
  type RoguePeer,
  type Script,
  type Step,
} from '../helpers/rogue-peer.js';
import { listing, selected } from '../helpers/listing.js';
import {
  partsOf,
  peerYaml,
  request,
  startTestGateway,
  storeBody,
  type RawResponse,
  type TestGateway,
} from '../helpers/test-gateway.js';

let peer: RoguePeer | undefined;
let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  await peer?.close();
  gateway = peer = undefined;
});

async function start(options: Parameters<typeof startRoguePeer>[0], extra = ''): Promise<void> {
  peer = await startRoguePeer(options);
  gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, extra));
}

const ask = (
  path: string,
  headers: Record<string, string> = { accept: XML },
  method = 'GET',
): Promise<RawResponse> => request(`${gateway?.service ?? ''}${path}`, { headers, method });

const jsonOf = ({ body }: RawResponse): unknown => JSON.parse(body.toString());
/** The delimiter that says that nothing is missing. */
const isClosed = ({ body }: RawResponse): boolean => /\r\n--[\w-]+--\r\n$/.test(body.toString());

describe('a search in XML', () => {
  const row = (n: number): Step =>
    pending({
      '00080005:CS': 'ISO_IR 100',
      QueryRetrieveLevel: 'STUDY',
      StudyInstanceUID: `1.2.${n}`,
      '00080020:DA': '20240102',
      PatientID: `<${n}>&"\\--`,
      '00100010:PN': Buffer.from('M\xfcller^J\xf6rg', 'latin1'),
    });
  const rows = (count: number): readonly Step[] => Array.from({ length: count }, (_, n) => row(n));

  test('Q-30: is one NativeDicomModel part for each match, of what the JSON answer says', async () => {
    await start({ onFind: [...rows(3), final()] });
    const answer = await ask('/studies');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(
      /^multipart\/related; type="application\/dicom\+xml"; boundary=[\w-]+$/,
    );
    expect(answer.headers.vary).toContain('Accept');
    for (const { headers, body } of partsOf(answer)) {
      expect(headers).toEqual({
        'content-type': 'application/dicom+xml',
        'content-length': `${body.length}`,
      });
      expect(body.toString()).toMatch(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n<NativeDicomModel /);
    }
    const json = await ask('/studies', { accept: 'application/dicom+json' });
    expect(datasetsOf(answer)).toEqual(jsonOf(json));
    expect(datasetsOf(answer)).toHaveLength(3);
    expect(datasetsOf(answer)[0]?.['00100010']).toEqual({ vr: 'PN', Value: [{ Alphabetic: 'Müller^Jörg' }] });
  });

  test.each([
    ['*/*'],
    ['application/dicom+json'],
    ['application/json'],
    ['application/dicom+json; charset=utf-8'],
  ])(
    'J-21: to Accept %s DICOM JSON is application/dicom+json in UTF-8 without a byte order mark',
    async (accept) => {
      await start({ onFind: [row(1), final()] });
      const answer = await ask('/studies', { accept });
      expect(answer.headers['content-type']).toBe('application/dicom+json');
      expect(answer.body.subarray(0, 2).toString()).toBe('[{');
      expect(answer.body.includes(Buffer.from('Müller', 'utf8'))).toBe(true);
    },
  );

  const query = (accept: string): string => `/studies?accept=${accept}`;
  test.each<[path: string, accept: string, xml: boolean]>([
    [query('multipart/related;type=application/dicom%2Bxml'), '*/*', true],
    [query('multipart/related;type=application/dicom+xml'), '*/*', true],
    [query('multipart/related;%20type=%22application/dicom%2Bxml%22'), '*/*', true],
    [
      query('multipart/related;type=%22application/dicom%2Bxml%22'),
      `${XML};q=0.1, application/dicom+json`,
      true,
    ],
    [query('application/dicom%2Bjson'), XML, false],
    ['/studies', '*/*', false],
    ['/studies', `application/dicom+json;q=0.9, ${XML}`, true],
    ['/studies', `application/dicom+json, ${XML};q=0.9`, false],
    ['/studies', 'multipart/related; type=application/dicom+xml', true],
  ])('Q-30, H-05, H-07, H-10: GET %s with Accept %s is XML: %s', async (path, accept, xml) => {
    await start({ onFind: [row(1), final()] });
    const answer = await ask(path, { accept });
    expect([answer.status, answer.headers['content-type']?.startsWith('multipart')]).toEqual([200, xml]);
    expect(xml ? datasetsOf(answer) : jsonOf(answer)).toHaveLength(1);
  });

  test('H-07: a single document is not acceptable, and the PACS is not asked for it', async () => {
    await start({ onFind: [row(1), final()] });
    const answer = await ask('/studies', { accept: 'application/dicom+xml' });
    expect(answer.status).toBe(406);
    expect(answer.body.toString()).toContain('multipart/related');
    expect(peer?.messages('C-FIND-RQ')).toHaveLength(0);
  });

  test('Q-31: without a match it is 204, for there is no multipart body without a part', async () => {
    await start({ onFind: [final()] });
    const answer = await ask('/studies');
    expect([answer.status, answer.body.length]).toEqual([204, 0]);
  });

  test('Q-31: without a match it is the empty JSON list to who takes that as well', async () => {
    await start({ onFind: [final()] });
    const answer = await ask('/studies', { accept: `${XML}, application/dicom+json;q=0.1` });
    expect([answer.status, answer.headers['content-type'], answer.body.toString()]).toEqual([
      200,
      'application/dicom+json',
      '[]',
    ]);
  });

  test('Q-31: without a match it is 204 to everyone where the site wants it', async () => {
    await start({ onFind: [final()] }, 'search: { emptyResponse: "204" }');
    for (const accept of [XML, `${XML}, application/dicom+json;q=0.1`, '*/*'])
      expect((await ask('/studies', { accept })).status).toBe(204);
  });

  test('Q-31: also where nothing is looked at ahead', async () => {
    await start({ onFind: [final()] }, 'search: { lookAhead: 0 }');
    expect((await ask('/studies')).status).toBe(204);
  });

  test('Q-23, Q-24: has limit and offset, and says what remains', async () => {
    await start({ onFind: [...rows(10), final()] });
    const answer = await ask('/studies?limit=2&offset=3');
    expect(datasetsOf(answer).map((one) => one['0020000D']?.Value)).toEqual([['1.2.3'], ['1.2.4']]);
    expect(answer.headers.warning).toContain('There are 5 additional results');
  });

  test('H-14: HEAD has the head of GET and no body', async () => {
    await start({ onFind: [...rows(3), final()] });
    const whole = await ask('/studies');
    const head = await ask('/studies', { accept: XML }, 'HEAD');
    expect([head.status, head.body.length]).toEqual([200, 0]);
    expect(head.headers['content-type']).toBe(whole.headers['content-type']);
  });

  test('T-1: a failure before the first byte is a problem document', async () => {
    await start({ onFind: [row(1), drop()] });
    const answer = await ask('/studies');
    expect([answer.status, answer.headers['content-type']]).toEqual([502, 'application/problem+json']);
  });

  test('T-1: a failure after the first byte breaks the body before its closing delimiter', async () => {
    await start({ onFind: [...rows(60), drop()] }, 'search: { lookAhead: 10 }');
    const answer = await ask('/studies');
    expect([answer.complete, isClosed(answer)]).toEqual([false, false]);
  });

  test('T-1: an answer that the PACS cuts short after the first byte is no whole body', async () => {
    await start({ onFind: [...rows(60), final(0xfe00)] }, 'search: { lookAhead: 10 }');
    const answer = await ask('/studies');
    expect([answer.complete, isClosed(answer)]).toEqual([false, false]);
  });

  test('more rows than are looked at ahead are a whole body', async () => {
    await start({ onFind: [...rows(60), final()] }, 'search: { lookAhead: 10 }');
    const answer = await ask('/studies');
    expect([answer.complete, isClosed(answer), datasetsOf(answer).length]).toEqual([true, true, 60]);
  });
});

const SERIES = '/studies/2.25.77.1/series/2.25.77.2';
const pathOf = (one: RogueInstance): string => `${SERIES}/instances/${one.sopInstanceUid}`;

describe('metadata in XML', () => {
  const text = 'a < b & "c"\r\n--dicomweb-gateway-native-dicom-model--\r\n';
  const make = (): RogueInstance =>
    makeInstance({
      pixelBytes: 4000,
      extra: {
        '00090010:LO': 'ACME & CO',
        '00091001:OB': Buffer.alloc(5000, 7),
        '00091002:UN': Buffer.from([1, 2]),
        '00104000:LT': text,
        '00181063:DS': '1.50',
        '00189219:FD': Buffer.alloc(8, 0xff),
      },
    });

  async function hold(
    instances: readonly RogueInstance[],
    extra = '',
    onGet: Script = (_request, identifier) => [
      ...selected(instances, identifier).map((one) => store(one)),
      final(),
    ],
  ): Promise<void> {
    await start({ onFind: listing(instances), onGet }, extra);
  }

  test.each(['study', 'series', 'instance'])(
    'W-02: at %s level is a part for each instance',
    async (level) => {
      const instances = level === 'instance' ? [make()] : [make(), make(), make()];
      await hold(instances);
      const [one = make()] = instances;
      const paths = { study: '/studies/2.25.77.1', series: SERIES, instance: pathOf(one) };
      const path = `${paths[level as keyof typeof paths]}/metadata`;
      const answer = await ask(path);
      expect(answer.status).toBe(200);
      const parts = partsOf(answer);
      expect(parts.map(({ headers }) => headers['content-location']).sort()).toEqual(
        instances.map((each) => `${gateway?.service ?? ''}${pathOf(each)}/metadata`).sort(),
      );
      expect(parts.map(({ headers }) => headers['content-type'])).toEqual(
        instances.map(() => 'application/dicom+xml'),
      );
      // What XML says otherwise than JSON: DS as it is spelled, and NaN.
      const json = jsonOf(await ask(path, { accept: 'application/dicom+json' }));
      const changed = (json as Record<string, unknown>[]).map((each) => ({
        ...each,
        '00181063': { vr: 'DS', Value: ['1.50'] },
        '00189219': { vr: 'FD', Value: [NaN] },
      }));
      const byUid = (all: readonly object[]): unknown[] =>
        [...all].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
      expect(byUid(datasetsOf(answer))).toEqual(byUid(changed));
    },
  );

  test('X-01: its bulk data leads to the bytes', async () => {
    const one = make();
    await hold([one]);
    const [dataset] = datasetsOf(await ask(`${pathOf(one)}/metadata`));
    expect(dataset?.['00090010']).toEqual({ vr: 'LO', Value: ['ACME & CO'] });
    expect(dataset?.['00104000']).toEqual({ vr: 'LT', Value: [text] });
    const uri = dataset?.['00091001']?.BulkDataURI ?? '';
    const bulk = await request(uri, { headers: { accept: 'application/octet-stream' } });
    expect(bulk.body.equals(Buffer.alloc(5000, 7))).toBe(true);
  });

  test('W-60: of one instance it has a tag of its own, and is 304 to who has it', async () => {
    const one = make();
    await hold([one]);
    const path = `${pathOf(one)}/metadata`;
    await ask(path);
    const whole = await ask(path);
    const json = await ask(path, { accept: 'application/dicom+json' });
    const { etag = '' } = whole.headers;
    expect(etag).toMatch(/^"[^"]+"$/);
    expect(json.headers.etag).not.toBe(etag);
    for (const method of ['GET', 'HEAD']) {
      const again = await ask(path, { accept: XML, 'if-none-match': etag }, method);
      expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, etag]);
    }
    const other = await ask(path, { accept: 'application/dicom+json', 'if-none-match': etag });
    expect(other.status).toBe(200);
    expect((await ask(path)).body.equals(whole.body)).toBe(true); // a strong tag names the bytes
  });

  test('W-60: of a series it is sent again as it was, compressed to who takes it, beside the JSON document', async () => {
    await hold([make(), make(), make()]);
    const path = `${SERIES}/metadata`;
    const first = await ask(path);
    await ask(path, { accept: 'application/dicom+json' });
    const second = await ask(path);
    expect(second.body.equals(first.body)).toBe(true);
    expect(second.headers['content-type']).toBe(first.headers['content-type']);
    expect(second.headers['content-length']).toBe(String(first.body.length));
    const { etag = '' } = second.headers;
    const json = await ask(path, { accept: 'application/dicom+json' });
    expect(json.headers.etag).not.toBe(etag);
    expect(jsonOf(json)).toHaveLength(3);
    expect((await ask(path, { accept: XML, 'if-none-match': etag })).status).toBe(304);
    const compressed = await ask(path, { accept: XML, 'accept-encoding': 'gzip' });
    expect(compressed.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(compressed.body).equals(first.body)).toBe(true);
    const head = await ask(path, { accept: XML }, 'HEAD');
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([
      200,
      String(first.body.length),
      0,
    ]);
  });

  test('T-1: an instance that breaks off breaks the body', async () => {
    const whole = make();
    const cut = makeInstance({ pixelBytes: 4000 });
    const broken = { ...cut, dataset: cut.dataset.subarray(0, 100) };
    await hold([whole, broken]);
    const answer = await ask(`${SERIES}/metadata`);
    expect(answer.complete && answer.status === 200).toBe(false);
    expect(isClosed(answer)).toBe(false);
  });

  test('W-09: what the PACS does not deliver is missing from a 206, which is not kept', async () => {
    const [one, lost] = [make(), make()];
    await hold([one, lost], '', (_request, identifier) => {
      const asked = selected([one, lost], identifier);
      const failedUids = asked.filter((each) => each === lost).map((each) => each.sopInstanceUid);
      const failed = failedUids.length;
      return [
        ...asked.filter((each) => each !== lost).map((each) => store(each)),
        final(failed > 0 ? 0xb000 : 0, { failed, failedUids }),
      ];
    });
    const first = await ask(`${SERIES}/metadata`);
    expect(first.complete && first.status === 200).toBe(false); // not known yet: broken off, or partial
    for (let time = 0; time < 2; time++) {
      const answer = await ask(`${SERIES}/metadata`);
      expect([answer.status, datasetsOf(answer).length, answer.headers.etag]).toEqual([206, 1, undefined]);
    }
  });
});

describe('a store response in XML', () => {
  test('S-09: is one document, of what the JSON answer says', async () => {
    await start({});
    const { contentType, body } = storeBody([ctSlice({ rows: 8, columns: 8 }).file, Buffer.alloc(200)]);
    const post = (accept: string): Promise<RawResponse> =>
      request(`${gateway?.service ?? ''}/studies`, {
        method: 'POST',
        headers: { 'content-type': contentType, accept },
        body,
      });
    const answer = await post('application/dicom+xml');
    expect([answer.status, answer.headers['content-type']]).toEqual([202, 'application/dicom+xml']);
    const json = await post('*/*');
    expect([json.status, json.headers['content-type']]).toEqual([202, 'application/dicom+json']);
    expect(readNativeXml(answer.body)).toEqual(jsonOf(json));
  });
});
