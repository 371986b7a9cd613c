import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { summaryOf } from '../helpers/audit-schema.js';
import { startChangingPacs, type ChangingPacs } from '../helpers/changing-pacs.js';
import { ctSlice } from '../helpers/fixtures.js';
import { freePort } from '../helpers/free-port.js';
import { abort, silence } from '../helpers/rogue-peer.js';
import { PATIENCE_MS } from '../helpers/patience.js';
import { startSyslogReceiver, type SyslogReceiver } from '../helpers/syslog-receiver.js';
import { postFiles } from '../helpers/store-answer.js';
import { makeCertificate, type Certificate } from '../helpers/x509.js';
import { peerYaml, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

const STUDY = '2.25.77.1';
const AS_STORED = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };

let directory: string;
let pacs: ChangingPacs | undefined;
let gateway: TestGateway | undefined;
const receivers: SyslogReceiver[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'audited-'));
});
afterEach(async () => {
  await gateway?.close();
  await pacs?.peer.close();
  for (const receiver of receivers.splice(0)) await receiver.close();
  gateway = pacs = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const authority = { subject: 'test authority', ...makeCertificate('test authority') };
const server = makeCertificate('syslog server', authority);
const client = makeCertificate('gateway', authority);

function pem(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

async function receive(options: Parameters<typeof startSyslogReceiver>[0]): Promise<SyslogReceiver> {
  const receiver = await startSyslogReceiver(options);
  receivers.push(receiver);
  return receiver;
}

async function start(audit: readonly string[], more = '', spool = ''): Promise<TestGateway> {
  pacs ??= await startChangingPacs();
  const { aeTitle, port } = pacs.peer.address;
  const yaml = ['audit:', `  spool: { directory: "${join(directory, 'spool')}"${spool} }`, ...audit, more];
  gateway = await startTestGateway(peerYaml(`${aeTitle}@127.0.0.1:${port}`, yaml.join('\n')));
  return gateway;
}

async function stop(): Promise<void> {
  await gateway?.close();
  gateway = undefined;
}

const syslogTo = (port: number, ca: Certificate, more: readonly string[] = []): readonly string[] => [
  '  syslog:',
  `    address: 127.0.0.1:${port}`,
  `    ca: "${pem('ca.pem', ca.cert)}"`,
  ...more,
];

const eventsOf = (receiver: SyslogReceiver): readonly ReturnType<typeof summaryOf>[] =>
  receiver.messages.map(({ text }) => summaryOf(text));

/** Waits until the file has so many lines. */
async function linesOf(path: string, count: number): Promise<readonly Record<string, unknown>[]> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const lines = readLines(path);
    if (lines.length >= count) return lines;
    if (Date.now() > deadline) throw new Error(`${path} has ${lines.length} lines`);
    // Nothing tells when another process's file has grown.
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function readLines(path: string): readonly Record<string, unknown>[] {
  try {
    const text = readFileSync(path, 'utf8');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

describe('R-04: the audit trail over syslog', () => {
  test('tells of a start, a search, a retrieve, a store, a failure, a purge and a stop, once each, as audit messages', async () => {
    const receiver = await receive({ tls: server });
    const { service, origin } = await start(syslogTo(receiver.port, authority));
    const search = '/studies?PatientName=ONE%5E*&access_token=secret';
    expect((await request(service + search)).status).toBe(200);
    expect((await request(`${service}/studies/${STUDY}`, { headers: AS_STORED })).status).toBe(200);
    const slice = ctSlice({ rows: 4, columns: 4 });
    expect((await postFiles(`${service}/studies`, [slice.file])).status).toBe(200);
    expect((await request(`${service}/studies/2.25.404/metadata`)).status).toBe(404);
    expect((await request(`${service}/studies/no-uid`)).status).toBe(400);
    expect((await request(`${service}/studies/${STUDY}/preload`, { method: 'POST' })).status).toBe(202);
    await request(`${origin}/cache/purge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ patient: 'P1' }),
    });
    await stop();
    const events = eventsOf(receiver);
    const rest = { user: 'anonymous', address: '127.0.0.1', outcome: '0', patients: [], studies: [] };
    const get = (path: string): string => `GET /dicomweb${path}`;
    expect(events.slice(1, -1)).toEqual([
      {
        ...rest,
        event: '110112',
        type: 'RAD-129',
        query: get(search.replace('secret', '')),
      },
      {
        ...rest,
        event: '110104',
        type: 'RAD-107',
        studies: [STUDY],
        patients: ['P1'],
        query: get(`/studies/${STUDY}`),
      },
      {
        ...rest,
        event: '110104',
        type: 'RAD-108',
        studies: [slice.studyInstanceUid],
        patients: [expect.any(String)],
        query: 'POST /dicomweb/studies',
      },
      {
        ...rest,
        event: '110104',
        type: 'RAD-107',
        outcome: '4',
        studies: ['2.25.404'],
        query: get('/studies/2.25.404/metadata'),
      },
      { ...rest, event: '110104', type: 'RAD-107', outcome: '4', query: get('/studies/no-uid') },
      {
        ...rest,
        event: '110102',
        type: 'RAD-16',
        studies: [STUDY],
        patients: ['P1'],
        query: `POST /dicomweb/studies/${STUDY}/preload`,
      },
      { ...rest, event: '110113', type: '110132', patients: ['P1'], query: 'POST /cache/purge' },
    ]);
    expect([events[0]?.type, events.at(-1)?.type]).toEqual(['110120', '110121']);
    expect(receiver.messages.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
    expect(receiver.messages[0]).toMatchObject({
      priority: 85,
      app: 'dicomweb-gateway',
      id: 'DICOM+RFC3881',
    });
  });

  test('a retrieve that breaks off and one that the client leaves are told as such', async () => {
    const receiver = await receive({ tls: server });
    const { service } = await start(syslogTo(receiver.port, authority));
    if (pacs) pacs.before.IMAGE = abort();
    await request(`${service}/studies/${STUDY}/metadata`);
    await receiver.until((all) => all.length >= 2);
    expect(eventsOf(receiver)[1]).toMatchObject({ type: 'RAD-107', outcome: '8', studies: [STUDY] });
    if (pacs) {
      delete pacs.before.IMAGE;
      pacs.beforeInstances = silence();
    }
    const leaving = new AbortController();
    const left = request(`${service}/studies/${STUDY}`, { headers: AS_STORED, signal: leaving.signal });
    await pacs?.peer.waitFor('C-GET-RQ');
    leaving.abort();
    await expect(left).rejects.toThrow();
    await receiver.until((all) => all.length >= 3);
    expect(receiver.messages[2]?.text).toContain('<EventOutcomeDescription>499 cut off<');
    expect(eventsOf(receiver)[2]).toMatchObject({ type: 'RAD-107', outcome: '4', studies: [STUDY] });
  });

  test('what happens while the server is down waits, and comes in order when it is back, over a restart too', async () => {
    const port = await freePort();
    const { service } = await start(syslogTo(port, authority));
    for (const at of [1, 2, 3]) await request(`${service}/studies?StudyDate=2020010${at}`);
    const failed = await gateway?.logged('cannot be sent to syslog');
    expect(failed).not.toContain('StudyDate');
    const ready = JSON.parse((await request(`${gateway?.origin ?? ''}/readyz`)).body.toString()) as {
      ready: boolean;
      audit: { sinks: readonly { behind: number; lastError: string }[] };
    };
    expect([ready.ready, ready.audit.sinks]).toEqual([
      true,
      [{ name: 'syslog', behind: 4, lastError: 'ECONNREFUSED' }],
    ]);
    await stop();
    const again = await start(syslogTo(port, authority));
    await request(`${again.service}/studies?StudyDate=20200104`);
    const receiver = await receive({ tls: server, port });
    await receiver.until((all) => all.length >= 7);
    const queries = eventsOf(receiver).map(({ type, query }) => query?.slice(-1) ?? type);
    expect(queries).toEqual(['110120', '1', '2', '3', '110121', '110120', '4']);
  });

  test('a connection that breaks in the middle of a message loses none of them', async () => {
    const port = await freePort();
    const breaking = await receive({ tls: server, port, resetAfter: 3000 });
    const { service } = await start(syslogTo(port, authority));
    for (let at = 0; at < 40; at += 1) await request(`${service}/studies?AccessionNumber=${at}`);
    await gateway?.logged('cannot be sent to syslog');
    await breaking.close();
    const whole = await receive({ tls: server, port });
    const numbers = (): ReadonlySet<number> =>
      new Set([...breaking.messages, ...whole.messages].map(({ sequence }) => sequence));
    await whole.until(() => numbers().size === 41);
    expect([...numbers()].sort((a, b) => a - b)).toEqual(Array.from({ length: 41 }, (_, at) => at + 1));
  });

  test('goes only to the server whose certificate chains to what is configured, and shows its own', async () => {
    const stranger = makeCertificate('stranger');
    const wrong = await receive({ tls: stranger });
    await start(syslogTo(wrong.port, authority));
    await gateway?.logged('cannot be sent to syslog');
    expect(wrong.messages).toEqual([]);
    await stop();
    const picky = await receive({ tls: { ...server, clientCa: authority.cert } });
    const without = syslogTo(picky.port, authority);
    await start(without);
    await gateway?.logged('cannot be sent to syslog');
    expect(picky.messages).toEqual([]);
    await stop();
    const own = [
      `    certificate: "${pem('own.pem', client.cert)}"`,
      `    key: "${pem('own.key', client.key)}"`,
    ];
    await start([...without, ...own]);
    await picky.until((all) => all.length >= 3);
  });

  test('goes over bare TCP to a relay on loopback', async () => {
    const relay = await receive({});
    await start(['  syslog:', `    address: 127.0.0.1:${relay.port}`, '    transport: tcp']);
    const [first] = await relay.until((all) => all.length >= 1);
    expect(summaryOf(first?.text ?? '').type).toBe('110120');
  });
});

describe('R-04: the audit trail as JSON lines', () => {
  test('is appended to a file, which may be moved away and is begun anew on SIGHUP', async () => {
    const path = join(directory, 'audit.log');
    const { service } = await start([`  lines: "${path}"`]);
    await request(`${service}/studies?PatientID=P1`);
    const [first, second] = await linesOf(path, 2);
    expect(first).toMatchObject({ audit: 1, kind: 'application-start', outcome: 'success' });
    expect(second).toMatchObject({
      audit: 2,
      kind: 'search',
      request: 'GET /dicomweb/studies?PatientID=P1',
      requestor: { principal: { kind: 'anonymous', name: '' }, address: '127.0.0.1' },
      peers: ['main'],
    });
    renameSync(path, `${path}.1`);
    process.emit('SIGHUP');
    await request(`${service}/studies?PatientID=P2`);
    const [third] = await linesOf(path, 1);
    expect(third).toMatchObject({ audit: 3, request: 'GET /dicomweb/studies?PatientID=P2' });
    expect(readLines(`${path}.1`)).toHaveLength(2);
  });

  test('believes a proxy of http.trustProxy alone about where a client is', async () => {
    const path = join(directory, 'audit.log');
    const { service } = await start([`  lines: "${path}"`]);
    const headers = { 'x-forwarded-for': '192.0.2.99' };
    await request(`${service}/studies?PatientID=P1`, { headers });
    await linesOf(path, 2);
    await stop();
    const trusting = await start([`  lines: "${path}"`], 'http: { trustProxy: loopback }');
    for (const forwarded of ['192.0.2.99', '192.0.2.99:5678', '[2001:db8::9]:5678'])
      await request(`${trusting.service}/studies?PatientID=P1`, {
        headers: { 'x-forwarded-for': forwarded },
      });
    const lines = await linesOf(path, 8);
    const addresses = lines
      .filter(({ kind }) => kind === 'search')
      .map(({ requestor }) => (requestor as { address: string }).address);
    expect(addresses).toEqual(['127.0.0.1', '192.0.2.99', '192.0.2.99', '2001:db8::9']);
    expect(lines.map(({ kind }) => kind)).toContain('configuration-change');
  });

  test('names every study and patient of a store, and of a failed one', async () => {
    const path = join(directory, 'audit.log');
    const { service } = await start(
      [`  lines: "${path}"`],
      'store: { sopClasses: { deny: [1.2.840.10008.5.1.4.1.1.2] } }',
    );
    const slice = ctSlice({ rows: 4, columns: 4 });
    await postFiles(`${service}/studies`, [slice.file]);
    const [, event] = await linesOf(path, 2);
    expect(event).toMatchObject({
      kind: 'store',
      outcome: 'minor',
      reason: '409',
      studies: [{ studyInstanceUid: slice.studyInstanceUid }],
      patients: [{ id: expect.any(String) }],
    });
  });
});

describe('R-04: a full audit trail', () => {
  const long = (at: number): string => `/studies?StudyDescription=${'x'.repeat(20_000)}${at}`;

  test('refuses what could not be recorded where that is asked for, and takes requests again once some has been sent', async () => {
    const port = await freePort();
    const { service, origin } = await start(
      [...syslogTo(port, authority), '  onFull: refuse'],
      '',
      ', size: 1 MiB',
    );
    let taken = 0;
    let response = await request(service + long(taken));
    for (; response.status === 200 && taken < 100; taken += 1)
      response = await request(service + long(taken));
    expect(JSON.parse(response.body.toString())).toMatchObject({ status: 503, code: 'overloaded' });
    expect(response.headers['retry-after']).toBeDefined();
    expect(taken).toBeGreaterThan(30);
    const purge = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"all":true}' };
    expect((await request(`${origin}/cache/purge`, purge)).status).toBe(503);
    const receiver = await receive({ tls: server, port });
    await receiver.until((all) => all.length >= taken + 1);
    const deadline = Date.now() + PATIENCE_MS;
    while ((await request(`${service}/studies`)).status === 503 && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await request(`${service}/studies`)).status).toBe(200);
    expect(eventsOf(receiver).map(({ type }) => type)).not.toContain('110133');
  });

  test('loses events, loudly, and holds up nobody where nothing else is asked for', async () => {
    const port = await freePort();
    const { service, origin } = await start(syslogTo(port, authority), '', ', size: 1 MiB');
    for (let at = 0; at < 60; at += 1) expect((await request(service + long(at))).status).toBe(200);
    await gateway?.logged('events are lost');
    const metrics = (await request(`${origin}/metrics`)).body.toString();
    const lost = Number(/^dicomgw_audit_events_total\{event="lost",sink=""\} (\d+)$/m.exec(metrics)?.[1]);
    expect(lost).toBeGreaterThan(5);
    const receiver = await receive({ tls: server, port });
    await receiver.until((all) => all.length >= 60 - lost + 2);
    await request(`${service}/studies`);
    const all = await receiver.until(() => eventsOf(receiver).some(({ type }) => type === '110134'));
    const note = all.find(({ text }) => summaryOf(text).type === '110134')?.text ?? '';
    expect(note).toContain(`type="LostEvents" value="${Buffer.from(String(lost)).toString('base64')}"`);
  });
});
