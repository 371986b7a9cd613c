import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ctSeries, ctSlice, type Fixture } from '../helpers/fixtures.js';
import { element, explicitLittle, join, numbers } from '../helpers/fixtures-element.js';
import {
  dcmqrscp,
  gatewayBefore,
  loadFixtures,
  orthanc,
  type PacsWithPort,
  type PeerKind,
  type RetrieveMethod,
} from '../helpers/pacs-suite.js';
import { area, stateOf, window } from '../helpers/presentation-states.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { request, storeBody, type RawResponse, type TestGateway } from '../helpers/test-gateway.js';

const TRIAL = 'a-token-of-the-trial-people';
const WHOLE = 'a-token-of-the-whole-house';
const ACCESS = `search: { complete: page }
access:
  roles:
    trial: { may: [search, retrieve, store], only: { PatientID: 'T-*' } }
  tokens:
    trial: { token: ${TRIAL}, roles: [trial] }
    whole: { token: ${WHOLE}, roles: [read, store] }`;

const own = ctSeries(2, { study: 1, patientId: 'T-1', patientName: 'OWN^ONE' });
const foreign = ctSeries(2, { study: 2, patientId: 'P2', patientName: 'FOREIGN^TWO' });
const [ownFirst, foreignFirst] = [own[0], foreign[0]] as [Fixture, Fixture];

/** A presentation state in a study that may be seen, of an image in one that may not. */
function stateOfForeign(): Fixture {
  const { dataset, ...ids } = stateOf([foreignFirst], {
    StudyInstanceUID: ownFirst.studyInstanceUid,
    PatientID: 'T-1',
    PatientName: 'OWN^ONE',
    ...window(100, 400),
    ...area([1, 1], [8, 8]),
  });
  const meta = join(
    element(0x00020001, 'OB', Buffer.from([0, 1])),
    element(0x00020002, 'UI', ids.sopClassUid),
    element(0x00020003, 'UI', ids.sopInstanceUid),
    element(0x00020010, 'UI', ids.transferSyntaxUid),
  )(explicitLittle);
  const file = Buffer.concat([
    Buffer.alloc(128),
    Buffer.from('DICM'),
    numbers(0x00020000, 'UL', meta.length)(explicitLittle),
    meta,
    dataset as Buffer,
  ]);
  return { ...ids, studyInstanceUid: ownFirst.studyInstanceUid, dataset: dataset as Buffer, file };
}
const state = stateOfForeign();

/** An instance of the own study and patient under the UID of one of another. */
const disguised = {
  file: Buffer.from(
    ctSlice({ study: 1, series: 3, patientId: 'T-1' })
      .file.toString('latin1')
      .replaceAll('2.25.4711.1.3.1', foreignFirst.sopInstanceUid),
    'latin1',
  ),
};

type Row = Record<string, { Value?: unknown[] } | undefined>;

const path = (study: string, series: string, instance?: string): string =>
  `/studies/${study}/series/${series}${instance === undefined ? '' : `/instances/${instance}`}`;
const PARTS = ['', '/metadata', '/frames/1', '/rendered', '/thumbnail', '/pixeldata'];
const SERIES_PARTS = ['', '/metadata', '/rendered', '/thumbnail'];

/** Names of what may not be seen, reached through a study that may. */
const crossed: readonly string[] = [
  ...PARTS.flatMap((part) => [
    path(ownFirst.studyInstanceUid, foreignFirst.seriesInstanceUid, foreignFirst.sopInstanceUid) + part,
    path(ownFirst.studyInstanceUid, ownFirst.seriesInstanceUid, foreignFirst.sopInstanceUid) + part,
  ]),
  ...SERIES_PARTS.map((part) => path(ownFirst.studyInstanceUid, foreignFirst.seriesInstanceUid) + part),
  `${path(ownFirst.studyInstanceUid, state.seriesInstanceUid, state.sopInstanceUid)}/rendered`,
  `/wado?requestType=WADO&studyUID=${ownFirst.studyInstanceUid}&seriesUID=${foreignFirst.seriesInstanceUid}&objectUID=${foreignFirst.sopInstanceUid}`,
];

const searches: readonly string[] = [
  '/studies?PatientID=P*',
  '/studies?PatientID=T-1\\P2',
  '/studies?PatientID=',
  '/studies?PatientName=FOREIGN*&fuzzymatching=true',
  `/studies?StudyInstanceUID=${ownFirst.studyInstanceUid},${foreignFirst.studyInstanceUid}`,
  '/studies?includefield=all&limit=100&offset=0',
  '/studies?PatientID=T-*&PatientName=*',
  `/series?StudyInstanceUID=${ownFirst.studyInstanceUid}\\${foreignFirst.studyInstanceUid}`,
  `/series?SeriesInstanceUID=${foreignFirst.seriesInstanceUid}`,
  `/instances?SOPInstanceUID=${foreignFirst.sopInstanceUid}`,
  '/instances?PatientID=P2',
  `/studies/${ownFirst.studyInstanceUid}/series?StudyInstanceUID=${foreignFirst.studyInstanceUid}`,
  `/studies/${ownFirst.studyInstanceUid}/series?SeriesInstanceUID=${foreignFirst.seriesInstanceUid}`,
  `/studies/${ownFirst.studyInstanceUid}/instances?SOPInstanceUID=${foreignFirst.sopInstanceUid}`,
  `${path(ownFirst.studyInstanceUid, foreignFirst.seriesInstanceUid)}/instances`,
];

describeWithPacs('R-01: who may see some studies alone, before a real PACS', () => {
  for (const kind of [orthanc, dcmqrscp]) for (const method of ['get', 'move'] as const) suite(kind, method);
});

function suite(kind: PeerKind, method: RetrieveMethod): void {
  describe(`${kind.name} by C-${method.toUpperCase()}`, () => {
    let pacs: PacsWithPort;
    let gateway: TestGateway;
    const ask = (at: string, token: string): Promise<RawResponse> =>
      request(gateway.service + at, { headers: { authorization: `Bearer ${token}` } });

    beforeAll(async () => {
      pacs = await kind.start();
      expect(await loadFixtures(pacs.pacs, [...own, ...foreign, state])).toBe(5);
      gateway = await gatewayBefore(pacs, method, { top: ACCESS });
    });
    afterAll(async () => {
      await gateway.close();
      await pacs.pacs.stop();
    });

    test.each(['before anybody had it', 'when another has it in the cache'])(
      'gets nothing of others through a study that may be seen, %s',
      async (when) => {
        if (when.startsWith('when'))
          for (const { studyInstanceUid } of [ownFirst, foreignFirst])
            expect((await ask(`/studies/${studyInstanceUid}`, WHOLE)).status).toBe(200);
        for (const at of crossed) {
          const { status, body } = await ask(at, TRIAL);
          expect([at, body.includes('FOREIGN')]).toEqual([at, false]);
          expect([at, status]).toEqual([at, 404]);
        }
      },
    );

    test('finds nothing of others', async () => {
      for (const at of searches) {
        const { status, body } = await ask(at, TRIAL);
        // Some of these are no queries at all; what is answered is of the one study.
        expect([200, 400]).toContain(status);
        const rows = status === 200 ? (JSON.parse(body.toString()) as Row[]) : [];
        const studies = new Set(rows.map((row) => row['0020000D']?.Value?.[0]));
        studies.delete(ownFirst.studyInstanceUid);
        expect([at, [...studies], body.includes('FOREIGN^')]).toEqual([at, [], false]);
      }
      expect((await ask(searches[0] ?? '', WHOLE)).body.includes('FOREIGN^')).toBe(true);
    });

    test.each<readonly [string, number, Pick<Fixture, 'file'>]>([
      ['the study of another', 409, ctSlice({ study: 2, series: 1, instance: 1, patientId: 'T-1' })],
      ['what is of the own study, and has the UID of an instance of another', 200, disguised],
    ])('stores over nothing of others: %s', async (_what, expected, { file }) => {
      const at = path(
        foreignFirst.studyInstanceUid,
        foreignFirst.seriesInstanceUid,
        foreignFirst.sopInstanceUid,
      );
      const before = await ask(at, WHOLE);
      const { contentType, body } = storeBody([file]);
      const { status } = await request(`${gateway.service}/studies`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TRIAL}`, 'content-type': contentType },
        body,
      });
      expect(status).toBe(expected);
      const after = await ask(at, WHOLE);
      expect([after.status, after.body.includes('FOREIGN^')]).toEqual([200, true]);
      expect(before.status).toBe(200);
      expect((await ask(at, TRIAL)).status).toBe(404);
    });
  });
}
