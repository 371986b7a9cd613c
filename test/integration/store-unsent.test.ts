import { inflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ctSlice, encapsulatedImage, syntaxes, type Fixture } from '../helpers/fixtures.js';
import { startRoguePeer, type RoguePeer } from '../helpers/rogue-peer.js';
import { answerOf, postFiles } from '../helpers/store-answer.js';
import { peerYaml, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

let peer: RoguePeer;
let gateway: TestGateway;

beforeEach(async () => {
  peer = await startRoguePeer();
  gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`));
});
afterEach(async () => {
  await gateway.close();
  await peer.close();
});

const withoutPadding = ({ dataset }: Fixture): Buffer => dataset.subarray(0, -1);

/** Deflated to an odd number of bytes: without the zero byte behind them they are still whole. */
function oddDeflated(): Fixture {
  for (let instance = 1; ; instance += 1) {
    const fixture = ctSlice({ instance, transferSyntaxUid: syntaxes.deflated });
    try {
      inflateRawSync(withoutPadding(fixture));
      return fixture;
    } catch {
      // An even one: its last byte is its own.
    }
  }
}

const SEQUENCE_DELIMITER_BYTES = 8;

/** (FFFC,FFFC) of an odd length. */
const oddTrailer = Buffer.from([
  ...[0xfc, 0xff, 0xfc, 0xff],
  ...Buffer.from('OB\0\0'),
  ...[15, 0, 0, 0],
  ...Buffer.alloc(15),
]);

test('PS3.5 A.5: a deflated dataset of an odd length gets its zero byte, as fragments must be even', async () => {
  const fixture = oddDeflated();
  const response = await postFiles(`${gateway.service}/studies`, [fixture.file.subarray(0, -1)]);
  expect(response.status).toBe(200);
  const [message] = peer.messages('C-STORE-RQ');
  expect(message?.dataset.equals(fixture.dataset)).toBe(true);
});

test('S-08: any other dataset of an odd length cannot be sent: it is C000 before its C-STORE, and the others are stored', async () => {
  const [odd, even] = [ctSlice({ instance: 1 }), ctSlice({ instance: 2 })];
  const response = await postFiles(`${gateway.service}/studies`, [
    Buffer.concat([odd.file, oddTrailer]),
    even.file,
  ]);
  expect(response.status).toBe(202);
  const { stored, failed } = answerOf(response);
  expect({ stored, failed }).toEqual({
    stored: [even.sopInstanceUid],
    failed: { [odd.sopInstanceUid]: 0xc000 },
  });
  expect(peer.messages('C-STORE-RQ')).toHaveLength(1);
});

describe('S-07, S-08: the answer and the log say why nothing was sent', () => {
  const one = ctSlice({ instance: 1 });
  const other = ctSlice({ instance: 2 });
  const meta = one.file.subarray(0, one.file.length - one.dataset.length);

  test.each<readonly [string, Buffer, number, string]>([
    [
      '',
      Buffer.concat([meta, other.dataset]),
      0xa900,
      'Its File Meta Information and its dataset name different instances or SOP classes.',
    ],
    ['/1.2.3', one.file, 0xa900, 'It is of another study than that of the URL.'],
    [
      '',
      Buffer.concat([one.file, oddTrailer]),
      0xc000,
      'The dataset has an odd number of bytes: it cannot be sent.',
    ],
    [
      '',
      encapsulatedImage().file.subarray(0, -SEQUENCE_DELIMITER_BYTES),
      0xc000,
      'The pixel data have no end: fragments may be missing.',
    ],
  ])('to /studies%s', async (path, file, reason, why) => {
    const response = await postFiles(`${gateway.service}/studies${path}`, [file]);
    expect([response.status, Object.values(answerOf(response).failed)]).toEqual([409, [reason]]);
    expect(response.headers.warning).toBe(`299 dicomweb-gateway "1 instance was not stored: ${why}"`);
    await gateway.logged(why);
    expect(peer.messages('C-STORE-RQ')).toEqual([]);
  });
});
