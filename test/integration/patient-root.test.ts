import { afterEach, describe, expect, test } from '@jest/globals';
import { checkPeer, type CheckReport } from '../../src/gateway/index.js';
import { fixedFacts, openPeer } from '../../src/compose-peer.js';
import { loadConfig } from '../../src/config/index.js';
import { freePort } from '../helpers/free-port.js';
import { listing } from '../helpers/listing.js';
import { startPatientArchive, type HeldPatient, type PatientArchive } from '../helpers/patient-archive.js';
import {
  accept,
  acceptPatientRoot,
  final,
  makeInstance,
  pending,
  returning,
  startRoguePeer,
  Uids,
  type RoguePeer,
  type RoguePeerOptions,
  type Script,
  type Step,
} from '../helpers/rogue-peer.js';
import { partsOf, peerYaml, request, startTestGateway, type RawResponse } from '../helpers/test-gateway.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const instance = (study: string, series = `${study}.1`): ReturnType<typeof makeInstance> =>
  makeInstance({ studyInstanceUid: study, seriesInstanceUid: series });
const [ONE, TWO, THREE] = ['2.25.1', '2.25.2', '2.25.3'] as const;
const held: readonly HeldPatient[] = [
  {
    id: 'P1',
    patient: { PatientName: 'ADAMS^A', PatientBirthDate: '19700101', PatientSex: 'F' },
    studies: [
      {
        study: { StudyDate: '20240101' },
        instances: [instance(ONE), instance(ONE), instance(ONE, '2.25.1.2')],
      },
      { study: { StudyDate: '20240202' }, instances: [instance(TWO)] },
    ],
  },
  {
    id: 'P2',
    patient: { PatientName: 'BAKER^B', PatientBirthDate: '19800202', PatientSex: 'M' },
    studies: [{ study: { StudyDate: '20240101' }, instances: [instance(THREE)] }],
  },
];

interface Started {
  readonly archive: PatientArchive;
  readonly peer: RoguePeer;
  readonly get: (path: string, headers?: Record<string, string>) => Promise<RawResponse>;
}

async function start(
  yaml = '',
  { patients = held, ...options }: RoguePeerOptions & { readonly patients?: readonly HeldPatient[] } = {},
): Promise<Started> {
  const { archive, peer } = await startPatientArchive(patients, options);
  closers.push(() => peer.close());
  const gateway = await startTestGateway(
    peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, yaml),
  );
  closers.push(() => gateway.close());
  return { archive, peer, get: (path, headers = {}) => request(`${gateway.service}${path}`, { headers }) };
}

type Row = Readonly<Record<string, { readonly Value?: readonly unknown[] }>>;
const rowsOf = ({ body }: RawResponse): readonly Row[] =>
  body.length === 0 ? [] : (JSON.parse(body.toString()) as Row[]);
const valuesOf = (response: RawResponse, tag: string): unknown[] =>
  rowsOf(response).map((row) => row[tag]?.Value?.[0]);
const STUDY_UID = '0020000D';
const MULTIPART = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };

/** A PACS by the Patient Root that heeds the first UID of a list alone. */
function firstOnly(identifier: ReadonlyMap<number, string>): readonly Step[] {
  const first = (tag: number): string => (identifier.get(tag) ?? '').split('\\')[0]?.trim() ?? '';
  const [level, PatientID] = [first(0x00080052), 'P1'];
  if (level === 'PATIENT') return [pending({ PatientID, PatientName: 'ADAMS^A' }), final()];
  const StudyInstanceUID = first(0x0020000d);
  if (level === 'STUDY') return [pending({ PatientID, StudyInstanceUID }), final()];
  return [pending({ PatientID, StudyInstanceUID, SeriesInstanceUID: first(0x0020000e) }), final()];
}

describe('2.1: a PACS that refuses the Study Root is searched by the Patient Root', () => {
  test('a search for studies asks for patients by what they have, and for the studies of each', async () => {
    const { archive, get } = await start();
    const found = await get('/studies?PatientName=ADAMS*&StudyDate=20240101-20240131');
    expect(found.status).toBe(200);
    expect(rowsOf(found)).toEqual([
      expect.objectContaining({
        '00100010': { vr: 'PN', Value: [{ Alphabetic: 'ADAMS^A' }] },
        '00100020': { vr: 'LO', Value: ['P1'] },
        '00100030': { vr: 'DA', Value: ['19700101'] },
        '00100040': { vr: 'CS', Value: ['F'] },
        '00080020': { vr: 'DA', Value: ['20240101'] },
        [STUDY_UID]: { vr: 'UI', Value: [ONE] },
      }),
    ]);
    // Whether others have its id is asked as well: their studies would come with it.
    expect(archive.finds).toEqual(['PATIENT', 'PATIENT P1', 'STUDY P1']);
  });

  test('all studies are those of all patients, each under its name', async () => {
    const { get } = await start();
    const found = await get('/studies?includefield=all');
    expect(valuesOf(found, STUDY_UID).sort()).toEqual([ONE, TWO, THREE]);
    for (const row of rowsOf(found))
      expect(row['00100010']?.Value).toEqual([
        { Alphabetic: row[STUDY_UID]?.Value?.[0] === THREE ? 'BAKER^B' : 'ADAMS^A' },
      ]);
  });

  test('Q-50: series and instances are asked for below the patient and the study', async () => {
    const { archive, get } = await start();
    expect(valuesOf(await get('/series?PatientID=P1&Modality=CT'), '0020000E').sort()).toEqual([
      '2.25.1.1',
      '2.25.1.2',
      '2.25.2.1',
    ]);
    expect(archive.finds).toEqual(['PATIENT P1', 'STUDY P1', `SERIES P1 ${ONE}`, `SERIES P1 ${TWO}`]);
    expect(rowsOf(await get(`/instances?PatientID=P2`))).toHaveLength(1);
    expect(archive.finds.at(-1)).toBe(`IMAGE P2 ${THREE} 2.25.3.1`);
  });

  test('a study by its UID has its patient, whom the gateway finds out', async () => {
    const { archive, get } = await start();
    for (let time = 0; time < 2; time += 1) {
      const found = await get(`/studies?StudyInstanceUID=${THREE}`, { 'cache-control': 'no-cache' });
      expect(valuesOf(found, '00100010')).toEqual([{ Alphabetic: 'BAKER^B' }]);
    }
    const walk = ['PATIENT', `STUDY P1 ${THREE}`, `STUDY P2 ${THREE}`];
    // Once in a way that the model forbids, once patient by patient; then it is known.
    expect(archive.finds).toEqual([
      `STUDY ${THREE}`,
      ...walk,
      'PATIENT P2',
      `STUDY P2 ${THREE}`,
      'PATIENT P2',
      `STUDY P2 ${THREE}`,
    ]);
  });

  test('a PACS that finds studies without their patients is asked once', async () => {
    const { archive, get } = await start();
    archive.isLenient = true;
    expect(valuesOf(await get(`/studies/${THREE}/series`), '0020000E')).toEqual(['2.25.3.1']);
    expect(archive.finds).toEqual([`STUDY ${THREE}`, `SERIES P2 ${THREE}`]);
  });

  test('what a study is not found by is not found', async () => {
    const { get } = await start();
    expect(rowsOf(await get(`/studies?StudyInstanceUID=${THREE}&PatientName=ADAMS*`))).toEqual([]);
    expect(rowsOf(await get(`/studies?StudyInstanceUID=2.25.9`))).toEqual([]);
    expect(rowsOf(await get(`/studies?StudyInstanceUID=${ONE},${THREE}`))).toHaveLength(2);
  });

  test('Q-53: with relational queries a search for studies is one C-FIND', async () => {
    const { archive, get } = await start('', { associate: acceptPatientRoot({ extended: returning(1) }) });
    archive.isLenient = true;
    expect(rowsOf(await get('/studies?StudyDate=20240101'))).toHaveLength(2);
    expect(archive.finds).toEqual(['STUDY']);
  });

  test.each(['PATIENT', 'STUDY'])('a sub-query at %s level that fails fails the request', async (level) => {
    const { archive, get } = await start();
    archive.answers[level] = [final(0xc001)];
    expect((await get('/studies?limit=10')).status).toBe(502);
  });

  test('a patient without an id, whose studies cannot be asked for, is not left out in silence', async () => {
    const nobody = { id: '', patient: { PatientName: 'UNKNOWN' }, studies: [] };
    const { get } = await start('', { patients: [...held, nobody] });
    const found = await get('/studies?limit=10');
    expect(rowsOf(found)).toHaveLength(3);
    expect(found.headers.warning).toContain('patients without a PatientID');
    expect(found.headers.warning).not.toContain('cut');
    const none = await get('/studies?PatientName=UNKNOWN&limit=10');
    expect([none.status, none.body.toString()]).toEqual([
      502,
      expect.stringContaining('without a PatientID'),
    ]);
    // Whether the study is its patient's nobody knows.
    expect((await get('/studies/2.25.9/series')).status).toBe(502);
  });

  test('a study whose patient the PACS does not show is found, and no other patient is asked for', async () => {
    const nobody = { id: '', studies: [{ instances: [instance('2.25.7')] }] };
    const { archive, get } = await start('', { patients: [...held, nobody] });
    archive.isLenient = true;
    archive.answers['PATIENT'] = [final()];
    expect(valuesOf(await get('/studies?StudyInstanceUID=2.25.7'), STUDY_UID)).toEqual(['2.25.7']);
    expect(archive.finds.filter((asked) => asked.startsWith('PATIENT'))).toEqual([]);
  });

  test('studies of two patients with one id are not shown as those of the first in silence', async () => {
    const [first] = held;
    const other = { id: 'P1', patient: { PatientName: 'OTHER^O' }, studies: [] };
    const { get } = await start('', { patients: [...(first ? [first] : []), other] });
    const found = await get('/studies?limit=10');
    expect(rowsOf(found)).toHaveLength(2);
    expect(found.headers.warning).toContain('several patients of one PatientID');
  });

  test('a search by name tells that another patient has the id of the one it finds', async () => {
    const other = { id: 'P1', patient: { PatientName: 'OTHER^O' }, studies: [] };
    const { get } = await start('', { patients: [...held, other] });
    const found = await get('/studies?PatientName=ADAMS*&limit=10');
    expect(rowsOf(found)).toHaveLength(2);
    expect(found.headers.warning).toContain('several patients of one PatientID');
    expect((await get('/studies?PatientName=BAKER*&limit=10')).headers.warning).toBeUndefined();
  });

  test('of a list of studies that nobody has asked for yet the patients are walked through once', async () => {
    const patients = Array.from({ length: 6 }, (_, index) => ({
      id: `P${index}`,
      studies: [{ instances: [instance(`2.25.10.${index}`)] }],
    }));
    const { archive, get } = await start('', { patients });
    const uids = [...patients.keys()].map((index) => `2.25.10.${index}`);
    const found = await get(`/studies?StudyInstanceUID=${[...uids, '2.25.9', '2.25.8'].join(',')}`);
    expect(valuesOf(found, STUDY_UID).sort()).toEqual(uids);
    expect(archive.finds.filter((asked) => asked === 'PATIENT')).toHaveLength(1);
    expect(archive.finds.length).toBeLessThan(30);
    // Now that they are known nobody is walked through for them.
    const before = archive.finds.length;
    const again = await get(`/studies?StudyInstanceUID=${uids.join(',')}`);
    expect(valuesOf(again, STUDY_UID).sort()).toEqual(uids);
    expect(archive.finds.slice(before)).not.toContain('PATIENT');
  });

  test('of studies that there are not it is not learnt that the PACS finds none without its patient', async () => {
    const { archive, get } = await start();
    archive.isLenient = true;
    const found = await get(`/studies?StudyInstanceUID=2.25.7,2.25.8,2.25.9,${ONE}`);
    expect(valuesOf(found, STUDY_UID)).toEqual([ONE]);
    const before = archive.finds.length;
    expect((await get(`/studies/${THREE}/series`)).status).toBe(200);
    expect(archive.finds.slice(before)).not.toContain('PATIENT');
  });

  test('413 where a list of studies would take a walk through too many patients', async () => {
    const patients = Array.from({ length: 6 }, (_, index) => ({
      id: `P${index}`,
      studies: [{ instances: [instance(`2.25.10.${index}`)] }],
    }));
    const { get } = await start('search: { maxPatients: 3, maxUnlimited: 100 }', { patients });
    expect((await get('/studies?StudyInstanceUID=2.25.8,2.25.9')).status).toBe(413);
  });

  test('a study is not told to be gone where the PACS caps the list of patients without a word', async () => {
    const { archive, get } = await start('    findLimit: 1');
    archive.answers['PATIENT'] = [pending({ PatientID: 'P1' }), final()];
    expect((await get(`/studies/${THREE}/series`)).status).toBe(502);
  });

  test("what was cut off is told although what came in its place is another patient's", async () => {
    const ofOther = ['2.25.31', '2.25.32', '2.25.33'].map((StudyInstanceUID) =>
      pending({ PatientID: 'P2', StudyInstanceUID }),
    );
    const onFind: Script = (_request, identifier) => {
      if (identifier.get(0x00080052)?.trim() === 'PATIENT')
        return [pending({ PatientID: 'P1' }), pending({ PatientID: 'P2' }), final()];
      const isOfOther = identifier.get(0x00100020)?.trim() === 'P2';
      return [...(isOfOther ? ofOther.slice(0, 2) : ofOther), final()];
    };
    const { get } = await start('    findLimit: 3', { onFind });
    const found = await get('/studies?limit=10');
    expect(rowsOf(found)).toHaveLength(2);
    expect(found.headers.warning).toContain('cut');
  });

  test('Q-55: that the gateway takes a list of studies apart does not tell that the PACS knows lists', async () => {
    const onFind: Script = (_request, identifier) => firstOnly(identifier);
    const { get } = await start('', { onFind });
    expect(rowsOf(await get(`/studies?PatientID=P1&StudyInstanceUID=${ONE},${TWO}`))).toHaveLength(2);
    expect(rowsOf(await get(`/studies?StudyInstanceUID=${ONE},${TWO}`))).toHaveLength(2);
    const found = await get(`/studies/${ONE}/series?SeriesInstanceUID=${ONE}.1,${ONE}.2`);
    expect(valuesOf(found, '0020000E')).toEqual([`${ONE}.1`, `${ONE}.2`]);
  });

  test('Q-26: what is listed in vain counts for all patients together', async () => {
    const patients = Array.from({ length: 5 }, (_, index) => ({
      id: `P${index}`,
      studies: [{ instances: [instance(`2.25.10.${index}`)] }],
    }));
    const { get } = await start('search: { maxScan: 3, maxUnlimited: 100 }', { patients });
    expect((await get('/studies?NumberOfStudyRelatedInstances=7&limit=10')).status).toBe(413);
  });

  test('413 where more patients match than may be asked', async () => {
    const patients = Array.from({ length: 5 }, (_, index) => ({
      id: `P${index}`,
      studies: [{ instances: [instance(`2.25.10.${index}`)] }],
    }));
    const { get } = await start('search: { maxPatients: 3, maxUnlimited: 100 }', { patients });
    expect((await get('/studies?StudyDate=20300101&limit=10')).status).toBe(413);
    expect((await get('/studies/2.25.10.9/series')).status).toBe(413);
    expect(rowsOf(await get('/studies?PatientID=P4'))).toHaveLength(1);
  });

  test('an early stop asks for no more patients than the page needs', async () => {
    const patients = Array.from({ length: 40 }, (_, index) => ({
      id: `P${index}`,
      studies: [{ instances: [instance(`2.25.10.${index}`)] }],
    }));
    const { archive, get } = await start('search: { lookAhead: 1 }', { patients });
    expect(rowsOf(await get('/studies?limit=2'))).toHaveLength(2);
    expect(archive.finds.filter((one) => one.startsWith('STUDY')).length).toBeLessThan(10);
  });
});

describe('2.1: a PACS of the Patient Root in a group', () => {
  test('that would have to be asked for too many patients is a member that failed', async () => {
    const other = await startRoguePeer({ onFind: listing([instance('2.25.50')]) });
    closers.push(() => other.close());
    const patients = Array.from({ length: 5 }, (_, index) => ({
      id: `P${index}`,
      studies: [{ instances: [instance(`2.25.10.${index}`)] }],
    }));
    const yaml = [
      `  other: { address: "${other.address.aeTitle}@127.0.0.1:${other.address.port}" }`,
      'groups: { all: { members: [other, main], onMemberFailure: warn } }',
      'defaultPeer: all',
      'search: { maxPatients: 3 }',
    ].join('\n');
    const { get } = await start(yaml, { patients });
    const found = await get('/studies/2.25.50/series');
    expect(valuesOf(found, '0020000E')).toEqual(['2.25.50.1']);
    expect(found.headers.warning).toContain('main could not be asked');
  });
});

describe('2.1: what a PACS of the Patient Root holds is retrieved with the Patient ID', () => {
  test.each(['get', 'move'])('a study, its series and instances by C-%s', async (way) => {
    const port = await freePort();
    const yaml = `    retrieve: ${way}\ndimse: { listen: "127.0.0.1:${port}" }`;
    const moveDestinations = { GATEWAY: { host: '127.0.0.1', port } };
    const { archive, get } = await start(yaml, { moveDestinations });
    const parts = partsOf(await get(`/studies/${ONE}`, MULTIPART));
    expect(parts).toHaveLength(3);
    expect(archive.retrieves.length).toBeGreaterThan(0);
    for (const asked of archive.retrieves) expect(asked).toContain(` P1 ${ONE}`);
    expect((await get(`/studies/${TWO}/series/2.25.2.1/metadata`)).status).toBe(200);
  });

  test('what is not there is 404, and a study that went to another patient is still there', async () => {
    const { archive, get } = await start('cache: { revalidateAfter: 0s }');
    expect((await get('/studies/2.25.9', MULTIPART)).status).toBe(404);
    expect(partsOf(await get(`/studies/${TWO}`, MULTIPART))).toHaveLength(1);
    const [one, two] = held;
    if (!one || !two) throw new Error('no patients');
    const moved = one.studies.slice(1);
    archive.patients = [
      { ...one, studies: one.studies.slice(0, 1) },
      { ...two, studies: [...two.studies, ...moved] },
    ];
    const before = archive.retrieves.length;
    expect(partsOf(await get(`/studies/${TWO}`, MULTIPART))).toHaveLength(1);
    // It is another patient's: what was cached of it was not served.
    expect(archive.retrieves.slice(before).every((asked) => asked.includes(` P2 ${TWO}`))).toBe(true);
    expect(archive.retrieves.length).toBeGreaterThan(before);
  });

  test('a name that was corrected is seen at the patient: nothing is served under the old one', async () => {
    const { archive, get } = await start('cache: { revalidateAfter: 0s }');
    expect(partsOf(await get(`/studies/${TWO}`, MULTIPART))).toHaveLength(1);
    archive.patients = archive.patients.map((one) => ({ ...one, patient: { PatientName: 'ADAMS^ANNA' } }));
    const before = archive.retrieves.length;
    expect(partsOf(await get(`/studies/${TWO}`, MULTIPART))).toHaveLength(1);
    expect(archive.retrieves.length).toBeGreaterThan(before);
  });
});

describe('which model is used', () => {
  test('the Patient Root for retrieves alone, where these are refused by the Study Root', async () => {
    const associate = accept({ refused: [Uids.studyRootGet, Uids.studyRootMove] });
    const { archive, get } = await start('', { associate });
    expect(partsOf(await get(`/studies/${ONE}`, MULTIPART))).toHaveLength(3);
    expect(archive.retrieves.every((asked) => asked.includes(` P1 ${ONE}`))).toBe(true);
    expect(archive.finds.filter((asked) => asked.startsWith('PATIENT'))).toEqual([]);
    expect(
      archive.finds.filter((asked) => asked.startsWith('SERIES')).every((asked) => !asked.includes('P1')),
    ).toBe(true);
  });

  test('the Study Root where both are accepted; nothing is learnt of that', async () => {
    const { get, peer } = await start('', { associate: accept() });
    await get('/studies?StudyInstanceUID=2.25.1');
    const [asked] = peer.record.messages('C-FIND-RQ');
    expect(asked?.command.affectedSopClassUid).toBe(Uids.studyRootFind);
  });

  test('the one that is configured, and no other is proposed', async () => {
    const { get, peer } = await start('    profile: { root: patient }', { associate: accept() });
    expect(rowsOf(await get('/studies?PatientID=P1'))).toHaveLength(2);
    const proposed = peer.events.flatMap((event) =>
      event.type === 'associate-rq' ? event.request.contexts.map(({ abstractSyntax }) => abstractSyntax) : [],
    );
    expect(new Set(proposed)).toEqual(new Set([Uids.patientRootFind]));
  });

  test('a PACS that comes to offer the Study Root is asked by it at once', async () => {
    const steps = [acceptPatientRoot(), accept()];
    const { get, peer } = await start('    idleTimeout: 1ms', { associate: steps });
    expect(rowsOf(await get('/studies?PatientID=P1'))).toHaveLength(2);
    await peer.record.waitFor('closed');
    await get('/studies?StudyInstanceUID=2.25.1');
    const asked = peer.record.messages('C-FIND-RQ').map(({ command }) => command.affectedSopClassUid);
    expect(asked.at(-1)).toBe(Uids.studyRootFind);
  });
});

describe('check', () => {
  async function check(study?: string): Promise<CheckReport> {
    const { peer } = await startPatientArchive(held);
    closers.push(() => peer.close());
    const config = loadConfig({
      file: `peers: { main: { address: "ROGUE@127.0.0.1:${peer.address.port}" } }`,
      env: {},
    });
    const settings = config.peers['main'];
    if (settings === undefined) throw new Error('no peer');
    const deps = { observe: (): void => undefined, storageScp: undefined };
    return checkPeer(
      {
        name: 'main',
        associations: settings.associations,
        ...(study !== undefined && { study: { studyInstanceUid: study, relearnMs: settings.relearnAfter } }),
        fixed: fixedFacts(settings),
        untried: { move: { reason: 'there is no listener', mayWork: false } },
        open: (_way, known) => openPeer(config, 'main', { ...settings, retrieve: 'get' }, { ...deps, known }),
        moveHint: '',
      },
      { requestId: 'check', signal: AbortSignal.timeout(20_000) },
    );
  }

  test('says that the PACS offers the Patient Root alone, and that it can be used', async () => {
    const report = await check();
    expect(report).toMatchObject({ usable: true, retrieved: true });
    expect(report.steps[0]?.detail).toContain('by the Patient Root model');
    expect(report.learnt).toEqual(
      expect.arrayContaining([expect.stringContaining('searched by the Patient Root model')]),
    );
    expect(report.facts).toMatchObject({ root: { value: 'patient' } });
  });

  test('--study tries keys with the study and its patient', async () => {
    const report = await check(THREE);
    expect(report.steps.find(({ step }) => step === 'study')).toMatchObject({ result: 'ok' });
    expect(report.facts).toMatchObject({
      needsPatientId: { value: true },
      ignoredKeys: { value: expect.not.arrayContaining(['PatientName', 'PatientID']) as unknown },
    });
  });
});
