import http from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { afterEach, expect, jest, test } from '@jest/globals';
import { part10Header } from '../../src/dicom/index.js';
import { accept, makeInstance, startRoguePeer, type RoguePeer } from '../helpers/rogue-peer.js';
import { peerYaml, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

// Ten thousand instances through one process that is client, gateway and PACS.
jest.setTimeout(300_000);

let peer: RoguePeer | undefined;
let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  await peer?.close();
  gateway = peer = undefined;
});

const COUNT = 10_000;

/** Made while it is sent, so that the request as a whole is nowhere. */
function* body(): Generator<Buffer> {
  for (let index = 0; index < COUNT; index += 1) {
    const instance = makeInstance({ sopInstanceUid: `1.2.3.${index + 1}`, pixelBytes: 2 });
    yield Buffer.concat([
      Buffer.from('--b\r\nContent-Type: application/dicom\r\n\r\n'),
      part10Header(instance),
      instance.dataset,
      Buffer.from('\r\n'),
    ]);
  }
  yield Buffer.from('--b--\r\n');
}

test.each([
  ['one by one', accept()],
  ['several before the first is answered', accept({ operationsAtOnce: 8 })],
])(
  'S-03, S-14: ten thousand parts of one request are all stored, on one association, %s',
  async (_what, associate) => {
    peer = await startRoguePeer({ associate, discardDatasets: true });
    gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`));
    const outgoing = http.request(`${gateway.service}/studies`, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'multipart/related; type="application/dicom"; boundary=b' },
    });
    const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
      outgoing.on('response', resolve).on('error', reject);
    });
    const [response] = await Promise.all([answered, pipeline(Readable.from(body()), outgoing)]);
    const answer = JSON.parse((await buffer(response)).toString()) as Record<string, { Value?: unknown[] }>;
    expect(response.statusCode).toBe(200);
    expect(answer['00081199']?.Value).toHaveLength(COUNT);
    const uids = peer.messages('C-STORE-RQ').map(({ command }) => command.affectedSopInstanceUid);
    expect(new Set(uids).size).toBe(COUNT);
    expect(uids).toHaveLength(COUNT);
    expect(peer.record.of('associate-rq')).toHaveLength(1);
  },
);
