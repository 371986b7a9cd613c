import { describe, expect, test } from '@jest/globals';
import { GatewayError, type OperationContext } from '../../../src/core/index.js';
import { Tags, type DicomJsonObject } from '../../../src/dicom/index.js';
import { parseSearch, type SearchLevel } from '../../../src/dicomweb/index.js';
import { search, type SearchAnswer } from '../../../src/gateway/search.js';
import type { SearchSource } from '../../../src/gateway/search-run.js';
import { fakeArchive, sourceOf, type FakeArchive, type FakeStudy } from '../../helpers/fake-archive.js';

const answering = {
  serviceUrl: 'https://gw.example',
  representations: [{ mediaType: 'application/dicom+json', multipart: false, transferSyntax: undefined }],
};
const context = (): OperationContext => ({ requestId: 'test', signal: new AbortController().signal });

const open = (
  source: SearchSource,
  query = '',
  level: SearchLevel = 'STUDY',
  path: Parameters<typeof parseSearch>[1] = {},
): Promise<SearchAnswer> => search(source, parseSearch(level, path, query), answering, context());

async function uidsOf(answer: SearchAnswer, tag = '0020000D'): Promise<string[]> {
  let body = '';
  for await (const piece of answer.body) body += piece.toString();
  await answer.close();
  return (JSON.parse(body) as DicomJsonObject[]).map((row) => row[tag]?.Value?.[0] as string);
}

/** All that results hold, so that nothing is left to be found out. */
const whole: NonNullable<FakeStudy['values']> = [
  [Tags.ModalitiesInStudy, 'CS', 'CT'],
  [Tags.NumberOfStudyRelatedSeries, 'IS', '1'],
  [Tags.NumberOfStudyRelatedInstances, 'IS', '1'],
];

function* many(count: number): Generator<FakeStudy> {
  for (let number = 1; number <= count; number += 1) yield { uid: `1.2.${number}`, values: whole };
}

const lazily = (count: number): Iterable<FakeStudy> => ({ [Symbol.iterator]: () => many(count) });

const dated = (number: number, date?: string, time = '1200'): FakeStudy => ({
  uid: `1.2.${number}`,
  values: [
    ...whole,
    ...(date === undefined
      ? []
      : ([
          [Tags.StudyDate, 'DA', date],
          [Tags.StudyTime, 'TM', time],
        ] as const)),
  ],
});

/** An archive that answers in another order each time. */
function restless(studies: readonly FakeStudy[]): FakeArchive {
  let asked = 0;
  const turned: Iterable<FakeStudy> = {
    *[Symbol.iterator]() {
      asked += 3;
      const from = asked % studies.length;
      yield* [...studies.slice(from), ...studies.slice(0, from)];
    },
  };
  return fakeArchive({ studies: turned });
}

describe('Q-25: the same search gives the same order', () => {
  const five = [
    dated(3, '20240101'),
    dated(10, '20240102', '0800'),
    dated(9, '20240102', '0930'),
    dated(2),
    dated(1, '20240101'),
  ];
  const newestFirst = ['1.2.9', '1.2.10', '1.2.1', '1.2.3', '1.2.2'];

  test('of all results that are there, whatever order the peer answers in: newest first, then by UID', async () => {
    const archive = restless(five);
    expect(await uidsOf(await open(sourceOf(archive)))).toEqual(newestFirst);
    expect(await uidsOf(await open(sourceOf(archive)))).toEqual(newestFirst);
  });

  test('pages of them fit together', async () => {
    const archive = restless(five);
    const pages: string[] = [];
    for (const offset of [0, 2, 4])
      pages.push(...(await uidsOf(await open(sourceOf(archive), `limit=2&offset=${offset}`))));
    expect(pages).toEqual(newestFirst);
  });

  test('more results than are looked ahead are in the order of the peer, on every page', async () => {
    const archive = fakeArchive({ studies: five });
    const source = sourceOf(archive, { lookAhead: 4 });
    const inOrder = five.map(({ uid }) => uid);
    expect(await uidsOf(await open(source))).toEqual(inOrder);
    const pages: string[] = [];
    for (const offset of [0, 2, 4])
      pages.push(...(await uidsOf(await open(source, `limit=2&offset=${offset}`))));
    expect(pages).toEqual(inOrder);
  });

  test('as the peer lists them where that is configured, or its answer is cut short', async () => {
    const inOrder = five.map(({ uid }) => uid);
    const archive = fakeArchive({ studies: five });
    expect(await uidsOf(await open(sourceOf(archive, { order: 'peer' })))).toEqual(inOrder);
    const cut = fakeArchive({ studies: five, truncates: () => true });
    expect(await uidsOf(await open(sourceOf(cut)))).toEqual(inOrder);
  });
});

describe('Q-23, Q-24: pages', () => {
  const remaining = (answer: SearchAnswer): readonly string[] =>
    answer.warnings.filter((text) => text.includes('additional results'));

  test('the remaining results are counted exactly within the look-ahead, and as "at least" beyond it', async () => {
    const source = sourceOf(fakeArchive({ studies: lazily(100) }), { lookAhead: 20 });
    const far = await open(source, 'limit=10');
    expect(remaining(far)).toEqual(['There are at least 20 additional results that can be requested']);
    const near = await open(source, 'limit=10&offset=75');
    expect(remaining(near)).toEqual(['There are 15 additional results that can be requested']);
    const last = await open(source, 'limit=10&offset=90');
    expect(remaining(last)).toEqual([]);
    const beyond = await open(source, 'limit=10&offset=200');
    expect([await uidsOf(beyond), beyond.warnings]).toEqual([[], []]);
    for (const answer of [far, near, last]) await answer.close();
  });

  test('of an answer that the peer cut short no number is exact', async () => {
    const source = sourceOf(fakeArchive({ studies: lazily(10), truncates: () => true }));
    const answer = await open(source, 'limit=4');
    expect(answer.warnings).toEqual([
      'There are at least 6 additional results that can be requested',
      'The PACS cut its answer short: there are results that it did not return',
    ]);
    await answer.close();
  });

  test('limit and offset are of what matches: what the filter drops is not counted', async () => {
    const archive = fakeArchive({
      studies: Array.from({ length: 40 }, (_, index) =>
        dated(index, index % 2 === 0 ? '20240101' : '20230101'),
      ),
    });
    const answer = await open(sourceOf(archive), 'StudyDate=20240101&limit=5&offset=10');
    expect(remaining(answer)).toEqual(['There are 5 additional results that can be requested']);
    expect(await uidsOf(answer)).toHaveLength(5);
  });

  test('the peer is asked for no more once the page and the look-ahead are filled, at every level', async () => {
    const archive = fakeArchive({ studies: lazily(100_000) });
    const answer = await open(sourceOf(archive, { lookAhead: 20 }), 'limit=10');
    expect(archive.given.STUDY).toBe(30);
    expect(archive.open()).toBe(0);
    await answer.close();
    const levels = fakeArchive({
      studies: Array.from({ length: 5000 }, (_, index) => ({
        uid: `1.2.${index}`,
        values: whole,
        series: [{ uid: `1.2.${index}.1`, modality: 'CT', instances: 1 }],
      })),
    });
    const series = await open(sourceOf(levels, { lookAhead: 5 }), 'PatientID=A&limit=10', 'SERIES');
    expect(levels.count('SERIES')).toBeLessThan(25);
    expect(levels.given.STUDY).toBeLessThan(600);
    await series.close();
    expect(levels.open()).toBe(0);
  });

  test('limit is at most what the configuration allows, and there may be one for who sets none', async () => {
    const archive = fakeArchive({ studies: lazily(20) });
    const answer = await open(sourceOf(archive, { maxResults: 3 }), 'limit=10');
    expect(remaining(answer)).toEqual(['There are 17 additional results that can be requested']);
    expect(await uidsOf(answer)).toHaveLength(3);
    const unlimited = await open(sourceOf(archive, { maxUnlimited: 4 }));
    expect(remaining(unlimited)).toEqual(['There are 16 additional results that can be requested']);
    expect(await uidsOf(unlimited)).toHaveLength(4);
  });

  test('a page longer than the look-ahead is whole', async () => {
    const answer = await open(sourceOf(fakeArchive({ studies: lazily(100) }), { lookAhead: 5 }), 'limit=50');
    const uids = await uidsOf(answer);
    expect(uids).toEqual(Array.from({ length: 50 }, (_, index) => `1.2.${index + 1}`));
    expect(remaining(answer)).toEqual(['There are at least 5 additional results that can be requested']);
  });
});

describe('Q-43: what the headers said stays true of the rows after them', () => {
  const described = (count: number, until: number): FakeStudy[] =>
    Array.from({ length: count }, (_, index) => ({
      uid: `1.2.${index}`,
      values: [...whole, ...(index < until ? ([[Tags.StudyDescription, 'LO', 'Head']] as const) : [])],
    }));
  const query = 'StudyDescription=Head';

  test.each([0, 150, 200])(
    'of rows beyond the headers it is said that they may not match, and none breaks the body off (%d have the key)',
    async (count) => {
      const source = sourceOf(fakeArchive({ studies: described(200, count) }), { lookAhead: 100 });
      const answer = await open(source, query);
      expect(answer.warnings).toEqual([expect.stringContaining('StudyDescription')]);
      expect(await uidsOf(answer)).toHaveLength(200);
    },
  );

  test.each([0, 10])(
    'a look-ahead of %d rows tells too little: the Warning names what may be',
    async (lookAhead) => {
      const source = sourceOf(fakeArchive({ studies: described(50, 40) }), { lookAhead });
      const answer = await open(source, query);
      expect(answer.warnings).toEqual([expect.stringMatching(/whether StudyDescription matches/)]);
      expect(await uidsOf(answer)).toHaveLength(50);
      const unkeyed = await open(source);
      expect(unkeyed.warnings).toEqual([]);
      await unkeyed.close();
    },
  );
});

describe('rows in memory follow the look-ahead, never the size of the answer', () => {
  /** The most rows that were taken of the peer and had not left. */
  async function mostHeld(
    answer: SearchAnswer,
    given: () => number,
  ): Promise<{ held: number; left: number }> {
    let left = 0;
    let held = given();
    for await (const piece of answer.body) {
      held = Math.max(held, given() - left);
      if (piece.length > 1) left += 1;
    }
    await answer.close();
    return { held, left };
  }

  test('100,000 studies', async () => {
    const archive = fakeArchive({ studies: lazily(100_000) });
    const answer = await open(sourceOf(archive, { lookAhead: 1000 }));
    const { held, left } = await mostHeld(answer, () => archive.given.STUDY);
    expect(left).toBe(100_000);
    // The look-ahead, and what is read ahead.
    expect(held).toBeLessThan(1000 + 500 + 10);
    expect(archive.count('STUDY')).toBe(1);
  });

  test('20,000 instances of one series of a study that is walked', async () => {
    const series = [
      { uid: '1.2.1.1', modality: 'CT', instances: 20_000 },
      { uid: '1.2.1.2', modality: 'CT', instances: 5000 },
    ];
    const archive = fakeArchive({ studies: [{ uid: '1.2.1', series }], associations: 1, counts: true });
    const answer = await open(sourceOf(archive, { lookAhead: 100 }), '', 'IMAGE', { study: '1.2.1' });
    const { held, left } = await mostHeld(answer, () => archive.given.IMAGE);
    expect(left).toBe(25_000);
    expect(held).toBeLessThan(100 + 4 * 500);
  });
});

describe('searches over several levels', () => {
  const studies = (count: number): FakeStudy[] =>
    Array.from({ length: count }, (_, index) => ({
      uid: `1.2.${index}`,
      values: whole,
      series: [1, 2].map((number) => ({ uid: `1.2.${index}.${number}`, modality: 'CT', instances: 2 })),
    }));

  test('Q-61: they need one association, however many there are above', async () => {
    const archive = fakeArchive({ studies: studies(2000), associations: 1, counts: true });
    const uids = await uidsOf(
      await open(sourceOf(archive, { order: 'peer' }), 'PatientID=A', 'SERIES'),
      '0020000E',
    );
    expect(uids).toEqual(studies(2000).flatMap(({ uid }) => [`${uid}.1`, `${uid}.2`]));
    const images = fakeArchive({ studies: studies(700), associations: 1, counts: true });
    expect(await uidsOf(await open(sourceOf(images), 'PatientID=A', 'IMAGE'))).toHaveLength(2800);
    expect([archive.open(), images.open()]).toEqual([0, 0]);
  });

  test('Q-61: no more lower queries run at once than are configured, one ahead of its turn', async () => {
    let running = 0;
    let most = 0;
    const archive = fakeArchive({ studies: studies(20), associations: 10, counts: true });
    const find: SearchSource['find'] = async function* (level, ...rest) {
      if (level === 'SERIES') most = Math.max(most, (running += 1));
      try {
        return yield* archive.find(level, ...rest);
      } finally {
        if (level === 'SERIES') running -= 1;
      }
    };
    await uidsOf(await open({ ...sourceOf(archive), find }, 'PatientID=A', 'SERIES'));
    expect(most).toBe(2);
  });

  test('Q-63: a lower query that fails fails the search, or breaks its body', async () => {
    const archive = fakeArchive({
      studies: studies(50),
      counts: true,
      before: (level, identifier) => {
        if (level === 'SERIES' && identifier.string(Tags.StudyInstanceUID) === '1.2.30')
          throw new GatewayError('peer-failed', 'no');
      },
    });
    await expect(open(sourceOf(archive), 'PatientID=A', 'SERIES')).rejects.toMatchObject({
      code: 'peer-failed',
    });
    const late = await open(sourceOf(archive, { lookAhead: 5 }), 'PatientID=A', 'SERIES');
    await expect(uidsOf(late)).rejects.toMatchObject({ code: 'peer-failed' });
    await late.close();
    // What it held is given back as it unwinds.
    while (archive.open() > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});
