import { afterEach, describe, expect, test } from '@jest/globals';
import { startChangingPacs, type ChangingPacs } from '../helpers/changing-pacs.js';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../helpers/otlp-receiver.js';
import { makeInstance } from '../helpers/rogue-peer.js';
import { peerYaml, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

const STUDY = '2.25.77.1';
const SERIES = '2.25.77.2';
const AS_STORED = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

let pacs: ChangingPacs;
let gateway: TestGateway | undefined;
let collector: OtlpReceiver | undefined;
afterEach(async () => {
  await gateway?.close();
  await collector?.close();
  await pacs.peer.close();
  gateway = collector = undefined;
});

async function start(yaml = ''): Promise<TestGateway> {
  pacs = await startChangingPacs([makeInstance({ sopInstanceUid: '2.25.77.3.1' })]);
  const { aeTitle, port } = pacs.peer.address;
  return (gateway = await startTestGateway(peerYaml(`${aeTitle}@127.0.0.1:${port}`, yaml)));
}

async function traced(tracing = '', more = ''): Promise<[TestGateway, OtlpReceiver]> {
  collector = await startOtlpReceiver();
  return [
    await start(`tracing: { enabled: true, endpoint: "${collector.endpoint}"${tracing} }\n${more}`),
    collector,
  ];
}

const root = (spans: readonly ReceivedSpan[]): ReceivedSpan | undefined =>
  spans.find(({ name }) => name.startsWith('GET '));
/** Ends the gateway, which sends what waits. */
async function stop(): Promise<void> {
  await gateway?.close();
  gateway = undefined;
}

describe('traces', () => {
  test('of a retrieve have its queue, association, DIMSE operations and transcode below the request', async () => {
    const [{ service, logLines }, collected] = await traced();
    const instance = `${service}/studies/${STUDY}/series/${SERIES}/instances/2.25.77.3.1`;
    expect((await request(`${instance}/rendered?PatientName=ONE`)).status).toBe(200);
    await gateway?.logged('"msg":"http request"');
    const line = logLines.find((one) => one.includes('"msg":"http request"')) ?? '';
    await stop();
    const spans = await collected.until((all) => root(all) !== undefined);
    const request_ = root(spans);
    const route = '/studies/:study/series/:series/instances/:instance/rendered';
    expect(request_).toMatchObject({
      name: `GET ${route}`,
      attributes: { 'http.route': route, 'http.response.status_code': 200, 'dicomgw.complete': true },
      failed: false,
    });
    const below = spans.filter(({ parentSpanId }) => parentSpanId === request_?.spanId);
    const names = new Set(below.map(({ name }) => name));
    expect([...names]).toEqual(
      expect.arrayContaining(['queue', 'open association', 'C-FIND', 'first-response', 'C-GET', 'transcode']),
    );
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(JSON.parse(line)).toMatchObject({ traceId: request_?.traceId });
    for (const uid of ['2.25.77', 'ONE', 'P1']) expect(collected.bodies.join('')).not.toContain(uid);
  });

  test('go on from those of a proxy that is believed, and of nobody else', async () => {
    const headers = { traceparent: `00-${TRACE}-${SPAN}-01` };
    const [{ service }, strange] = await traced();
    await request(`${service}/studies`, { headers });
    await stop();
    const [first] = await strange.until((all) => root(all) !== undefined);
    expect(first?.traceId).not.toBe(TRACE);
    await pacs.peer.close();
    await strange.close();
    const [trusting, collected] = await traced(', oneIn: 1000000', 'http: { trustProxy: loopback }');
    await request(`${trusting.service}/studies`, { headers });
    await request(`${trusting.service}/studies?limit=1`, {
      headers: { traceparent: `00-${TRACE.replace('0a', 'ff')}-${SPAN}-00` },
    });
    await request(`${trusting.service}/studies?limit=2`, { headers: { traceparent: 'PatientName' } });
    await stop();
    const spans = await collected.until((all) => root(all) !== undefined);
    expect(root(spans)).toMatchObject({ traceId: TRACE, parentSpanId: SPAN });
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
  });

  test('hold up nobody when there is no collector', async () => {
    const { service } = await start('tracing: { enabled: true, endpoint: "http://127.0.0.1:9" }');
    expect((await request(`${service}/studies`)).status).toBe(200);
    await stop();
  });

  test('of a request that fails say so', async () => {
    const [{ service }, collected] = await traced();
    await pacs.peer.close();
    expect((await request(`${service}/studies`)).status).toBe(503);
    await stop();
    const spans = await collected.until((all) => root(all) !== undefined);
    expect(root(spans)).toMatchObject({ failed: true, attributes: { 'error.type': 'peer-unreachable' } });
    expect(spans.find(({ name }) => name === 'open association')).toMatchObject({ failed: true });
  });
});

describe('Server-Timing', () => {
  test('tells who asks what the request waited for until its head', async () => {
    const { service } = await start();
    const silent = await request(`${service}/studies`);
    expect(silent.headers['server-timing']).toBeUndefined();
    const headers = { ...AS_STORED, prefer: 'respond-async, server-timing' };
    const series = `${service}/studies/${STUDY}/series/${SERIES}`;
    const first = await request(series, { headers });
    expect(first.headers['server-timing']).toMatch(
      /^total;dur=\d+\.\d, (?=.*queue;dur=)(?=.*association;dur=)(?=.*first-response;dur=)/,
    );
    expect(first.headers.vary).toContain('Prefer');
    const again = await request(series, { headers });
    expect(again.headers['server-timing']).toContain('cache;desc="1 found"');
    const picture = await request(`${series}/rendered`, { headers: { prefer: 'server-timing' } });
    expect(picture.headers['server-timing']).toContain('transcode;dur=');
  });

  test.each([
    ['off', false],
    ['always', true],
  ])('%s is the operator’s choice', async (mode, isSent) => {
    const { service } = await start(`http: { serverTiming: ${mode} }`);
    const { headers } = await request(`${service}/studies`, {
      headers: isSent ? {} : { prefer: 'server-timing' },
    });
    expect(headers['server-timing'] !== undefined).toBe(isSent);
  });
});
