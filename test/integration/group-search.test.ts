import { afterEach, describe, expect, test } from '@jest/globals';
import { startArchives, type Archives, type ArchivesOptions } from '../helpers/archives.js';
import {
  accept,
  drop,
  final,
  makeInstance,
  refusingPort,
  returning,
  until,
  type RogueInstance,
} from '../helpers/rogue-peer.js';
import type { RawResponse } from '../helpers/test-gateway.js';

let scene: Archives | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const image = (study: number, series = 1, instance = 1): RogueInstance =>
  makeInstance({
    studyInstanceUid: `2.25.${study}`,
    seriesInstanceUid: `2.25.${study}.${series}`,
    sopInstanceUid: `2.25.${study}.${series}.${instance}`,
  });

type Row = Record<string, { readonly Value?: readonly unknown[] } | undefined>;

const rowsOf = ({ body }: RawResponse): readonly Row[] => JSON.parse(body.toString()) as Row[];
const values = (row: Row | undefined, tag: string): unknown => row?.[tag]?.Value;
const column = (response: RawResponse, tag: string): unknown[] =>
  rowsOf(response).map((row) => row[tag]?.Value?.[0]);
const STUDY = '0020000D';
const SERIES = '0020000E';
const SOP = '00080018';

async function start(
  holdings: readonly (readonly RogueInstance[])[],
  options?: ArchivesOptions,
): Promise<Archives> {
  scene = await startArchives(holdings, options);
  return scene;
}

const problem = ({ body }: RawResponse): unknown => JSON.parse(body.toString());

describe('a search of a group', () => {
  test('Q-25: has the rows of each member in their order, each study once, at the URLs of the group', async () => {
    const { get, gateway } = await start(
      [
        [image(3), image(1)],
        [image(1), image(2)],
        [image(4), image(3)],
      ],
      { yaml: 'search: { order: peer }' },
    );
    const response = await get('/studies');
    expect(response.status).toBe(200);
    expect(column(response, STUDY)).toEqual(['2.25.3', '2.25.1', '2.25.2', '2.25.4']);
    expect(response.headers.warning).toBeUndefined();
    expect(column(response, '00081190')).toContain(`${gateway.service}/studies/2.25.1`);
    expect((await get('/studies')).body).toEqual(response.body);
  });

  test('a study that two hold in part is one row: modalities and counts are of the union, attributes of the first', async () => {
    const { get, archives } = await start([
      [image(1, 1, 1), image(1, 1, 2), image(1, 2, 1)],
      [image(1, 2, 1), image(1, 2, 2), image(1, 3, 1), image(1, 3, 2)],
    ]);
    const [a, b] = archives;
    if (!a || !b) throw new Error('two archives');
    a.study = () => ({
      PatientID: 'P1',
      PatientName: 'ONE^A',
      StudyDescription: '',
      AccessionNumber: 'first',
    });
    b.study = () => ({
      PatientID: 'P1',
      PatientName: 'ONE^A',
      StudyDescription: 'theirs',
      AccessionNumber: 'x',
    });
    b.modality = (series) => (series === '2.25.1.3' ? 'MR' : 'CT');
    const response = await get('/studies?includefield=StudyDescription');
    const [row, ...more] = rowsOf(response);
    expect(more).toEqual([]);
    expect([values(row, '00201206'), values(row, '00201208')]).toEqual([[3], [6]]);
    expect(values(row, '00080061')).toEqual(['CT', 'MR']);
    expect([values(row, '00080050'), values(row, '00081030')]).toEqual([['first'], ['theirs']]);
    expect(Object.keys(row ?? {})).toEqual(Object.keys(row ?? {}).sort());
  });

  test('J-05: counts of the union are text where numeric strings are to stay strings', async () => {
    const holdings = [
      [image(1, 1, 1), image(1, 2, 1), image(1, 2, 2)],
      [image(1, 2, 1), image(1, 2, 3), image(1, 3, 1)],
    ];
    const { get } = await start(holdings, { yaml: 'json: { numericStrings: strings }' });
    const [row] = rowsOf(await get('/studies'));
    expect([values(row, '00201206'), values(row, '00201208')]).toEqual([['3'], ['5']]);
  });

  test('what does not match at the second member is part of the union all the same', async () => {
    const { get, archives } = await start([[image(1, 1, 1)], [image(1, 2, 1)]]);
    const [a, b] = archives;
    if (!a || !b) throw new Error('two archives');
    a.study = () => ({ PatientID: 'P1', AccessionNumber: 'here' });
    b.study = () => ({ PatientID: 'P1', AccessionNumber: 'there' });
    for (const accession of ['here', 'there']) {
      const [row] = rowsOf(await get(`/studies?AccessionNumber=${accession}`));
      expect([accession, values(row, '00080050'), values(row, '00201208')]).toEqual([
        accession,
        [accession],
        [2],
      ]);
    }
  });

  test('counts that cannot be had are empty and said to be, modalities are left out', async () => {
    const { get, archives } = await start([[image(1, 1)], [image(1, 2)]], {
      peer: ['', 'findLimit: 1'],
    });
    const [, b] = archives;
    if (!b) throw new Error('two archives');
    b.counts = false;
    const response = await get('/studies');
    const [row] = rowsOf(response);
    expect([row?.['00201206'], row?.['00201208'], row?.['00080061']]).toEqual([
      { vr: 'IS' },
      { vr: 'IS' },
      undefined,
    ]);
    expect(String(response.headers.warning)).toContain('these counts are left empty');
  });

  test.each(['/studies', '/studies?limit=5'])(
    'Q-42: %s: what a member does not tell of a study is found out at it',
    async (path) => {
      const { get, archives } = await start(
        [
          [image(1, 1, 1), image(1, 1, 2)],
          [image(2, 1), image(2, 2)],
        ],
        {
          yaml: 'search: { complete: page }',
        },
      );
      for (const held of archives) held.counts = false;
      const response = await get(path);
      expect(column(response, '00201206')).toEqual([1, 2]);
      expect(column(response, '00201208')).toEqual([2, 2]);
      expect(response.headers.warning).toBeUndefined();
    },
  );

  test('series and instances of a study that two hold in part', async () => {
    const { get, archives } = await start([
      [image(1, 1, 1), image(1, 2, 1)],
      [image(1, 2, 1), image(1, 2, 2), image(1, 3, 1), image(2, 1, 1)],
      [image(2, 2, 1)],
    ]);
    const series = await get('/studies/2.25.1/series');
    expect(column(series, SERIES)).toEqual(['2.25.1.1', '2.25.1.2', '2.25.1.3']);
    expect(column(series, '00201209')).toEqual([1, 2, 1]);
    const instances = await get('/studies/2.25.1/instances');
    expect(column(instances, SOP)).toEqual(['2.25.1.1.1', '2.25.1.2.1', '2.25.1.2.2', '2.25.1.3.1']);
    const ofSeries = await get('/studies/2.25.1/series/2.25.1.2/instances');
    expect(column(ofSeries, SOP)).toEqual(['2.25.1.2.1', '2.25.1.2.2']);
    expect(column(await get('/studies/2.25.9/series'), SERIES)).toEqual([]);
    // Who does not hold the study is asked for it alone.
    expect(archives[2]?.finds).toEqual(['STUDY', 'STUDY']);
  });

  test('series of all studies carry what their study amounts to', async () => {
    const { get } = await start([[image(1, 1)], [image(1, 2), image(2, 1)]]);
    const response = await get('/series?PatientID=P1');
    expect(column(response, SERIES)).toEqual(['2.25.1.1', '2.25.1.2', '2.25.2.1']);
    expect(column(response, '00201206')).toEqual([2, 2, 1]);
    expect(column(await get('/instances?PatientID=P1'), SOP)).toEqual([
      '2.25.1.1.1',
      '2.25.1.2.1',
      '2.25.2.1.1',
    ]);
  });

  test('Q-46: a search by what is another of all parts together warns of that', async () => {
    const { get } = await start([[image(1)], [image(1), image(2)]]);
    for (const query of [
      'NumberOfStudyRelatedSeries=2',
      'multiplevaluematching=true&ModalitiesInStudy=CT%5CMR',
    ])
      expect((await get(`/studies?${query}&limit=5`)).headers.warning).toContain('Each member was asked for');
    expect(String((await get('/studies?ModalitiesInStudy=CT&limit=5')).headers.warning)).not.toContain(
      'Each member',
    );
  });

  test('Q-23, Q-24: pages are cut out of the union, and what remains is counted in it', async () => {
    const held = (from: number, to: number): RogueInstance[] =>
      Array.from({ length: to - from + 1 }, (_, index) => image(from + index));
    const { get } = await start([held(1, 60), held(40, 130)], { yaml: 'search: { order: peer }' });
    const pages = [];
    for (let offset = 0; offset < 150; offset += 50)
      pages.push(await get(`/studies?limit=50&offset=${offset}`));
    expect(pages.flatMap((page) => column(page, STUDY))).toEqual(
      Array.from({ length: 130 }, (_, index) => `2.25.${index + 1}`),
    );
    const [first, second, last] = pages;
    expect(first?.headers.warning).toContain('There are 80 additional results');
    expect(second?.headers.warning).toContain('There are 30 additional results');
    expect(last?.headers.warning).toBeUndefined();
  });

  test('answers longer than what is read ahead of its turn come whole, and stream', async () => {
    const held = (from: number): RogueInstance[] =>
      Array.from({ length: 220 }, (_, index) => image(from + index));
    const { get } = await start([held(1), held(101)], { yaml: 'search: { lookAhead: 10 }' });
    const response = await get('/studies');
    expect(response.complete).toBe(true);
    expect(column(response, STUDY)).toEqual(Array.from({ length: 320 }, (_, index) => `2.25.${index + 1}`));
    expect(String(response.headers.warning)).toContain('these counts are left empty');
  });

  test('Q-24: a row is the same on every page, whole whichever member it came from', async () => {
    const first = [image(3), image(4), image(2), image(1, 1, 1), image(1, 1, 2)];
    const second = [image(1, 2), image(2, 1, 2), image(0)];
    const { get } = await start([first, second], { yaml: 'search: { complete: page }' });
    const all = rowsOf(await get('/studies'));
    const counts = (row: Row | undefined): unknown => [values(row, '00201206'), values(row, '00201208')];
    expect(all.map(counts)).toEqual([
      [[1], [1]],
      [[2], [3]],
      [[1], [2]],
      [[1], [1]],
      [[1], [1]],
    ]);
    for (const [offset, row] of all.entries())
      expect(rowsOf(await get(`/studies?limit=1&offset=${offset}`))).toEqual([row]);
  });

  test('Q-42: a series that one of the members of its study holds is counted', async () => {
    const first = [image(1, 1, 1), image(1, 1, 2)];
    const second = [image(1, 2, 1), image(1, 2, 2), image(1, 2, 3)];
    const { get, archives } = await start([first, second], { yaml: 'search: { complete: page }' });
    for (const one of archives) one.counts = false;
    const found = await get('/series?StudyInstanceUID=2.25.1');
    expect(rowsOf(found).map((row) => values(row, '00201209'))).toEqual([[2], [3]]);
    // Which members hold the series of an instance is not known.
    const instances = await get('/instances?StudyInstanceUID=2.25.1');
    expect(rowsOf(instances)).toHaveLength(5);
    expect(String(instances.headers.warning)).toContain('these counts are left empty');
  });

  test('Q-42: that counts may be empty is said of no answer without counts of several members', async () => {
    const many = Array.from({ length: 60 }, (_, index) => image(1, 1, index + 1));
    const series = Array.from({ length: 60 }, (_, index) => image(2, index + 1));
    const { get } = await start([[...many, ...series], many], { yaml: 'search: { lookAhead: 10 }' });
    for (const path of [
      '/studies/2.25.1/instances',
      '/studies/2.25.1/series/2.25.1.1/instances',
      '/studies/2.25.2/series',
    ]) {
      const response = await get(path);
      expect([path, rowsOf(response).length]).toEqual([path, 60]);
      expect([path, String(response.headers.warning)]).toEqual([
        path,
        expect.not.stringContaining('counted'),
      ]);
    }
  });

  test.each([10, 120])(
    'Q-43: what a later member does not return is told beforehand, and breaks nothing off (%s)',
    async (lookAhead) => {
      const held = (from: number): RogueInstance[] =>
        Array.from({ length: 220 }, (_, index) => image(from + index));
      const { get, archives } = await start([held(1), held(301)], {
        yaml: `search: { lookAhead: ${lookAhead}, complete: off }`,
      });
      for (const [index, one] of archives.entries())
        one.study = () => ({
          PatientID: 'P1',
          StudyDescription: 'HEAD',
          ...(index === 0 && { ReferringPhysicianName: 'DOC' }),
        });
      const response = await get('/studies?StudyDescription=HEAD&ReferringPhysicianName=DOC');
      expect(String(response.headers.warning)).toContain('ReferringPhysicianName');
      expect(response.complete).toBe(true);
      expect(rowsOf(response)).toHaveLength(440);
    },
    20_000,
  );

  describe('Q-43: what tells nothing of the rows that are sent is no reason for a Warning', () => {
    const query = '/studies?StudyDescription=HEAD';
    const whole = { PatientID: 'P1', StudyDescription: 'HEAD' };
    const held = (from: number, count: number): RogueInstance[] =>
      Array.from({ length: count }, (_, index) => image(from + index));
    const options = (lookAhead: number): ArchivesOptions => ({
      // The look-ups of the first rows wait for the search of the second member.
      peer: ['', 'associations: 1'],
      yaml: `search: { lookAhead: ${lookAhead}, complete: off }`,
    });

    test('of members whose answers are over, and whole', async () => {
      const { get, archives } = await start([held(1, 220), held(301, 3)], options(1000));
      for (const one of archives) one.study = () => whole;
      const response = await get(query);
      expect(response.complete).toBe(true);
      expect(String(response.headers.warning)).not.toContain('StudyDescription');
      expect(rowsOf(response)).toHaveLength(223);
    });

    test.each([1000, 120])(
      'of rows that are left out because another member has them (%s)',
      async (lookAhead) => {
        const { get, archives } = await start([held(1, 140), held(1, 140)], options(lookAhead));
        for (const [index, one] of archives.entries())
          one.study = () => (index === 0 ? whole : { PatientID: 'P1' });
        const response = await get(query);
        expect(response.complete).toBe(true);
        expect(rowsOf(response)).toHaveLength(140);
        // Before these rows have had their turn they could have been of studies that the first does not hold.
        const isTold = lookAhead < 140;
        expect(String(response.headers.warning).includes('StudyDescription')).toBe(isTold);
      },
      20_000,
    );

    test("of another patient's rows", async () => {
      const { get, archives } = await start([[image(1)], [image(1), image(2)]], options(1000));
      const [a, b] = archives;
      if (!a || !b) throw new Error('two archives');
      a.study = () => whole;
      b.study = (uid) => (uid === '2.25.1' ? { PatientID: 'P2' } : whole);
      const { headers } = await get(query);
      expect(headers.warning).toContain('study 2.25.1 under different patients');
      expect(headers.warning).not.toContain('StudyDescription');
    });
  });

  test('a member whose answer does not end is cancelled, and its one association serves the look-ups meanwhile', async () => {
    const { get, archives, peers } = await start([[image(1), image(2)], [image(2)], [image(3)]], {
      peer: ['associations: 1', 'associations: 1', 'associations: 1'],
      yaml: 'search: { lookAhead: 10 }',
    });
    for (const held of archives.slice(1)) held.isEndless = true;
    const response = await get('/studies?limit=5');
    expect(response.status).toBe(200);
    expect(column(response, STUDY)).toEqual(['2.25.1', '2.25.2', '2.25.9.1', '2.25.9.2', '2.25.9.3']);
    expect(column(response, '00201208').slice(0, 2)).toEqual([1, 1]);
    expect(response.headers.warning).toContain('at least 10 additional results');
    await Promise.all(peers.slice(1).map((peer) => peer.waitFor('C-CANCEL-RQ')));
    // What was begun has ended: another search finds the associations free.
    for (const held of archives) held.isEndless = false;
    expect(column(await get('/studies'), STUDY)).toEqual(['2.25.1', '2.25.2', '2.25.3']);
  });

  test('a client that leaves in the middle ends what was asked', async () => {
    const { gateway, archives, peers } = await start([[image(1)], [image(2)]], {
      yaml: 'search: { lookAhead: 10 }',
    });
    for (const held of archives) held.isEndless = true;
    const controller = new AbortController();
    const response = await fetch(`${gateway.service}/studies`, { signal: controller.signal });
    expect(response.status).toBe(200);
    controller.abort();
    await peers[0]?.waitFor('C-CANCEL-RQ');
    await peers[1]?.waitFor('C-CANCEL-RQ');
  });
});

describe('patients of several members', () => {
  test('the issuer that is configured for a peer is in its rows, and is matched', async () => {
    const { get, archives } = await start([[image(1)], [image(2)], [image(3)]], {
      peer: ['issuerOfPatientId: NORTH', 'issuerOfPatientId: SOUTH', ''],
    });
    const [a] = archives;
    if (!a) throw new Error('archives');
    const all = await get('/studies?PatientID=P1');
    expect(rowsOf(all).map((row) => values(row, '00100021'))).toEqual([['NORTH'], ['SOUTH'], undefined]);
    expect(rowsOf(all)[2]).not.toHaveProperty('00100021');
    expect(column(await get('/studies?IssuerOfPatientID=SOUTH'), STUDY)).not.toContain('2.25.1');
    expect(column(await get('/studies?IssuerOfPatientID=N*'), STUDY)).toContain('2.25.1');
    a.study = () => ({ PatientID: 'P1', '00100021:LO': 'SOUTH' });
    expect(column(await get('/studies?IssuerOfPatientID=SOUTH'), STUDY)).toEqual(
      expect.arrayContaining(['2.25.1', '2.25.2']),
    );
    expect(column(await get('/studies?IssuerOfPatientID=N*'), STUDY)).not.toContain('2.25.1');
    // Of one peer alone rows are what the peer said.
    const { gateway } = scene ?? {};
    const alone = await fetch(`${gateway?.origin ?? ''}/peers/b/dicomweb/studies`);
    expect(await alone.json()).not.toEqual([expect.objectContaining({ '00100021': expect.anything() })]);
  });

  const conflicts = [
    ['another id', {}, { PatientID: 'P2', PatientName: 'ONE^A' }],
    [
      'the same id of another issuer',
      { '00100021:LO': 'NORTH' },
      { PatientID: 'P1', '00100021:LO': 'SOUTH' },
    ],
    ['the same id without an issuer, and another name', {}, { PatientID: 'P1', PatientName: 'TWO^B' }],
  ] as const;

  test.each(conflicts)(
    "a study under %s is the first member's, with a Warning",
    async (_what, first, second) => {
      const { get, archives } = await start([[image(1, 1)], [image(1, 2), image(2)]]);
      const [a, b] = archives;
      if (!a || !b) throw new Error('two archives');
      a.study = () => ({ PatientID: 'P1', PatientName: 'ONE^A', ...first });
      b.study = (uid) => (uid === '2.25.1' ? second : { PatientID: 'P1', PatientName: 'ONE^A' });
      const response = await get('/studies');
      expect(column(response, STUDY)).toEqual(['2.25.1', '2.25.2']);
      expect([column(response, '00100010')[0], column(response, '00201208')[0]]).toEqual([
        { Alphabetic: 'ONE^A' },
        1,
      ]);
      expect(String(response.headers.warning)).toContain(
        'a and b hold study 2.25.1 under different patients',
      );
      const series = await get('/studies/2.25.1/series');
      expect(column(series, SERIES)).toEqual(['2.25.1.1']);
      expect(String(series.headers.warning)).toContain('a and b hold study 2.25.1 under different patients');
      // Nor is it found under the other patient: its images would be those of the first.
      const other = await get(`/studies?PatientID=${second.PatientID}&StudyInstanceUID=2.25.1`);
      expect(column(other, '00100010')).not.toContainEqual({ Alphabetic: 'TWO^B' });
      expect(column(other, STUDY)).toEqual(second.PatientID === 'P1' ? ['2.25.1'] : []);
      expect(String(other.headers.warning)).toContain('different patients');
    },
  );

  test("a row that is left out as another patient's does not hide the one of a member that has the right one", async () => {
    const { get, archives } = await start([[image(1, 1)], [image(1, 2)], [image(1, 3)]]);
    const [a, b, c] = archives;
    if (!a || !b || !c) throw new Error('three archives');
    a.study = () => ({ PatientID: 'P1', AccessionNumber: 'x' });
    b.study = () => ({ PatientID: 'P2', AccessionNumber: 'y' });
    c.study = () => ({ PatientID: 'P1', AccessionNumber: 'y' });
    const response = await get('/studies?AccessionNumber=y');
    expect([column(response, '00100020'), column(response, '00201208')]).toEqual([['P1'], [2]]);
    expect(String(response.headers.warning)).toContain('a and b hold study 2.25.1 under different patients');
  });

  test('names of the same id and issuer may differ', async () => {
    const { get, archives } = await start([[image(1, 1)], [image(1, 2)]], {
      peer: ['issuerOfPatientId: NORTH', 'issuerOfPatientId: NORTH'],
    });
    const [, b] = archives;
    if (!b) throw new Error('two archives');
    b.study = () => ({ PatientID: 'P1', PatientName: 'MARRIED^A' });
    const response = await get('/studies');
    expect(column(response, '00201208')).toEqual([2]);
    expect(response.headers.warning).toBeUndefined();
  });

  test('a conflict that shows only after the status line resets the connection', async () => {
    const held = Array.from({ length: 200 }, (_, index) => image(index + 1));
    const { get, archives } = await start([held, [image(150, 2)]], { yaml: 'search: { lookAhead: 20 }' });
    const [, b] = archives;
    if (!b) throw new Error('two archives');
    b.study = () => ({ PatientID: 'P2' });
    const { complete, status } = await get('/studies');
    expect([status, complete]).not.toEqual([200, true]);
    // A page is told of it.
    const page = await get('/studies?limit=60&offset=140');
    expect(String(page.headers.warning)).toContain('different patients');
  });
});

describe('a member of a group that fails', () => {
  test('by default its error is the answer, with its name', async () => {
    const port = await refusingPort();
    const { get } = await start([[image(1)], [image(2)]], { ports: [undefined, port] });
    for (const path of ['/studies', '/studies?limit=1', '/studies/2.25.1/series']) {
      const response = await get(path);
      expect([path, response.status]).toEqual([path, 503]);
      expect(problem(response)).toMatchObject({ code: 'peer-unreachable', peer: 'b' });
    }
  });

  test('warn: the others answer, with a Warning that names it; when all fail there is an error', async () => {
    const port = await refusingPort();
    const { get, archives, gateway } = await start([[image(1)], [image(2)], [image(3)]], {
      group: 'onMemberFailure: warn',
      ports: [undefined, port],
    });
    const response = await get('/studies');
    expect(response.status).toBe(200);
    expect(column(response, STUDY)).toEqual(['2.25.1', '2.25.3']);
    expect(response.headers.warning).toContain('b could not be asked');
    await gateway.logged('the group all answers without this peer');
    // What b would have is not counted.
    const page = await get('/studies?limit=1');
    expect(page.headers.warning).toContain('There are at least 1 additional results');
    const series = await get('/studies/2.25.3/series');
    expect(column(series, SERIES)).toEqual(['2.25.3.1']);
    expect(series.headers.warning).toContain('b could not be asked');
    for (const held of archives) held.before.STUDY = final(0xc001);
    const none = await get('/studies');
    expect(none.status).toBeGreaterThanOrEqual(500);
    expect(problem(none)).toMatchObject({ peer: 'a' });
  });

  test.each(['fail', 'warn'])(
    '%s: one that breaks off after the status line resets the connection',
    async (mode) => {
      const held = (from: number, to: number): RogueInstance[] =>
        Array.from({ length: to - from + 1 }, (_, index) => image(from + index));
      const { get, archives } = await start([held(1, 200), held(201, 250)], {
        group: `onMemberFailure: ${mode}`,
        yaml: 'search: { lookAhead: 20 }',
      });
      const [, b] = archives;
      if (!b) throw new Error('two archives');
      b.dropFor = '2.25.150';
      const response = await get('/studies');
      expect(response.complete).toBe(false);
    },
  );

  test.each(['fail', 'warn'])(
    '%s: one whose search failed before the status line is told there, though its turn comes after it',
    async (mode) => {
      const held = Array.from({ length: 200 }, (_, index) => image(index + 1));
      const { get, archives, gateway } = await start([held, [image(150), image(201)]], {
        group: `onMemberFailure: ${mode}`,
        yaml: 'search: { lookAhead: 20 }',
      });
      const [a, b] = archives;
      if (!a || !b) throw new Error('two archives');
      b.beforeSearch = final(0xc001);
      a.beforeSearch = until(() => gateway.logged('"status":"C001"'));
      const response = await get('/studies');
      expect(response.complete).toBe(true);
      if (mode === 'fail') {
        expect(response.status).toBe(502);
        expect(problem(response)).toMatchObject({ peer: 'b' });
        return;
      }
      expect(response.headers.warning).toContain('b could not be asked');
      expect(column(response, STUDY)).toEqual(Array.from({ length: 200 }, (_, index) => `2.25.${index + 1}`));
    },
  );

  test.each(['fail', 'warn'])(
    '%s: one that accepts no more what the search was planned for is planned for anew',
    async (mode) => {
      const { get, archives } = await start([[image(1)], [image(2)]], {
        group: `onMemberFailure: ${mode}`,
        associate: [undefined, [accept({ extended: returning(1, 1, 1, 1, 1, 1, 1) }), accept()]],
      });
      const [, b] = archives;
      if (!b) throw new Error('two archives');
      b.beforeSearch = (operation) => {
        b.beforeSearch = undefined;
        return drop()(operation);
      };
      const response = await get('/studies?PatientName=ONE*&fuzzymatching=true');
      expect(response.status).toBe(200);
      expect(response.headers.warning).toContain('Only literal matching has been performed');
      expect(response.headers.warning).not.toContain('could not be asked');
      expect(column(response, STUDY)).toEqual(['2.25.1', '2.25.2']);
    },
  );

  test('warn: nothing of a study whose every holder fails is the error of one of them', async () => {
    const { get, archives } = await start([[image(1, 1)], [image(1, 2)], [image(2)]], {
      group: 'onMemberFailure: warn',
    });
    for (const archive of archives.slice(0, 2)) archive.before.SERIES = drop();
    const response = await get('/studies/2.25.1/series');
    expect([response.status, problem(response)]).toEqual([502, expect.objectContaining({ peer: 'a' })]);
  });

  test('warn: nothing of a study that nobody has who can be asked is the error of who cannot', async () => {
    const { get } = await start([[image(1)], [image(2)], [image(3)]], {
      group: 'onMemberFailure: warn',
      ports: [undefined, undefined, await refusingPort()],
    });
    const response = await get('/studies/2.25.3/series');
    expect([response.status, problem(response)]).toEqual([503, expect.objectContaining({ peer: 'c' })]);
    expect((await get('/studies/2.25.2/series')).status).toBe(200);
  });

  test('warn: no result while a member is missing is an empty list with a Warning, never an answer without a body', async () => {
    const { get } = await start([[image(1)], [image(2)]], {
      group: 'onMemberFailure: warn',
      yaml: 'search: { emptyResponse: "204" }',
      ports: [undefined, await refusingPort()],
    });
    const response = await get('/studies?StudyInstanceUID=2.25.2');
    expect([response.status, rowsOf(response)]).toEqual([200, []]);
    expect(response.headers.warning).toMatch(/b could not be asked/);
    const xml = { accept: 'multipart/related; type="application/dicom+xml"' };
    expect((await get('/studies?StudyInstanceUID=2.25.2', xml)).status).toBe(503);
  });

  test('no result is an answer without a body where every member was asked', async () => {
    const { get } = await start([[image(1)], [image(2)]], { yaml: 'search: { emptyResponse: "204" }' });
    expect((await get('/studies?StudyInstanceUID=2.25.3')).status).toBe(204);
  });

  test('warn: one that breaks off before the status line is left out from then on', async () => {
    const { get, archives } = await start(
      [
        [image(1), image(2)],
        [image(2), image(3)],
      ],
      {
        group: 'onMemberFailure: warn',
      },
    );
    const [a] = archives;
    if (!a) throw new Error('two archives');
    a.before.STUDY = drop();
    const response = await get('/studies');
    expect(response.status).toBe(200);
    expect(column(response, STUDY)).toEqual(['2.25.2', '2.25.3']);
    expect(response.headers.warning).toContain('a could not be asked');
  });

  test("warn: while the first cannot be asked, a study that it holds for another patient is not the next one's", async () => {
    const { get, archives } = await start([[image(1, 1)], [image(1, 2)], [image(1, 3), image(2)]], {
      group: 'onMemberFailure: warn',
    });
    for (const [index, held] of archives.entries())
      held.study = (uid) => ({ PatientID: uid === '2.25.1' ? `P${index + 1}` : 'P9' });
    expect(column(await get('/studies'), '00100020')).toEqual(['P1', 'P9']);
    const [a] = archives;
    if (!a) throw new Error('three archives');
    a.before.STUDY = drop();
    // That the others do not agree either makes none of them the one whose study it is, however often they are asked.
    for (let count = 0; count < 2; count += 1) {
      const response = await get('/studies');
      expect([response.status, column(response, '00100020')]).toEqual([200, ['P9']]);
      expect(response.headers.warning).toContain('a could not be asked');
    }
    delete a.before.STUDY;
    expect(column(await get('/studies'), '00100020')).toEqual(['P1', 'P9']);
  });

  test('what is wrong with the request is no failure of a member', async () => {
    const { get } = await start([[image(1)], [image(2)]], { group: 'onMemberFailure: warn' });
    expect((await get('/instances')).status).toBe(413);
    expect((await get('/studies?StudyDate=junk')).status).toBe(400);
  });
});
