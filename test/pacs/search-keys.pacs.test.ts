import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ctSlice, privateElements, usCine } from '../helpers/fixtures.js';
import { dcmqrscp, gatewayBefore, loadFixtures, orthanc, type PacsWithPort } from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { request, type RawResponse, type TestGateway } from '../helpers/test-gateway.js';

type Row = Record<string, { readonly vr: string; readonly Value?: readonly unknown[] }>;

const uid = (...numbers: readonly number[]): string => ['2.25.4711', ...numbers].join('.');
const STUDY = '0020000D';
const SERIES = '0020000E';
const INSTANCE = '00080018';

/** The same numbers in the ways that modalities write them, and attributes of several values. */
const fixtures = [
  ctSlice({
    study: 1,
    series: 1,
    instance: 1,
    seriesNumber: ' 1',
    instanceNumber: ' 1',
    patientWeight: '70.50',
  }),
  ctSlice({
    study: 1,
    series: 1,
    instance: 2,
    seriesNumber: ' 1',
    instanceNumber: '1',
    patientWeight: '70.50',
  }),
  ctSlice({
    study: 1,
    series: 1,
    instance: 3,
    seriesNumber: ' 1',
    instanceNumber: '001',
    patientWeight: '70.50',
  }),
  ctSlice({
    study: 1,
    series: 1,
    instance: 4,
    seriesNumber: ' 1',
    instanceNumber: '10',
    patientWeight: '70.50',
  }),
  ctSlice({
    study: 1,
    series: 2,
    seriesNumber: '01',
    imageType: 'ORIGINAL\\PRIMARY\\AXIAL',
    patientWeight: '70.50',
  }),
  ctSlice({
    study: 1,
    series: 2,
    instance: 2,
    seriesNumber: '01',
    imageType: 'DERIVED\\PRIMARY',
    patientWeight: '70.50',
  }),
  ctSlice({
    study: 1,
    series: 2,
    instance: 3,
    seriesNumber: '01',
    imageType: 'PRIMARY',
    patientWeight: '70.50',
  }),
  ctSlice({ study: 1, series: 3, seriesNumber: '11', patientWeight: '70.50' }),
  usCine({ study: 2, series: 1, frames: 5, patientWeight: ' 70.5' }),
  usCine({ study: 3, series: 1, frames: 3, patientWeight: '7.05E1' }),
  ctSlice({ study: 4, patientWeight: '70' }),
  ctSlice({ study: 5, extra: [privateElements] }),
];

for (const kind of [orthanc, dcmqrscp]) {
  describeWithPacs(`Q-43: keys that ${kind.name} may find too little by`, () => {
    let peer: PacsWithPort;
    let gateway: TestGateway;

    beforeAll(async () => {
      peer = await kind.start();
      await loadFixtures(peer.pacs, fixtures);
      gateway = await gatewayBefore(peer, 'get');
    }, 60_000);
    afterAll(async () => {
      await gateway.close();
      await peer.pacs.stop();
    });

    test.each([
      [
        `/studies/${uid(1)}/series/${uid(1, 1)}/instances?InstanceNumber=1`,
        INSTANCE,
        [1, 2, 3].map((one) => uid(1, 1, one)),
      ],
      [`/studies/${uid(1)}/series/${uid(1, 1)}/instances?InstanceNumber=0010`, INSTANCE, [uid(1, 1, 4)]],
      [
        `/studies/${uid(1)}/instances?SeriesNumber=1&InstanceNumber=1`,
        INSTANCE,
        [...[1, 2, 3].map((one) => uid(1, 1, one)), uid(1, 2, 1)],
      ],
      [`/studies/${uid(1)}/series?SeriesNumber=1`, SERIES, [uid(1, 1), uid(1, 2)]],
      [`/series?SeriesNumber=1&PatientID=FIX1`, SERIES, [uid(1, 1), uid(1, 2)]],
      [`/studies?PatientWeight=70.5`, STUDY, [uid(1), uid(2), uid(3)]],
      [`/studies/${uid(1)}/instances?ImageType=PRIMARY`, INSTANCE, [1, 2, 3].map((one) => uid(1, 2, one))],
      [`/studies/${uid(1)}/instances?ImageType=AX*`, INSTANCE, [uid(1, 2, 1)]],
      [`/studies/${uid(2)}/instances?NumberOfFrames=05`, INSTANCE, [uid(2, 1, 1)]],
    ])('%s lists what the rules of the standard say', async (path, tag, expected) => {
      const response = await request(gateway.service + path);
      expect(response.status).toBe(200);
      const rows = JSON.parse(response.body.toString()) as Row[];
      const found = rows.map((row) => row[tag]?.Value?.[0]).sort();
      // What this peer does not return of a row nobody can check: it is kept, and that is said.
      if (response.headers.warning === undefined) expect(found).toEqual([...expected].sort());
      else
        expect([response.headers.warning, found]).toEqual([
          expect.stringContaining('did not return'),
          expect.arrayContaining(expected),
        ]);
    });

    test('Q-17: by a private attribute, and its creator, nothing is said to have not come that came', async () => {
      const search = (value: string): Promise<RawResponse> =>
        request(
          `${gateway.service}/studies/${uid(5)}/instances?00290010=FIXTURE%20PRIVATE&00291001=${value}`,
        );
      const [found, other] = [await search('private%20text'), await search('other')];
      const told = [found, other].map(({ body }) => (JSON.parse(body.toString()) as Row[]).length);
      // dcmqrscp knows no private attributes, and Orthanc has them as UN.
      expect(told).toEqual(kind === orthanc ? [1, 0] : [1, 1]);
      if (kind === orthanc) expect(found.headers.warning).toBeUndefined();
      else expect(found.headers.warning).toContain('did not return');
    });

    test('Q-46: by SOPClassesInStudy it finds what the instances tell, and where they do not it says so', async () => {
      const response = await request(
        `${gateway.service}/studies?SOPClassesInStudy=1.2.840.10008.5.1.4.1.1.3.1`,
      );
      const found = (JSON.parse(response.body.toString()) as Row[]).map((row) => row[STUDY]?.Value?.[0]);
      // dcmqrscp returns no SOP class of instances, and heeds none.
      expect(found.sort()).toEqual((kind === orthanc ? [2, 3] : [1, 2, 3, 4, 5]).map((study) => uid(study)));
      if (kind === orthanc) expect(response.headers.warning).toBeUndefined();
      else expect(response.headers.warning).toContain('whether SOPClassesInStudy matches');
    });

    test('Q-42: what it does not tell of instances is said', async () => {
      const other = await gatewayBefore(peer, 'get', { top: 'search: { complete: page }' });
      try {
        const response = await request(`${other.service}/studies/${uid(1)}/instances`);
        const [row] = JSON.parse(response.body.toString()) as Row[];
        const silent = ['00201209', '00080016'].filter((tag) => row?.[tag] && row[tag].Value === undefined);
        if (silent.length > 0) expect(response.headers.warning).toContain('does not tell');
        else expect(response.headers.warning).toBeUndefined();
      } finally {
        await other.close();
      }
    });
  });
}
