import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import http from 'node:http';
import { deflateSync, gzipSync } from 'node:zlib';
import { ctSlice } from '../helpers/fixtures.js';
import { startRoguePeer, type RoguePeer } from '../helpers/rogue-peer.js';
import { peerYaml, request, startTestGateway, storeBody, type TestGateway } from '../helpers/test-gateway.js';

let peer: RoguePeer;
let gateway: TestGateway;

beforeEach(async () => {
  peer = await startRoguePeer();
  const address = `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`;
  gateway = await startTestGateway(peerYaml(address, 'http: { maxBodyRatio: 100 }'));
});
afterEach(async () => {
  await gateway.close();
  await peer.close();
});

const slices = [ctSlice({ study: 1, instance: 1 }), ctSlice({ study: 1, instance: 2 })];
const { contentType, body } = storeBody(slices.map(({ file }) => file));
const post = (bytes: Buffer, encoding: string) =>
  request(`${gateway.service}/studies`, {
    method: 'POST',
    headers: { 'content-type': contentType, 'content-encoding': encoding },
    body: bytes,
  });
const arrived = () => peer.messages('C-STORE-RQ').map(({ dataset }) => dataset);

describe('S-03: a body with a Content-Encoding', () => {
  test.each([
    ['gzip', gzipSync(body)],
    ['X-GZIP', gzipSync(body)],
    ['deflate', deflateSync(body)],
    ['identity', body],
  ])('%s is stored as what it holds', async (encoding, bytes) => {
    expect((await post(bytes, encoding)).status).toBe(200);
    expect(arrived().map((dataset, at) => dataset.equals(slices[at]?.dataset ?? Buffer.alloc(0)))).toEqual([
      true,
      true,
    ]);
  });

  test.each(['br', 'gzip, gzip', 'compress'])('%s is 415, with those that are taken', async (encoding) => {
    const response = await post(body, encoding);
    expect([response.status, response.headers['accept-encoding']]).toEqual([415, 'gzip, deflate']);
  });

  test('that is none is 400', async () => {
    expect((await post(body, 'gzip')).status).toBe(400);
  });

  test('that ends early keeps what came before', async () => {
    const file = (at: number): Buffer => slices[at]?.file ?? Buffer.alloc(0);
    let state = 1;
    const noise = Buffer.from(
      Array.from({ length: 200_000 }, () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return state >>> 24;
      }),
    );
    const whole = storeBody([file(0), Buffer.concat([file(1), noise])]);
    const bytes = gzipSync(whole.body);
    const response = await post(bytes.subarray(0, bytes.length - 4000), 'gzip');
    expect([response.status, arrived().length]).toEqual([202, 1]);
  });

  test('that becomes far more than it is is 413', async () => {
    const bomb = gzipSync(Buffer.concat([body.subarray(0, 400), Buffer.alloc(80 * 2 ** 20)]));
    expect((await post(bomb, 'gzip')).status).toBe(413);
    expect(arrived()).toEqual([]);
  });
});

interface Heard {
  readonly status: number;
  readonly wasToldToGoOn: boolean;
}

/** Sends the head alone, and the body when it is told to. */
function ask(headers: http.OutgoingHttpHeaders, path = '/studies', method = 'POST'): Promise<Heard> {
  return new Promise((resolve, reject) => {
    let wasToldToGoOn = false;
    const outgoing = http.request(new URL(gateway.service + path), { method, headers, agent: false });
    outgoing.on('continue', () => {
      wasToldToGoOn = true;
      outgoing.end(body);
    });
    outgoing.on('response', (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, wasToldToGoOn });
      outgoing.destroy();
    });
    outgoing.on('error', reject);
    outgoing.flushHeaders();
  });
}

describe('S-03: a client that expects 100-continue', () => {
  const head = { 'content-type': contentType, 'content-length': body.length, expect: '100-continue' };

  test('is told to go on when its request is acceptable', async () => {
    expect(await ask(head)).toEqual({ status: 200, wasToldToGoOn: true });
  });

  test.each<[string, number, http.OutgoingHttpHeaders, string]>([
    ['Content-Type', 415, { ...head, 'content-type': 'text/plain' }, '/studies'],
    ['Content-Encoding', 415, { ...head, 'content-encoding': 'br' }, '/studies'],
    ['boundary', 400, { ...head, 'content-type': 'multipart/related' }, '/studies'],
    ['length', 413, { ...head, 'content-length': 2 ** 45 }, '/studies'],
    ['path', 400, head, '/studies/x'],
  ])('gets the final status alone when it is not: %s is %i', async (_what, status, headers, path) => {
    expect(await ask(headers, path)).toEqual({ status, wasToldToGoOn: false });
  });

  test('is told so by a purge as well', async () => {
    const headers = { ...head, 'content-type': 'application/json' };
    const { pathname } = new URL(gateway.service);
    const up = pathname.replace(/\/[^/]+/g, '/..').slice(1);
    expect(await ask(headers, `/${up}/cache/purge`)).toMatchObject({ wasToldToGoOn: true });
  });

  test('gets 405 alone for a method that is none', async () => {
    expect(await ask(head, '/studies', 'PUT')).toEqual({ status: 405, wasToldToGoOn: false });
  });

  test('of anything else is 417; an empty header is none', async () => {
    expect(await ask({ ...head, expect: 'a-miracle' })).toEqual({ status: 417, wasToldToGoOn: false });
    const empty = await request(`${gateway.service}/studies`, {
      method: 'POST',
      headers: { 'content-type': contentType, expect: '' },
      body,
    });
    expect(empty.status).toBe(200);
  });
});
