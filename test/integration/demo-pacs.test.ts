import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  createDemoPacs,
  demoStudies,
  demoUpload,
  type DemoInstance,
  type DemoPacs,
} from '../../src/demo/index.js';
import { freePort } from '../helpers/free-port.js';
import {
  datasetOf,
  partsOf,
  request,
  startTestGateway,
  transferSyntaxOf,
  type TestGateway,
} from '../helpers/test-gateway.js';

/** The embedded PACS speaks through dcmjs-dimse: an implementation that shares no code with the gateway's own. */
describe.each(['get', 'move'] as const)('the main job in front of the embedded PACS, by C-%s', (way) => {
  let pacs: DemoPacs;
  let gateway: TestGateway;
  const studies = demoStudies();

  beforeAll(async () => {
    const movePort = await freePort();
    pacs = await createDemoPacs({ movePort, instances: studies });
    const { aeTitle, host, port } = pacs.address;
    gateway = await startTestGateway(
      [
        `dimse: { aeTitle: GATEWAY, listen: "127.0.0.1:${movePort}" }`,
        `peers: { main: { address: "${aeTitle}@${host}:${port}", retrieve: ${way} } }`,
      ].join('\n'),
    );
  });

  afterAll(async () => {
    await gateway.close();
    await pacs.close();
  });

  const pathOf = (one: DemoInstance): string =>
    `/studies/${one.studyInstanceUid}/series/${one.seriesInstanceUid}/instances/${one.sopInstanceUid}`;
  const json = async (
    path: string,
  ): Promise<Record<string, { vr: string; Value?: unknown[]; BulkDataURI?: string }>[]> => {
    const response = await request(gateway.service + path);
    expect([response.status, response.headers['content-type']]).toEqual([200, 'application/dicom+json']);
    return JSON.parse(response.body.toString()) as never;
  };

  test('Q-01..Q-06: every searchable resource answers with what the PACS holds', async () => {
    const [first] = studies;
    const study = first?.studyInstanceUid ?? '';
    const inStudy = studies.filter((one) => one.studyInstanceUid === study);
    const series = new Set(inStudy.map((one) => one.seriesInstanceUid));
    expect(await json('/studies')).toHaveLength(new Set(studies.map((one) => one.studyInstanceUid)).size);
    expect(await json(`/studies/${study}/series`)).toHaveLength(series.size);
    expect(await json(`/studies/${study}/instances`)).toHaveLength(inStudy.length);
    const [one] = series;
    const inSeries = inStudy.filter((each) => each.seriesInstanceUid === one);
    expect(await json(`/studies/${study}/series/${one ?? ''}/instances`)).toHaveLength(inSeries.length);
    expect(await json(`/series?StudyInstanceUID=${study}`)).toHaveLength(series.size);
    expect(await json(`/instances?StudyInstanceUID=${study}&Modality=SR`)).toHaveLength(1);
  });

  test('W-01, W-21, W-23: every study comes whole, each instance in the bytes that the PACS holds', async () => {
    for (const study of new Set(studies.map((one) => one.studyInstanceUid))) {
      const response = await request(`${gateway.service}/studies/${study}`, {
        headers: { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' },
      });
      expect(response.status).toBe(200);
      const held = studies.filter((one) => one.studyInstanceUid === study);
      const parts = partsOf(response);
      expect(parts).toHaveLength(held.length);
      for (const part of parts) {
        const uid = part.headers['content-location']?.split('/').pop();
        const stored = held.find((one) => one.sopInstanceUid === uid);
        expect(part.headers['content-type']).toBe(
          `application/dicom; transfer-syntax=${transferSyntaxOf(part.body)}`,
        );
        expect(transferSyntaxOf(part.body)).toBe(stored?.transferSyntaxUid);
        expect(datasetOf(part.body).equals(Buffer.from(stored?.dataset ?? []))).toBe(true);
      }
    }
  });

  test('W-02, W-49: the metadata of an instance has all attributes, and its BulkDataURI resolves', async () => {
    const [first] = studies;
    if (first === undefined) throw new Error('the demo has no instance');
    const [metadata] = await json(`${pathOf(first)}/metadata`);
    expect(metadata?.['00080018']?.Value).toEqual([first.sopInstanceUid]);
    expect(Object.keys(metadata ?? {})).toEqual([...Object.keys(metadata ?? {})].sort());
    const uri = metadata?.['7FE00010']?.BulkDataURI ?? '';
    const pixels = await request(uri, { headers: { accept: 'application/octet-stream' } });
    expect(pixels.status).toBe(200);
    const rows = Number(metadata?.['00280010']?.Value?.[0]);
    const columns = Number(metadata?.['00280011']?.Value?.[0]);
    expect(pixels.body).toHaveLength(rows * columns * 2);
    const frame = await request(`${gateway.service}${pathOf(first)}/frames/1`, {
      headers: { accept: 'multipart/related; type=application/octet-stream; transfer-syntax=*' },
    });
    expect(partsOf(frame)[0]?.body.equals(pixels.body)).toBe(true);
    expect(partsOf(frame)[0]?.headers['content-type']).toContain('transfer-syntax=1.2.840.10008.1.2.1');
  });

  test('W-11: what is not there is 404: a study, a frame past the end, an element', async () => {
    const [first] = studies;
    if (first === undefined) throw new Error('the demo has no instance');
    for (const path of [
      '/studies/1.2.3',
      '/studies/1.2.3/metadata',
      `${pathOf(first)}/frames/2`,
      `${pathOf(first)}/bulkdata/00420011`,
    ]) {
      const response = await request(gateway.service + path);
      expect([path, response.status]).toEqual([path, 404]);
    }
  });

  test('S-08: what is stored is found and comes back the same', async () => {
    const upload = demoUpload();
    const before = await request(`${gateway.service}${pathOf(upload)}`, {
      headers: { accept: 'application/dicom' },
    });
    expect([200, 404]).toContain(before.status);
    const [first] = studies;
    const file = await request(`${gateway.service}${pathOf(first ?? upload)}`, {
      headers: { accept: 'application/dicom; transfer-syntax=*' },
    });
    expect(file.headers['content-type']).toContain('application/dicom');
    const stored = await request(`${gateway.service}/studies`, {
      method: 'POST',
      headers: { 'content-type': 'application/dicom' },
      body: file.body,
    });
    expect(stored.status).toBe(200);
    const again = await request(`${gateway.service}${pathOf(first ?? upload)}`, {
      headers: { accept: 'application/dicom; transfer-syntax=*' },
    });
    expect(again.body.equals(file.body)).toBe(true);
  });

  test('HEAD has the headers of GET and no body', async () => {
    const response = await request(`${gateway.service}/studies`, { method: 'HEAD' });
    expect([response.status, response.body.length]).toEqual([200, 0]);
  });

  test('/healthz, /readyz and /metrics tell how it goes', async () => {
    expect((await request(`${gateway.origin}/healthz`)).status).toBe(200);
    const ready = await request(`${gateway.origin}/readyz`);
    expect(JSON.parse(ready.body.toString())).toMatchObject({ ready: true, peers: [{ name: 'main' }] });
    const metrics = (await request(`${gateway.origin}/metrics`)).body.toString();
    for (const name of [
      'associations{',
      'dimse_operations_total{',
      'dimse_bytes_total{',
      'cache_bytes{',
      'http_requests_total{',
    ]) {
      expect(metrics).toContain(`dicomgw_${name}`);
    }
  });

  test('one id goes from the HTTP request to the association', async () => {
    await request(`${gateway.service}/studies`, { headers: { 'x-request-id': `trace-${way}` } });
    const lines = gateway.logLines.filter((line) => line.includes(`"requestId":"trace-${way}"`));
    expect(lines.some((line) => line.includes('"kind":"http-request"'))).toBe(true);
    expect(lines.some((line) => line.includes('C-FIND'))).toBe(true);
  });
});
