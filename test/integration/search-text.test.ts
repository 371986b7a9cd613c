import { afterEach, describe, expect, test } from '@jest/globals';
import {
  accept,
  final,
  pending,
  Uids,
  startRoguePeer,
  type RoguePeer,
  type Step,
} from '../helpers/rogue-peer.js';
import { decodeAttributes } from '../helpers/rogue-peer-wire.js';
import { peerYaml, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

let peer: RoguePeer | undefined;
let gateway: TestGateway | undefined;

afterEach(async () => {
  await gateway?.close();
  await peer?.close();
  gateway = peer = undefined;
});

type Found = Record<string, { vr: string; Value?: unknown[] }>;

async function search(
  rows: readonly Step[],
  query = '',
  yaml = '',
  associate = accept(),
): Promise<readonly Found[]> {
  peer = await startRoguePeer({ onFind: [...rows, final()], associate });
  gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, yaml));
  const response = await request(`${gateway.service}/studies${query}`);
  expect({ status: response.status, body: response.status === 200 ? '' : response.body.toString() }).toEqual({
    status: 200,
    body: '',
  });
  return JSON.parse(response.body.toString()) as Found[];
}

let number = 0;
/** A row whose text is in the bytes given. */
const row = (characterSet: string | undefined, name: Buffer | string, more = {}): Step =>
  pending({
    ...(characterSet === undefined ? {} : { SpecificCharacterSet: characterSet }),
    StudyInstanceUID: `1.2.${++number}`,
    PatientName: typeof name === 'string' ? Buffer.from(name, 'latin1') : name,
    ...more,
  });
const nameOf = (found: Found | undefined): unknown => found?.['00100010']?.Value?.[0];

describe('answers', () => {
  test('Q-35: every row is read by its own character set, and says ISO_IR 192 where it is more than ASCII', async () => {
    const found = await search([
      row('ISO_IR 100', 'M\xFCller '),
      row('ISO_IR 144', '\xBB\xEE\xDA '),
      row(undefined, 'ASCII '),
      row(
        '\\ISO 2022 IR 87',
        'Yamada^Tarou=\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B=\x1B$B$d$^$@\x1B(B^\x1B$B$?$m$&\x1B(B ',
      ),
      row('\\ISO 2022 IR 149', 'Hong^Gildong=\x1B$)C\xFB\xF3^\x1B$)C\xD1\xCE\xD4\xD7 '),
      row('GB18030', 'Wang=\xCD\xF5'),
      row('ISO_IR 192', Buffer.from('Wáng ')),
    ]);
    expect(found.map(nameOf)).toEqual([
      { Alphabetic: 'Müller' },
      { Alphabetic: 'Люк' },
      { Alphabetic: 'ASCII' },
      { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' },
      { Alphabetic: 'Hong^Gildong', Ideographic: '洪^吉洞' },
      { Alphabetic: 'Wang', Ideographic: '王' },
      { Alphabetic: 'Wáng' },
    ]);
    expect(found.map((one) => one['00080005']?.Value?.[0])).toEqual([
      'ISO_IR 192',
      'ISO_IR 192',
      undefined,
      'ISO_IR 192',
      'ISO_IR 192',
      'ISO_IR 192',
      'ISO_IR 192',
    ]);
  });

  test('J-20: an item that has a character set of its own', async () => {
    const item = { SpecificCharacterSet: 'ISO_IR 144', '00080104:LO': Buffer.from([0xbb, 0x20]) };
    const [found] = await search(
      [
        row('ISO_IR 100', 'M\xFCller ', {
          '00081032:SQ': [item, { '00080104:LO': Buffer.from([0xe4, 0x20]) }],
        }),
      ],
      '?includefield=ProcedureCodeSequence',
    );
    expect(found?.['00081032']?.Value).toEqual([
      { '00080104': { vr: 'LO', Value: ['Л'] } },
      { '00080104': { vr: 'LO', Value: ['ä'] } },
    ]);
    expect(found?.['00080005']?.Value).toEqual(['ISO_IR 192']);
  });

  test('Q-35: where a row names no character set, or none that exists, the one of the peer is taken', async () => {
    const rows = [row(undefined, 'M\xFCller '), row('ISO_IR 9', 'M\xFCller '), row('ISO_IR 144', '\xBB ')];
    const found = await search(rows, '', '    fallbackCharacterSet: ISO_IR 100\nsearch: { order: peer }');
    expect(found.map(nameOf)).toEqual([
      { Alphabetic: 'Müller' },
      { Alphabetic: 'Müller' },
      { Alphabetic: 'Л' },
    ]);
  });

  test('J-16: what nobody can read is shown with replacement characters, and no row is lost', async () => {
    const rows = [
      row(undefined, 'M\xFCller '),
      row('KLINGON ', 'M\xFCller '),
      row('ISO_IR 192', 'M\xFCller '),
    ];
    const found = await search(rows);
    expect(found.map(nameOf)).toEqual(Array.from({ length: 3 }, () => ({ Alphabetic: 'M\uFFFDller' })));
  });

  test('J-16: a row that is filtered by text that came unreadably is kept', async () => {
    const rows = [row('KLINGON ', 'A ', { '00081030:LO': Buffer.from('M\xFCl ', 'latin1') })];
    expect(await search(rows, '?StudyDescription=M%C3%BCl')).toHaveLength(1);
  });
});

describe('queries', () => {
  const identifier = (encoding: 'explicit' | 'implicit' = 'explicit'): ReadonlyMap<number, string> => {
    const [message] = peer?.messages('C-FIND-RQ') ?? [];
    if (message === undefined) throw new Error('the peer was not asked');
    return decodeAttributes(message.dataset, encoding);
  };

  interface Written {
    readonly yaml?: string;
    readonly value: string;
    readonly declared?: string;
    readonly bytes: string;
  }

  test.each<readonly [string, Written]>([
    ['ASCII', { value: 'DOE', bytes: 'DOE' }],
    ['the smallest set', { value: 'M%C3%BCller', declared: 'ISO_IR 100', bytes: 'M\xFCller' }],
    ['all of Unicode', { value: '%E5%B1%B1', declared: 'ISO_IR 192', bytes: '\xE5\xB1\xB1' }],
    [
      'code extension',
      {
        yaml: '    characterSets: [ISO_IR 100, \\ISO 2022 IR 87]',
        value: '%E5%B1%B1*',
        declared: '\\ISO 2022 IR 87',
        bytes: '\x1B$B;3\x1B(B*',
      },
    ],
    [
      'what the peer cannot read',
      { yaml: '    characterSets: [ISO_IR 100]', value: '%E5%B1%B1A', bytes: '*A' },
    ],
  ])('Q-51: %s', async (_what, { yaml = '', value, declared, bytes }) => {
    await search([], `?PatientName=${value}`, yaml);
    expect(identifier().get(0x00080005)).toBe(declared);
    expect(identifier().get(0x00100010)).toBe(bytes);
  });

  test('Q-51: a name in Russian letters is not sent in those of JIS X 0208, in which nobody writes one', async () => {
    const rows = [row('ISO_IR 144', Buffer.from([0xbb, 0xee, 0xda, 0x20])), row(undefined, 'DOE ')];
    const found = await search(
      rows,
      '?PatientName=%D0%9B%D1%8E%D0%BA*',
      '    characterSets: [ISO 2022 IR 87]',
    );
    expect(identifier().get(0x00080005)).toBeUndefined();
    expect(found.map(nameOf)).toEqual([{ Alphabetic: 'Люк' }]);
  });

  test('Q-51: what is not configured is sent in a set that the answers of the peer were seen in', async () => {
    const rows = [
      row('\\ISO 2022 IR 87', 'Yamada=\x1B$B;3ED\x1B(B '),
      row('ISO_IR 144', Buffer.from([0xbb, 0xee, 0xda, 0x20])),
      row(undefined, 'DOE '),
    ];
    await search(rows);
    const sent = async (name: string): Promise<readonly (readonly (string | undefined)[])[]> => {
      const before = peer?.messages('C-FIND-RQ').length ?? 0;
      await request(`${gateway?.service ?? ''}/studies?PatientName=${encodeURIComponent(name)}`);
      return (peer?.messages('C-FIND-RQ') ?? []).slice(before).map(({ dataset }) => {
        const asked = decodeAttributes(dataset, 'explicit');
        return [asked.get(0x00080005), asked.get(0x00100010)];
      });
    };
    expect(await sent('山*')).toEqual([
      ['\\ISO 2022 IR 87', '\x1B$B;3\x1B(B*'],
      [undefined, '*;3*'],
    ]);
    // JIS X 0208 has these letters too, and what was seen in it may be written so.
    expect(await sent('Лю')).toEqual([
      ['ISO_IR 144', '\xBB\xEE'],
      ['\\ISO 2022 IR 87', expect.anything()],
    ]);
    expect(await sent('Müll')).toEqual([['ISO_IR 100', 'M\xFCll']]);
    expect(await sent('Łódź')).toEqual([['ISO_IR 192', expect.anything()]]);
    const learnt = gateway?.running.peers.get('main')?.knowledge.facts.characterSets?.value;
    expect(learnt).toEqual(['ISO_IR 144', '\\ISO 2022 IR 87']);
  });

  test('Q-53: a peer of implicit VR is asked, and its answers are read, all the same', async () => {
    const rows = [
      row('ISO_IR 100', 'M\xFCller ', { '00231002:LO': 'private', '00230010:LO': 'A ' }),
      row('ISO_IR 100', 'M\xFCller ', { '00231002:LO': 'others', '00230010:LO': 'A ' }),
    ];
    const associate = accept({ transferSyntaxes: [Uids.implicitLittleEndian] });
    const found = await search(rows, '?00230010=A&00231002=private&PatientName=M%C3%BCller', '', associate);
    const asked = identifier('implicit');
    expect([asked.get(0x00100010), asked.get(0x00230010)]).toEqual(['M\xFCller', 'A']);
    expect(found.map(nameOf)).toEqual([{ Alphabetic: 'Müller' }]);
  });

  test('Q-51: by policy it is refused before the peer is asked', async () => {
    peer = await startRoguePeer();
    gateway = await startTestGateway(
      peerYaml(
        `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`,
        '    characterSets: [ISO_IR 100]\n    unencodable: reject',
      ),
    );
    const response = await request(`${gateway.service}/studies?PatientName=%E5%B1%B1`);
    expect(response.status).toBe(400);
    expect(response.body.toString()).not.toContain('山');
    expect(peer.messages('C-FIND-RQ')).toHaveLength(0);
  });

  test('Q-45, Q-51: rows that only the wildcard matches are left out', async () => {
    const rows = [row('ISO_IR 192', Buffer.from('山田')), row('ISO_IR 192', Buffer.from('川田'))];
    const found = await search(rows, '?PatientName=%E5%B1%B1%E7%94%B0', '    characterSets: [ISO_IR 100]');
    expect(found.map(nameOf)).toEqual([{ Alphabetic: '山田' }]);
  });
});
