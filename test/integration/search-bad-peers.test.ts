import { afterEach, describe, expect, test } from '@jest/globals';
import {
  abort,
  accept,
  cutAfter,
  drop,
  final,
  pending,
  raw,
  refusingPort,
  reject,
  shaped,
  silence,
  startRoguePeer,
  type RoguePeer,
  type RoguePeerOptions,
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

const row = (n: number): Step =>
  pending({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: `1.2.${n}`, PatientID: `P${n}` });

async function searchOn(options: RoguePeerOptions, extra = ''): Promise<RawResponse> {
  peer = await startRoguePeer(options);
  const { aeTitle, host, port } = peer.address;
  gateway = await startTestGateway(peerYaml(`${aeTitle}@${host}:${port}`, extra));
  return request(`${gateway.service}/studies`);
}

/** An error status, or a body that does not end: a client cannot take it for an answer. */
const isVisiblyBroken = ({ status, complete }: RawResponse): boolean => !complete || status >= 500;

const problem = ({ body }: RawResponse): Record<string, unknown> =>
  JSON.parse(body.toString()) as Record<string, unknown>;

describe('a search on a peer that fails before the first byte is a problem document, never an empty list', () => {
  const cases: readonly (readonly [what: string, options: RoguePeerOptions, status: number, code: string])[] =
    [
      ['A-ASSOCIATE-RJ permanent', { associate: reject('permanent') }, 502, 'peer-rejected'],
      ['A-ASSOCIATE-RJ transient', { associate: reject('transient') }, 503, 'peer-busy'],
      [
        'no presentation context accepted',
        { associate: accept({ sopClasses: [] }) },
        501,
        'peer-unsupported',
      ],
      ['silence in place of an A-ASSOCIATE-AC', { associate: silence() }, 503, 'peer-unreachable'],
      ['silence in place of a response', { onFind: [silence()] }, 504, 'peer-timeout'],
      ['silence between responses', { onFind: [row(1), silence()] }, 504, 'peer-timeout'],
      ['a socket closed in mid dataset', { onFind: [row(1), cutAfter(30), row(2)] }, 502, 'peer-aborted'],
      ['a socket closed between responses', { onFind: [row(1), drop()] }, 502, 'peer-aborted'],
      ['A-ABORT', { onFind: [row(1), abort()] }, 502, 'peer-aborted'],
      ['A700', { onFind: [row(1), final(0xa700)] }, 503, 'peer-out-of-resources'],
      ['A900', { onFind: [final(0xa900)] }, 502, 'peer-failed'],
      ['C001', { onFind: [row(1), final(0xc001)] }, 502, 'peer-failed'],
      ['0122', { onFind: [final(0x0122)] }, 501, 'peer-unsupported'],
      ['0124', { onFind: [final(0x0124)] }, 403, 'peer-not-authorized'],
      [
        'bytes that are no PDU',
        { onFind: [row(1), raw(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'))] },
        502,
        'peer-protocol',
      ],
      [
        'a PDU of 4 GiB',
        { onFind: [raw(Buffer.from('0400fffffff0000000100103', 'hex'))] },
        502,
        'peer-protocol',
      ],
      [
        'an element longer than its dataset',
        { onFind: [pending(Buffer.from('20000d00ffffff0f312e32', 'hex')), final()] },
        502,
        'peer-protocol',
      ],
    ];

  test.each(cases)('T-1: %s', async (what, options, status, code) => {
    const response = await searchOn(options, what.startsWith('silence') ? HASTY : '');
    expect({ status: response.status, type: response.headers['content-type'] }).toEqual({
      status,
      type: 'application/problem+json',
    });
    expect(problem(response)).toMatchObject({ status, code, peer: 'main' });
    if (status === 503) expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
    await gateway?.close();
    await peer?.allClosed();
  });

  test('T-1: nobody listens: 503 with Retry-After', async () => {
    gateway = await startTestGateway(peerYaml(`GONE@127.0.0.1:${await refusingPort()}`));
    const response = await request(`${gateway.service}/studies`);
    expect(response.status).toBe(503);
    expect(response.headers['retry-after']).toBeDefined();
    expect(problem(response)['code']).toBe('peer-unreachable');
  });
});

describe('a search on a peer that answers oddly but wholly is answered wholly', () => {
  const rows = [row(1), row(2), row(3)];
  const uids = (response: RawResponse): unknown =>
    (JSON.parse(response.body.toString()) as Record<string, { Value?: unknown[] }>[]).map(
      (each) => each['0020000D']?.Value?.[0],
    );

  test.each<readonly [string, RoguePeerOptions]>([
    ['PDVs of one byte', { onFind: [shaped({ fragmentBytes: 1 }), ...rows, final()] }],
    ['everything in one PDU', { onFind: [shaped({ pdvsPerPdu: 64 }), ...rows, final()] }],
    [
      'rows with warning status FF01',
      {
        onFind: [1, 2, 3].map((n) => pending({ StudyInstanceUID: `1.2.${n}` }, 0xff01)).concat(final()),
      },
    ],
    ['rows that come twice', { onFind: [...rows, ...rows, final()] }],
    ['a Pending after the Success', { onFind: [...rows, final(), row(4)] }],
  ])('R-12: %s', async (_what, options) => {
    const response = await searchOn(options);
    expect(response.status).toBe(200);
    expect(uids(response)).toEqual(['1.2.1', '1.2.2', '1.2.3']);
  });

  test('a capped answer (FE00 though nobody cancelled) is marked as such', async () => {
    const response = await searchOn({ onFind: [...rows, final(0xfe00)] });
    expect(response.status).toBe(200);
    expect(response.headers.warning).toMatch(/299 .*cut its answer short/);
  });

  test('Q-31: no match is 200 with an empty list, or 204 where the site wants it', async () => {
    const list = await searchOn({ onFind: [final()] });
    expect([list.status, list.body.toString()]).toEqual([200, '[]']);
    await gateway?.close();
    await peer?.close();
    const nothing = await searchOn({ onFind: [final()] }, 'search: { emptyResponse: "204" }');
    expect([nothing.status, nothing.body.toString()]).toEqual([204, '']);
  });
});

describe('a search that fails after the first byte breaks its body', () => {
  const many = Array.from({ length: 60 }, (_, n) => row(n));

  test.each<readonly [string, readonly Step[]]>([
    ['the association is lost', [...many, drop()]],
    ['the peer aborts', [...many, abort()]],
    ['the peer ends in A700', [...many, final(0xa700)]],
    ['the peer caps its answer', [...many, final(0xfe00)]],
  ])('T-1: %s', async (_what, onFind) => {
    const response = await searchOn({ onFind }, 'search: { lookAhead: 10 }');
    expect(isVisiblyBroken(response)).toBe(true);
    expect(response.body.toString().trimEnd().endsWith(']')).toBe(false);
  });

  test('the same answer without the failure is whole', async () => {
    const response = await searchOn({ onFind: [...many, final()] }, 'search: { lookAhead: 10 }');
    expect(response.complete).toBe(true);
    expect(JSON.parse(response.body.toString())).toHaveLength(60);
  });
});

describe('paging', () => {
  const five = [1, 2, 3, 4, 5].map(row);

  test('Q-23, Q-24: limit and offset cut a page and say exactly how many remain', async () => {
    peer = await startRoguePeer({ onFind: [...five, final()] });
    gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`));
    const response = await request(`${gateway.service}/studies?limit=2&offset=1`);
    const rows = JSON.parse(response.body.toString()) as Record<string, { Value: string[] }>[];
    expect(rows.map((each) => each['0020000D']?.Value[0])).toEqual(['1.2.2', '1.2.3']);
    expect(response.headers.warning).toContain('There are 2 additional results that can be requested');
  });

  test('Q-24: beyond the look-ahead it says at least how many, and cancels the C-FIND', async () => {
    peer = await startRoguePeer({ onFind: [...Array.from({ length: 200 }, (_, n) => row(n)), silence()] });
    gateway = await startTestGateway(
      peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, 'search: { lookAhead: 3 }'),
    );
    const response = await request(`${gateway.service}/studies?limit=2`);
    expect(JSON.parse(response.body.toString())).toHaveLength(2);
    expect(response.headers.warning).toContain('There are at least 3 additional results');
    await peer.waitFor('C-CANCEL-RQ');
  });
});
