import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import net from 'node:net';
import { startRoguePeer, type RoguePeer } from '../helpers/rogue-peer.js';
import { peerYaml, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

let peer: RoguePeer;
let gateway: TestGateway;

beforeAll(async () => {
  peer = await startRoguePeer();
  gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`));
});

afterAll(async () => {
  await gateway.close();
  await peer.close();
});

/** What comes back when `bytes` are sent, until the connection is closed. */
function rawAnswer(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('close', () => {
      resolve(text);
    });
  });
}

const S = '/studies/1.2.3';
const I = `${S}/series/1.2.4/instances/1.2.5`;

describe('malformed requests are 4xx problem documents, and the peer is never asked', () => {
  test.each<readonly [rule: string, path: string, status: number, headers?: Record<string, string>]>([
    ['Q-10', '/studies?NoSuchKeyword=1', 400],
    ['Q-12', '/studies?PatientID=1&00100020=2', 400],
    ['Q-13', '/studies?StudyInstanceUID=1.2.03', 400],
    ['Q-14', '/studies?StudyDate=2022*', 400],
    ['Q-18', '/studies?includefield=all&includefield=PatientID', 400],
    ['Q-20', '/studies?fuzzymatching=maybe', 400],
    ['Q-23', '/studies?limit=-1', 400],
    ['Q-23', '/studies?offset=x', 400],
    ['DT-02', '/studies?StudyDate=20220102-20220101', 400],
    ['DT-02', '/studies?StudyDate=20220101-20220101&StudyTime=1600-1000', 400],
    ['DT-06', '/studies?StudyDate=20221301', 400],
    ['Q-62', '/instances', 413],
    ['Q-10', '/studies?patientID=1', 400],
    ['Q-10', '/instances?FFFEE000=1', 400],
    ['Q-11', '/studies?OtherPatientIDsSequence=x', 400],
    ['Q-11', `/studies?${'OtherPatientIDsSequence.'.repeat(64)}PatientID=1`, 400],
    ['Q-12', '/studies?PatientID=a%5Cb', 400],
    ['Q-13', '/studies?StudyInstanceUID=1.2,,1.3', 400],
    ['Q-14', '/studies?PatientID=%00', 400],
    ['Q-14', '/studies?PatientID=a%0D%0ASet-Cookie:x', 400],
    ['Q-14', '/studies?PatientID=%1B%24B', 400],
    ['Q-14', '/studies?PatientID=%C0%AF', 400],
    ['Q-14', '/studies?PatientID=%ED%A0%80', 400],
    ['Q-14', '/studies?ModalitiesInStudy=ct', 400],
    ['Q-14', '/instances?ScheduledStationAETitle=%C3%A9', 400],
    ['Q-16', '/studies?Modality=CT', 400],
    ['Q-16', '/studies/1.2.3/series?PatientID=1', 400],
    ['Q-17', '/studies?00231001=x', 400],
    ['Q-18', '/studies?includefield=PatientAge%252C00101020', 400],
    ['Q-21', '/studies?PatientID=%22%22', 400],
    ['Q-22', '/studies?multiplevaluematching=true&PatientID=a*%5Cb', 400],
    ['Q-28', '/studies?TimezoneOffsetFromUTC=Z', 400],
    ['Q-40', '/studies?InstanceAvailability=ONLINE', 400],
    ['R-03', `/studies?${'&p='.repeat(1_001).slice(1)}`, 400],
    ['H-05', '/studies?accept=a/b&accept=a/b', 400],
    ['H-12', '/studies?charset=utf-8&charset=utf-8', 400],
    ['H-12', '/studies', 406, { 'accept-charset': 'iso-8859-1, *;q=0' }],
    ['H-12', '/studies?charset=utf-8;q=0', 406],
    ['H-12', `${S}/metadata`, 406, { 'accept-charset': 'utf-8;q=0' }],
    ['W-10', '/studies/1.2..3/metadata', 400],
    ['W-10', `/studies/${'1'.repeat(65)}`, 400],
    ['W-10', '/studies/..%2f..%2fetc%2fpasswd', 400],
    ['W-10', `${I}/frames/0`, 400],
    ['W-10', `${I}/frames/2,1`, 400],
    ['W-10', `${I}/frames/1,,2`, 400],
    ['W-10', `${I}/frames/1-3`, 400],
    ['W-10', `${I}/bulkdata/%2e%2e/%2e%2e/x`, 400],
    ['W-10', '/studies/%zz', 400],
    ['W-10', '/studies/%00', 400],
    ['Q-10', '/studies?PatientID=%zz', 400],
    ['W-10', `${I}/bulkdata/0042001`, 400],
    ['H-07', S, 406, { accept: 'text/html' }],
    ['H-07', '/studies', 406, { accept: 'image/png' }],
    ['W-12', S, 406, { accept: 'application/dicom' }],
    ['H-07', `${S}/metadata`, 406, { accept: 'application/dicom+json;q=0' }],
    ['H-13', '/nothing/here', 404],
  ])('%s: %s is %d', async (_rule, path, status, headers = {}) => {
    const response = await request(gateway.service + path, { headers });
    expect(response.status).toBe(status);
    expect(response.headers['content-type']).toBe('application/problem+json');
    const problem = JSON.parse(response.body.toString()) as Record<string, unknown>;
    expect(problem).toMatchObject({ status });
    expect(String(problem['detail']).length).toBeGreaterThan(10);
    expect(peer.messages('C-FIND-RQ')).toHaveLength(0);
  });

  test.each([
    '/studies?charset=iso-8859-1',
    '/studies?charset=utf-8',
    '/studies?PatientID=a%252Cb%2526',
    '/studies?PatientName=%E5%B1%B1*%3F%5E%3D,+%2B',
    '/studies?includefield=all&fuzzymatching=true&unknown=%F0%9F%98%80',
    '/studies?constructor=1&__proto__=2',
    `/studies?${'&p='.repeat(1_000).slice(1)}`,
    `/studies?PatientID=${'x'.repeat(8_000)}`,
  ])('H-02, H-12, Q-13: %s is a search', async (path) => {
    const response = await request(gateway.service + path, { headers: { 'accept-charset': 'iso-8859-5' } });
    expect([response.status, response.body.toString()]).toEqual([200, '[]']);
  });

  test.each(['GET /dicomweb/studies?PatientName=M\xC3\xBCller', 'GET /dicomweb/studies?PatientName=\0'])(
    'bytes that no URL has are 400: %j',
    async (line) => {
      const { port } = new URL(gateway.origin);
      const answer = await rawAnswer(
        Number(port),
        `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    },
  );

  test.each([
    ['a query', 70_000, 431],
    ['a head', 300_000, 431],
  ])('R-03: %s of %i characters is %i', async (_what, length, status) => {
    const response = await request(`${gateway.service}/studies?PatientID=${'x'.repeat(length)}`);
    expect(response.status).toBe(status);
  });

  test.each([
    ['PUT', S, 'GET, HEAD, POST'],
    ['DELETE', `${S}/metadata`, 'GET, HEAD'],
    ['POST', '/series', 'GET, HEAD'],
  ])('S-01: %s %s is 405 with Allow', async (method, path, allow) => {
    const response = await request(gateway.service + path, { method });
    expect([response.status, response.headers.allow]).toEqual([405, allow]);
  });

  test.each([
    ['GET', '/workitems'],
    ['POST', '/workitems'],
    ['PUT', '/workitems/1.2.3/state'],
    ['POST', '/workitems/1.2.3/subscribers/VIEWER'],
    ['GET', '/modality-scheduled-procedure-steps'],
    ['GET', '/modality-performed-procedure-steps'],
    ['GET', '/color-palettes'],
    ['GET', `${S}/bulkdata`],
    ['DELETE', '/nothing'],
  ])('8.10, 10.4.1.1, 11, 12, 14, 15: %s %s is 404, for there is no such resource', async (method, path) => {
    const response = await request(gateway.service + path, { method });
    expect([response.status, response.headers.allow]).toEqual([404, undefined]);
  });

  test.each(['rendered3d', 'renderedMPR', 'series/1.2.4/renderedmpr'])(
    '10.4.1.1: %s is 501, for the standard has it and the gateway has not',
    async (path) => {
      const response = await request(`${gateway.service}${S}/${path}`);
      expect(response.status).toBe(501);
      expect(JSON.parse(response.body.toString())).toMatchObject({ code: 'not-implemented' });
    },
  );

  test('a peer that is not configured is 404', async () => {
    expect((await request(`${gateway.origin}/peers/other/dicomweb/studies`)).status).toBe(404);
    expect((await request(`${gateway.origin}/peers/main/dicomweb/studies`)).status).toBe(200);
  });

  test('an Expect header that is not 100-continue is passed over', async () => {
    const response = await request(`${gateway.service}/studies`, { headers: { expect: '' } });
    expect(response.status).toBe(200);
  });

  test('bytes that are no HTTP are answered 400 and closed', async () => {
    const { port } = new URL(gateway.origin);
    expect(await rawAnswer(Number(port), '\x16\x03\x01\x02\x00\x01hello\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400 /,
    );
  });

  test('no value of a query and no UID stands in a log line', async () => {
    await request(`${gateway.service}/studies?PatientName=MARKED%5EPATIENT&PatientID=MARKED-ID`);
    expect(gateway.logLines.join('')).not.toMatch(/MARKED|1\.2\.3/);
    const metrics = await request(`${gateway.origin}/metrics`);
    expect(metrics.body.toString()).not.toMatch(/MARKED|1\.2\.3/);
  });

  test('a request id that could break a header or a log line is replaced', async () => {
    const kept = await request(`${gateway.service}/studies`, { headers: { 'x-request-id': 'abc-1' } });
    expect(kept.headers['x-request-id']).toBe('abc-1');
    const replaced = await request(`${gateway.service}/studies`, { headers: { 'x-request-id': 'a b"c' } });
    expect(replaced.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});
