import { afterEach, describe, expect, test } from '@jest/globals';
import { examples, numbers, studies, type Example } from '../helpers/date-time-examples.js';
import { found, plainHabits, type DatedStudy, type Habits } from '../helpers/dated-peer.js';
import {
  accept,
  answerWith,
  encodeAbort,
  final,
  pending,
  reject,
  returning,
  startRoguePeer,
  unlessExtended,
  type RoguePeer,
  type RoguePeerOptions,
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

/** `DA·TM` of the C-FINDs, in their order. */
const asked: string[] = [];

interface Archive {
  readonly habits?: Partial<Habits>;
  readonly holds?: readonly DatedStudy[];
  readonly associate?: RoguePeerOptions['associate'];
}

async function start(yaml: string, { habits, holds = studies, associate }: Archive = {}): Promise<void> {
  asked.length = 0;
  peer = await startRoguePeer({
    ...(associate && { associate }),
    onFind: (_request, identifier) => {
      const [date = '', time = ''] = [identifier.get(0x00080020), identifier.get(0x00080030)];
      asked.push(time === '' ? date : `${date}·${time}`);
      const { cap, capAs, ...rest } = { ...plainHabits, ...habits };
      const all = found(holds, { date, time }, rest);
      const rows = all.slice(0, cap).map((index): Step => {
        const [StudyDate, StudyTime] = holds[index] ?? ['', ''];
        return pending({
          QueryRetrieveLevel: 'STUDY',
          StudyInstanceUID: `1.2.${index + 1}`,
          StudyDate,
          StudyTime,
        });
      });
      const isCut = rows.length < all.length && capAs !== 'silence';
      return [...rows, final(isCut ? (capAs === 'refusal' ? 0xa700 : 0xfe00) : 0)];
    },
  });
  gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, yaml));
}

const search = (query: string): Promise<RawResponse> => request(`${gateway?.service ?? ''}/studies?${query}`);

/** Study numbers from 1. */
function rowsOf({ status, complete, body }: RawResponse): number[] {
  expect([status, complete]).toEqual([200, true]);
  const rows = JSON.parse(body.toString()) as Record<string, { Value: string[] }>[];
  return rows
    .map((row) => Number(row['0020000D']?.Value[0]?.slice('1.2.'.length)))
    .sort((left, right) => left - right);
}

const [flagship] = examples;
const asSpan = 'StudyDate=20220101-20220103&StudyTime=1000-1600';

describe('the ways of asking for a span of dates and times', () => {
  test('DT-01: by the days', async () => {
    await start('');
    expect(rowsOf(await search(asSpan))).toEqual(numbers(flagship?.match ?? ''));
    expect(asked).toEqual([flagship?.a]);
  });

  test('DT-20: in slices, where the peer is known to find what has no time', async () => {
    await start('    dateTime: { plan: sliced, findsEmptyTimes: true }');
    expect(rowsOf(await search(asSpan))).toEqual(numbers(flagship?.match ?? ''));
    expect(asked).toEqual(flagship?.b.split(' ∪ '));
  });

  test('DT-23: in slices in mid answer, where too much is beside the times', async () => {
    await start('    dateTime: { findsEmptyTimes: true }\nsearch: { maxScan: 1 }');
    expect(rowsOf(await search(asSpan))).toEqual(numbers(flagship?.match ?? ''));
    expect(asked).toEqual([flagship?.a, ...(flagship?.b.split(' ∪ ') ?? [])]);
  });

  test('DT-43: in the zone of the peer', async () => {
    await start('    timezone: Europe/Berlin');
    const response = await search('StudyDate=20220102&StudyTime=0000-0259&TimezoneOffsetFromUTC=%2B0000');
    expect(rowsOf(response)).toEqual([7, 15, 17]);
    expect(response.headers.warning).toBeUndefined();
  });

  test.each([
    ['DT-02', 'StudyDate=20220102-20220101'],
    ['DT-03', 'StudyTime=1600-1000'],
    ['DT-40', 'StudyDate=20220102&TimezoneOffsetFromUTC=%2B1500'],
  ])('%s: what cannot be meant is 400 and asks nobody', async (_, query) => {
    await start('');
    expect((await search(query)).status).toBe(400);
    expect(asked).toEqual([]);
  });
});

describe('the negotiation', () => {
  const EVERY = [1, 1, 1, 1, 0, 1, 1];
  const ways: readonly (readonly [string, RoguePeerOptions['associate'], string | undefined])[] = [
    ['accepts', accept({ extended: returning(...EVERY) }), flagship?.n],
    ['accepts byte 1 alone', accept({ extended: returning(1) }), flagship?.a],
    ['refuses', accept({ extended: returning(0, 0, 0) }), flagship?.a],
    ['ignores', accept({ extended: () => [] }), flagship?.a],
    ['rejects', unlessExtended(reject('permanent', 1, 1)), flagship?.a],
    ['aborts on', unlessExtended(answerWith(encodeAbort(2, 0))), flagship?.a],
  ];

  const zoneText = (minutes: number): string =>
    `${minutes < 0 ? '-' : '+'}${String(Math.abs(minutes) / 60).padStart(2, '0')}00`;

  /** What is asked of a peer, and found at it; one that accepts combines. */
  async function ask(
    { da = '', tm = '', policy = {}, zones }: Example,
    habits: Partial<Habits>,
    associate: RoguePeerOptions['associate'],
  ): Promise<readonly [string[], number[]]> {
    const { request: asking, source } = zones ?? {};
    const settings = Object.entries({ plan: 'native', ...policy }).map((pair) => pair.join(': '));
    const zone = typeof source === 'number' ? `\n    timezone: "${zoneText(source)}"` : '';
    await start(`    dateTime: { ${settings.join(', ')} }${zone}`, {
      habits,
      ...(associate && { associate }),
    });
    const given = {
      StudyDate: da,
      StudyTime: tm,
      TimezoneOffsetFromUTC: asking === undefined ? '' : zoneText(asking),
    };
    const query = Object.entries(given).flatMap(([name, value]) =>
      value === '' ? [] : [`${name}=${encodeURIComponent(value)}`],
    );
    const rows = rowsOf(await search(query.join('&')));
    await gateway?.close();
    await peer?.close();
    return [[...asked], rows];
  }

  // The zone is left to the gateway: what a peer converts is its own.
  const spans = ways.map(([name, associate, identifier]) =>
    name === 'accepts'
      ? ([name, accept({ extended: returning(1, 1, 1, 0, 0, 1, 1) }), true] as const)
      : ([name, associate, identifier === flagship?.n] as const),
  );
  test.each(spans)(
    'DT-01, DT-08, DT-22: every worked example at a peer that %s it',
    async (_, associate, combines) => {
      for (const upper of ['floor', 'ceil'] as const) {
        for (const example of examples) {
          const [sent, rows] = await ask(example, { upper, combines }, associate);
          expect([example.point, sent]).toEqual([example.point, [combines ? example.n : example.a]]);
          expect([example.point, rows]).toEqual([example.point, numbers(example.match)]);
        }
      }
    },
    60_000,
  );

  test.each(ways)('DT-23: with a peer that %s it', async (_, associate, identifier) => {
    await start('    dateTime: { plan: native }', {
      habits: { combines: identifier === flagship?.n },
      ...(associate && { associate }),
    });
    expect(rowsOf(await search(asSpan))).toEqual(numbers(flagship?.match ?? ''));
    expect(asked).toEqual([identifier]);
  });

  test('DT-23: what was accepted is made use of once it is proved', async () => {
    await start('', { habits: { combines: true }, associate: accept({ extended: returning(...EVERY) }) });
    expect(rowsOf(await search(asSpan))).toEqual(numbers(flagship?.match ?? ''));
    gateway?.running.peers.get('main')?.knowledge.learn('dateTimeProved', true, 60_000);
    expect(rowsOf(await search(asSpan))).toEqual(numbers(flagship?.match ?? ''));
    expect(asked).toEqual([flagship?.a, flagship?.n]);
  });

  test('DT-22: slices of a day are asked for on an association that does not combine', async () => {
    await start('    dateTime: { plan: sliced, findsEmptyTimes: true }', {
      associate: accept({ extended: returning(...EVERY) }),
    });
    expect(rowsOf(await search(asSpan))).toEqual(numbers(flagship?.match ?? ''));
    const proposed = peer?.events.flatMap((event) =>
      event.type === 'associate-rq' ? [event.request.extended?.[0]?.information[1]] : [],
    );
    expect(asked).toEqual(flagship?.b.split(' ∪ '));
    expect(proposed?.at(-1)).toBe(0);
  });
});

describe('a peer that cuts its answers', () => {
  const holds = Array.from({ length: 40 }, (_, index): DatedStudy => [
    `202201${String(1 + Math.floor(index / 4)).padStart(2, '0')}`,
    `${String(6 * (index % 4)).padStart(2, '0')}0000`,
  ]);
  const all = Array.from({ length: 40 }, (_, index) => index + 1);

  test.each([
    ['FE00', 'cancel', ''],
    ['A700', 'refusal', ''],
    ['no word', 'silence', '    findLimit: 10'],
  ] as const)(
    'DT-25, DT-27: with %s is asked for less, and page and count are of all',
    async (_, capAs, yaml) => {
      await start(yaml, { holds, habits: { cap: 10, capAs } });
      const whole = await search('StudyDate=20220101-20220110');
      expect([rowsOf(whole), whole.headers.warning]).toEqual([all, undefined]);
      const page = await search('StudyDate=20220101-20220110&limit=5&offset=20');
      expect(rowsOf(page)).toHaveLength(5);
      expect(page.headers.warning).toContain('There are 15 additional results');
    },
  );

  test('DT-25: without a date the answer is marked as cut, or is the failure that it was', async () => {
    await start('', { holds, habits: { cap: 10 } });
    const plain = await search('PatientID=A');
    expect(rowsOf(plain)).toHaveLength(10);
    expect(plain.headers.warning).toContain('cut its answer short');
  });

  test('DT-25, Q-26: with more than it gives in one second is 413 with advice, never a short list', async () => {
    const second = Array.from({ length: 20 }, (): DatedStudy => ['20220101', '101010']);
    await start('', { holds: second, habits: { cap: 10 } });
    const response = await search('StudyDate=20220101-20220103');
    expect(response.status).toBe(413);
    expect(JSON.parse(response.body.toString())).toMatchObject({ code: 'query-too-broad' });
  });

  test('DT-25: after the status line a day that may lack something breaks the body', async () => {
    const day = Array.from({ length: 60 }, (_, index): DatedStudy => [
      '20220101',
      `10${String(index).padStart(2, '0')}00`,
    ]);
    await start('search: { lookAhead: 5 }', { holds: day, habits: { cap: 20 } });
    const response = await search('StudyDate=20220101');
    expect(response.complete).toBe(false);
    await gateway?.close();
    await peer?.close();
    await start('    dateTime: { findsEmptyTimes: true }\nsearch: { lookAhead: 5 }', {
      holds: day,
      habits: { cap: 20 },
    });
    expect(rowsOf(await search('StudyDate=20220101'))).toHaveLength(60);
  });
});
