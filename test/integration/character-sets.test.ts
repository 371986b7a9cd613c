import { afterEach, describe, expect, test } from '@jest/globals';
import { final, pending, startRoguePeer, type RoguePeer, type Script } from '../helpers/rogue-peer.js';
import {
  peerYaml,
  request,
  startTestGateway,
  type RawResponse,
  type TestGateway,
} from '../helpers/test-gateway.js';

const CHARACTER_SET = 0x00080005;
const NAME = 0x00100010;
const KANJI = '\\ISO 2022 IR 87';
const HANGUL = '\\ISO 2022 IR 149';

let peer: RoguePeer | undefined;
let gateway: TestGateway | undefined;

afterEach(async () => {
  await gateway?.close();
  await peer?.close();
  gateway = peer = undefined;
});

interface Stored {
  readonly uid: string;
  readonly set: string;
  /** As Latin-1 text. */
  readonly name: string;
}

const utf8 = (text: string): string => Buffer.from(text).toString('latin1');

/** One patient in three character sets, another in two, and others. */
const archive: readonly Stored[] = [
  { uid: '1.2.1', set: KANJI, name: 'Yamada=\x1B$B;3ED\x1B(B' },
  { uid: '1.2.2', set: 'ISO_IR 192', name: utf8('Yamada=山田') },
  { uid: '1.2.3', set: 'GB18030', name: 'Yamada=\xC9\xBD\xCC\xEF' },
  { uid: '1.2.4', set: 'ISO_IR 144', name: '\xBB\xEE\xDA' },
  { uid: '1.2.5', set: 'ISO_IR 100', name: 'M\xFCller' },
  { uid: '1.2.7', set: '', name: 'Miller' },
  { uid: '1.2.8', set: '', name: 'Mueller' },
  { uid: '1.2.6', set: 'ISO_IR 192', name: utf8('Müller') },
  { uid: '1.2.9', set: HANGUL, name: 'Hong=\x1B$)C\xFB\xF3=\x1B$)C\xC8\xAB\xB1\xE6\xB5\xBF' },
];

const isYamada = ({ uid }: Stored): boolean => ['1.2.1', '1.2.2', '1.2.3'].includes(uid);

/** A pattern whose `?` is a byte. */
const byBytes = (key: string): RegExp => {
  const text = key.replace(/[^*?\w]/g, '\\$&');
  return new RegExp(`^${text.replaceAll('*', '[^]*').replaceAll('?', '[^]')}$`);
};

interface Habits {
  /** Character sets that it reads as one another. */
  readonly converts?: readonly string[];
  /** Those in which it takes no search. */
  readonly refuses?: readonly string[];
  readonly yaml?: string;
}

/** An archive that compares bytes, but for the sets that it converts. */
async function start({ converts = [], refuses = [], yaml = '' }: Habits = {}): Promise<{
  readonly get: (query: string) => Promise<RawResponse>;
  /** What it was asked for since it was called last: character set and name. */
  readonly asked: () => readonly (readonly [string, string])[];
}> {
  let asked: (readonly [string, string])[] = [];
  const onFind: Script = (_request, identifier) => {
    const [set = '', key = ''] = [identifier.get(CHARACTER_SET)?.trim(), identifier.get(NAME)?.trim()];
    asked.push([set, key]);
    if (refuses.includes(set)) return [final(0xc000)];
    const parts = key.split('*').filter((part) => part !== '');
    const isMatch = (one: Stored): boolean => {
      if (set === '' || set === 'ISO_IR 100' || set === one.set)
        return key.includes('?')
          ? byBytes(key).test(one.name)
          : parts.every((part) => one.name.includes(part));
      return converts.includes(set) && converts.includes(one.set) && isYamada(one);
    };
    return [
      ...archive.filter(isMatch).map(({ uid, set: own, name }) =>
        pending({
          ...(own !== '' && { SpecificCharacterSet: own }),
          StudyInstanceUID: uid,
          PatientName: Buffer.from(name.length % 2 === 0 ? name : `${name} `, 'latin1'),
        }),
      ),
      final(),
    ];
  };
  peer = await startRoguePeer({ onFind });
  gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, yaml));
  const { service } = gateway;
  const get = (query: string): Promise<RawResponse> => request(`${service}/studies?${query}`);
  await get('');
  return {
    get,
    asked: () => {
      const before = asked;
      asked = [];
      return before.filter(([, key]) => key !== '');
    },
  };
}

/** Another gateway before the same archive, which has seen nothing of it. */
async function startAnew(): Promise<TestGateway> {
  await gateway?.close();
  const { aeTitle = '', port = 0 } = peer?.address ?? {};
  return (gateway = await startTestGateway(peerYaml(`${aeTitle}@127.0.0.1:${port}`)));
}

const named = (name: string): string => `PatientName=${encodeURIComponent(name)}`;
const uids = ({ body }: RawResponse): unknown[] =>
  (JSON.parse(body.toString()) as Record<string, { Value?: unknown[] }>[])
    .map((row) => row['0020000D']?.Value?.[0])
    .sort();

describe('an archive that has text in several character sets', () => {
  test('Q-51: is asked in each of them that holds the value, and what it finds is put together', async () => {
    const { get, asked } = await start();
    const found = await get(named('*山田*'));
    expect([found.status, found.headers.warning]).toEqual([200, undefined]);
    expect(uids(found)).toEqual(['1.2.1', '1.2.2', '1.2.3']);
    expect(asked().map(([set]) => set)).toEqual([KANJI, '', HANGUL, 'ISO_IR 100', 'GB18030', 'ISO_IR 192']);
    expect(uids(await get(named('Müll*')))).toEqual(['1.2.5', '1.2.6']);
    // JIS X 0208 and GB18030 have Russian letters as well, and somebody may have used them.
    expect(uids(await get(named('Люк')))).toEqual(['1.2.4']);
    expect(asked().map(([set]) => set)).toContain('ISO_IR 144');
  });

  test('Q-51: finds what begins or ends between two characters of code extension, where escape sequences are not', async () => {
    const { get } = await start();
    for (const part of ['*山*', '*田*', '*=山*']) {
      const found = await get(named(part));
      expect([part, found.status, found.headers.warning]).toEqual([part, 200, undefined]);
      expect([part, uids(found)]).toEqual([part, ['1.2.1', '1.2.2', '1.2.3']]);
    }
    expect(uids(await get(named('*길*')))).toEqual(['1.2.9']);
    expect(uids(await get(named('*홍동*')))).toEqual([]);
  });

  test.each([
    ['*山?', ['1.2.1', '1.2.2', '1.2.3']],
    ['M?ller', ['1.2.5', '1.2.6', '1.2.7']],
    ['Mu?ller', ['1.2.8']],
    ['?ller', []],
  ])('Q-51: ? in %s is a character, however many bytes it has', async (name, expected) => {
    const { get } = await start();
    const found = await get(named(name));
    expect([found.status, found.headers.warning]).toEqual([200, undefined]);
    expect(uids(found)).toEqual(expected);
  });

  test.each([
    ['in any set', []],
    ['in ISO_IR 100 and GB18030 not', ['ISO_IR 100', 'GB18030']],
  ])('Q-51: the same where its character sets are configured, asked %s', async (_what, refuses) => {
    const { get } = await start({ refuses, yaml: `    characterSets: [${KANJI}, ${HANGUL}]` });
    for (const [part, uid] of [
      ['*山*', '1.2.1'],
      ['*길*', '1.2.9'],
    ] as const) {
      const found = await get(named(part));
      expect([part, found.status, found.headers.warning]).toEqual([part, 200, undefined]);
      expect(uids(found)).toContain(uid);
    }
    expect(uids(await get(named('*홍동*')))).toEqual([]);
  });

  test('Q-24, Q-51: a study that is found in two of them counts once, on every page', async () => {
    const { get } = await start({ converts: ['ISO_IR 192', 'GB18030'] });
    expect(uids(await get(named('*山田*')))).toEqual(['1.2.1', '1.2.2', '1.2.3']);
    const pages = [0, 1, 2].map((offset) => get(`${named('*山田*')}&limit=1&offset=${offset}`));
    const answers = await Promise.all(pages);
    expect(answers.flatMap(uids).sort()).toEqual(['1.2.1', '1.2.2', '1.2.3']);
    expect(answers.map(({ headers }) => /There are (\d)/.exec(String(headers.warning))?.[1])).toEqual([
      '2',
      '1',
      undefined,
    ]);
  });

  test('Q-51: where it refuses one of them it is asked for any text, and the filter is exact', async () => {
    const { get, asked } = await start({ refuses: [KANJI] });
    const found = await get(named('*山田*'));
    expect([found.status, found.headers.warning]).toEqual([200, undefined]);
    expect(uids(found)).toEqual(['1.2.1', '1.2.2', '1.2.3']);
    expect(asked()).toEqual([[KANJI, expect.anything()]]);
  });

  test('Q-51: with too much else to look through a Warning says that some may be missing', async () => {
    const { get } = await start({ refuses: ['ISO_IR 192'], yaml: 'search: { maxScan: 1 }' });
    const found = await get(named('Müll*'));
    expect(found.status).toBe(200);
    expect(uids(found)).toEqual(['1.2.5']);
    expect(String(found.headers.warning)).toMatch(/refuses this text in one of the character sets/);
  });

  test('Q-51: that nothing was found is no answer where what there is may have been missed', async () => {
    const { get } = await start({ refuses: ['ISO_IR 192'], yaml: 'search: { maxScan: 1 }' });
    const found = await get(named('ÜÜÜ*'));
    expect([found.status, found.body.toString()]).toEqual([
      413,
      expect.stringContaining('refuses this text'),
    ]);
  });

  test('Q-51: what the configuration says is the one way in which it is asked', async () => {
    const { get, asked } = await start({ yaml: '    characterSets: [ISO_IR 192]' });
    expect(uids(await get(named('*山田*')))).toEqual(['1.2.2']);
    expect(asked().map(([set]) => set)).toEqual(['ISO_IR 192']);
  });

  test('Q-51: a Warning says what may be missing where no answer was seen in a set that holds the text', async () => {
    const { get } = await start();
    const unseen = await get(named('*Ωμέγα*'));
    expect([unseen.status, uids(unseen)]).toEqual([200, []]);
    expect(String(unseen.headers.warning)).not.toMatch(/was seen yet/);
    const { service } = await startAnew();
    const found = await request(`${service}/studies?${named('*山*')}`);
    expect([found.status, uids(found)]).toEqual([200, ['1.2.2']]);
    expect(String(found.headers.warning)).toMatch(/No answer of the archive was seen yet in a character set/);
    const ascii = await request(`${service}/studies?${named('Mill*')}`);
    expect(ascii.headers.warning).toBeUndefined();
  });

  test('Q-51: ASCII is asked for once', async () => {
    const { get, asked } = await start();
    await get(named('Yamada*'));
    expect(asked()).toEqual([['', 'Yamada*']]);
  });
});
