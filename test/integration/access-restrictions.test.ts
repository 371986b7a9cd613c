import { afterEach, describe, expect, test } from '@jest/globals';
import { startArchives, type Archives } from '../helpers/archives.js';
import { ctSlice, type Fixture } from '../helpers/fixtures.js';
import { final, makeInstance, type RogueInstance } from '../helpers/rogue-peer.js';
import { request, storeBody, type RawResponse } from '../helpers/test-gateway.js';
import { TokenIssuer } from '../helpers/token-issuer.js';

let scene: Archives | undefined;
let issuer: TokenIssuer | undefined;
afterEach(async () => {
  await scene?.close();
  await issuer?.close();
  scene = issuer = undefined;
});

const image = (study: number, PatientID = `P${study}`): RogueInstance =>
  makeInstance({
    studyInstanceUid: `2.25.${study}`,
    seriesInstanceUid: `2.25.${study}.1`,
    sopInstanceUid: `2.25.${study}.1.1`,
    extra: { PatientID },
  });

const TRIAL = 'a-token-of-the-trial-people';
const WHOLE = 'a-token-of-the-whole-house';
const ACCESS = `access:
  roles:
    trial: { may: [search, retrieve, store], only: { PatientID: 'T-*' } }
    clinic: { may: [search, retrieve], only: { InstitutionName: '{clinic}', PatientID: '{patients}' } }
    nothing: { may: [search], only: { StudyDescription: TRIAL } }
  tokens:
    trial: { token: ${TRIAL}, roles: [trial] }
    whole: { token: ${WHOLE}, roles: [read, store] }
`;

/** What an archive says of studies, by number: patient and more. */
type Patients = Readonly<Record<string, Readonly<Record<string, string>>>>;
const PATIENTS: Patients = {
  '2.25.1': { PatientID: 'T-1', PatientName: 'ONE^A', '00080080:LO': 'North' },
  '2.25.2': { PatientID: 'P2', PatientName: 'TWO^B', '00080080:LO': 'South' },
  '2.25.3': { PatientName: 'THREE^C', '00080080:LO': 'North' },
};

async function start(
  holdings: readonly (readonly RogueInstance[])[],
  {
    peer,
    yaml = ACCESS,
    patients = [PATIENTS],
  }: { peer?: string; yaml?: string; patients?: readonly Patients[] } = {},
): Promise<Archives> {
  scene = await startArchives(holdings, {
    yaml,
    ...(peer !== undefined && { peer: holdings.map(() => peer) }),
  });
  for (const [index, archive] of scene.archives.entries())
    archive.study = (uid) => (patients[index] ?? patients[0])?.[uid] ?? {};
  return scene;
}

const ask = (path: string, token: string, more: Record<string, string> = {}): Promise<RawResponse> =>
  request(`${scene?.gateway.service ?? ''}${path}`, {
    headers: { authorization: `Bearer ${token}`, ...more },
  });
const askPeer = (name: string, path: string, token: string): Promise<RawResponse> =>
  request(`${scene?.gateway.origin ?? ''}/peers/${name}/dicomweb${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });

type Row = Record<string, { Value?: unknown[] } | undefined>;
const rows = ({ body, status }: RawResponse): Row[] =>
  status === 200 ? (JSON.parse(body.toString()) as Row[]) : [];
const studies = (response: RawResponse): unknown[] =>
  rows(response)
    .map((row) => row['0020000D']?.Value?.[0])
    .sort();
const withoutId = ({ status, body }: RawResponse): unknown => {
  const { requestId: _id, ...problem } = JSON.parse(body.toString()) as Record<string, unknown>;
  return [status, problem];
};

const FIRST = '/studies/2.25.1/series/2.25.1.1/instances/2.25.1.1.1';
const SECOND = '/studies/2.25.2/series/2.25.2.1/instances/2.25.2.1.1';
const RETRIEVES = [
  '',
  '/metadata',
  '/frames/1',
  '/rendered',
  '/thumbnail',
  '/pixeldata',
  '/bulkdata',
  '/bulkdata/00104000',
];
const THREE = [image(1), image(2), image(3)];

describe('who may see some studies alone finds no others (R-01, R-05)', () => {
  test.each(['all', 'a'])(
    'at a group as at a peer, whatever the archive makes of the keys: %s',
    async (name) => {
      await start([THREE]);
      expect(studies(await askPeer(name, '/studies', WHOLE))).toEqual(['2.25.1', '2.25.2', '2.25.3']);
      expect(studies(await askPeer(name, '/studies', TRIAL))).toEqual(['2.25.1']);
      expect(studies(await askPeer(name, '/studies?PatientID=P2', TRIAL))).toEqual([]);
      expect(studies(await askPeer(name, '/studies?PatientName=*&includefield=all', TRIAL))).toEqual([
        '2.25.1',
      ]);
      expect(studies(await askPeer(name, '/studies?StudyInstanceUID=2.25.2', TRIAL))).toEqual([]);
      expect(studies(await askPeer(name, '/studies?limit=1&offset=1', TRIAL))).toEqual([]);
    },
  );

  test('nor is told how many others there are', async () => {
    await start([THREE]);
    const page = await ask('/studies?limit=1', TRIAL);
    expect(studies(page)).toEqual(['2.25.1']);
    expect(page.headers.warning).toBeUndefined();
    expect((await ask('/studies?limit=1', WHOLE)).headers.warning).toMatch(/2/);
  });

  test.each(['a', 'all'])(
    'nor how many there are of a patient, some of whom may not be seen: %s',
    async (name) => {
      const counted = {
        ...PATIENTS['2.25.1'],
        '00201200:IS': '7',
        '00201202:IS': '70',
        '00201204:IS': '700',
      };
      await start([THREE], { patients: [{ ...PATIENTS, '2.25.1': counted }] });
      for (const path of [
        '/studies?PatientID=T-1&includefield=NumberOfPatientRelatedStudies&includefield=00201202',
        '/studies?PatientID=T-1&includefield=all',
      ]) {
        const [whole, trial] = [await askPeer(name, path, WHOLE), await askPeer(name, path, TRIAL)];
        const ofFirst = rows(whole).find((row) => row['0020000D']?.Value?.[0] === '2.25.1');
        expect([path, ofFirst?.['00201200']?.Value, studies(trial)]).toEqual([path, [7], ['2.25.1']]);
        const told = ['00201200', '00201202', '00201204'].map((tag) => rows(trial)[0]?.[tag]?.Value);
        expect([path, told]).toEqual([path, [undefined, undefined, undefined]]);
      }
      // What cannot be told cannot be guessed either.
      const guesses = ['6', '7'].map((count) =>
        askPeer(name, `/studies?NumberOfPatientRelatedStudies=${count}`, TRIAL),
      );
      const [wrong, right] = (await Promise.all(guesses)).map(studies);
      expect(wrong).toEqual(right);
    },
  );

  test('below studies: series and instances, of one and of all', async () => {
    await start([THREE]);
    for (const name of ['a', 'all']) {
      for (const path of [
        '/studies/2.25.1/series',
        '/studies/2.25.1/instances',
        '/studies/2.25.1/series/2.25.1.1/instances',
      ])
        expect([path, studies(await askPeer(name, path, TRIAL))]).toEqual([path, ['2.25.1']]);
      for (const path of [
        '/studies/2.25.2/series',
        '/studies/2.25.2/instances',
        '/studies/2.25.2/series/2.25.2.1/instances',
      ]) {
        const absent = path.replaceAll('2.25.2', '2.25.9');
        const [forbidden, missing] = [await askPeer(name, path, TRIAL), await askPeer(name, absent, TRIAL)];
        expect([path, forbidden.status, rows(forbidden)]).toEqual([path, missing.status, []]);
      }
      for (const path of ['/series?Modality=CT', '/instances?Modality=CT'])
        expect([path, studies(await askPeer(name, path, TRIAL))]).toEqual([path, ['2.25.1']]);
    }
  });

  test('and the archive is asked for them alone, where it can be', async () => {
    const { peers } = await start([THREE]);
    await askPeer('a', '/studies', TRIAL);
    const [asked] = peers[0]?.messages('C-FIND-RQ') ?? [];
    expect(asked?.dataset.includes('T-*')).toBe(true);
  });
});

describe('who may see some studies alone retrieves no others (R-01, R-05)', () => {
  test.each(['all', 'a'])(
    'in any form, cached or not, and cannot tell them from what is not there: %s',
    async (name) => {
      const { archives } = await start([THREE]);
      for (const part of RETRIEVES) await askPeer(name, SECOND + part, WHOLE);
      for (const part of ['', '/metadata', '/rendered', '/thumbnail', '/preload'])
        await askPeer(name, `/studies/2.25.2${part}`, WHOLE);
      const sent = archives[0]?.sent.length;
      const paths = [
        ...RETRIEVES.map((part) => SECOND + part),
        ...['', '/metadata', '/rendered', '/thumbnail'].map((part) => `/studies/2.25.2${part}`),
        ...['', '/metadata', '/rendered', '/thumbnail'].map(
          (part) => `/studies/2.25.2/series/2.25.2.1${part}`,
        ),
        '/wado?requestType=WADO&studyUID=2.25.2&seriesUID=2.25.2.1&objectUID=2.25.2.1.1&contentType=application/dicom',
        '/wado?requestType=WADO&studyUID=2.25.2&seriesUID=2.25.2.1&objectUID=2.25.2.1.1',
      ];
      for (const path of paths) {
        const forbidden = withoutId(await askPeer(name, path, TRIAL));
        const absent = withoutId(await askPeer(name, path.replaceAll('2.25.2', '2.25.9'), TRIAL));
        expect([path, forbidden]).toEqual([path, absent]);
        expect((forbidden as [number])[0]).toBe(404);
      }
      expect(archives[0]?.sent).toHaveLength(sent ?? -1);
      expect((await askPeer(name, FIRST, TRIAL)).status).toBe(200);
      expect((await askPeer(name, SECOND, WHOLE)).status).toBe(200);
    },
  );

  test('nor by what another was told before: an ETag, a preload, a commitment', async () => {
    await start([THREE]);
    const { headers } = await ask(`${SECOND}/metadata`, WHOLE);
    const etag = headers.etag ?? '"x"';
    expect((await ask(`${SECOND}/metadata`, TRIAL, { 'if-none-match': etag })).status).toBe(404);
    expect((await ask(`${SECOND}/metadata`, TRIAL, { 'if-none-match': '*' })).status).toBe(404);
    const preload = `${scene?.gateway.origin ?? ''}/peers/a/dicomweb/studies/2.25.2/preload`;
    const as = (token: string, method: string): Promise<RawResponse> =>
      request(preload, { method, headers: { authorization: `Bearer ${token}` } });
    expect((await as(WHOLE, 'POST')).status).toBe(202);
    for (const method of ['GET', 'POST', 'DELETE']) expect((await as(TRIAL, method)).status).toBe(404);
    expect((await ask('/commitment-requests/1.2.3', TRIAL)).status).toBe(403);
  });

  test('of which the archive does not tell what it takes to know', async () => {
    await start([THREE]);
    expect((await ask('/studies/2.25.3', TRIAL)).status).toBe(404);
    expect(studies(await ask('/studies', TRIAL))).toEqual(['2.25.1']);
  });

  test('that became another patient’s, as soon as the archive says so', async () => {
    const { archives } = await start([THREE], { yaml: `${ACCESS}cache: { revalidateAfter: 0 }\n` });
    const [archive] = archives;
    expect((await ask(FIRST, TRIAL)).status).toBe(200);
    if (archive) archive.study = () => ({ PatientID: 'P7' });
    expect((await ask(FIRST, TRIAL)).status).toBe(404);
    expect(studies(await ask('/studies', TRIAL))).toEqual([]);
  });

  test('and a failure of the archive is no 404', async () => {
    const { archives } = await start([THREE]);
    const [archive] = archives;
    if (archive) archive.before.STUDY = final(0xa700);
    const { status } = await ask(FIRST, TRIAL);
    expect(status).toBeGreaterThanOrEqual(500);
  });
});

describe('in a group of archives', () => {
  const other: Patients = { '2.25.1': { PatientID: 'P1' }, '2.25.4': { PatientID: 'T-4' } };

  test('a study is shown as those have it that may be seen, and retrieved only if all that have it let it pass', async () => {
    await start([THREE, [image(1), image(4)]], { patients: [PATIENTS, other] });
    expect(studies(await ask('/studies', TRIAL))).toEqual(['2.25.1', '2.25.4']);
    expect((await ask('/studies/2.25.4', TRIAL)).status).toBe(200);
    expect((await ask(FIRST, TRIAL)).status).toBe(404);
    expect((await askPeer('a', FIRST, TRIAL)).status).toBe(200);
    expect((await askPeer('b', FIRST, TRIAL)).status).toBe(404);
  });
});

describe('claims of a token', () => {
  const yaml = (url: string): string =>
    `${ACCESS}  issuers: { idp: { issuer: '${url}', audience: [gateway] } }\n`;

  test('say which studies: all that a role names must fit, each by one of several values', async () => {
    issuer = await TokenIssuer.start();
    await start([THREE], { yaml: yaml(issuer.url) });
    const as = async (claims: Record<string, unknown>, scope = 'clinic'): Promise<unknown[]> =>
      studies(await ask('/studies', (await issuer?.sign({ scope, claims })) ?? ''));
    expect(await as({ clinic: 'North', patients: ['T-1', 'P2'] })).toEqual(['2.25.1']);
    expect(await as({ clinic: ['North', 'South'], patients: ['T-1', 'P2'] })).toEqual(['2.25.1', '2.25.2']);
    expect(await as({ clinic: ['North', 'South'] })).toEqual([]);
    expect(await as({ clinic: '*', patients: '*' })).toEqual([]);
    expect(await as({ clinic: 'North', patients: ['T-1\\P2'] })).toEqual([]);
    // Either role would do.
    expect(await as({ clinic: 'South', patients: 'P2' }, 'clinic trial')).toEqual(['2.25.1', '2.25.2']);
    expect(await as({}, 'clinic read')).toEqual(['2.25.1', '2.25.2', '2.25.3']);
  });
});

describe('who may see some studies alone stores no others', () => {
  const put = async (token: string, instances: readonly Fixture[]): Promise<[number, unknown[]]> => {
    const { contentType, body } = storeBody(instances.map(({ file }) => file));
    const url = `${scene?.gateway.origin ?? ''}/peers/a/dicomweb/studies`;
    const headers = { authorization: `Bearer ${token}`, 'content-type': contentType };
    const response = await request(url, { method: 'POST', headers, body });
    const answer = JSON.parse(response.body.toString()) as Row;
    const failed = (answer['00081198']?.Value ?? []) as Row[];
    return [response.status, failed.map((one) => one['00081197']?.Value?.[0])];
  };

  const slice = (study: number, patientId: string): Fixture =>
    ctSlice({ study, patientId, rows: 4, columns: 4 });

  test('by what the instance says, and by what the archive says of its study', async () => {
    scene = await startArchives([[]], { yaml: ACCESS, onStore: [[final(0)]] });
    const [archive] = scene.archives;
    const stored = (): number => scene?.peers[0]?.messages('C-STORE-RQ').length ?? -1;
    expect(await put(TRIAL, [slice(5, 'T-5')])).toEqual([200, []]);
    expect(stored()).toBe(1);
    expect(await put(TRIAL, [slice(5, 'P5'), slice(6, 'T-6')])).toEqual([202, [0x0124]]);
    expect(await put(TRIAL, [slice(5, '')])).toEqual([409, [0x0124]]);
    // Of several values nobody knows which one the archive goes by.
    for (const several of ['P5\\T-5', 'T-5\\P5'])
      expect(await put(TRIAL, [slice(5, several)])).toEqual([409, [0x0124]]);
    expect(stored()).toBe(2);
    const seventh = slice(7, 'T-7');
    if (archive) {
      archive.instances = [makeInstance({ ...seventh })];
      archive.study = () => ({ PatientID: 'P7' });
    }
    expect(await put(TRIAL, [seventh])).toEqual([409, [0x0124]]);
    expect(stored()).toBe(2);
    expect(await put(WHOLE, [slice(7, 'P7')])).toEqual([200, []]);
  });
});
