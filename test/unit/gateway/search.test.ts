import { describe, expect, test } from '@jest/globals';
import { GatewayError, type OperationContext } from '../../../src/core/index.js';
import { Tags, type DicomJsonObject } from '../../../src/dicom/index.js';
import { parseSearch, type SearchLevel } from '../../../src/dicomweb/index.js';
import { search } from '../../../src/gateway/search.js';
import type { SearchSource } from '../../../src/gateway/search-run.js';
import {
  fakeArchive,
  sourceOf,
  type ArchiveOptions,
  type FakeArchive,
  type FakeStudy,
} from '../../helpers/fake-archive.js';

const answering = {
  serviceUrl: 'https://gw.example',
  representations: [{ mediaType: 'application/dicom+json', multipart: false, transferSyntax: undefined }],
};
const context = (): OperationContext => ({ requestId: 'test', signal: new AbortController().signal });

const ct = (uid: string, instances = 2): { uid: string; modality: string; instances: number } => ({
  uid,
  modality: 'CT',
  instances,
});

const study = (number: number, changes: Partial<FakeStudy> = {}): FakeStudy => ({
  uid: `1.2.${number}`,
  series: [ct(`1.2.${number}.1`), { uid: `1.2.${number}.2`, modality: 'SR', instances: 1 }],
  ...changes,
});

const studies = (count: number): FakeStudy[] => Array.from({ length: count }, (_, index) => study(index + 1));

const counted: FakeStudy['values'] = [
  [Tags.ModalitiesInStudy, 'CS', ['CT', 'SR']],
  [Tags.NumberOfStudyRelatedSeries, 'IS', '2'],
  [Tags.NumberOfStudyRelatedInstances, 'IS', '3'],
];

interface Result {
  readonly rows: DicomJsonObject[];
  readonly warnings: readonly string[];
  readonly uids: unknown[];
}

async function run(
  source: SearchSource,
  query = '',
  level: SearchLevel = 'STUDY',
  path: Parameters<typeof parseSearch>[1] = {},
): Promise<Result> {
  const answer = await search(source, parseSearch(level, path, query), answering, context());
  let body = '';
  for await (const piece of answer.body) body += piece.toString();
  await answer.close();
  const rows = JSON.parse(body) as DicomJsonObject[];
  return { rows, warnings: answer.warnings, uids: rows.map((row) => row['0020000D']?.Value?.[0]) };
}

const archiveOf = (options: Partial<ArchiveOptions> = {}): FakeArchive =>
  fakeArchive({ studies: studies(3), counts: true, ...options });

const complete = {
  '00080061': { vr: 'CS', Value: ['CT', 'SR'] },
  '00201206': { vr: 'IS', Value: [2] },
  '00201208': { vr: 'IS', Value: [3] },
};

describe('Q-42: what the peer does not return of the results is found out from the level below', () => {
  test('modalities and counts of a study, by one question for each', async () => {
    const archive = archiveOf();
    const { rows, warnings } = await run(sourceOf(archive));
    for (const row of rows) expect(row).toMatchObject(complete);
    expect(Object.keys(rows[0] ?? {})).toEqual(Object.keys(rows[0] ?? {}).sort());
    expect(warnings).toEqual([]);
    expect([archive.count('SERIES'), archive.count('IMAGE')]).toEqual([3, 0]);
  });

  test('a peer that returns them is asked for nothing', async () => {
    const archive = archiveOf({ studies: studies(3).map((one) => ({ ...one, values: counted })) });
    const { rows, warnings } = await run(sourceOf(archive), 'limit=2');
    for (const row of rows) expect(row).toMatchObject(complete);
    expect([archive.asked.length, warnings.length]).toEqual([1, 1]);
  });

  test('only the rows of the page that is returned are completed', async () => {
    const archive = archiveOf({ studies: studies(50) });
    const { rows } = await run(sourceOf(archive), 'limit=5&offset=10');
    expect(rows).toHaveLength(5);
    for (const row of rows) expect(row).toMatchObject(complete);
    expect(archive.count('SERIES')).toBe(5);
  });

  test('where series have no counts their instances are counted, up to a bound', async () => {
    const archive = archiveOf({ counts: false, studies: studies(4) });
    const { rows, warnings } = await run(sourceOf(archive));
    for (const row of rows) expect(row).toMatchObject(complete);
    expect([archive.count('IMAGE'), warnings.length]).toEqual([8, 0]);
    const bounded = archiveOf({ counts: false, studies: studies(4) });
    const some = await run(sourceOf(bounded, { completeRows: 7 }));
    const counts = some.rows.map((row) => row['00201208']?.Value?.[0]);
    expect(counts.filter((count) => count === 3).length).toBeGreaterThan(0);
    expect(counts.filter((count) => count !== 3 && count !== undefined)).toEqual([]);
    expect(counts).toContain(undefined);
    expect(some.warnings).toEqual([
      expect.stringMatching(/does not tell NumberOfStudyRelatedInstances of every result/),
    ]);
    expect(bounded.given.IMAGE).toBeLessThanOrEqual(10);
  });

  test('SOP classes of a study are looked up only where they are asked for', async () => {
    const archive = archiveOf();
    const { rows } = await run(sourceOf(archive), 'includefield=SOPClassesInStudy');
    expect(rows[0]).toHaveProperty('00080062', { vr: 'UI', Value: ['1.2.840.10008.5.1.4.1.1.2'] });
    const other = archiveOf();
    const { rows: all } = await run(sourceOf(other), 'includefield=all');
    expect(all[0]).not.toHaveProperty('00080062');
    expect(other.count('IMAGE')).toBe(0);
  });

  test('the instances of a series are counted where the peer does not tell', async () => {
    const archive = archiveOf({ counts: false });
    const { rows } = await run(sourceOf(archive), '', 'SERIES', { study: '1.2.1' });
    expect(rows.map((row) => row['00201209']?.Value)).toEqual([[2], [1]]);
    expect(archive.count('IMAGE')).toBe(2);
  });

  test('series of all studies show what is completed of their study, which is asked for once', async () => {
    const archive = archiveOf();
    const { rows } = await run(sourceOf(archive), 'StudyInstanceUID=1.2.1', 'SERIES');
    expect(rows).toHaveLength(2);
    for (const row of rows) expect(row).toMatchObject(complete);
    // One of the walk, one of the completion.
    expect(archive.count('SERIES')).toBe(2);
  });

  test.each<readonly [string, Partial<ArchiveOptions>]>([
    [
      'fails',
      {
        before: (level) => {
          if (level === 'SERIES') throw new GatewayError('peer-failed', 'no');
        },
      },
    ],
    ['is cut short', { truncates: (level) => level === 'SERIES' }],
    ['names no series', { studies: [study(1, { series: [] })] }],
  ])('an answer that %s gives no number, and a Warning says so', async (_what, options) => {
    const { rows, warnings } = await run(sourceOf(archiveOf(options)));
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      expect(row['00201206']).toEqual({ vr: 'IS' });
      expect(row['00201208']).toEqual({ vr: 'IS' });
      expect(row).not.toHaveProperty('00080061');
    }
    expect(warnings).toEqual([
      'The archive does not tell ModalitiesInStudy, NumberOfStudyRelatedSeries, NumberOfStudyRelatedInstances of every result: what it does not tell is left empty or out',
    ]);
  });

  test('modalities of which one is not known are not told', async () => {
    const one = study(1, { series: [ct('1.2.1.1'), { uid: '1.2.1.2', instances: 1 }] });
    const { rows, warnings } = await run(sourceOf(archiveOf({ studies: [one] })));
    expect(rows[0]).not.toHaveProperty('00080061');
    expect(rows[0]).toMatchObject({ '00201206': { Value: [2] } });
    expect(warnings[0]).toContain('does not tell ModalitiesInStudy of');
  });

  test('a peer that keeps failing, or is too slow, is not asked for every row', async () => {
    const failing = archiveOf({
      studies: studies(50),
      before: (level) => {
        if (level === 'SERIES') throw new GatewayError('peer-timeout', 'silent');
      },
    });
    expect((await run(sourceOf(failing))).rows).toHaveLength(50);
    expect(failing.count('SERIES')).toBeLessThan(60);
    const silent = archiveOf({
      before: (level) => (level === 'SERIES' ? new Promise(() => undefined) : undefined),
    });
    const { rows, warnings } = await run(sourceOf(silent, { completeMs: 20 }));
    expect([rows.length, warnings.length]).toEqual([3, 1]);
  });

  test('it can be switched off', async () => {
    const archive = archiveOf();
    const { warnings } = await run(sourceOf(archive, { complete: 'off' }));
    expect([archive.asked.length, warnings]).toEqual([1, []]);
  });

  test('rows that leave as they come are completed as they pass, in order, with one association', async () => {
    const archive = archiveOf({ studies: studies(3000), associations: 1 });
    const { rows, uids, warnings } = await run(sourceOf(archive, { lookAhead: 10 }));
    expect(uids).toEqual(studies(3000).map(({ uid }) => uid));
    for (const row of rows) expect(row).toMatchObject(complete);
    // What later rows will lack cannot be known when the headers leave.
    expect(warnings).toEqual([expect.stringContaining('The archive does not tell ModalitiesInStudy')]);
    expect(archive.open()).toBe(0);
  });
});

describe('Q-46: keys of the study that the peer passes over are looked up in its series', () => {
  const mixed = (): FakeStudy[] =>
    Array.from({ length: 9 }, (_, index) =>
      study(index + 1, {
        series: [{ uid: `1.2.${index + 1}.1`, modality: ['CT', 'MR', 'US'][index % 3] ?? '', instances: 1 }],
      }),
    );

  test.each([
    ['ModalitiesInStudy=CT', [1, 4, 7]],
    ['ModalitiesInStudy=CT,MR', [1, 2, 4, 5, 7, 8]],
    ['ModalitiesInStudy=CT%2CMR', [1, 2, 4, 5, 7, 8]],
    ['ModalitiesInStudy=CT%5CMR', [1, 2, 4, 5, 7, 8]],
    ['ModalitiesInStudy=CT\\MR', [1, 2, 4, 5, 7, 8]],
    ['00080061=PT', []],
    ['ModalitiesInStudy=CT%5CMR&multiplevaluematching=true', []],
  ])('%s is exact and without a Warning', async (query, expected) => {
    const archive = archiveOf({ studies: mixed() });
    const { uids, warnings } = await run(sourceOf(archive), query);
    expect(uids).toEqual(expected.map((number) => `1.2.${number}`));
    expect(warnings).toEqual([]);
    expect(archive.count('SERIES')).toBe(9);
  });

  test('a list of modalities is never sent: C-FIND has none, and a peer would match it literally', async () => {
    const archive = archiveOf({ studies: mixed() });
    await run(sourceOf(archive), 'ModalitiesInStudy=CT,MR');
    expect(archive.asked[0]?.identifier.get(Tags.ModalitiesInStudy)?.value).toHaveLength(0);
  });

  test('neither is a pattern of them: what the peer does not return is looked up', async () => {
    const archive = archiveOf({ studies: mixed() });
    const { uids, warnings } = await run(sourceOf(archive), 'ModalitiesInStudy=?R');
    expect([uids, warnings]).toEqual([['1.2.2', '1.2.5', '1.2.8'], []]);
    expect(archive.asked[0]?.identifier.get(Tags.ModalitiesInStudy)?.value).toHaveLength(0);
  });

  test('what the peer returns is filtered without a question', async () => {
    const returned = mixed().map((one) => ({
      ...one,
      values: [...counted.slice(1), [Tags.ModalitiesInStudy, 'CS', one.series?.[0]?.modality ?? ''] as const],
    }));
    const archive = archiveOf({ studies: returned });
    expect((await run(sourceOf(archive), 'ModalitiesInStudy=MR')).uids).toEqual(['1.2.2', '1.2.5', '1.2.8']);
    expect(archive.asked).toHaveLength(1);
  });

  test('SOPClassesInStudy is looked up in the instances', async () => {
    const [first, second] = mixed();
    const other = { ...second, uid: '1.2.2', series: [{ ...ct('1.2.2.1'), sopClass: '1.9' }] };
    const archive = archiveOf({ studies: [first ?? study(1), other] });
    const { uids, warnings } = await run(sourceOf(archive), 'SOPClassesInStudy=1.9');
    expect([uids, warnings]).toEqual([['1.2.2'], []]);
  });

  test('limit counts what matches; of many studies one more is looked up to say that there are more', async () => {
    const twice = [...mixed(), ...mixed().map((one) => ({ ...one, uid: `${one.uid}9` }))];
    const few = await run(sourceOf(archiveOf({ studies: twice })), 'ModalitiesInStudy=CT&limit=2');
    expect(few.uids).toEqual(['1.2.1', '1.2.19']);
    expect(few.warnings).toEqual(['There are 4 additional results that can be requested']);
    const archive = archiveOf({ studies: studies(1000) });
    const { uids, warnings } = await run(sourceOf(archive), 'ModalitiesInStudy=SR&limit=2');
    expect(uids).toEqual(['1.2.1', '1.2.2']);
    expect(warnings).toEqual([expect.stringMatching(/^There are at least \d\d additional results/)]);
    expect(archive.count('SERIES')).toBeLessThanOrEqual(105);
  });

  test('Q-25: what had to be looked up is sorted as any other, on every page', async () => {
    const backwards = [...mixed()].reverse();
    const archive = archiveOf({ studies: backwards });
    const expected = ['1.2.1', '1.2.4', '1.2.7'];
    expect((await run(sourceOf(archive), 'ModalitiesInStudy=CT')).uids).toEqual(expected);
    const pages: unknown[] = [];
    for (const offset of [0, 1, 2]) {
      const page = await run(sourceOf(archive), `ModalitiesInStudy=CT&limit=1&offset=${offset}`);
      pages.push(...page.uids);
    }
    expect(pages).toEqual(expected);
    // Answered in one piece, as many as are looked ahead.
    const many = archiveOf({ studies: studies(300) });
    const reversed = archiveOf({ studies: [...studies(300)].reverse() });
    const [one, other] = [many, reversed].map((each) => run(sourceOf(each), 'ModalitiesInStudy=SR'));
    expect((await other)?.uids).toEqual((await one)?.uids);
  });

  test('a page that costs many questions costs no more for its order', async () => {
    // One in four matches: to count a hundred more would be too broad.
    const sparse = Array.from({ length: 400 }, (_, at) => ({
      ...study(at + 1),
      series: [at % 4 === 0 ? ct(`1.2.${at + 1}.1`) : { ...ct(`1.2.${at + 1}.1`), modality: 'MR' }],
    }));
    const archive = archiveOf({ studies: sparse });
    const { uids } = await run(sourceOf(archive, { maxLookups: 60 }), 'ModalitiesInStudy=CT&limit=10');
    expect(uids).toHaveLength(10);
  });

  test('Q-26: beyond so many candidates the search is too broad', async () => {
    const archive = archiveOf({ studies: mixed() });
    await expect(run(sourceOf(archive, { maxLookups: 8 }), 'ModalitiesInStudy=CT')).rejects.toMatchObject({
      code: 'query-too-broad',
      message: expect.stringMatching(/narrow the search/),
    });
    expect(archive.open()).toBe(0);
  });

  test('what cannot be looked up is kept, with a Warning; what fails fails the search', async () => {
    const cut = archiveOf({ studies: mixed(), truncates: (level) => level === 'SERIES' });
    const { uids, warnings } = await run(sourceOf(cut), 'ModalitiesInStudy=CT');
    expect(uids).toHaveLength(9);
    expect(warnings[0]).toContain('ModalitiesInStudy');
    const failing = archiveOf({
      before: (level) => {
        if (level === 'SERIES') throw new GatewayError('peer-timeout', 'silent');
      },
    });
    await expect(run(sourceOf(failing), 'ModalitiesInStudy=CT')).rejects.toMatchObject({
      code: 'peer-timeout',
    });
  });

  test('more candidates than are held do not wait for themselves on one association', async () => {
    const archive = archiveOf({ studies: studies(1500), associations: 1 });
    const { uids } = await run(sourceOf(archive, { lookAhead: 5 }), 'ModalitiesInStudy=SR');
    expect(uids).toHaveLength(1500);
  });

  test('the series of studies of a modality', async () => {
    const archive = archiveOf({ studies: mixed() });
    const { uids } = await run(sourceOf(archive), 'ModalitiesInStudy=US', 'SERIES');
    expect(uids).toEqual(['1.2.3', '1.2.6', '1.2.9']);
  });
});

describe('a peer that turns out to be another', () => {
  test('is planned for anew, once', async () => {
    let asked = 0;
    const archive = archiveOf({
      before: () => {
        asked += 1;
        if (asked === 1) throw new GatewayError('peer-changed', 'The peer accepts other options now.');
      },
    });
    expect((await run(sourceOf(archive, { complete: 'off' }))).rows).toHaveLength(3);
    expect(asked).toBe(2);
    const never = archiveOf({
      before: () => {
        throw new GatewayError('peer-changed', 'The peer accepts other options now.');
      },
    });
    await expect(run(sourceOf(never))).rejects.toMatchObject({ code: 'peer-changed' });
  });
});
