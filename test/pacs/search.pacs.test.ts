import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { basicTextSr, ctSeries, ctSlice, usCine, type Fixture } from '../helpers/fixtures.js';
import { dcm2json, type JsonDataset } from '../helpers/dcm2json.js';
import { dcmqrscp, gatewayBefore, loadFixtures, orthanc, type PacsWithPort } from '../helpers/pacs-suite.js';
import { describeWithPacs, type RealPacs } from '../helpers/real-pacs.js';
import { request, type RawResponse, type TestGateway } from '../helpers/test-gateway.js';

const run = promisify(execFile);

/** UIDs of fixtures by their numbers. */
const uid = (...numbers: readonly number[]): string => ['2.25.4711', ...numbers].join('.');

const DATES = ['20240101', '20240102', '20240103', '20240104'];
const TIMES = ['000000', '080000', '101530', '120000', '235959'];

/** A study at every date and time. */
const dated = DATES.flatMap((studyDate, day) =>
  TIMES.map((studyTime, hour) => ({ number: 100 + day * 10 + hour, studyDate, studyTime })),
);

function fixtures(): Fixture[] {
  return [
    ...ctSeries(5, { study: 1, series: 1, patientName: 'ALPHA^ANNA', studyDate: '20200101' }),
    usCine({ study: 1, series: 2, patientName: 'ALPHA^ANNA', studyDate: '20200101' }),
    ...ctSeries(3, { study: 2, series: 1, patientName: 'ALPHA^BERTA', studyDate: '20200202' }),
    basicTextSr({ study: 3, series: 1, patientName: 'BETA^CARL', studyDate: '20200303' }),
    ...dated.map(({ number, studyDate, studyTime }) =>
      ctSlice({ study: number, patientName: 'DATED^STUDY', studyDate, studyTime }),
    ),
  ];
}

/** Spans of dates and times as queries, each with the studies in it. */
function spans(): readonly (readonly [path: string, studies: readonly string[]])[] {
  const at = (date: string, time: string): number => Number(date + time);
  const bounds = [
    ['20240101', '20240103', '080000', '101530'],
    ['20240102', '20240103', '120000', '080000'],
    ['20240101', '20240104', '000000', '235959'],
    ['20240103', '20240103', '000000', '101530'],
    ['20240101', '20240102', '235959', '000000'],
    ['20240102', '20240104', '100000', '110000'],
  ] as const;
  return bounds.map(([fromDate, toDate, fromTime, toTime]) => {
    const studies = dated
      .filter(({ studyDate, studyTime }) => {
        const when = at(studyDate, studyTime);
        return when >= at(fromDate, fromTime) && when <= at(toDate, toTime);
      })
      .map(({ number }) => uid(number));
    const path = `/studies?PatientName=DATED*&StudyDate=${fromDate}-${toDate}&StudyTime=${fromTime}-${toTime}`;
    return [path, studies.sort()];
  });
}

/** What findscu gets for the same keys, as DCMTK reads it. */
async function findscu(
  pacs: RealPacs,
  level: string,
  keys: readonly string[],
): Promise<readonly JsonDataset[]> {
  const directory = mkdtempSync(join(tmpdir(), 'findscu-'));
  try {
    const options = [`QueryRetrieveLevel=${level}`, ...keys].flatMap((key) => ['-k', key]);
    await run('findscu', [
      '-S',
      '-X',
      '-od',
      directory,
      '-aec',
      pacs.aeTitle,
      ...options,
      '127.0.0.1',
      `${pacs.port}`,
    ]);
    const rows: JsonDataset[] = [];
    for (const name of readdirSync(directory)) {
      const row = await dcm2json(join(directory, name));
      if ('dataset' in row) rows.push(row.dataset);
    }
    return rows;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const valuesOf = (rows: readonly JsonDataset[], tag: string): string[] =>
  rows.map((row) => (row[tag]?.Value?.[0] ?? '') as string).sort();
const rowsOf = (response: RawResponse): JsonDataset[] =>
  JSON.parse(response.body.toString()) as JsonDataset[];

const STUDY = '0020000D';
const SERIES = '0020000E';
const INSTANCE = '00080018';

describeWithPacs('Orthanc that limits its answers', () => {
  test.each([6, 4])(
    'DT-25: to %s studies, of which a day has five',
    async (limit) => {
      const peer = await orthanc.start({ configuration: { LimitFindResults: limit } });
      // Every study has a time.
      const gateway = await gatewayBefore(peer, 'get', { peer: 'dateTime: { findsEmptyTimes: true }' });
      try {
        await loadFixtures(peer.pacs, fixtures());
        for (const [path, expected] of spans()) {
          const response = await request(gateway.service + path);
          // Orthanc counts before it looks at times, so that parts of a day get no further than the day.
          expect([path, response.status, response.headers.warning]).toEqual([path, 200, undefined]);
          expect([path, valuesOf(rowsOf(response), STUDY)]).toEqual([path, expected]);
        }
        const undated = await request(`${gateway.service}/studies?PatientName=DATED*`);
        expect(undated.headers.warning).toContain('cut its answer short');
      } finally {
        await gateway.close();
        await peer.pacs.stop();
      }
    },
    60_000,
  );
});

for (const kind of [orthanc, dcmqrscp]) {
  describeWithPacs(`Q-01: searches give what findscu gets from ${kind.name}`, () => {
    let peer: PacsWithPort;
    let gateway: TestGateway;
    const search = (path: string): Promise<RawResponse> =>
      request(gateway.service + path, { headers: { accept: 'application/dicom+json' } });
    const found = async (path: string): Promise<JsonDataset[]> => {
      const response = await search(path);
      expect([path, response.status, response.complete]).toEqual([path, 200, true]);
      return rowsOf(response);
    };

    beforeAll(async () => {
      peer = await kind.start();
      await loadFixtures(peer.pacs, fixtures());
      gateway = await gatewayBefore(peer, 'get', { top: 'search: { complete: page }' });
    }, 60_000);
    afterAll(async () => {
      await gateway.close();
      await peer.pacs.stop();
    });

    test.each([
      ['/studies', []],
      ['/studies?PatientName=ALPHA*', ['PatientName=ALPHA*']],
      ['/studies?PatientName=*ANNA', ['PatientName=*ANNA']],
      ['/studies?00100010=ALPHA%5EB%3FRTA', ['PatientName=ALPHA^B?RTA']],
      ['/studies?PatientID=FIX2', ['PatientID=FIX2']],
      ['/studies?StudyDate=20200101-20200202', ['StudyDate=20200101-20200202']],
      ['/studies?StudyDate=-20200202', ['StudyDate=-20200202']],
      ['/studies?StudyDate=20240104-', ['StudyDate=20240104-']],
      ['/studies?PatientName=NOBODY', ['PatientName=NOBODY']],
    ])('studies: %s', async (path, keys) => {
      const expected = await findscu(peer.pacs, 'STUDY', [...keys, 'StudyInstanceUID']);
      expect(valuesOf(await found(path), STUDY)).toEqual(valuesOf(expected, STUDY));
    });

    test('Q-05: a list of UIDs gives all of them', async () => {
      const uids = [uid(1), uid(3), ...dated.map(({ number }) => uid(number))];
      expect(valuesOf(await found(`/studies?StudyInstanceUID=${uids.join(',')}`), STUDY)).toEqual(
        [...uids].sort(),
      );
      expect(valuesOf(await found(`/studies?StudyInstanceUID=${uids.join('%5C')}`), STUDY)).toEqual(
        [...uids].sort(),
      );
    });

    test('series and instances below a study', async () => {
      const series = await findscu(peer.pacs, 'SERIES', [`StudyInstanceUID=${uid(1)}`, 'SeriesInstanceUID']);
      expect(valuesOf(await found(`/studies/${uid(1)}/series`), SERIES)).toEqual(valuesOf(series, SERIES));
      const keys = [`StudyInstanceUID=${uid(1)}`, `SeriesInstanceUID=${uid(1, 1)}`, 'SOPInstanceUID'];
      const instances = valuesOf(await findscu(peer.pacs, 'IMAGE', keys), INSTANCE);
      expect(instances).toHaveLength(5);
      expect(valuesOf(await found(`/studies/${uid(1)}/series/${uid(1, 1)}/instances`), INSTANCE)).toEqual(
        instances,
      );
      expect(valuesOf(await found(`/studies/${uid(1)}/instances`), INSTANCE)).toEqual(
        [...instances, uid(1, 2, 1)].sort(),
      );
    });

    test('Q-60: all series and all instances, level by level', async () => {
      const studies = [1, 2].map((study) => uid(study)).join(',');
      expect(valuesOf(await found(`/series?StudyInstanceUID=${studies}`), SERIES)).toEqual(
        [uid(1, 1), uid(1, 2), uid(2, 1)].sort(),
      );
      expect(valuesOf(await found('/series?PatientName=ALPHA*&Modality=CT'), SERIES)).toEqual(
        [uid(1, 1), uid(2, 1)].sort(),
      );
      const instances = await found(`/instances?StudyInstanceUID=${uid(1)}`);
      expect(instances).toHaveLength(6);
      expect(
        await found(`/instances?StudyInstanceUID=${uid(1)}&SeriesInstanceUID=${uid(1, 2)}`),
      ).toHaveLength(1);
    });

    test.each([
      ['DT-01', 'by the days', ''],
      ['DT-20', 'in slices', 'dateTime: { plan: sliced, findsEmptyTimes: true }'],
      ['DT-23', 'in slices when much is passed over', 'dateTime: { findsEmptyTimes: true }'],
      [
        'DT-25',
        'in parts of what has just so many rows',
        'findLimit: 5\n    dateTime: { findsEmptyTimes: true }',
      ],
    ])(
      '%s: a range of dates with a range of times is one span of date-times, asked for %s',
      async (_, __, yaml) => {
        const other = await gatewayBefore(peer, 'get', { peer: yaml, top: 'search: { maxScan: 2 }' });
        try {
          for (const [path, expected] of spans()) {
            const response = await request(other.service + path);
            expect([path, response.status, response.headers.warning]).toEqual([path, 200, undefined]);
            expect([path, valuesOf(rowsOf(response), STUDY)]).toEqual([path, expected]);
          }
        } finally {
          await other.close();
        }
      },
    );

    test('Q-30: rows have what they must, includefield adds, and ModalitiesInStudy is never empty', async () => {
      const rows = await found(
        '/studies?PatientName=ALPHA*&includefield=StudyDescription,00080060&includefield=00101010',
      );
      for (const row of rows) {
        for (const tag of ['00080020', '00080030', '00080050', '00081190', '00100010', '00100020', STUDY])
          expect([tag, row[tag]?.vr]).not.toEqual([tag, undefined]);
        expect(row['00081190']?.Value?.[0]).toBe(
          `${gateway.service}/studies/${String(row[STUDY]?.Value?.[0])}`,
        );
        expect(row['00081030']?.Value).toBeDefined();
      }
      for (const path of [
        '/studies',
        '/studies?includefield=all',
        '/studies?includefield=ModalitiesInStudy',
      ]) {
        for (const row of await found(path)) {
          const modalities = row['00080061'];
          if (modalities) expect(modalities.Value?.length).toBeGreaterThan(0);
        }
      }
    });

    test.each([
      ['US', [uid(1)]],
      ['US,SR', [uid(1), uid(3)]],
      ['US%5CSR', [uid(1), uid(3)]],
      ['U*', [uid(1)]],
      ['S?', [uid(3)]],
      ['MG', []],
    ])('Q-46: a search by modality %s is exact', async (modalities, expected) => {
      const response = await search(`/studies?ModalitiesInStudy=${modalities}`);
      expect(valuesOf(rowsOf(response), STUDY)).toEqual(expected.sort());
      expect(response.headers.warning).toBeUndefined();
    });

    test('Q-42: modalities and counts are right, whoever has to count them', async () => {
      const finds = (): number => gateway.logLines.filter((line) => line.includes('"C-FIND"')).length;
      const before = finds();
      const response = await search('/studies?PatientName=ALPHA*&limit=10');
      expect(response.headers.warning).toBeUndefined();
      const told = rowsOf(response).map((row) => [
        row[STUDY]?.Value?.[0],
        [...((row['00080061']?.Value ?? []) as string[])].sort(),
        row['00201206']?.Value?.[0],
        row['00201208']?.Value?.[0],
      ]);
      expect(told.sort()).toEqual([
        [uid(1), ['CT', 'US'], 2, 6],
        [uid(2), ['CT'], 1, 3],
      ]);
      // Orthanc returns them itself: the search is all that is asked of it.
      if (kind === orthanc) expect(finds() - before).toBe(1);
      const series = await found(`/studies/${uid(1)}/series`);
      expect(series.map((row) => row['00201209']?.Value?.[0]).sort()).toEqual([1, 5]);
    });

    test('Q-23, Q-24: pages are parts of the whole, and a Warning says how many remain', async () => {
      const all = await found('/studies');
      const paged: JsonDataset[] = [];
      for (let offset = 0; offset < all.length + 7; offset += 7) {
        const response = await search(`/studies?limit=7&offset=${offset}`);
        const rows = rowsOf(response);
        paged.push(...rows);
        const remaining = all.length - offset - 7;
        if (remaining > 0) expect(response.headers.warning).toContain(`${remaining} additional results`);
        else expect(response.headers.warning).toBeUndefined();
      }
      expect(valuesOf(paged, STUDY)).toEqual(valuesOf(all, STUDY));
    });

    test('Q-31: nothing found is an empty list', async () => {
      expect(await found(`/studies?StudyInstanceUID=${uid(999)}`)).toEqual([]);
    });
  });

  describeWithPacs(`T-1: a search when ${kind.name} has gone`, () => {
    test('is 503 and no empty list', async () => {
      const peer = await kind.start();
      const gateway = await gatewayBefore(peer, 'get');
      try {
        await loadFixtures(peer.pacs, [ctSlice()]);
        const whole = await request(`${gateway.service}/studies`);
        expect(rowsOf(whole)).toHaveLength(1);
        await peer.pacs.kill();
        for (const path of ['/studies', `/studies/${uid(1)}/series`, '/series?Modality=CT&PatientID=FIX1']) {
          const response = await request(gateway.service + path);
          expect([path, response.status]).toEqual([path, 503]);
          expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
        }
      } finally {
        await gateway.close();
        await peer.pacs.stop();
      }
    }, 60_000);
  });
}
