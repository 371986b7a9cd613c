import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { beforeAll, expect, test } from '@jest/globals';
import { gunzipSync } from 'node:zlib';
import { buildConsole } from '../helpers/console.js';
import { useDemoGateway } from '../helpers/demo-gateway.js';
import { freePort } from '../helpers/free-port.js';
import { request } from '../helpers/test-gateway.js';

const DICOM_JSON = 'application/dicom+json';

const { pacs, start, startWith } = useDemoGateway();

beforeAll(buildConsole);

test('what the page is made of depends on the encoding and, where pages of others may read it, on their origin (RFC 9110 12.5.5)', async () => {
  const { origin } = await start('http: { cors: { origins: ["https://viewer.example"] } }\n');
  const { body } = await request(`${origin}/`);
  const name = /src="([^"]+)"/.exec(body.toString())?.[1] ?? '';
  const { headers } = await request(`${origin}/${name}`, { headers: { origin: 'https://viewer.example' } });
  expect(headers['access-control-allow-origin']).toBe('https://viewer.example');
  expect(headers['cache-control']).toContain('public');
  expect(headers.vary).toBe('Origin, Accept-Encoding');
});

test('the names of attributes come compressed to who takes that, and not again within a day', async () => {
  const { origin } = await start();
  const url = `${origin}/console/dictionary.json`;
  const plain = await request(url);
  const encoded = await request(url, { headers: { 'accept-encoding': 'gzip, deflate, br, zstd' } });
  expect(encoded.headers['content-encoding']).toBe('gzip');
  expect(gunzipSync(encoded.body).equals(plain.body)).toBe(true);
  expect(encoded.body.length).toBeLessThan(plain.body.length / 3);
  expect([encoded.headers['content-type'], encoded.headers['cache-control']]).toEqual([
    'application/json; charset=utf-8',
    'private, max-age=86400',
  ]);
});

test.each([
  ['GET', '/console/api/peers/main/check', 'POST'],
  ['DELETE', '/console/api/peers/main/echo', 'POST'],
  ['GET', '/cache/purge', 'POST'],
  ['POST', '/', 'GET, HEAD'],
] as const)('%s %s: 405 says which methods there are (RFC 9110 15.5.6)', async (method, path, allowed) => {
  const { origin } = await start();
  const { status, headers } = await request(origin + path, { method });
  expect([status, headers.allow]).toEqual([405, allowed]);
});

test('no host that a client names gets into URLs at the listener of operators, which no proxy stands before', async () => {
  const { running } = await start(
    'http: { trustProxy: loopback }\nadmin: { listen: 127.0.0.1:0 }\naccess: { anonymous: true }\n',
  );
  const { body } = await request(`${running.adminOrigin}/dicomweb/studies`, {
    headers: { accept: DICOM_JSON, host: 'evil.example', 'x-forwarded-host': 'evil.example' },
  });
  expect(body.toString()).toContain('/dicomweb/studies/');
  expect(body.toString()).not.toContain('evil.example');
});

test('C-ECHO asks a peer that was given up for a while, and one that is back is asked by everybody again', async () => {
  const port = await freePort();
  const gateway = await startWith(
    `peers: { main: { address: "DEMOPACS@127.0.0.1:${port}", breaker: { failures: 1, openFor: 10m } } }\n`,
  );
  const { origin, service } = gateway;
  const echo = async (): Promise<unknown> => {
    const { body } = await request(`${origin}/console/api/peers/main/echo`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    return JSON.parse(body.toString());
  };
  expect((await request(`${service}/studies`)).status).toBe(503);
  const refused = await request(`${service}/studies`);
  expect(refused.body.toString()).toContain('does not ask it for now');
  // It says what became of this one, and not that nothing was asked.
  expect(await echo()).toMatchObject({
    result: 'failed',
    detail: expect.stringMatching(/^The peer could not be reached/),
  });
  const back = createServer((socket) => {
    const upstream = connect(pacs().address.port, '127.0.0.1');
    for (const one of [socket, upstream]) one.on('error', () => undefined);
    socket.pipe(upstream).pipe(socket);
  }).listen(port, '127.0.0.1');
  try {
    await once(back, 'listening');
    expect(await echo()).toMatchObject({ result: 'ok' });
    expect((await request(`${service}/studies`)).status).toBe(200);
  } finally {
    await gateway.close();
    back.close();
  }
});
