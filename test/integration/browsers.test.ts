import { afterEach, describe, expect, test } from '@jest/globals';
import { makeInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { request, type RawResponse } from '../helpers/test-gateway.js';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const VIEWER = 'https://viewer.example';
const CORS = `http: { cors: { origins: ['${VIEWER}', 'http://localhost:3000'], maxAge: 10m } }\n`;
const image = makeInstance();
const STUDY = `/studies/${image.studyInstanceUid}`;

async function start(yaml = CORS): Promise<void> {
  scene = await startScene({ instances: [image], yaml });
}

const ask = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<RawResponse> =>
  request(scene?.url(path) ?? '', { method, headers });
const preflight = (origin: string, path = '/studies'): Promise<RawResponse> =>
  ask(
    path,
    {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
    'OPTIONS',
  );

describe('CORS (R-09)', () => {
  test('lets pages of the origins that are named read answers and errors, with what viewers need of them', async () => {
    await start();
    for (const [path, status] of [
      ['/studies', 200],
      [`${STUDY}/metadata`, 200],
      ['/studies/2.25.404/metadata', 404],
      ['/openapi.json', 200],
      ['/nowhere', 404],
    ] as const) {
      const { headers, ...answer } = await ask(path, { origin: VIEWER });
      expect([path, answer.status]).toEqual([path, status]);
      expect(headers['access-control-allow-origin']).toBe(VIEWER);
      expect(headers['access-control-allow-credentials']).toBeUndefined();
      expect(headers.vary).toMatch(/\bOrigin\b/);
      const exposed = (headers['access-control-expose-headers'] ?? '').split(', ');
      expect(exposed).toEqual(
        expect.arrayContaining([
          'Warning',
          'ETag',
          'Content-Location',
          'Content-Range',
          'Retry-After',
          'Location',
        ]),
      );
    }
    expect((await ask(`${STUDY}/metadata`, { origin: VIEWER })).headers.vary).toMatch(
      /Accept, .*Authorization/,
    );
  });

  test('lets them read why they are asked who they are, and that they may do no more', async () => {
    const reader = 'a-token-of-a-page-that-reads';
    const access = `access: { tokens: { page: { token: ${reader}, roles: [search] } } }\n`;
    await start(CORS + access);
    for (const [status, more] of [
      [401, {}],
      [403, { authorization: `Bearer ${reader}` }],
    ] as const) {
      const { headers, ...answer } = await ask(`${STUDY}/metadata`, { origin: VIEWER, ...more });
      expect(answer.status).toBe(status);
      expect(headers['access-control-allow-origin']).toBe(VIEWER);
      expect(headers['access-control-expose-headers']).toMatch(/WWW-Authenticate/);
      expect(headers['www-authenticate']).toMatch(/^Bearer /);
      expect(headers.vary).toMatch(/\bOrigin\b/);
    }
  });

  test('answers what browsers ask beforehand, also where credentials are wanted, and lets them remember it', async () => {
    await start(`${CORS}access: { tokens: { a: { token: a-token-that-is-long-enough, roles: [read] } } }\n`);
    const { status, headers, body } = await preflight(VIEWER);
    expect([status, body.length]).toEqual([204, 0]);
    expect(headers['access-control-allow-origin']).toBe(VIEWER);
    expect(headers['access-control-allow-methods']).toMatch(/\bPOST\b/);
    expect(headers['access-control-allow-headers']).toMatch(/Authorization.*Content-Type.*Prefer/);
    expect(headers['access-control-max-age']).toBe('600');
    expect((await ask('/studies', { origin: VIEWER })).headers['access-control-allow-origin']).toBe(VIEWER);
  });

  test.each([
    'https://evil.example',
    'null',
    'https://viewer.example.evil.example',
    'http://viewer.example',
    `${VIEWER}:444`,
    `${VIEWER}/`,
    '*',
  ])('says nothing to pages of others: %s', async (origin) => {
    await start();
    for (const { headers } of [await ask('/studies', { origin }), await preflight(origin)]) {
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
      expect(headers.vary).toMatch(/\bOrigin\b/);
    }
  });

  test('says nothing at all where nobody is named, and never says * with credentials', async () => {
    await start('http: { cors: { credentials: true } }\n');
    const { headers } = await ask('/studies', { origin: VIEWER });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    await expect(startScene({ instances: [], yaml: "http: { cors: { origins: ['*'] } }\n" })).rejects.toThrow(
      'http.cors.origins: takes a list of origins',
    );
  });

  test('with credentials names the one origin that asks', async () => {
    await start(CORS.replace('maxAge: 10m', 'credentials: true'));
    const { headers } = await ask('/studies', { origin: 'http://localhost:3000' });
    expect(headers['access-control-allow-origin']).toBe('http://localhost:3000');
    expect(headers['access-control-allow-credentials']).toBe('true');
  });
});

describe('pages of foreign origins', () => {
  test('have nothing written, preloaded or purged by the browser that shows them', async () => {
    await start();
    const evil = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    const purge = new URL('/cache/purge', scene?.gateway.origin).href;
    const answers = [
      await ask('/studies', { ...evil, 'content-type': 'text/plain' }, 'POST'),
      await ask(`${STUDY}/preload`, evil, 'POST'),
      await request(purge, {
        method: 'POST',
        headers: { ...evil, 'content-type': 'application/json' },
        body: '{"all":true}',
      }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect((await ask(`${STUDY}/preload`, { ...evil, origin: VIEWER }, 'POST')).status).toBe(202);
  });
});

describe('security headers (R-08)', () => {
  test('are on every answer; policies that viewers need can be chosen', async () => {
    await start('http: { crossOrigin: { resourcePolicy: cross-origin, embedderPolicy: credentialless } }\n');
    for (const path of ['/studies', '/nowhere', `${STUDY}/metadata`]) {
      const { headers } = await ask(path);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'cross-origin',
        'cross-origin-embedder-policy': 'credentialless',
        'cross-origin-opener-policy': 'same-origin',
        'content-security-policy':
          "default-src 'none';frame-ancestors 'self';base-uri 'none';form-action 'none'",
      });
      // Without TLS of its own it does not know how browsers come.
      expect(headers['strict-transport-security']).toBeUndefined();
      expect(headers['x-powered-by']).toBeUndefined();
    }
  });

  test('keep what is here from pages of other origins unless that is said', async () => {
    await start();
    const { headers } = await ask('/studies');
    expect(headers['cross-origin-resource-policy']).toBe('same-origin');
    expect(headers['content-security-policy']).toContain(
      `frame-ancestors 'self' ${VIEWER} http://localhost:3000`,
    );
  });
});
