import { afterEach, expect, test } from '@jest/globals';
import { connect } from 'node:net';
import { startNginx, type Nginx } from '../helpers/nginx.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { makeInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { request } from '../helpers/test-gateway.js';

let scene: Scene | undefined;
let nginx: Nginx | undefined;
afterEach(async () => {
  await nginx?.stop();
  await scene?.close();
  nginx = scene = undefined;
});

const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n';
const post = (headers: string, body: string): string =>
  `POST /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/dicom\r\n${headers}\r\n${body}`;

/** The status in the first line that the proxy says; 0 when it says none. */
function firstStatus(origin: string, bytes: string): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(origin).port), '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.includes('\r\n')) socket.destroy();
    });
    socket
      .on('error', () => undefined)
      .on('close', () => {
        resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0));
      });
    socket.write(bytes, 'latin1');
  });
}

const length = `Content-Length: ${HIDDEN.length}\r\n`;
const chunked = `0\r\n\r\n${HIDDEN}`;

function suite(): void {
  test.each<readonly [what: string, bytes: string]>([
    ['a length and an encoding', post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', chunked)],
    ['two lengths', post(`Content-Length: 0\r\n${length}`, HIDDEN)],
    ['an encoding that is not chunked last', post('Transfer-Encoding: chunked, identity\r\n', chunked)],
    ['an encoding with a strange blank', post(`Transfer-Encoding:\x0bchunked\r\n${length}`, HIDDEN)],
    ['a blank before the colon', post(`Transfer-Encoding : chunked\r\n${length}`, HIDDEN)],
    ['a chunk whose size is no number', post('Transfer-Encoding: chunked\r\n', `0x0\r\n\r\n${HIDDEN}`)],
    ['a body that looks like a request', post(length, HIDDEN)],
  ])('%s: what is hidden in it is no request to the gateway', async (_what, bytes) => {
    scene = await startScene({ instances: [makeInstance()] });
    nginx = await startNginx(scene.gateway.origin);
    expect(await firstStatus(nginx.origin, bytes)).toBeGreaterThanOrEqual(400);
    const { status } = await request(`${nginx.origin}/dicomweb/studies`);
    expect(status).toBe(200);
    // The one that was sent, if nginx has passed it on, and the honest one.
    const asked = scene.gateway.logLines.filter((line) => line.includes('"http request"'));
    expect(asked.length).toBeLessThanOrEqual(2);
    expect(asked.filter((line) => line.includes('unmatched'))).toEqual([]);
  });
}

describeWithPacs('what nginx and the gateway could read in two ways (RFC 9112 11.2)', suite, ['nginx']);
