import { afterEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { eventually } from '../helpers/patience.js';
import { makeInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { request, type RawResponse } from '../helpers/test-gateway.js';

let scene: Scene | undefined;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await scene?.close();
  scene = undefined;
});

const image = makeInstance();

async function start(yaml = ''): Promise<void> {
  scene = await startScene({ instances: [image], yaml });
}

function open(): Socket {
  const socket = connect(Number(new URL(scene?.gateway.origin ?? '').port), '127.0.0.1');
  socket.on('error', () => undefined);
  sockets.push(socket);
  return socket;
}

/** All that comes back until the connection ends, or `isEnough` of it has come. */
async function answers(bytes: string, isEnough: (text: string) => boolean = () => false): Promise<string> {
  const socket = open();
  socket.write(bytes, 'latin1');
  let text = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1');
    if (isEnough(text)) break;
  }
  return text;
}

const statuses = (text: string): string[] =>
  [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status = '']) => status);
const honest = async (): Promise<void> => {
  const { status, body } = await request(scene?.url('/studies') ?? '');
  expect([status, (JSON.parse(body.toString()) as unknown[]).length]).toEqual([200, 1]);
};
const finds = (): number => scene?.peer.messages('C-FIND-RQ').length ?? -1;

describe('what a request cannot bring into a header, a path or a query (R-03, R-06)', () => {
  test('CR LF, in any spelling, is in no header of the answer, and reaches no peer', async () => {
    await start();
    for (const path of [
      '/studies/1.2%0d%0aSet-Cookie:%20a=b',
      '/studies?PatientID=a%0d%0aSet-Cookie:%20a=b',
      '/studies/1.2.3/series/1.2%0d%0a/instances/1',
      '/studies/1.2.3/series/1.2.4/instances/1.2.5/bulkdata/%0d%0aSet-Cookie:%20a=b',
    ]) {
      const { status, headers } = await request(scene?.url(path) ?? '');
      expect([path, status]).toEqual([path, 400]);
      expect(headers['set-cookie']).toBeUndefined();
    }
    const { headers } = await request(scene?.url('/studies') ?? '', {
      headers: { 'x-request-id': 'a b;<script>' },
    });
    expect(headers['x-request-id']).toMatch(/^[\w-]+$/);
    expect(finds()).toBe(1);
  });

  test('a path that climbs is no UID and no bulk data, however it is spelt', async () => {
    await start();
    const instance = '/studies/1.2.3/series/1.2.4/instances/1.2.5';
    const climbs = [
      '..%2f..%2fetc%2fpasswd',
      '%2e%2e%2f%2e%2e',
      '..%5c..%5cwindows',
      '%252e%252e%252f',
      '....%2f%2f',
    ];
    for (const climb of climbs)
      for (const path of [
        `/studies/${climb}`,
        `/studies/1.2.3/series/${climb}/metadata`,
        `${instance}/bulkdata/${climb}`,
        `${instance}/frames/${climb}`,
      ]) {
        const { status } = await request(scene?.url(path) ?? '');
        expect([path, [400, 404].includes(status)]).toEqual([path, true]);
      }
    const raw = await answers(
      `GET /dicomweb/studies/../../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
    expect(statuses(raw)[0]).toMatch(/^40[04]$/);
    expect(finds()).toBe(0);
    await honest();
  });

  test('headers beyond http.maxHeaderBytes are 431, and 10,000 parameters are refused at once', async () => {
    await start('http: { maxHeaderBytes: 16 KiB }\n');
    const large = await answers(
      `GET /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`,
    );
    expect(statuses(large)).toEqual(['431']);
    const many = Array.from({ length: 5000 }, (_, index) => `X-${index}: y`).join('\r\n');
    expect(
      statuses(await answers(`GET /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\n${many}\r\n\r\n`)),
    ).toEqual(['431']);
    await scene?.close();
    await start('http: { maxHeaderBytes: 1 MiB }\n');
    const query = Array.from(
      { length: 10_000 },
      (_, index) => `includefield=${String(index).padStart(8, '0')}`,
    ).join('&');
    for (const one of [
      query,
      query.replaceAll('includefield', 'PatientID'),
      query.replaceAll('includefield=', 'x'),
    ]) {
      const { status } = await request(scene?.url(`/studies?${one}`) ?? '');
      expect([400, 414]).toContain(status);
    }
    expect(finds()).toBe(0);
    await honest();
  });
});

describe('requests that two servers could read in two ways (RFC 9112 11.2)', () => {
  test('two Host headers: 400', async () => {
    await start();
    const two = await answers(
      'GET /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\nHost: y\r\nConnection: close\r\n\r\n',
    );
    expect(statuses(two)).toEqual(['400']);
    await honest();
  });

  test('no header is left out because there are many: the last of thousands counts', async () => {
    await start();
    const many = Array.from({ length: 4000 }, () => 'a:b').join('\r\n');
    const text = await answers(
      `GET /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\n${many}\r\nAccept: image/png\r\nConnection: close\r\n\r\n`,
    );
    expect(statuses(text)).toEqual(['406']);
  });

  test.each(['/METRICS', '/metrics/', '/Readyz', '/healthz/'])(
    'an operator’s path that is spelt otherwise, which a proxy may let through, is none: %s',
    async (path) => {
      await start();
      expect((await request(`${scene?.gateway.origin}${path}`)).status).toBe(404);
      const purge = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"all":true}' };
      for (const spelt of ['/Cache/purge', '/cache/purge/'])
        expect((await request(`${scene?.gateway.origin}${spelt}`, purge)).status).toBe(404);
    },
  );

  const HIDDEN = 'GET /cache/hidden HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const post = (headers: string, body: string): string =>
    `POST /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/dicom\r\n${headers}\r\n${body}`;

  test.each<readonly [what: string, bytes: string]>([
    [
      'Content-Length and Transfer-Encoding',
      post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${HIDDEN}`),
    ],
    ['two lengths', post('Content-Length: 0\r\nContent-Length: 44\r\n', HIDDEN)],
    ['a length with a sign', post('Content-Length: +0\r\n', HIDDEN)],
    ['a length that is a list', post('Content-Length: 0, 44\r\n', HIDDEN)],
    [
      'an encoding that is not chunked last',
      post('Transfer-Encoding: chunked, identity\r\n', `0\r\n\r\n${HIDDEN}`),
    ],
    ['an encoding with a strange blank', post('Transfer-Encoding:\x0bchunked\r\n', `0\r\n\r\n${HIDDEN}`)],
    ['a blank before the colon', post('Transfer-Encoding : chunked\r\n', `0\r\n\r\n${HIDDEN}`)],
    [
      'a folded header',
      post('X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\tfolded\r\n', `0\r\n\r\n${HIDDEN}`),
    ],
    ['a chunk whose size is no number', post('Transfer-Encoding: chunked\r\n', `0x0\r\n\r\n${HIDDEN}`)],
    [
      'a bare CR in a header',
      post('X: y\rTransfer-Encoding: chunked\r\nContent-Length: 5\r\n', `0\r\n\r\n${HIDDEN}`),
    ],
    ['a NUL in a header', post('X: y\0\r\nContent-Length: 0\r\n', HIDDEN)],
  ])('%s: refused, and what stands behind is no request', async (_what, bytes) => {
    await start();
    const text = await answers(bytes);
    expect(statuses(text)).toEqual(['400']);
    expect(scene?.gateway.logLines.filter((line) => line.includes('hidden'))).toEqual([]);
    await honest();
  });
});

describe('floods', () => {
  test('of requests that are sent without waiting for answers end their connection, and not the service', async () => {
    await start('http: { maxPipelined: 8 }\n');
    const one = 'GET /dicomweb/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const last = one.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
    const given = (text: string): number => text.split('HTTP/1.1 200 ').length - 1;
    expect(given(await answers(one.repeat(7) + last))).toBe(8);
    const endings = Array.from({ length: 20 }, () => answers(one.repeat(1500)).catch(() => ''));
    for (const text of await Promise.all(endings)) expect(given(text)).toBeLessThanOrEqual(8);
    // All of them, answered, took half a minute.
    const asked = scene?.gateway.logLines.filter((line) => line.includes('/openapi.json')) ?? [];
    expect(asked.length).toBeLessThanOrEqual(8 + 20 * 8);
    await honest();
  });

  test('of connections of one address end at its limit, and when they are gone the next request is answered', async () => {
    await start('http: { maxConnectionsPerClient: 20 }\n');
    const flood = Array.from({ length: 200 }, open);
    const closed = await Promise.all(
      flood.slice(20).map((socket) => once(socket, 'close').then(() => 'closed')),
    );
    expect(closed).toHaveLength(180);
    expect(flood.slice(0, 20).filter((socket) => socket.destroyed)).toEqual([]);
    const ended = flood.slice(0, 20).map((socket) => once(socket, 'close'));
    for (const socket of flood) socket.destroy();
    await Promise.all(ended);
    await honestAtLast();
  });

  test('of headers that never end are cut off after their time', async () => {
    await start('http: { headersTimeout: 1s, maxConnectionsPerClient: 200 }\n');
    const slow = Array.from({ length: 100 }, () => {
      const socket = open();
      socket.write('GET /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
      return socket;
    });
    await honest();
    for (const socket of slow) socket.resume();
    await Promise.all(slow.map((socket) => once(socket, 'close')));
    await honest();
  });

  test('of requests of one client are 429 with a time to wait, while others are answered', async () => {
    const tokens =
      'tokens: { a: { token: a-token-that-is-long-enough, roles: [search] }, b: { token: another-token-long-enough, roles: [search] } }';
    await start(`http: { rateLimit: { requests: 5, within: 1h } }\naccess: { ${tokens} }\n`);
    const ask = (token: string): Promise<RawResponse> =>
      request(scene?.url('/studies') ?? '', { headers: { authorization: `Bearer ${token}` } });
    const flood = await Promise.all(Array.from({ length: 50 }, () => ask('a-token-that-is-long-enough')));
    expect(flood.filter(({ status }) => status === 200)).toHaveLength(5);
    const refused = flood.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(45);
    expect(Number(refused[0]?.headers['retry-after'])).toBeGreaterThan(0);
    expect((await ask('another-token-long-enough')).status).toBe(200);
  });

  test('of requests that need no permission are 429 too, and the probes of an orchestrator never', async () => {
    await start('http: { rateLimit: { requests: 3, within: 1h } }\n');
    const origin = new URL(scene?.url('') ?? '').origin;
    const statusesOf = async (path: string, method = 'GET'): Promise<readonly number[]> => {
      const asked = Array.from({ length: 10 }, () => request(`${origin}${path}`, { method }));
      return (await Promise.all(asked)).map(({ status }) => status);
    };
    await expect(statusesOf('/healthz')).resolves.not.toContain(429);
    await expect(statusesOf('/readyz')).resolves.not.toContain(429);
    expect((await statusesOf('/dicomweb/openapi.json')).filter((status) => status === 200)).toHaveLength(3);
    const beyond = Array<number>(10).fill(429);
    for (const [path, method] of [
      ['/dicomweb/', 'OPTIONS'],
      ['/dicomweb/studies', 'OPTIONS'],
      ['/dicomweb/studies', 'PUT'],
      ['/no/such/path', 'GET'],
      ['/%ff', 'GET'],
    ] as const)
      await expect(statusesOf(path, method)).resolves.toEqual(beyond);
  });

  test('of stores of one client at once are 429 with a time to wait, until one of them has ended', async () => {
    const tokens =
      'tokens: { a: { token: a-token-that-is-long-enough, roles: [store] }, b: { token: another-token-long-enough, roles: [store] } }';
    await start(`store: { maxPerClient: 2 }\naccess: { ${tokens} }\n`);
    const headOf = (token: string): string =>
      `POST /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nExpect: 100-continue\r\nContent-Type: application/dicom\r\nContent-Length: 1000\r\n\r\n`;
    const statusOf = async (
      token: string,
    ): Promise<readonly [status: string, answer: string, socket: Socket]> => {
      const socket = open();
      socket.write(headOf(token));
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      const answer = chunk.toString();
      return [answer.slice(9, 12), answer, socket];
    };
    const [a, b] = ['a-token-that-is-long-enough', 'another-token-long-enough'];
    const [first, , held] = await statusOf(a);
    expect([first, (await statusOf(a))[0]]).toEqual(['100', '100']);
    const [refused, answer] = await statusOf(a);
    expect(refused).toBe('429');
    expect(answer).toMatch(/\r\nretry-after: [1-9]/i);
    expect((await statusOf(b))[0]).toBe('100');
    held.destroy();
    await eventually(async () => {
      expect((await statusOf(a))[0]).toBe('100');
    });
  });

  test('a body that trickles is refused', async () => {
    await start('http: { bodyTimeout: 1s, minBodyRate: 1000 }\n');
    const socket = open();
    socket.write(
      'POST /dicomweb/studies HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/dicom\r\nContent-Length: 100000\r\n\r\n',
    );
    const trickle = setInterval(() => socket.write('x'), 200);
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    clearInterval(trickle);
    expect(chunk.toString()).toMatch(/^HTTP\/1\.1 400 [\s\S]*(?:comes too slowly|paused)/);
    await honest();
  });
});

/** The gateway hears of a connection that has ended a little later than who ended it. */
async function honestAtLast(): Promise<void> {
  for (;;) {
    const { status } = await request(scene?.url('/studies') ?? '');
    if (status === 200) return;
    expect(status).toBe(0);
  }
}
