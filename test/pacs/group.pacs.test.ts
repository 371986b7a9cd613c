import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ctSeries, ctSlice, usCine, type Fixture } from '../helpers/fixtures.js';
import { dcmqrscp, loadFixtures, orthanc, type PacsWithPort } from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import {
  datasetOf,
  partsOf,
  request,
  startTestGateway,
  type RawResponse,
  type TestGateway,
} from '../helpers/test-gateway.js';

const AS_STORED = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
const uid = (...numbers: readonly number[]): string => ['2.25.4711', ...numbers].join('.');

type Row = Record<string, { readonly Value?: readonly unknown[] } | undefined>;
const rowsOf = ({ body }: RawResponse): readonly Row[] => JSON.parse(body.toString()) as Row[];
const column = (response: RawResponse, tag: string): unknown[] =>
  rowsOf(response).map((row) => row[tag]?.Value?.[0]);

// A series that only Orthanc has, one that both have in part, and one that only dcmqrscp has.
const ct = ctSeries(6, { study: 1, series: 1 });
const shared = ctSeries(6, { study: 1, series: 2 });
const us = usCine({ study: 1, series: 3 });
const atOrthanc: readonly Fixture[] = [...ct, ...shared.slice(0, 4), ctSlice({ study: 2 })];
const atDcmqrscp: readonly Fixture[] = [...shared.slice(2), us, ctSlice({ study: 3 })];
const ofStudy = [...ct, ...shared, us];

describeWithPacs('Orthanc and dcmqrscp as one', () => {
  const running: PacsWithPort[] = [];
  let gateway: TestGateway | undefined;

  beforeAll(async () => {
    for (const [kind, fixtures] of [
      [orthanc, atOrthanc],
      [dcmqrscp, atDcmqrscp],
    ] as const) {
      const started = await kind.start();
      running.push(started);
      expect(await loadFixtures(started.pacs, fixtures)).toBe(fixtures.length);
    }
    const [a, b] = running;
    if (!a || !b) throw new Error('two archives');
    gateway = await startTestGateway(
      [
        'peers:',
        `  orthanc: { address: ORTHANC@127.0.0.1:${a.pacs.port}, retrieve: get }`,
        `  dcmqrscp: { address: DCMQRSCP@127.0.0.1:${b.pacs.port}, retrieve: get }`,
        'groups: { all: { members: [orthanc, dcmqrscp], onMemberFailure: warn } }',
        'defaultPeer: all',
        'cache: { revalidateAfter: 0 }',
      ].join('\n'),
    );
  });

  afterAll(async () => {
    await gateway?.close();
    for (const { pacs } of running) await pacs.stop();
  });

  const get = (path: string, headers = {}): Promise<RawResponse> =>
    request(`${gateway?.service ?? ''}${path}`, { headers });

  test('a search has each study once, and the counts are of the union', async () => {
    const response = await get('/studies');
    expect([response.status, response.headers.warning]).toEqual([200, undefined]);
    expect([...column(response, '0020000D')].sort()).toEqual([uid(1), uid(2), uid(3)]);
    const row = rowsOf(response).find((one) => one['0020000D']?.Value?.[0] === uid(1));
    expect([row?.['00201206']?.Value, row?.['00201208']?.Value]).toEqual([[3], [13]]);
    expect(row?.['00080061']?.Value).toEqual(['CT', 'US']);
    const series = await get(`/studies/${uid(1)}/series`);
    expect(
      Object.fromEntries(
        rowsOf(series).map((one) => [one['0020000E']?.Value?.[0], one['00201209']?.Value?.[0]]),
      ),
    ).toMatchObject({ [uid(1, 1)]: 6, [uid(1, 2)]: 6 });
    expect(rowsOf(series)).toHaveLength(3);
    expect(rowsOf(await get(`/studies/${uid(1)}/instances`))).toHaveLength(13);
  });

  test('a retrieve has every instance once, with the bytes that were stored', async () => {
    const study = await get(`/studies/${uid(1)}`, AS_STORED);
    expect(study.status).toBe(200);
    const files = new Map(
      partsOf(study).map(({ headers, body }) => [headers['content-location']?.split('/').at(-1), body]),
    );
    expect([...files.keys()].sort()).toEqual(ofStudy.map(({ sopInstanceUid }) => sopInstanceUid).sort());
    expect(partsOf(study)).toHaveLength(ofStudy.length);
    for (const fixture of ofStudy) {
      const file = files.get(fixture.sopInstanceUid);
      expect(file && datasetOf(file).equals(fixture.dataset)).toBe(true);
    }
    expect(rowsOf(await get(`/studies/${uid(1)}/series/${uid(1, 2)}/metadata`))).toHaveLength(6);
    const frame = await get(
      `/studies/${uid(1)}/series/${uid(1, 3)}/instances/${us.sopInstanceUid}/frames/2`,
      { accept: 'multipart/related; type="application/octet-stream"' },
    );
    expect(frame.status).toBe(200);
  });

  test('without one of them there is a Warning, and a study is partial', async () => {
    await running[0]?.pacs.kill();
    const search = await get('/studies');
    expect([search.status, [...column(search, '0020000D')].sort()]).toEqual([200, [uid(1), uid(3)]]);
    expect(search.headers.warning).toContain('orthanc could not be asked');
    const study = await get(`/studies/${uid(1)}`, AS_STORED);
    expect([study.status, partsOf(study).length]).toEqual([206, 5]);
    expect(study.headers.warning).toContain('orthanc could not be asked');
    expect((await get(`/studies/${uid(2)}`, AS_STORED)).status).toBe(503);
  });
});
