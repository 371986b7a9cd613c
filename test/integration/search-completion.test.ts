import { gunzipSync } from 'node:zlib';
import { afterEach, expect, test } from '@jest/globals';
import {
  final,
  pending,
  pendingUntilCancelled,
  startRoguePeer,
  type RoguePeer,
  type Script,
  type Step,
} from '../helpers/rogue-peer.js';
import {
  peerYaml,
  request,
  startTestGateway,
  type RawResponse,
  type TestGateway,
} from '../helpers/test-gateway.js';

let peer: RoguePeer | undefined;
let gateway: TestGateway | undefined;

afterEach(async () => {
  await gateway?.close();
  await peer?.close();
  gateway = peer = undefined;
});

async function start(
  onFind: Script,
  yaml = 'search: { complete: page }',
): Promise<{ levels: () => string[] }> {
  const levels: string[] = [];
  peer = await startRoguePeer({
    onFind: (rq, identifier) => {
      levels.push(identifier.get(0x00080052) ?? '');
      return typeof onFind === 'function' ? onFind(rq, identifier) : onFind;
    },
  });
  gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, yaml));
  return { levels: () => levels };
}

const get = (path: string): Promise<RawResponse> => request(`${gateway?.service ?? ''}${path}`);

type Row = Record<string, { Value?: unknown[] } | undefined>;
const rowsOf = ({ body }: RawResponse): Row[] => JSON.parse(body.toString()) as Row[];
const studiesOf = (response: RawResponse): unknown[] =>
  rowsOf(response).map((row) => row['0020000D']?.Value?.[0]);

/** Two studies, of CT and MR; no row says so, nor how much there is. */
const silentOnModalities: Script = (_rq, identifier) => {
  const level = identifier.get(0x00080052);
  const study = identifier.get(0x0020000d) ?? '';
  if (level === 'STUDY')
    return [
      ...['1.2.1', '1.2.2'].map((StudyInstanceUID) =>
        pending({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID }, 0xff01),
      ),
      final(),
    ];
  const SeriesInstanceUID = `${study}.1`;
  const Modality = study === '1.2.1' ? 'CT' : 'MR';
  if (level === 'SERIES')
    return [pending({ StudyInstanceUID: study, SeriesInstanceUID, Modality }, 0xff01), final()];
  return [
    ...[1, 2, 3].map((number) =>
      pending({ SOPInstanceUID: `${study}.1.${number}`, StudyInstanceUID: study, SeriesInstanceUID }),
    ),
    final(),
  ];
};

test('Q-42, Q-46: the list of studies of a viewer is complete though the PACS knows no optional key', async () => {
  const { levels } = await start(silentOnModalities);
  const list = await get('/studies?limit=101&offset=0&includefield=00081030%2C00080060');
  expect(list.headers.warning).toBeUndefined();
  expect(rowsOf(list).map((row) => [row['00080061'], row['00201206'], row['00201208']])).toEqual([
    [
      { vr: 'CS', Value: ['CT'] },
      { vr: 'IS', Value: [1] },
      { vr: 'IS', Value: [3] },
    ],
    [
      { vr: 'CS', Value: ['MR'] },
      { vr: 'IS', Value: [1] },
      { vr: 'IS', Value: [3] },
    ],
  ]);
  expect(levels().sort()).toEqual(['IMAGE', 'IMAGE', 'SERIES', 'SERIES', 'STUDY']);
});

test.each([
  ['CT', ['1.2.1']],
  ['CT%2CMR', ['1.2.1', '1.2.2']],
  ['CT%5CMR', ['1.2.1', '1.2.2']],
  ['MR,US', ['1.2.2']],
])('Q-46: ModalitiesInStudy=%s is exact where the PACS passes it over', async (modalities, expected) => {
  await start(silentOnModalities);
  const response = await get(
    `/studies?limit=101&offset=0&fuzzymatching=false&ModalitiesInStudy=${modalities}`,
  );
  expect([studiesOf(response), response.headers.warning]).toEqual([expected, undefined]);
});

test('Q-46: a PACS that finds nothing by a modality is not asked by one where that is configured', async () => {
  const picky: Script = (_rq, identifier) =>
    (identifier.get(0x00080061) ?? '') !== ''
      ? [final()]
      : [
          pending({ StudyInstanceUID: '1.2.1', ModalitiesInStudy: 'CT\\SR' }),
          pending({ StudyInstanceUID: '1.2.2', ModalitiesInStudy: 'MR' }),
          final(),
        ];
  await start(picky, '    modalitiesInStudy: filter');
  expect(studiesOf(await get('/studies?ModalitiesInStudy=CT'))).toEqual(['1.2.1']);
});

test('Q-42: requests that are under way at once share what they look up', async () => {
  const { levels } = await start(silentOnModalities);
  const answers = await Promise.all(Array.from({ length: 10 }, () => get('/studies?limit=101')));
  for (const answer of answers) expect(rowsOf(answer)[0]?.['00201208']?.Value).toEqual([3]);
  expect(levels().length).toBeLessThan(50);
});

test('Q-43: FF01, by which the PACS says that it passed a key over, is a Warning where nothing tells', async () => {
  await start(
    (_rq, identifier) => [
      pending(
        {
          QueryRetrieveLevel: identifier.get(0x00080052) ?? '',
          StudyInstanceUID: '1.2.1',
          ReferringPhysicianName: 'NOBODY^ELSE',
          StudyDescription: '',
        },
        0xff01,
      ),
      pending({ StudyInstanceUID: '1.2.2', StudyDescription: '' }, 0xff01),
      final(),
    ],
    '',
  );
  const response = await get('/studies?StudyDescription=Knee&ReferringPhysicianName=SMITH*');
  expect(studiesOf(response)).toEqual(['1.2.1', '1.2.2']);
  expect(response.headers.warning).toMatch(/whether .*StudyDescription.* matches/);
  expect(response.headers.warning).toMatch(/whether .*ReferringPhysicianName.* matches/);
});

test('Q-43: an empty value of an optional key that the PACS returns of other studies is no match', async () => {
  const row = (number: number, StudyDescription: string): Step =>
    pending({ StudyInstanceUID: `1.2.${number}`, PatientID: 'P1', StudyDescription });
  const all = [row(1, ''), row(2, 'Head'), row(3, ''), row(4, 'Knee')];
  await start((_rq, identifier) => {
    const isByPatient = identifier.get(0x00100020)?.trim() === 'P1';
    return [...(isByPatient ? all.slice(0, 1) : all), final()];
  }, '');
  const before = await get('/studies?PatientID=P1&StudyDescription=Knee');
  expect(studiesOf(before)).toEqual(['1.2.1']);
  expect(before.headers.warning).toMatch(/whether StudyDescription matches .* returned it empty/);
  const found = await get('/studies?StudyDescription=Knee');
  expect([studiesOf(found), found.headers.warning]).toEqual([['1.2.4'], undefined]);
  // It is remembered of the peer.
  const after = await get('/studies?PatientID=P1&StudyDescription=Knee');
  expect([studiesOf(after), after.headers.warning]).toEqual([[], undefined]);
  const empty = await get('/studies?emptyvaluematching=true&StudyDescription=%22%22');
  expect([studiesOf(empty), empty.headers.warning]).toEqual([['1.2.1', '1.2.3'], undefined]);
});

test('Q-43: below more studies than may be looked at, of which nobody knows whether they match, nothing is asked', async () => {
  const studies = Array.from({ length: 6 }, (_, index) => pending({ StudyInstanceUID: `1.2.${index}` }));
  const { levels } = await start((_rq, identifier) => {
    const isStudy = identifier.get(0x00080052)?.trim() === 'STUDY';
    return isStudy
      ? [...studies, final()]
      : [pending({ SeriesInstanceUID: `${identifier.get(0x0020000d) ?? ''}.1` }), final()];
  }, 'search: { maxLookups: 3, joinConcurrency: 1 }');
  const refused = await get('/series?PatientWeight=70');
  expect([refused.status, refused.body.toString()]).toEqual([413, expect.stringContaining('PatientWeight')]);
  const page = await get('/series?PatientWeight=70&limit=2');
  expect(page.status).toBe(200);
  expect(rowsOf(page)).toHaveLength(2);
  expect(page.headers.warning).toMatch(/whether PatientWeight matches/);
  expect(levels().filter((level) => level === 'SERIES').length).toBeLessThan(9);
});

test('Q-21: empty values are matched by the gateway; the Warning comes only where that cannot be', async () => {
  const asked: (string | undefined)[] = [];
  await start((_rq, identifier) => {
    asked.push(identifier.get(0x00080050));
    return [
      pending({ StudyInstanceUID: '1.2.1', AccessionNumber: '' }),
      pending({ StudyInstanceUID: '1.2.2', AccessionNumber: 'A1' }),
      final(),
    ];
  }, '');
  const exact = await get('/studies?emptyvaluematching=true&AccessionNumber=%22%22');
  expect([studiesOf(exact), exact.headers.warning]).toEqual([['1.2.1'], undefined]);
  const unknown = await get('/studies?emptyvaluematching=true&PatientComments=%22%22');
  expect(studiesOf(unknown)).toEqual(['1.2.1', '1.2.2']);
  expect(unknown.headers.warning).toContain('Empty Value Matching has been performed on what it returned');
  expect(unknown.headers.warning).toContain('PatientComments');
  expect(asked).toEqual(['', '']);
});

/** What an association may carry of rows before the gateway pauses it is 2 MiB. */
const LONG = 'X'.repeat(400);
const MANY = 12_000;

test('Q-61: a walk over more studies than are held does not wait for itself on one association', async () => {
  await start((_rq, identifier) => {
    const study = identifier.get(0x0020000d) ?? '';
    if (identifier.get(0x00080052) === 'SERIES')
      return [pending({ StudyInstanceUID: study, SeriesInstanceUID: `${study}.1`, Modality: 'CT' }), final()];
    return [
      pendingUntilCancelled(
        (index) => ({ StudyInstanceUID: `1.2.${index + 1}`, PatientID: 'A', '00104000:LT': LONG }),
        MANY,
      ),
    ];
  }, '    associations: 1');
  const response = await get('/series?PatientID=A&includefield=PatientComments&limit=520');
  expect(response.status).toBe(200);
  expect(rowsOf(response)).toHaveLength(520);
  expect(response.headers.warning).toContain('There are at least 100 additional results');
});

test('Q-23: once the page is filled the PACS is told to stop, and stops', async () => {
  let sent = 0;
  await start(
    [
      pendingUntilCancelled((index) => {
        sent = index;
        return { StudyInstanceUID: `1.2.${index + 1}` };
      }),
    ],
    'search: { lookAhead: 10 }',
  );
  const response = await get('/studies?limit=20');
  expect(rowsOf(response)).toHaveLength(20);
  await peer?.waitFor('C-CANCEL-RQ');
  const cancels = peer?.messages('C-CANCEL-RQ') ?? [];
  const [asked] = peer?.messages('C-FIND-RQ') ?? [];
  expect(cancels.map(({ command }) => command.messageIdRespondedTo)).toEqual([asked?.command.messageId]);
  // Another search on the same association shows that it is good: all that came before was heard out.
  await get('/studies?limit=1');
  expect(sent).toBeLessThan(100_000);
  expect(peer?.events.filter(({ type }) => type === 'associate-rq')).toHaveLength(1);
});

test('Q-42: instances of which the peer tells no counts, and no SOP class, are said to be without them', async () => {
  const onFind: Script = (_rq, identifier) => {
    const StudyInstanceUID = '1.2.1';
    const SeriesInstanceUID = '1.2.1.1';
    const level = identifier.get(0x00080052)?.trim();
    const uids = {
      STUDY: {},
      SERIES: { SeriesInstanceUID },
      IMAGE: { SeriesInstanceUID, SOPInstanceUID: '1.2.1.1.1' },
    };
    return [pending({ StudyInstanceUID, ...uids[level as keyof typeof uids] }), final()];
  };
  await start(onFind);
  const all = await get('/instances?StudyInstanceUID=1.2.1');
  expect(String(all.headers.warning)).toMatch(
    /does not tell .*NumberOfStudyRelatedInstances.*NumberOfSeriesRelatedInstances/,
  );
  // Of a series in the URL nothing but the instances is shown.
  const path = '/studies/1.2.1/series/1.2.1.1/instances';
  expect((await get(path)).headers.warning).toBeUndefined();
  const some = await get(`${path}?includefield=SOPClassUID`);
  expect(String(some.headers.warning)).toMatch(/does not tell SOPClassUID of every result/);
});

test('H-17: results are compressed for those who take that, and a search that breaks off is no whole body', async () => {
  let isBroken = false;
  await start(() => {
    const rows = Array.from({ length: 50 }, (_, index) => pending({ StudyInstanceUID: `1.2.${index}` }));
    return isBroken ? [...rows, final(0xc001)] : [...rows, final()];
  }, 'search: { lookAhead: 5 }');
  const plain = await get('/studies');
  const url = `${gateway?.service ?? ''}/studies`;
  const headers = { 'accept-encoding': 'gzip' };
  const small = await request(url, { headers });
  expect([small.status, small.headers['content-encoding']]).toEqual([200, 'gzip']);
  expect(gunzipSync(small.body).toString()).toBe(plain.body.toString());
  isBroken = true;
  expect((await request(url, { headers })).complete).toBe(false);
});

test('Q-46: ModalitiesInStudy is sent once a study of several was found by each of them', async () => {
  const asked: string[] = [];
  await start((_rq, identifier) => {
    const modality = identifier.get(0x00080061)?.trim() ?? '';
    const uid = identifier.get(0x0020000d)?.trim() ?? '';
    if (uid === '') asked.push(modality);
    const all = [
      { StudyInstanceUID: '1.2.1', ModalitiesInStudy: 'CT\\SR' },
      { StudyInstanceUID: '1.2.2', ModalitiesInStudy: 'MR' },
    ];
    const found = all.filter(
      ({ StudyInstanceUID, ModalitiesInStudy }) =>
        (uid === '' || uid === StudyInstanceUID) &&
        (modality === '' || ModalitiesInStudy.split('\\').includes(modality)),
    );
    return [...found.map((row) => pending(row)), final()];
  });
  for (let time = 0; time < 3; time += 1)
    expect(studiesOf(await get('/studies?ModalitiesInStudy=CT'))).toEqual(['1.2.1']);
  expect(asked).toEqual(['', 'CT', 'CT']);
});

test('Q-46: a PACS that misses studies by one of their modalities is not asked for it', async () => {
  const asked: string[] = [];
  await start((_rq, identifier) => {
    const modality = identifier.get(0x00080061)?.trim() ?? '';
    if (!identifier.get(0x0020000d)) asked.push(modality);
    const row = { StudyInstanceUID: '1.2.1', ModalitiesInStudy: 'CT\\SR' };
    return [...(modality === '' ? [pending(row)] : []), final()];
  });
  for (let time = 0; time < 3; time += 1)
    expect(studiesOf(await get('/studies?ModalitiesInStudy=CT'))).toEqual(['1.2.1']);
  expect(asked).toEqual(['', '', '']);
});
