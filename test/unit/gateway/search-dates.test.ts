import { describe, expect, test } from '@jest/globals';
import { GatewayError, toGatewayError } from '../../../src/core/index.js';
import { Tags } from '../../../src/dicom/index.js';
import type { SearchRequest } from '../../../src/dicomweb/index.js';
import { openRows } from '../../../src/gateway/search-rows.js';
import { examples, numbers, standard, studies, type Example } from '../../helpers/date-time-examples.js';
import { datedPeer, type DatedPeer, type DatedPeerOptions, type Habits } from '../../helpers/dated-peer.js';

const context = { requestId: 'test', signal: new AbortController().signal };

function requestFor(da: string, tm: string, changes: Partial<SearchRequest> = {}): SearchRequest {
  const key = (tag: number, vr: 'DA' | 'TM', value: string): SearchRequest['matchingKeys'] =>
    value === '' ? [] : [{ path: [tag], vr, value, values: [value] }];
  return {
    level: 'STUDY',
    matchingKeys: [...key(Tags.StudyDate, 'DA', da), ...key(Tags.StudyTime, 'TM', tm)],
    includeFields: [],
    includeAll: false,
    offset: 0,
    fuzzyMatching: false,
    emptyValueMatching: false,
    multipleValueMatching: false,
    warnings: [],
    ...changes,
  };
}

interface Result {
  readonly peer: DatedPeer;
  /** Study numbers from 1, in the order in which they came. */
  readonly rows: readonly number[];
  readonly truncated: boolean;
  readonly warnings: readonly string[];
}

async function run(options: DatedPeerOptions, request: SearchRequest, isUnproved = false): Promise<Result> {
  const peer = datedPeer(options);
  if (options.options?.timezone === true && !isUnproved) peer.knowledge.learn('timezoneProved', true, 60_000);
  const found = await openRows(peer.source, request, 'http://x', context);
  const rows: number[] = [];
  for await (const row of found.rows)
    rows.push(Number((row['0020000D']?.Value?.[0] as string).slice('1.2.'.length)));
  return { peer, rows, truncated: found.truncated, warnings: found.warnings };
}

async function codeOf(options: DatedPeerOptions, request: SearchRequest): Promise<string> {
  return run(options, request).then(
    () => 'none',
    (thrown: unknown) => toGatewayError(thrown).code,
  );
}

const ascending = (rows: readonly number[]): number[] => [...rows].sort((left, right) => left - right);
const zoneText = (minutes: number): string =>
  `${minutes < 0 ? '-' : '+'}${String(Math.abs(minutes) / 60).padStart(2, '0')}00`;

function ask(
  { da = '', tm = '', policy, zones }: Example,
  options: Partial<DatedPeerOptions>,
): Promise<Result> {
  const { request, source } = zones ?? {};
  return run(
    {
      studies,
      ...options,
      dateTime: { ...standard, ...policy, ...options.dateTime },
      ...(typeof source === 'number' ? { timezone: zoneText(source) } : {}),
    },
    requestFor(da, tm, request === undefined ? {} : { timezoneOffset: zoneText(request) }),
  );
}

const peers: readonly (readonly [string, Partial<Habits>])[] = [
  ['compares with floor', { upper: 'floor' }],
  ['compares with ceil', { upper: 'ceil' }],
];

describe.each(peers)('the worked examples at a peer that %s', (_, habits) => {
  test.each(examples)('DT-01, DT-23: example $point, by the days (A)', async (example) => {
    for (const options of [{ dateTime: true }, {}]) {
      const { peer, rows } = await ask(example, { habits, options });
      expect(peer.asked).toEqual([example.a]);
      expect(rows).toEqual(numbers(example.match));
    }
  });

  test.each(examples)('DT-20, DT-21: example $point, in slices (B)', async (example) => {
    const dateTime = { plan: 'sliced', findsEmptyTimes: true } as const;
    const { peer, rows } = await ask(example, { habits, dateTime });
    expect(peer.asked).toEqual(example.b.split(' ∪ '));
    expect(ascending(rows)).toEqual(numbers(example.match));
  });

  test.each(examples)('DT-21, DT-22: example $point, negotiated (N)', async (example) => {
    const options = { dateTime: true };
    const combining = { ...habits, combines: true };
    const { peer, rows } = await ask(example, { habits: combining, options, dateTime: { plan: 'native' } });
    expect(peer.asked).toEqual([example.n]);
    expect(rows).toEqual(numbers(example.match));
  });

  test.each(examples)('DT-24: example $point, where an empty time is no match', async (example) => {
    const legacy = { ...habits, findsEmptyTimes: false };
    const { peer, rows } = await ask(example, { habits: legacy, dateTime: { plan: 'sliced' } });
    // Slices would lose what has no time, so the peer is asked by the days: unless the query leaves that out anyhow.
    const excludes = example.policy?.unknown === 'exclude';
    expect(peer.asked).toEqual(excludes ? example.b.split(' ∪ ') : [example.a]);
    const lost = example.da === undefined ? [15, 16] : [];
    expect(ascending(rows)).toEqual(numbers(example.match).filter((study) => !lost.includes(study)));
  });
});

describe('the choice of a plan', () => {
  const flagship = requestFor('20220101-20220103', '1000-1600');
  const [example] = examples;

  test('DT-23: what was negotiated is used once it was seen to agree, and only then', async () => {
    const options = { dateTime: true };
    const habits = { combines: true };
    const peer = datedPeer({ studies, options, habits });
    const asked = async (): Promise<string[]> => {
      const found = await openRows(peer.source, flagship, 'http://x', context);
      for (;;) if ((await found.rows.next()).done) break;
      return peer.asked.splice(0);
    };
    expect(await asked()).toEqual([example?.a]);
    peer.knowledge.learn('dateTimeProved', true, 1000);
    expect(await asked()).toEqual([example?.n]);
    peer.knowledge.learn('dateTimeProved', false, 1000);
    expect(await asked()).toEqual([example?.a]);
    expect(peer.planned.map((planned) => planned?.dateTime)).toEqual([false, true, false]);
  });

  test.each(['native', 'auto', 'date-only'] as const)(
    'DT-23: %s without combined matching is by the days',
    async (plan) => {
      const { peer } = await run({ studies, dateTime: { plan } }, flagship);
      expect([peer.asked, peer.optionsAsked]).toEqual([[example?.a], 1]);
    },
  );

  test('a search of days alone does not ask what the peer can do', async () => {
    const { peer } = await run({ studies }, requestFor('20220101-20220103', ''));
    expect([peer.asked, peer.optionsAsked]).toEqual([['20220101-20220103'], 0]);
  });

  test('DT-23: a search that passes over too much is asked for in slices, and nothing comes twice', async () => {
    const many = [
      ...Array.from({ length: 20 }, (): [string, string] => ['20220101', '0800']),
      ['20220101', '1100'],
      ...Array.from({ length: 20 }, (): [string, string] => ['20220101', '0900']),
      ['20220102', '0000'],
    ] as const;
    const options = { studies: many, maxScan: 30, dateTime: { findsEmptyTimes: true } };
    const { peer, rows } = await run(options, flagship);
    expect(peer.asked).toEqual([example?.a, ...(example?.b.split(' ∪ ') ?? [])]);
    expect(rows).toEqual([21, 42]);
    const patient = await run({ ...options, maxScan: 40 }, flagship);
    expect([patient.peer.asked, patient.rows]).toEqual([[example?.a], [21, 42]]);
    // Slices could miss what has no time.
    const unsure = await run({ ...options, dateTime: {} }, flagship);
    expect([unsure.peer.asked, unsure.rows]).toEqual([[example?.a], [21, 42]]);
  });

  test('DT-08: a peer that accepts combined matching and does not combine is found out by the filter', async () => {
    const options = { dateTime: true };
    const { rows } = await run({ studies, options, dateTime: { plan: 'native' } }, flagship);
    expect(rows.every((study) => numbers('S3-S12,S15-S17').includes(study))).toBe(true);
  });

  test('DT-22: a peer that combines is not asked for two keys that mean something else', async () => {
    for (const [da, tm] of [
      ['20220101-20220103', '160000'],
      ['20220101-20220103', '1000-'],
      ['20220101-', '1000-1600'],
    ] as const) {
      const dateTime = { plan: 'sliced', findsEmptyTimes: true } as const;
      const { peer } = await run({ studies, options: { dateTime: true }, dateTime }, requestFor(da, tm));
      expect(peer.asked).toEqual([da]);
    }
  });
});

describe('a peer that cuts its answers', () => {
  /** `count` studies a day, on each of the days, spread over the day. */
  const busy = (days: readonly string[], count: number): [string, string][] =>
    days.flatMap((day) =>
      Array.from({ length: count }, (_, index): [string, string] => {
        const second = Math.floor((index * 86_400) / count);
        const parts = [Math.floor(second / 3600), Math.floor(second / 60) % 60, second % 60];
        return [day, parts.map((part) => String(part).padStart(2, '0')).join('')];
      }),
    );
  const week = ['20220101', '20220102', '20220103', '20220104', '20220105', '20220106', '20220107'];
  const all = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

  test.each(['cancel', 'refusal', 'silence'] as const)(
    'DT-25: is asked for fewer days, where it ends in %s',
    async (capAs) => {
      const options = {
        studies: busy(week, 10),
        habits: { cap: 25, capAs },
        ...(capAs === 'silence' ? { findLimit: 25 } : {}),
      };
      const { peer, rows, truncated } = await run(options, requestFor('20220101-20220107', ''));
      expect(ascending(rows)).toEqual(all(70));
      expect(truncated).toBe(false);
      expect(peer.asked).toEqual([
        '20220101-20220107',
        '20220101-20220104',
        '20220101-20220102',
        '20220103-20220104',
        '20220105-20220107',
        '20220105-20220106',
        '20220107',
      ]);
    },
  );

  test('DT-26: the results come in the order of the slices, and in the same one each time', async () => {
    const backwards = busy([...week].reverse(), 10);
    const dateTime = { plan: 'sliced', findsEmptyTimes: true } as const;
    const asked = requestFor('20220101-20220107', '0100-2200');
    const { rows } = await run({ studies: backwards, dateTime }, asked);
    const days = rows.map((row) => backwards[row - 1]?.[0] ?? '');
    const middle = [...week.slice(1, -1)].reverse().flatMap((day) => Array.from({ length: 10 }, () => day));
    expect(days).toEqual([
      ...Array.from({ length: 9 }, () => '20220101'),
      ...middle,
      ...Array.from({ length: 10 }, () => '20220107'),
    ]);
    const cut = { studies: backwards, dateTime, habits: { cap: 10 } };
    const first = await run(cut, asked);
    expect(ascending(first.rows)).toEqual(ascending(rows));
    expect((await run(cut, asked)).rows).toEqual(first.rows);
  });

  test('DT-25: is asked for parts of a day; what has no time may be missing then, and that is told', async () => {
    const options = { studies: busy(['20220101'], 100), habits: { cap: 30 } };
    const unsure = await run(options, requestFor('20220101', ''));
    expect(unsure.peer.asked.slice(0, 4)).toEqual([
      '20220101',
      '20220101·-120000',
      '20220101·-060000',
      '20220101·0600-120000',
    ]);
    expect([ascending(unsure.rows), unsure.truncated]).toEqual([all(100), true]);
    const sure = await run({ ...options, dateTime: { findsEmptyTimes: true } }, requestFor('20220101', ''));
    expect([ascending(sure.rows), sure.truncated]).toEqual([all(100), false]);
  });

  test('DT-24: a peer that answers a range of times with a study without one is known to find them', async () => {
    const options = { studies: [...busy(['20220101'], 100), ['20220101', ''] as const], habits: { cap: 30 } };
    const { peer, rows, truncated } = await run(options, requestFor('20220101', ''));
    expect([ascending(rows), truncated]).toEqual([all(101), false]);
    expect(peer.knowledge.get('findsEmptyTimes')).toBe(true);
    const misses = { ...options, habits: { cap: 30, findsEmptyTimes: false } };
    expect((await run(misses, requestFor('20220101', ''))).truncated).toBe(true);
  });

  test('DT-24: one that compares times as text finds them before a time alone, which is not believed of others', async () => {
    const habits = { cap: 30, comparesText: true };
    const options = { studies: [...busy(['20220101'], 100), ['20220101', ''] as const], habits };
    const { peer, truncated } = await run(options, requestFor('20220101', ''));
    expect(peer.asked).toContain('20220101·-120000');
    expect([truncated, peer.knowledge.get('findsEmptyTimes')]).toEqual([true, undefined]);
  });

  test.each([
    ['1000', 3],
    ['1000-1600', 3],
    ['0930-1000', 2],
    ['12', 14],
  ])(
    'DT-21: one that compares times as text finds a stored time of reduced precision at the start of %s',
    async (time, at) => {
      const { rows } = await run({ studies, habits: { comparesText: true } }, requestFor('', time));
      expect(rows).toContain(at);
    },
  );

  test('DT-25: only the part of a day that was asked for is divided', async () => {
    const options = {
      studies: busy(['20220101'], 480),
      habits: { cap: 30 },
      dateTime: { plan: 'sliced', findsEmptyTimes: true },
    } as const;
    const { peer, rows } = await run(options, requestFor('20220101', '10-11'));
    expect(peer.asked).toEqual(['20220101·1000-120000', '20220101·1000-110000', '20220101·1100-120000']);
    expect(rows).toHaveLength(40);
  });

  test('DT-25: where a second of a day is all that was asked for, that is asked for instead of the day', async () => {
    const options = {
      studies: [...busy(['20220101'], 100), ['20220101', '235959.5'] as const],
      habits: { cap: 30 },
      dateTime: { findsEmptyTimes: true },
    };
    const { peer, rows } = await run(options, requestFor('20220101-20220102', '235959-0000'));
    expect(rows).toEqual([101]);
    expect(peer.asked).toEqual(['20220101-20220102', '20220101', '20220101·235959-', '20220102']);
  });

  test('DT-25: more in one second than it gives is 413, never a short list', async () => {
    const second = Array.from({ length: 40 }, (): [string, string] => ['20220101', '101010']);
    const options = { studies: second, habits: { cap: 30 } };
    expect(await codeOf(options, requestFor('20220101-20220102', ''))).toBe('query-too-broad');
    expect(await codeOf(options, requestFor('20220101', '101010'))).toBe('query-too-broad');
    expect(
      await codeOf({ ...options, habits: { cap: 30, capAs: 'refusal' } }, requestFor('20220101', '')),
    ).toBe('query-too-broad');
  });

  test('DT-25: a search that takes too many C-FINDs is 413', async () => {
    const options = { studies: busy(week, 10), habits: { cap: 5 }, maxSlices: 5 };
    expect(await codeOf(options, requestFor('20220101-20220107', ''))).toBe('query-too-broad');
  });

  test.each(['20220101-', '-20220107', '-99991231', '00000101-'])(
    'DT-25: the open past and future of %s is divided and stays open',
    async (da) => {
      const options = { studies: [...busy(week, 10), ['', ''] as const], habits: { cap: 25 } };
      const { rows, peer } = await run(options, requestFor(da, ''));
      expect(ascending(rows)).toEqual(all(71));
      expect(peer.asked.length).toBeLessThan(60);
    },
  );

  test('without a day to ask for the answer is told to be cut, or fails, as it did', async () => {
    const options = { studies: busy(week, 10), habits: { cap: 25 } };
    const plain = await run(options, requestFor('', ''));
    expect([plain.rows.length, plain.truncated]).toEqual([25, true]);
    const silent = { ...options, habits: { cap: 25, capAs: 'silence' }, findLimit: 25 } as const;
    expect((await run(silent, requestFor('', '1000-'))).truncated).toBe(true);
    const refusing = { ...options, habits: { cap: 25, capAs: 'refusal' } } as const;
    expect(await codeOf(refusing, requestFor('', ''))).toBe('peer-out-of-resources');
  });

  test('DT-25: a combined range that is cut is asked for by days', async () => {
    const options = {
      studies: busy(week, 10),
      habits: { cap: 25, combines: true },
      options: { dateTime: true },
      dateTime: { plan: 'native' },
    } as const;
    const { peer, rows } = await run(options, requestFor('20220101-20220107', '0100-2200'));
    expect(peer.asked.slice(0, 2)).toEqual(['20220101-20220107·010000-220100', '20220101-20220104']);
    expect(ascending(rows)).toEqual(all(70).slice(1));
  });

  test('T-1: another failure within a slice fails the search', async () => {
    const peer = datedPeer({ studies: busy(week, 10), habits: { cap: 25 } });
    const { find } = peer.source;
    const failing: typeof find = async function* (...asked) {
      if (peer.asked.length === 2) throw new GatewayError('peer-aborted', 'gone');
      return yield* find(...asked);
    };
    const source = { ...peer.source, find: failing };
    const found = await openRows(source, requestFor('20220101-20220107', ''), 'http://x', context);
    const read = async (): Promise<void> => {
      for (;;) if ((await found.rows.next()).done) break;
    };
    await expect(read()).rejects.toMatchObject({ code: 'peer-aborted' });
  });
});

describe('time zones', () => {
  test('DT-41: a peer that converts is told the zone and gets the values as they are', async () => {
    const options = { timezone: true };
    const { peer, warnings } = await run(
      { studies, options, timezone: '+0000' },
      requestFor('20220102', '0000-0300', { timezoneOffset: '+0200' }),
    );
    expect(peer.identifiers[0]?.string(Tags.TimezoneOffsetFromUTC)).toBe('+0200');
    // A date without a time cannot be converted: a day more at either end, for the filter.
    expect(peer.asked).toEqual(['20220101-20220103']);
    expect(peer.planned[0]?.timezone).toBe(true);
    expect(warnings).toEqual([]);
  });

  test('DT-41: a peer that accepts zones and was not seen to convert them is not told one', async () => {
    const zone = { timezoneOffset: '+0200' };
    const options = { studies, options: { timezone: true }, timezone: '+0000' };
    const { peer, warnings } = await run(options, requestFor('20220102', '0000-0300', zone), true);
    expect(peer.identifiers[0]?.has(Tags.TimezoneOffsetFromUTC)).toBe(false);
    expect(peer.planned[0]?.timezone).toBe(false);
    expect(warnings).toEqual([]);
  });

  test('DT-41: with combined matching the span itself is sent, unshifted', async () => {
    const options = { timezone: true, dateTime: true };
    const { peer } = await run(
      { studies, options, dateTime: { plan: 'native' } },
      requestFor('20220102', '0000-0300', { timezoneOffset: '+0200' }),
    );
    expect(peer.asked).toEqual(['20220102-20220102·000000-030100']);
  });

  test('DT-41: (0008,0201) is sent only with something to convert, and never without a value', async () => {
    const options = { timezone: true };
    const zone = { timezoneOffset: '+0200' };
    const without = await run({ studies, options }, requestFor('', '', zone));
    expect(without.peer.identifiers[0]?.has(Tags.TimezoneOffsetFromUTC)).toBe(false);
    expect(without.peer.planned[0]?.timezone).toBe(false);
    const unzoned = await run({ studies, options }, requestFor('20220102', ''));
    expect(unzoned.peer.identifiers[0]?.has(Tags.TimezoneOffsetFromUTC)).toBe(false);
  });

  test('DT-42: what a converting peer returns without a zone is taken as it gave it, and that is told', async () => {
    const zone = { timezoneOffset: '+0200' };
    const asked = requestFor('20220102', '0000-0300', zone);
    const blind = await run({ studies, options: { timezone: true } }, asked);
    expect(blind.rows).toEqual(expect.arrayContaining([5, 6]));
    expect(blind.warnings.join()).toContain('TimezoneOffsetFromUTC');
    const complete: NonNullable<DatedPeerOptions['complete']> = (row) =>
      row.setString(Tags.TimezoneOffsetFromUTC, '+0000', 'SH');
    const told = await run({ studies, options: { timezone: true }, complete }, asked);
    expect(told.rows).toEqual(numbers('S5,S6,S15,S17'));
  });

  test('DT-43: a zone with daylight saving is resolved for each date', async () => {
    const berlin: readonly (readonly [string, string])[] = [
      ['20220115', '0130'],
      ['20220715', '0130'],
      ['20220715', '0230'],
    ];
    const options = { studies: berlin, timezone: 'Europe/Berlin' };
    const utc = { timezoneOffset: '+0000' };
    const winter = await run(options, requestFor('20220115', '0030', utc));
    expect([winter.peer.asked, winter.rows]).toEqual([['20220115'], [1]]);
    const summer = await run(options, requestFor('20220714', '2330', utc));
    expect([summer.peer.asked, summer.rows]).toEqual([['20220715'], [2]]);
  });

  test('DT-43: an hour that clocks show twice, or never, is asked for wider and matches as either', async () => {
    const berlin: readonly (readonly [string, string])[] = [
      ['20221030', '0230'], // 00:30 or 01:30 UTC
      ['20221030', '0330'], // 02:30 UTC
      ['20220327', '0230'], // never: 00:30 or 01:30 UTC
    ];
    const options = {
      studies: berlin,
      timezone: 'Europe/Berlin',
      dateTime: { plan: 'sliced', findsEmptyTimes: true },
    } as const;
    const utc = { timezoneOffset: '+0000' };
    const first = await run(options, requestFor('20221030', '0030', utc));
    expect([first.peer.asked, first.rows]).toEqual([['20221030·0130-023100'], [1]]);
    expect((await run(options, requestFor('20221030', '0130', utc))).rows).toEqual([1]);
    expect((await run(options, requestFor('20221030', '0100-0110', utc))).rows).toEqual([]);
    expect((await run(options, requestFor('20220327', '0030', utc))).rows).toEqual([3]);
    expect((await run(options, requestFor('20220327', '0130', utc))).rows).toEqual([3]);
  });

  test('DT-44: daily windows by the clock of another place are filtered, day by day of the year', async () => {
    const newYork: readonly (readonly [string, string])[] = [
      ['20220115', '0730'], // 12:30 UTC
      ['20220715', '0730'], // 11:30 UTC
      ['20220715', '0830'],
    ];
    const options = { studies: newYork, timezone: 'America/New_York' };
    const utc = { timezoneOffset: '+0000' };
    const { peer, rows } = await run(options, requestFor('20220101-20221231', '1230', utc));
    expect([peer.asked, rows]).toEqual([['20211231-20230101'], [1, 3]]);
    const anyDay = await run(options, requestFor('', '1230', utc));
    expect([anyDay.peer.asked, anyDay.rows]).toEqual([[''], [1, 3]]);
  });
});
