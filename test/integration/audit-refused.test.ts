import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { hashPassword } from '../../src/access/index.js';
import { peerYaml, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

const READER = 'a-token-of-who-may-search-alone';
const STUDY = '/studies/2.25.77.1';

let directory: string;
let gateway: TestGateway | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'audited-'));
});
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const lines = (): string => join(directory, 'audit.log');

async function start(more = ''): Promise<TestGateway> {
  gateway = await startTestGateway(
    peerYaml(
      'NOBODY@127.0.0.1:1',
      `audit: { lines: '${lines()}', spool: { directory: '${join(directory, 'spool')}' } }
access:
  tokens: { reader: { token: ${READER}, roles: [search] } }
${more}`,
    ),
  );
  return gateway;
}

const send = async (url: string, token?: string, method = 'GET'): Promise<number> => {
  const headers = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(method === 'POST' && { 'content-type': 'application/json' }),
  };
  const body = method === 'POST' ? '{"all":true}' : undefined;
  return (await request(url, { method, headers, ...(body !== undefined && { body }) })).status;
};

/** What was told of requests, once the gateway has written it all. */
async function told(): Promise<readonly unknown[]> {
  await gateway?.close();
  gateway = undefined;
  const events = readFileSync(lines(), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ request: asked }) => asked !== undefined);
  return events.map(({ kind, outcome, reason, request: asked, requestor }) => {
    const { principal } = requestor as { principal: { name: string } };
    return [kind, outcome, reason, asked, principal.name];
  });
}

describe('R-04: the audit trail tells of what was refused', () => {
  test('who asked for what that one may not do, by name', async () => {
    const { service, origin } = await start();
    expect(await send(`${service}${STUDY}`, READER)).toBe(403);
    expect(await send(`${service}/studies`, READER, 'POST')).toBe(403);
    expect(await send(`${origin}/cache/purge`, READER, 'POST')).toBe(403);
    expect(await send(`${service}${STUDY}/preload`, READER, 'POST')).toBe(403);
    expect(await send(`${service}${STUDY}/preload`, READER)).toBe(403);
    expect(await send(`${service}/commitment-requests/2.25.1`, READER, 'POST')).toBe(403);
    expect(await send(`${origin}/metrics`, READER)).toBe(403);
    const forbidden = (kind: string, asked: string): unknown => [
      kind,
      'serious',
      '403 forbidden',
      asked,
      'reader',
    ];
    expect(await told()).toEqual([
      forbidden('retrieve', `GET /dicomweb${STUDY}`),
      forbidden('store', 'POST /dicomweb/studies'),
      forbidden('purge', 'POST /cache/purge'),
      forbidden('preload', `POST /dicomweb${STUDY}/preload`),
      forbidden('access-denied', `GET /dicomweb${STUDY}/preload`),
      forbidden('access-denied', 'POST /dicomweb/commitment-requests/2.25.1'),
      forbidden('access-denied', 'GET /metrics'),
    ]);
  });

  test('who showed a token at /readyz that nobody has; not who may not see the peers, nor a probe', async () => {
    const { origin } = await start();
    expect(await send(`${origin}/readyz`)).toBe(200);
    expect(await send(`${origin}/readyz`, READER)).toBe(200);
    expect(await send(`${origin}/readyz`, 'a-token-that-nobody-has-given')).toBe(200);
    expect(await told()).toEqual([['login-failure', 'minor', undefined, 'GET /readyz', '']]);
  });

  test('who asked for too much at a time, by name', async () => {
    const { service } = await start('http: { rateLimit: { requests: 1, within: 1h } }');
    await send(`${service}/studies`, READER);
    expect(await send(`${service}/studies`, READER)).toBe(429);
    expect((await told())[1]).toEqual([
      'search',
      'minor',
      '429 rate-limited',
      'GET /dicomweb/studies',
      'reader',
    ]);
  });

  test('whose name was given with a password that is not its own', async () => {
    const hash = await hashPassword('right');
    const { service } = await start(`  users: { ann: { password: '${hash}', roles: [search] } }\n`);
    const as = async (user: string): Promise<number> => {
      const authorization = `Basic ${Buffer.from(`${user}:wrong`).toString('base64')}`;
      return (await request(`${service}/studies`, { headers: { authorization } })).status;
    };
    const long = 'x'.repeat(300);
    for (const user of ['ann', 'nobody', 'two\nlines', long]) expect(await as(user)).toBe(401);
    const names = (await told()).map((event) => (event as string[])[4]);
    expect(names).toEqual(['ann', 'nobody', 'two lines', long.slice(0, 200)]);
  });

  test('that nobody knows who asks, wherever that is asked', async () => {
    const { service, origin } = await start();
    const asked = [
      ['GET', service, '/studies'],
      ['GET', service, STUDY],
      ['POST', service, `${STUDY}/preload`],
      ['GET', service, '/commitment-requests/2.25.1'],
      ['POST', origin, '/cache/purge'],
      ['GET', origin, '/metrics'],
    ] as const;
    for (const [method, base, path] of asked)
      expect([path, await send(base + path, 'a-token-that-nobody-has-given', method)]).toEqual([path, 401]);
    expect(await told()).toEqual(
      asked.map(([method, base, path]) => [
        'login-failure',
        'minor',
        '401 unauthenticated',
        `${method} ${base === service ? '/dicomweb' : ''}${path}`,
        '',
      ]),
    );
  });
});
