import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ctSeries, ctSlice, type Fixture } from '../helpers/fixtures.js';
import { dcmqrscp, gatewayBefore, loadFixtures, type PacsWithPort } from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { partsOf, request, sha256, type TestGateway } from '../helpers/test-gateway.js';

/** No Study Root, and identifiers by the letter; it opens nothing that has no unique keys above its level. */
const byTheLetter = ['-QS', '-XF', '-XM'];
const MULTIPART = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };

for (const way of ['get', 'move'] as const) {
  describeWithPacs(`2.1: dcmqrscp that offers the Patient Root alone, C-${way.toUpperCase()}`, () => {
    const fixtures = [1, 2].flatMap((study) => ctSeries(3, { study, series: 1, rows: 16, columns: 16 }));
    const study = fixtures[0]?.studyInstanceUid ?? '';
    const ofStudy = fixtures.filter(({ studyInstanceUid }) => studyInstanceUid === study);
    let started: PacsWithPort;
    let gateway: TestGateway;

    beforeAll(async () => {
      started = await dcmqrscp.start({ extraArguments: byTheLetter });
      await loadFixtures(started.pacs, fixtures);
      gateway = await gatewayBefore(started, way);
    }, 60_000);

    afterAll(async () => {
      await gateway.close();
      await started.pacs.stop();
    });

    const uids = async (path: string, tag: string): Promise<readonly unknown[]> => {
      const { status, body } = await request(`${gateway.service}${path}`);
      expect(status).toBe(200);
      const rows = JSON.parse(body.toString()) as Record<string, { Value?: unknown[] }>[];
      return rows.map((row) => row[tag]?.Value?.[0]).sort();
    };
    const of = (field: (one: Fixture) => string, some = fixtures): readonly string[] =>
      [...new Set(some.map(field))].sort();

    test('is searched at every level', async () => {
      expect(await uids('/studies', '0020000D')).toEqual(of((one) => one.studyInstanceUid));
      expect(await uids(`/studies?StudyInstanceUID=${study}`, '0020000D')).toEqual([study]);
      expect(await uids(`/studies/${study}/series`, '0020000E')).toEqual(
        of((one) => one.seriesInstanceUid, ofStudy),
      );
      expect(await uids(`/studies/${study}/instances`, '00080018')).toEqual(
        of((one) => one.sopInstanceUid, ofStudy),
      );
      expect(await uids('/studies?PatientName=NO^SUCH', '0020000D')).toEqual([]);
    });

    test('a study comes as it is stored, and again from the cache', async () => {
      const bodies: unknown[] = [];
      for (let time = 0; time < 2; time += 1) {
        const response = await request(`${gateway.service}/studies/${study}`, { headers: MULTIPART });
        expect(response).toMatchObject({ status: 200, complete: true });
        bodies.push(
          partsOf(response)
            .map(({ body }) => sha256(body))
            .sort(),
        );
      }
      expect(bodies[0]).toHaveLength(ofStudy.length);
      expect(bodies[1]).toEqual(bodies[0]);
    });
  });
}

describeWithPacs('2.1: dcmqrscp with two patients of one PatientID, by the Patient Root alone', () => {
  test('lists one patient for the ID, under whom the studies of both are shown', async () => {
    const fixtures = [1, 2].map((study) =>
      ctSlice({ study, patientId: 'SAME', patientName: `TWIN^${study}` }),
    );
    const started = await dcmqrscp.start({ extraArguments: byTheLetter });
    await loadFixtures(started.pacs, fixtures);
    const gateway = await gatewayBefore(started, 'get');
    try {
      const { status, headers, body } = await request(`${gateway.service}/studies?PatientID=SAME`);
      const rows = JSON.parse(body.toString()) as Record<string, { Value?: { Alphabetic?: string }[] }>[];
      const names = rows.map((row) => row['00100010']?.Value?.[0]?.Alphabetic);
      // docs/conformance.md says that this cannot be seen.
      expect([status, rows.length, new Set(names).size, headers.warning]).toEqual([200, 2, 1, undefined]);
    } finally {
      await gateway.close();
      await started.pacs.stop();
    }
  });
});
