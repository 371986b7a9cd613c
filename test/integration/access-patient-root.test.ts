import { afterEach, describe, expect, test } from '@jest/globals';
import { startPatientArchive, type HeldPatient } from '../helpers/patient-archive.js';
import { makeInstance, type RogueInstance } from '../helpers/rogue-peer.js';
import { peerYaml, request, startTestGateway, type RawResponse } from '../helpers/test-gateway.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const instance = (studyInstanceUid: string): RogueInstance =>
  makeInstance({ studyInstanceUid, seriesInstanceUid: `${studyInstanceUid}.1` });
const OURS: HeldPatient = {
  id: 'T-1',
  patient: { PatientName: 'ADAMS^A', PatientBirthDate: '19700101' },
  studies: [{ study: { StudyDate: '20240101', StudyDescription: 'ours' }, instances: [instance('2.25.1')] }],
};
const theirs = (id: string, study: string, patient: HeldPatient['patient'] = {}): HeldPatient => ({
  id,
  patient,
  studies: [{ study: { StudyDate: '20240101', StudyDescription: 'theirs' }, instances: [instance(study)] }],
});
const THEIRS = [theirs('P2', '2.25.2', { PatientName: 'BAKER^B' }), theirs('P3', '2.25.3')];

const TOKEN = 'a-token-of-the-trial-people';

async function start(
  patients: readonly HeldPatient[],
  only: string,
): Promise<(path: string) => Promise<RawResponse>> {
  const { peer } = await startPatientArchive(patients);
  closers.push(() => peer.close());
  const access = `access: { roles: { trial: { may: [search, retrieve], only: { ${only} } } }, tokens: { trial: { token: ${TOKEN}, roles: [trial] } } }\n`;
  const gateway = await startTestGateway(
    peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, access),
  );
  closers.push(() => gateway.close());
  return (path) => request(`${gateway.service}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });
}

const SEARCHES = [
  '/studies',
  '/studies?limit=1',
  '/studies?PatientID=P2',
  '/studies?PatientName=B*',
  '/studies?PatientName=B*&limit=1',
  '/studies?PatientBirthDate=19700101',
  '/studies?StudyDate=20240101&includefield=all',
  '/studies?StudyInstanceUID=2.25.1,2.25.2',
  '/studies/2.25.2/series',
  '/series?PatientID=P2',
  '/series?PatientName=B*',
  '/series?StudyDate=20240101',
  '/instances?StudyInstanceUID=2.25.2',
  '/studies/2.25.2',
  '/studies/2.25.2/metadata',
];

/** All that a client sees of an answer, but what differs with every request. */
const seen = ({ status, headers, body }: RawResponse): unknown => [
  status,
  headers.warning,
  body
    .toString()
    .replace(/"requestId":"[^"]*"/, '')
    .replace(/127\.0\.0\.1:\d+/g, ''),
];

describe('R-01: who may see some studies alone, at an archive that is searched by patients', () => {
  test.each(["PatientID: 'T-*'", "PatientName: 'ADAMS*'", 'StudyDescription: ours'])(
    'finds these and cannot tell others from what is not there, by %s',
    async (only) => {
      const ask = await start([OURS, ...THEIRS], only);
      const askAlone = await start([OURS], only);
      const found = JSON.parse((await ask('/studies')).body.toString()) as unknown[];
      expect(found).toHaveLength(1);
      expect((await ask('/studies/2.25.1')).status).toBe(200);
      for (const path of SEARCHES)
        expect([path, seen(await ask(path))]).toEqual([path, seen(await askAlone(path))]);
    },
  );
});
