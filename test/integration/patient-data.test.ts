import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { check } from '../../src/check-command.js';
import { loadConfig } from '../../src/config/index.js';
import { commitmentJson } from '../helpers/commitment.js';
import { ctSlice } from '../helpers/fixtures.js';
import { listing, selected } from '../helpers/listing.js';
import {
  abort,
  final,
  makeInstance,
  pending,
  raw,
  startRoguePeer,
  store,
  type RoguePeer,
  type Script,
  type Step,
} from '../helpers/rogue-peer.js';
import { startOtlpReceiver } from '../helpers/otlp-receiver.js';
import { postFiles } from '../helpers/store-answer.js';
import {
  peerYaml,
  request,
  startTestGateway,
  type RawResponse,
  type TestGateway,
} from '../helpers/test-gateway.js';

/** What must be seen nowhere: values of a patient, as they stand in the PACS, in queries, and in what is stored. */
const MARKS = ['ZEBRAFISH', 'QUAGGA', 'PID-7351', 'OKAPI', '19010203', 'ACC-8462', 'STORED-9573', 'TAPIR'];
/** UIDs stand in `debug` lines alone: of what the PACS has, and of what is stored. */
const UID = '2.25.4815162342';
const STORED_UID = '2.25.4711.1';
const STUDY = `${UID}.1`;
const SERIES = `${UID}.2`;
const patient = {
  PatientName: 'ZEBRAFISH^QUAGGA',
  PatientID: 'PID-7351',
  '00100021:LO': 'OKAPI',
  PatientBirthDate: '19010203',
  AccessionNumber: 'ACC-8462',
} as const;
const instances = Array.from({ length: 3 }, (_, index) =>
  makeInstance({
    studyInstanceUid: STUDY,
    seriesInstanceUid: SERIES,
    sopInstanceUid: `${UID}.3.${index}`,
    extra: { ...patient, '00091001:LO': 'TAPIR' },
  }),
);

let directory: string;
let peer: RoguePeer;
let gateway: TestGateway | undefined;
/** What stands before each answer of the peer. */
let before: Step | undefined;
const printed: string[] = [];

const led =
  (script: Script): Script =>
  (command, identifier) => [
    ...(before ? [before] : []),
    ...(typeof script === 'function' ? script(command, identifier) : script),
  ];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'patient-data-'));
  before = undefined;
  peer = await startRoguePeer({
    onFind: led((command, identifier) => {
      if (identifier.get(0x00080052) === 'STUDY') return studies(identifier.get(0x0020000d) ?? '');
      const script = listing(instances, { more: () => patient });
      return typeof script === 'function' ? script(command, identifier) : script;
    }),
    onGet: led((_command, identifier) => [
      ...selected(instances, identifier).map((one) => store(one)),
      final(),
    ]),
    onStore: led(({ affectedSopInstanceUid: uid = '' }) => [
      uid.endsWith('.9') ? final(0xc123, { errorComment: 'no room for ZEBRAFISH^QUAGGA' }) : final(0),
    ]),
  });
});
afterEach(async () => {
  await gateway?.close();
  await peer.close();
  gateway = undefined;
  rmSync(directory, { recursive: true, force: true });
});

function studies(wanted: string): readonly Step[] {
  if (wanted !== '' && wanted !== STUDY) return [final()];
  const counts = { NumberOfStudyRelatedSeries: '1', NumberOfStudyRelatedInstances: '3' };
  return [pending({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: STUDY, ...patient, ...counts }), final()];
}

/** Runs `work` with what is printed kept. */
async function capturing(work: () => Promise<unknown>): Promise<void> {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = (text: string | Uint8Array) => printed.push(String(text)) > 0;
  try {
    await work();
  } finally {
    process.stdout.write = write;
  }
}

const toStore = (instance: number): Buffer =>
  ctSlice({ rows: 4, columns: 4, instance, patientName: patient.PatientName, patientId: 'STORED-9573' }).file;

const posted = (url: string, body: object, type = 'application/json'): Promise<RawResponse> =>
  request(url, { method: 'POST', headers: { 'content-type': type }, body: JSON.stringify(body) });

/** Everything that a client can do, right and wrong; resolves with every answer. */
async function session({ service, origin }: TestGateway): Promise<readonly RawResponse[]> {
  const all: RawResponse[] = [];
  const get = async (path: string, accept = '*/*'): Promise<number> => {
    const response = await request(path.startsWith('/peers') ? origin + path : service + path, {
      headers: { accept, 'x-forwarded-for': 'ZEBRAFISH', 'user-agent': 'QUAGGA/1' },
    });
    all.push(response);
    return response.status;
  };
  const study = `/studies/${STUDY}`;
  const series = `${study}/series/${SERIES}`;
  const instance = `${series}/instances/${UID}.3.0`;
  const search = '/studies?PatientName=ZEBRAFISH*&PatientID=PID-7351&PatientBirthDate=19010203';
  expect(await get(search)).toBe(200);
  for (const level of ['/series', '/instances', `${study}/series`, `${series}/instances`])
    await get(`${level}?PatientID=PID-7351&AccessionNumber=ACC-8462&includefield=all`);
  for (const path of [study, series, instance]) {
    expect(await get(path, 'multipart/related; type="application/dicom"; transfer-syntax=*')).toBe(200);
    expect(await get(`${path}/metadata`)).toBe(200);
    for (const rest of ['rendered', 'thumbnail']) await get(`${path}/${rest}`);
    await get(path, 'application/zip');
  }
  for (const rest of ['/frames/1', '/pixeldata', '/bulkdata/00091001', '/frames/99', '/bulkdata/00100010'])
    await get(instance + rest);
  const wado = `requestType=WADO&studyUID=${STUDY}&seriesUID=${SERIES}&objectUID=${UID}.3.0`;
  for (const more of [
    '',
    '&contentType=application/dicom',
    '&annotation=patient',
    '&anonymize=yes&x=PID-7351',
  ])
    await get(`/wado?${wado}${more}`);
  const bad = [
    '/studies?PatientName=ZEBRAFISH&PatientName=QUAGGA',
    '/studies?PatientBirthDate=19010203x',
    '/studies?ZEBRAFISH=QUAGGA',
    '/studies?limit=PID-7351',
    '/studies?PatientID=%FFPID-7351',
    '/studies/PID-7351',
    `/studies/${UID}.404`,
    `${study}/series/PID-7351/instances/ZEBRAFISH`,
    `/peers/ZEBRAFISH/dicomweb/studies?PatientID=PID-7351`,
    '/ZEBRAFISH/QUAGGA?PatientID=PID-7351',
    '/%FF/PID-7351',
    `${instance}/bulkdata/ZEBRAFISH`,
  ];
  for (const path of bad)
    expect(await get(path, path.endsWith('404') ? 'image/ZEBRAFISH' : '*/*')).toBeGreaterThan(399);
  all.push(await postFiles(`${service}/studies`, [toStore(1), toStore(9)]));
  all.push(await postFiles(`${service}/studies/${UID}.6`, [toStore(2)]));
  all.push(await postFiles(`${service}/studies`, [toStore(3).subarray(0, -7)]));
  all.push(
    await posted(`${service}/studies`, [{ '00100010': { vr: 'PN', Value: ['ZEBRAFISH'] } }], 'text/QUAGGA'),
  );
  all.push(await posted(`${service}${study}/preload`, {}));
  const wanted = [{ study: STUDY, series: SERIES, sopInstanceUid: `${UID}.3.0` }];
  const commitment = `${service}/commitment-requests/${UID}.5`;
  all.push(await posted(commitment, commitmentJson(wanted, 'hierarchical'), 'application/dicom+json'));
  all.push(await request(commitment));
  for (const purge of [
    { patient: 'PID-7351' },
    { study: STUDY },
    { patient: 'ZEBRAFISH', x: 1 },
    { study: 'PID-7351' },
  ])
    all.push(await posted(`${origin}/cache/purge`, purge));
  all.push(
    await request(`${origin}/cache/purge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"patient":"ZEBRAFISH',
    }),
  );
  // Whose parser quotes what it fails on.
  for (const url of [`${service}/studies`, commitment]) {
    const headers = { 'content-type': 'application/dicom+json' };
    all.push(await request(url, { method: 'POST', headers, body: '[{"00100010": ZEBRAFISH' }));
  }
  // A peer that says whose it is wherever it can.
  for (const step of [
    final(0xa900, { errorComment: 'nothing of ZEBRAFISH^QUAGGA, PID-7351' }),
    final(0xc001, { errorComment: 'ZEBRAFISH' }),
    abort(),
    raw(Buffer.from('PATIENT ZEBRAFISH^QUAGGA')),
  ] satisfies Step[]) {
    before = step;
    await get(search);
    await get(`${study}/metadata`);
    all.push(await postFiles(`${service}/studies`, [toStore(4)]));
  }
  before = undefined;
  return all;
}

const namesIn = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(String);

const marked = (text: string, marks: readonly string[]): readonly string[] =>
  marks.filter(
    (mark) => text.includes(mark) || text.includes(Buffer.from(mark).toString('base64').slice(0, -2)),
  );

test('R-04: in a whole session of a viewer, an operator and a hostile peer no output but the audit trail holds data of a patient', async () => {
  const { aeTitle, port } = peer.address;
  const collector = await startOtlpReceiver();
  const yaml = peerYaml(
    `${aeTitle}@127.0.0.1:${port}`,
    [
      '    breaker: { failures: 100 }',
      `cache: { disk: { directory: "${join(directory, 'cache')}" } }`,
      `audit: { lines: "${join(directory, 'audit.jsonl')}", spool: { directory: "${join(directory, 'spool')}" } }`,
      `tracing: { enabled: true, endpoint: "${collector.endpoint}" }`,
      'http: { serverTiming: always }',
      'commitment: { answerWithin: 0 }',
      'retrieve: { prefetch: series }',
    ].join('\n'),
  );
  gateway = await startTestGateway(yaml);
  const answers = await session(gateway);
  await capturing(() => check(loadConfig({ file: yaml, env: {} }), { json: true }));
  const metrics = (await request(`${gateway.origin}/metrics`)).body.toString();
  const ready = (await request(`${gateway.origin}/readyz`)).body.toString();
  const { logLines } = gateway;
  await gateway.close();
  gateway = undefined;
  await collector.close();
  const all = [...MARKS, UID, STORED_UID];

  const errors = answers.filter(({ status }) => status >= 400);
  expect(errors.length).toBeGreaterThan(25);
  for (const { status, body } of errors.filter(
    ({ headers }) => headers['content-type'] !== 'application/dicom+json',
  ))
    expect([status, body.toString(), marked(body.toString(), all)]).toEqual([status, body.toString(), []]);
  for (const { headers } of answers) expect(marked(JSON.stringify(headers), MARKS)).toEqual([]);

  expect(logLines.length).toBeGreaterThan(60);
  for (const line of logLines) {
    const { level } = JSON.parse(line) as { level: string };
    expect([line, marked(line, level === 'debug' ? MARKS : all)]).toEqual([line, []]);
  }
  expect(collector.spans.length).toBeGreaterThan(60);
  for (const text of [metrics, ready, ...printed, ...collector.bodies])
    expect([text, marked(text, all)]).toEqual([text, []]);
  expect(printed.join('')).toContain(aeTitle);

  const files = namesIn(directory);
  expect(files.length).toBeGreaterThan(5);
  expect(marked(files.join('\n'), all)).toEqual([]);
  const learnt = files.filter(
    (name) => /peers\/|cursor|sha256|commitments\//.test(name) && /\.\w+$/.test(name),
  );
  for (const name of learnt) expect(marked(readFileSync(join(directory, name), 'utf8'), MARKS)).toEqual([]);

  // What is searched for is there to be found: the trail has it.
  const trail = readFileSync(join(directory, 'audit.jsonl'), 'utf8');
  expect(marked(trail, ['ZEBRAFISH', 'PID-7351', 'STORED-9573', '19010203', UID, STORED_UID])).toHaveLength(
    6,
  );
});
