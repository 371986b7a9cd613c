import { afterEach, expect, test } from '@jest/globals';
import { ctSeries, ctSlice, type Fixture } from '../helpers/fixtures.js';
import { gatewayBefore, loadFixtures, orthanc, type PacsWithPort } from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import {
  datasetOf,
  partsOf,
  request,
  sha256,
  type RawResponse,
  type TestGateway,
} from '../helpers/test-gateway.js';

const running: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
});

const ANY_SYNTAX = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
const STUDY = '/studies/2.25.4711.1';
const SERIES = `${STUDY}/series/2.25.4711.1.1`;

async function start(fixtures: readonly Fixture[]): Promise<{
  readonly pacs: PacsWithPort;
  readonly gateway: TestGateway;
  readonly get: (path: string) => Promise<RawResponse>;
}> {
  const pacs = await orthanc.start();
  running.push(() => pacs.pacs.stop());
  await loadFixtures(pacs.pacs, fixtures);
  const top = 'cache: { revalidateAfter: 0, relistAfter: 0 }';
  const gateway = await gatewayBefore(pacs, 'get', { top });
  running.push(() => gateway.close());
  const get = (path: string): Promise<RawResponse> =>
    request(gateway.service + path, { headers: path.endsWith('metadata') ? {} : ANY_SYNTAX });
  return { pacs, gateway, get };
}

/** Deletes what a UID names from Orthanc, by its own interface. */
async function remove({ pacs }: PacsWithPort, uid: string): Promise<void> {
  const origin = pacs.restUrl ?? '';
  const found = await request(`${origin}/tools/lookup`, { method: 'POST', body: uid });
  const [{ Path }] = JSON.parse(found.body.toString()) as [{ Path: string }];
  expect((await request(origin + Path, { method: 'DELETE' })).status).toBe(200);
}

const digestsOf = (response: RawResponse): ReadonlySet<string> =>
  new Set(partsOf(response).map(({ body }) => sha256(datasetOf(body))));
const digests = (fixtures: readonly Fixture[]): ReadonlySet<string> =>
  new Set(fixtures.map(({ dataset }) => sha256(dataset)));

describeWithPacs('what changes at Orthanc', () => {
  test('a study that is deleted there is not found through the gateway, whatever is cached of it', async () => {
    const fixtures = ctSeries(4, { study: 1, series: 1 });
    const { pacs, get } = await start(fixtures);
    expect(digestsOf(await get(STUDY))).toEqual(digests(fixtures));
    await get(`${SERIES}/metadata`);
    await remove(pacs, '2.25.4711.1');
    const instance = `${SERIES}/instances/${fixtures[0]?.sopInstanceUid ?? ''}`;
    for (const path of [
      instance,
      `${instance}/metadata`,
      `${instance}/frames/1`,
      SERIES,
      `${SERIES}/metadata`,
      STUDY,
    ]) {
      expect([path, (await get(path)).status]).toEqual([path, 404]);
    }
  });

  test('an instance that is replaced by another there is replaced here', async () => {
    const first = ctSlice({ study: 1, series: 1, instance: 8 });
    const others = ctSeries(3, { study: 1, series: 1 });
    const { pacs, get } = await start([first, ...others]);
    expect(partsOf(await get(SERIES))).toHaveLength(4);
    expect(JSON.parse((await get(`${SERIES}/metadata`)).body.toString())).toHaveLength(4);
    const another = ctSlice({ study: 1, series: 1, instance: 9 });
    await remove(pacs, first.sopInstanceUid);
    await loadFixtures(pacs.pacs, [another]);
    const metadata = (await get(`${SERIES}/metadata`)).body.toString();
    expect(metadata.includes(`"${first.sopInstanceUid}"`)).toBe(false);
    expect(metadata).toContain(another.sopInstanceUid);
    expect(digestsOf(await get(SERIES))).toEqual(digests([...others, another]));
  });

  test('a series that is corrected there is fetched anew', async () => {
    const fixtures = ctSeries(3, { study: 1, series: 1 });
    const { pacs, get } = await start(fixtures);
    expect(digestsOf(await get(SERIES))).toEqual(digests(fixtures));
    const corrected = ctSeries(3, { study: 1, series: 1, modality: 'MR' });
    await remove(pacs, '2.25.4711.1.1');
    await loadFixtures(pacs.pacs, corrected);
    expect(digestsOf(await get(SERIES))).toEqual(digests(corrected));
  });
});
