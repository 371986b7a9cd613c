import { afterEach, describe, expect, test } from '@jest/globals';
import {
  accept,
  final,
  pending,
  returning,
  silence,
  startRoguePeer,
  type AssociateStep,
  type RoguePeer,
  type Step,
} from '../helpers/rogue-peer.js';
import {
  HASTY,
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

const STUDIES = 40;
/** Level and study of the C-FINDs, in their order. */
const asked: string[] = [];

/** A hierarchical peer with two series in each study, and two instances in each series. */
async function start(
  yaml: string,
  odd?: (asked: string) => readonly Step[] | undefined,
  associate?: AssociateStep,
): Promise<void> {
  asked.length = 0;
  peer = await startRoguePeer({
    ...(associate && { associate }),
    onFind: (_request, identifier) => {
      const level = (identifier.get(0x00080052) ?? '').trim();
      const study = identifier.get(0x0020000d) ?? '';
      const series = identifier.get(0x0020000e) ?? '';
      const what = `${level} ${level === 'IMAGE' ? series : study}`.trim();
      asked.push(what);
      return odd?.(what) ?? [...rowsOf(level, study, series), final()];
    },
  });
  gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, yaml));
}

function rowsOf(level: string, study: string, series: string): Step[] {
  if (level === 'STUDY')
    return Array.from({ length: STUDIES }, (_, index) =>
      pending({ StudyInstanceUID: `1.2.${index + 1}`, PatientID: 'A', PatientName: `NAME^${index + 1}` }),
    );
  if (level === 'SERIES')
    return [1, 2].map((number) =>
      pending({ StudyInstanceUID: study, SeriesInstanceUID: `${study}.${number}`, Modality: 'CT' }),
    );
  return [1, 2].map((number) =>
    pending({ StudyInstanceUID: study, SeriesInstanceUID: series, SOPInstanceUID: `${series}.${number}` }),
  );
}

const get = (path: string): Promise<RawResponse> => request(`${gateway?.service ?? ''}${path}`);

function valuesOf({ status, complete, body }: RawResponse, tag: string): unknown[] {
  expect([status, complete]).toEqual([200, true]);
  return (JSON.parse(body.toString()) as Record<string, { Value?: unknown[] }>[]).map(
    (row) => row[tag]?.Value?.[0],
  );
}

const askedAt = (level: string): number => asked.filter((one) => one.startsWith(level)).length;

describe('series and instances of all studies at a hierarchical peer', () => {
  test('Q-05, Q-33, Q-61: rows have the attributes of their study, in the order of the studies', async () => {
    await start('search: { order: peer }');
    const response = await get('/series?PatientID=A');
    expect(valuesOf(response, '0020000E')).toEqual(
      Array.from(
        { length: 2 * STUDIES },
        (_, index) => `1.2.${1 + Math.floor(index / 2)}.${1 + (index % 2)}`,
      ),
    );
    expect(valuesOf(response, '00100010').at(-1)).toEqual({ Alphabetic: `NAME^${STUDIES}` });
    expect([askedAt('STUDY'), askedAt('SERIES')]).toEqual([1, STUDIES]);
  });

  test('Q-06, Q-61: what lies beyond offset and limit is not asked for', async () => {
    await start('search: { lookAhead: 1, joinConcurrency: 2 }');
    expect(valuesOf(await get('/series?PatientID=A&limit=3&offset=2'), '0020000E')).toEqual([
      '1.2.2.1',
      '1.2.2.2',
      '1.2.3.1',
    ]);
    // Six rows, one of them to tell that there are more, and what was asked for at the same time.
    expect(askedAt('SERIES')).toBeLessThanOrEqual(5);
    await gateway?.close();
    await peer?.close();
    await start('search: { lookAhead: 1, joinConcurrency: 2 }');
    expect(valuesOf(await get('/instances?PatientID=A&limit=2'), '00080018')).toEqual([
      '1.2.1.1.1',
      '1.2.1.1.2',
    ]);
    expect(askedAt('IMAGE')).toBeLessThanOrEqual(8);
  });

  test.each([
    ['A700', final(0xa700), 503, 'peer-out-of-resources'],
    ['C001', final(0xc001), 502, 'peer-failed'],
    ['silence', silence(), 504, 'peer-timeout'],
  ] as const)(
    'Q-63: a query of one study that ends in %s fails the search',
    async (how, step, status, code) => {
      await start(how === 'silence' ? HASTY : '', (what) => (what === 'SERIES 1.2.17' ? [step] : undefined));
      const response = await get('/series?PatientID=A');
      expect(response.status).toBe(status);
      expect(JSON.parse(response.body.toString())).toMatchObject({ code });
    },
  );

  test('Q-63: so does one of a series, after others have been found', async () => {
    await start('', (what) => (what === 'IMAGE 1.2.5.2' ? [final(0xa900)] : undefined));
    expect((await get('/instances?PatientID=A')).status).toBe(502);
    expect((await get('/studies/1.2.5/instances')).status).toBe(502);
    expect(valuesOf(await get('/studies/1.2.4/instances'), '00080018')).toHaveLength(4);
  });

  test('Q-63: after the status line it breaks the body', async () => {
    await start('search: { lookAhead: 4 }', (what) =>
      what === 'SERIES 1.2.30' ? [final(0xa900)] : undefined,
    );
    const response = await get('/series?PatientID=A');
    expect(response.complete).toBe(false);
  });

  test('Q-62: without a key of a study or series it is 413', async () => {
    await start('');
    expect((await get('/instances?SOPInstanceUID=1.2.1.1.1')).status).toBe(413);
    expect(asked).toEqual([]);
  });
});

describe('series and instances of all studies at a relational peer', () => {
  /** Rows of any level have the attributes of all levels above. */
  const relational = (what: string): readonly Step[] => {
    const level = what.split(' ')[0] ?? '';
    const rows = Array.from({ length: 5 }, (_, index) =>
      pending({
        StudyInstanceUID: `1.2.${index + 1}`,
        SeriesInstanceUID: `1.2.${index + 1}.1`,
        ...(level === 'IMAGE' ? { SOPInstanceUID: `1.2.${index + 1}.1.1` } : {}),
        PatientID: 'A',
        PatientName: `NAME^${index + 1}`,
        Modality: 'CT',
      }),
    );
    return [...rows, final()];
  };
  const accepts = accept({ extended: returning(1) });

  test.each([
    ['/series?PatientID=A', 'SERIES', '0020000E', '1.2.5.1'],
    ['/instances?PatientID=A', 'IMAGE', '00080018', '1.2.5.1.1'],
    ['/instances', 'IMAGE', '00080018', '1.2.5.1.1'],
  ])('Q-04, Q-05, Q-06, Q-33, Q-60: %s is one C-FIND', async (path, level, tag, last) => {
    await start('', relational, accepts);
    const response = await get(path);
    expect(valuesOf(response, tag).at(-1)).toBe(last);
    expect(valuesOf(response, '00100010').at(-1)).toEqual({ Alphabetic: 'NAME^5' });
    expect(asked).toEqual([level]);
  });

  test('Q-04, Q-60: instances of a study are one C-FIND with its UID alone', async () => {
    await start('', () => [...rowsOf('IMAGE', '1.2.1', '1.2.1.1'), final()], accepts);
    expect(valuesOf(await get('/studies/1.2.1/instances'), '00080018')).toHaveLength(2);
    expect(peer?.messages('C-FIND-RQ')).toHaveLength(1);
  });

  test('Q-62: a peer that does not accept it is not asked for everything', async () => {
    await start('', relational, accept({ extended: returning(0, 1) }));
    expect((await get('/instances')).status).toBe(413);
    expect(asked).toEqual([]);
  });
});
