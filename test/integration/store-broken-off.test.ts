import { connect } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { ctSlice } from '../helpers/fixtures.js';
import { startRoguePeer, type RoguePeer } from '../helpers/rogue-peer.js';
import { peerYaml, request, startTestGateway, storeBody, type TestGateway } from '../helpers/test-gateway.js';

let peer: RoguePeer | undefined;
let gateway: TestGateway | undefined;

afterEach(async () => {
  await gateway?.close();
  await peer?.close();
  gateway = peer = undefined;
});

/** Bytes of instances that are being received. */
async function arriving(): Promise<number> {
  const { body } = await request(`${gateway?.origin ?? ''}/metrics`);
  return [...body.toString().matchAll(/^dicomgw_spool_bytes\{[^}]*state="arriving"[^}]*\} (\d+)$/gm)].reduce(
    (sum, [, bytes]) => sum + Number(bytes),
    0,
  );
}

const { file } = ctSlice({ instance: 1, rows: 256, columns: 256 });
const metadata = JSON.stringify([
  { '00080018': { vr: 'UI', Value: ['1.2'] }, '7FE00010': { vr: 'OW', BulkDataURI: 'x' } },
]);
const multipart = storeBody([file]);

test.each([
  ['application/dicom', file],
  [multipart.contentType, multipart.body],
  [
    'multipart/related; type="application/dicom+json"; boundary=b',
    Buffer.concat([
      Buffer.from(
        `--b\r\nContent-Type: application/dicom+json\r\n\r\n${metadata}\r\n--b\r\nContent-Location: x\r\n\r\n`,
      ),
      Buffer.alloc(200_000),
    ]),
  ],
])('R-03: a client that leaves in the middle of %s leaves nothing behind', async (contentType, body) => {
  peer = await startRoguePeer({});
  gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`));
  const { port, hostname, pathname } = new URL(`${gateway.service}/studies`);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${contentType}\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  socket.write(body.subarray(0, body.length - 10_000));
  while ((await arriving()) < 100_000) await new Promise(setImmediate);
  socket.destroy();
  while ((await arriving()) > 0) await new Promise(setImmediate);
  expect(peer.messages('C-STORE-RQ')).toEqual([]);
});
