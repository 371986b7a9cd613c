import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { UnsecuredJWT } from 'jose';
import { hashPassword } from '../../src/access/index.js';
import {
  peerYaml,
  request,
  startTestGateway,
  type RawResponse,
  type TestGateway,
} from '../helpers/test-gateway.js';
import { TokenIssuer, type SignOptions } from '../helpers/token-issuer.js';

let issuer: TokenIssuer;
let gateway: TestGateway;

beforeEach(async () => {
  issuer = await TokenIssuer.start();
});
afterEach(async () => {
  await gateway.close();
  await issuer.close();
});

const PEER = peerYaml('NOBODY@127.0.0.1:1');
const yamlFor = (extra = '', more = ''): string => `${PEER}
access:
  issuers:
    hospital: { issuer: '${issuer.url}', audience: [gateway]${extra} }
${more}`;

async function start(extra = '', more = ''): Promise<void> {
  gateway = await startTestGateway(yamlFor(extra, more));
}

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const search = (headers: Record<string, string> = {}): Promise<RawResponse> =>
  request(`${gateway.service}/studies?limit=1`, { headers });
const problem = ({ body }: RawResponse): { code?: string; detail?: string } =>
  JSON.parse(body.toString()) as { code?: string; detail?: string };
/** Who is let in learns that nobody listens at the peer's address. */
const LET_IN = 503;

function expectInvalid(response: RawResponse, description: RegExp): void {
  expect([response.status, problem(response).code]).toEqual([401, 'unauthenticated']);
  const challenge = String(response.headers['www-authenticate']);
  expect(challenge).toMatch(/^Bearer realm="[^"]+", error="invalid_token", error_description="/);
  expect(challenge).toMatch(description);
}

describe('a token of the issuer (R-01, RFC 6750)', () => {
  test('is let in for what its scopes give, and not for more', async () => {
    await start();
    const token = await issuer.sign({ scope: 'openid search' });
    expect((await search(bearer(token))).status).toBe(LET_IN);
    const store = await request(`${gateway.service}/studies`, {
      method: 'POST',
      headers: bearer(token),
      body: 'x',
    });
    expect([store.status, problem(store).code]).toEqual([403, 'forbidden']);
    expect(store.headers['www-authenticate']).toMatch(/^Bearer realm="[^"]+", error="insufficient_scope"$/);
    const retrieve = await request(`${gateway.service}/studies/1.2.3`, { headers: bearer(token) });
    expect(retrieve.status).toBe(403);
  });

  test('is asked for without an error where nothing is said', async () => {
    await start();
    const response = await search();
    expect(response.status).toBe(401);
    expect(response.headers['www-authenticate']).toBe('Bearer realm="dicomweb-gateway"');
  });

  test('gives what its scopes are said to give, by whatever claim they stand in', async () => {
    const roles = 'roles: { reader: { may: [search] } }';
    await start(', scopeClaim: realm_access.roles, scopes: { dicomweb.read: reader }', `  ${roles}\n`);
    const claims = { realm_access: { roles: ['other', 'dicomweb.read'] } };
    expect((await search(bearer(await issuer.sign({ claims, scope: '' })))).status).toBe(LET_IN);
    // The name of a role is no scope any more.
    expect((await search(bearer(await issuer.sign({ claims: {}, scope: 'reader' })))).status).toBe(403);
  });

  test.each<readonly [what: string, options: SignOptions, description: RegExp]>([
    ['that has expired', { expiresIn: -60 }, /expired/],
    ['that is not valid yet', { notBefore: 60 }, /not valid yet/],
    ['for another audience', { audience: 'somebody-else' }, /somebody else/],
    ['of another issuer', { issuer: 'https://evil.example' }, /issuer/],
    ['with a key that the issuer does not have', { kid: 'unknown' }, /no such key/],
  ])('%s is none', async (_what, options, description) => {
    await start();
    expectInvalid(await search(bearer(await issuer.sign(options))), description);
  });

  test('may be off by the skew of clocks', async () => {
    await start(', clockSkew: 4m');
    expect((await search(bearer(await issuer.sign({ expiresIn: -30 })))).status).toBe(LET_IN);
    expect((await search(bearer(await issuer.sign({ notBefore: 30 })))).status).toBe(LET_IN);
  });

  test('is too old after maxAge, whatever its expiry', async () => {
    await start(', maxAge: 1m');
    expect((await search(bearer(await issuer.sign({ issuedAgo: 10 })))).status).toBe(LET_IN);
    expectInvalid(await search(bearer(await issuer.sign({ issuedAgo: 120 }))), /expired|too old/);
  });

  test('that nobody has signed is none', async () => {
    await start();
    const token = new UnsecuredJWT({ scope: 'read' })
      .setIssuer(issuer.url)
      .setAudience('gateway')
      .setExpirationTime('1h')
      .encode();
    // Without a signature it has no form of credentials at all; with any it names no way of signing that is taken.
    expect((await search(bearer(token))).status).toBe(401);
    expectInvalid(await search(bearer(`${token}AAAA`)), /signed in a way|cannot be read/);
  });

  test('signed with the public key as if that were a secret is none', async () => {
    await start();
    const good = (await issuer.sign()).split('.');
    for (const alg of ['HS256', 'hs256', 'HS512']) {
      const head = Buffer.from(JSON.stringify({ alg, kid: 'first' })).toString('base64url');
      const input = `${head}.${good[1] ?? ''}`;
      for (const secret of [await issuer.publicPem(), (await issuer.publicPem()).trim()]) {
        const digest = createHmac(alg === 'HS512' ? 'sha512' : 'sha256', secret)
          .update(input)
          .digest('base64url');
        expectInvalid(await search(bearer(`${input}.${digest}`)), /signed in a way/);
      }
    }
  });

  test('that was changed is none', async () => {
    await start();
    const [head = '', body = '', signature = ''] = (await issuer.sign({ scope: 'search' })).split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object;
    const more = Buffer.from(JSON.stringify({ ...claims, scope: 'admin' })).toString('base64url');
    expectInvalid(await search(bearer([head, more, signature].join('.'))), /signature/);
  });

  test.each(['a.b.c', 'x', 'eyJhbGciOiJSUzI1NiJ9..', '{}.{}.{}', 'x'.repeat(13_000)])(
    'that cannot be read is none (%#)',
    async (token) => {
      await start();
      expect((await search(bearer(token))).status).toBe(401);
      expect((await search(bearer(await issuer.sign()))).status).toBe(LET_IN);
    },
  );

  test('does not count where another stands beside it', async () => {
    await start();
    const token = await issuer.sign();
    const answer = await new Promise<string>((resolve) => {
      const { port } = new URL(gateway.origin);
      const socket = connect(Number(port), '127.0.0.1');
      const line = `Authorization: Bearer ${token}\r\n`;
      socket.end(
        `GET /dicomweb/studies?limit=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${line}${line}\r\n`,
      );
      let text = '';
      socket
        .on('data', (chunk) => (text += chunk.toString()))
        .on('close', () => {
          resolve(text);
        });
    });
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('more than one Authorization header');
  });

  test('in the URL is not looked at', async () => {
    await start();
    const url = `${gateway.service}/studies?limit=1&access_token=${await issuer.sign()}`;
    expect((await request(url)).status).toBe(401);
  });
});

describe('the keys of the issuer', () => {
  test('are asked for once for all', async () => {
    await start();
    const token = await issuer.sign();
    const answers = await Promise.all(Array.from({ length: 20 }, () => search(bearer(token))));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(LET_IN));
    expect(issuer.keyRequests).toBe(1);
  });

  test('are asked for anew for one that is not among them, and then not again for a while', async () => {
    await start(', keyCooldown: 1ms');
    const before = await issuer.sign();
    expect((await search(bearer(before))).status).toBe(LET_IN);
    await issuer.rotate('second');
    expect((await search(bearer(await issuer.sign()))).status).toBe(LET_IN);
    expectInvalid(await search(bearer(before)), /no such key/);
    await gateway.close();

    issuer.keyRequests = 0;
    await start(', keyCooldown: 1h');
    expect((await search(bearer(await issuer.sign()))).status).toBe(LET_IN);
    for (let count = 0; count < 10; count += 1)
      expectInvalid(await search(bearer(await issuer.sign({ kid: `invented-${count}` }))), /no such key/);
    expect(issuer.keyRequests).toBe(1);
  });

  test.each(['fails', 'babbles', 'hangs'] as const)(
    'that cannot be had because the issuer %s are no fault of the token: 503, and later it is let in',
    async (mood) => {
      issuer.mood = mood;
      await start(', keyTimeout: 300ms');
      const token = await issuer.sign();
      const response = await search(bearer(token));
      expect([response.status, problem(response).code]).toEqual([503, 'identity-unavailable']);
      expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
      issuer.mood = 'answers';
      for (;;) {
        const again = await search(bearer(token));
        if (problem(again).code === 'peer-unreachable') break;
        expect(problem(again).code).toBe('identity-unavailable');
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
  );

  test('hold while the issuer is down, until their lifetime is over', async () => {
    await start(', keyRefresh: 1ms, keyLifetime: 1h');
    const token = await issuer.sign();
    expect((await search(bearer(token))).status).toBe(LET_IN);
    issuer.mood = 'fails';
    for (let count = 0; count < 5; count += 1)
      expect(problem(await search(bearer(token))).code).toBe('peer-unreachable');
    // Whether there is such a key nobody can tell now.
    const unknown = await search(bearer(await issuer.sign({ kid: 'unknown' })));
    expect(['identity-unavailable', 'unauthenticated']).toContain(problem(unknown).code);
    await gateway.close();

    issuer.mood = 'answers';
    await start(', keyRefresh: 1ms, keyLifetime: 1ms');
    expect((await search(bearer(token))).status).toBe(LET_IN);
    issuer.mood = 'fails';
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(problem(await search(bearer(token))).code).toBe('identity-unavailable');
  });
});

describe('who is named in the configuration', () => {
  const TOKEN = 'a-token-that-is-long-enough-1';
  const sha256 = '9a5b2c66f6f6bc0a7b6e6f8b1c0f2f1c4a6f59fd3f1d9f7d8f3f9b1c2d3e4f50';

  test('is known by a token, a password, and by nothing else', async () => {
    const hash = await hashPassword('secret');
    await start(
      '',
      `  tokens: { viewer: { token: ${TOKEN}, roles: [read] }, other: { token: 'sha256:${sha256}', roles: [read] } }
  users: { anna: { password: '${hash}', roles: [read, store] } }
`,
    );
    const basic = (text: string): Record<string, string> => ({
      authorization: `Basic ${Buffer.from(text).toString('base64')}`,
    });
    expect((await search(bearer(TOKEN))).status).toBe(LET_IN);
    expect((await search(bearer(await issuer.sign()))).status).toBe(LET_IN);
    expect((await search(basic('anna:secret'))).status).toBe(LET_IN);
    for (const headers of [
      bearer(`${TOKEN}x`),
      bearer(sha256),
      basic('anna:wrong'),
      basic('viewer:' + TOKEN),
      {},
    ]) {
      const response = await search(headers);
      expect(response.status).toBe(401);
      expect(response.headers['www-authenticate']).toMatch(/Bearer .*Basic realm=/);
    }
    const lines = gateway.logLines.join('\n');
    expect(lines).toContain('access refused');
    for (const word of ['anna', 'viewer', TOKEN, 'secret', 'somebody"']) expect(lines).not.toContain(word);
  });

  test('is stopped from guessing passwords, while others are let in', async () => {
    const hash = await hashPassword('secret');
    const users = `users: { anna: { password: '${hash}', roles: [read] } }`;
    await start('', `  failedLogins: 3\n  ${users}\n`);
    const guess = (password: string): Promise<RawResponse> =>
      search({ authorization: `Basic ${Buffer.from(`anna:${password}`).toString('base64')}` });
    for (const password of ['a', 'b', 'c']) expect((await guess(password)).status).toBe(401);
    const refused = await guess('secret');
    expect([refused.status, problem(refused).code]).toEqual([429, 'rate-limited']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await search(bearer(await issuer.sign()))).status).toBe(LET_IN);
  });

  test('is not let in by blanks that HTTP does not know, by which guesses would not be counted', async () => {
    const hash = await hashPassword('secret');
    await start('', `  failedLogins: 3\n  users: { anna: { password: '${hash}', roles: [read] } }\n`);
    const basic = `Basic ${Buffer.from('anna:secret').toString('base64')}`;
    for (const authorization of [`\u00a0${basic}`, `${basic}\u00a0`])
      expect((await search({ authorization })).status).toBe(401);
    expect((await search({ authorization: basic })).status).toBe(LET_IN);
  });

  test('may use the peers that its role names alone', async () => {
    gateway = await startTestGateway(`
peers: { north: { address: 'N@127.0.0.1:1' }, south: { address: 'S@127.0.0.1:1' } }
groups: { all: { members: [north, south] } }
defaultPeer: north
access:
  roles: { southern: { may: [search], peers: [south] } }
  tokens: { viewer: { token: ${TOKEN}, roles: [southern] } }
`);
    const at = async (name: string): Promise<number> => {
      const url = `${gateway.origin}/peers/${name}/dicomweb/studies?limit=1`;
      return (await request(url, { headers: bearer(TOKEN) })).status;
    };
    expect(await at('south')).toBe(LET_IN);
    // What is there, and what is not, looks the same.
    expect([await at('north'), await at('all'), await at('nowhere')]).toEqual([403, 403, 403]);
    expect((await search(bearer(TOKEN))).status).toBe(403);
  });
});

describe('the operator', () => {
  const OPERATOR = 'the-token-of-the-operator';
  const PROMETHEUS = 'the-token-of-prometheus-1';
  const TOKENS = `  tokens: { operator: { token: ${OPERATOR}, roles: [admin] }, prometheus: { token: ${PROMETHEUS}, roles: [metrics] } }\n`;
  const purge = async (headers: Record<string, string>): Promise<number> => {
    const options = {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{"all":true}',
    };
    return (await request(`${gateway.origin}/cache/purge`, options)).status;
  };
  const metrics = async (headers: Record<string, string>): Promise<number> =>
    (await request(`${gateway.origin}/metrics`, { headers })).status;

  test('alone purges; metrics are for the operator and who may read them', async () => {
    await start('', TOKENS);
    const reader = bearer(await issuer.sign({ scope: 'read store' }));
    expect(await Promise.all([purge({}), purge(reader), purge(bearer(PROMETHEUS))])).toEqual([401, 403, 403]);
    expect(await purge(bearer(OPERATOR))).toBe(200);
    expect(await Promise.all([metrics({}), metrics(reader)])).toEqual([401, 403]);
    expect(await Promise.all([metrics(bearer(PROMETHEUS)), metrics(bearer(OPERATOR))])).toEqual([200, 200]);
  });

  test('sees the peers in /readyz; whoever probes it does not, and is not refused', async () => {
    await start('', TOKENS);
    const ready = async (headers: Record<string, string> = {}): Promise<[number, boolean]> => {
      const { status, body } = await request(`${gateway.origin}/readyz`, { headers });
      return [status, 'peers' in (JSON.parse(body.toString()) as object)];
    };
    expect((await request(`${gateway.origin}/healthz`)).status).toBe(200);
    expect(await ready()).toEqual([200, false]);
    expect(await ready(bearer('wrong-but-long-enough-for-a-token'))).toEqual([200, false]);
    expect(await ready(bearer(PROMETHEUS))).toEqual([200, true]);
    expect(gateway.logLines.filter((line) => line.includes('access refused'))).toHaveLength(1);
  });
});

describe('anonymous access', () => {
  test('is implied on loopback while nobody is named, and not when somebody is', async () => {
    gateway = await startTestGateway(PEER);
    expect((await search()).status).toBe(LET_IN);
    await gateway.close();
    await start();
    expect((await search()).status).toBe(401);
  });

  test('that is implied is not for requests that a name of another host has brought to this machine', async () => {
    gateway = await startTestGateway(`http: { publicUrl: 'https://images.example/pacs' }\n${PEER}`);
    const as = async (host: string, path = '/dicomweb/studies'): Promise<number> =>
      (await request(`${gateway.origin}${path}`, { headers: { host } })).status;
    for (const host of ['localhost', 'LOCALHOST:8080', '127.0.0.1:1', '[::1]:80', 'images.example'])
      expect([host, await as(host)]).toEqual([host, LET_IN]);
    for (const host of [
      'rebound.example',
      'localhost.rebound.example',
      '127.0.0.1.rebound.example',
      '10.0.0.7',
    ])
      for (const path of ['/dicomweb/studies', '/metrics', '/console/api/peers'])
        expect([host, path, await as(host, path)]).toEqual([host, path, 403]);
    expect(await as('rebound.example', '/healthz')).toBe(200);
    const ready = await request(`${gateway.origin}/readyz`, { headers: { host: 'rebound.example' } });
    expect([ready.status, ready.body.includes('peers')]).toEqual([200, false]);
    await gateway.close();
    gateway = await startTestGateway(`access: { anonymous: true }\n${PEER}`);
    expect(await as('rebound.example')).toBe(LET_IN);
  });

  test('beside names gives what is said, and wrong credentials do not become anonymous', async () => {
    await start('', '  anonymous: true\n  anonymousRoles: [search]\n');
    expect((await search()).status).toBe(LET_IN);
    expect((await request(`${gateway.service}/studies/1.2.3`)).status).toBe(401);
    expectInvalid(await search(bearer(await issuer.sign({ expiresIn: -60 }))), /expired/);
  });
});

test('every resource wants to know who asks, but those that probes need (R-01)', async () => {
  await start();
  const study = '/studies/1.2.3';
  const instance = `${study}/series/1.2.4/instances/1.2.5`;
  const paths = [
    '/studies',
    '/series',
    '/instances',
    `${study}/series`,
    `${study}/instances`,
    study,
    instance,
  ];
  const more = [
    'metadata',
    'rendered',
    'thumbnail',
    'frames/1',
    'pixeldata',
    'bulkdata',
    'bulkdata/7FE00010',
  ];
  const all = [
    ...paths,
    ...more.map((name) => `${instance}/${name}`),
    `${study}/metadata`,
    `${study}/bulkdata`,
    `${study}/pixeldata`,
    `${study}/preload`,
    '/wado?requestType=WADO&studyUID=1.2.3&seriesUID=1.2.4&objectUID=1.2.5',
    '/commitment-requests/1.2.3',
  ];
  for (const path of all) expect([path, (await request(gateway.service + path)).status]).toEqual([path, 401]);
  for (const [method, path] of [
    ['POST', '/studies'],
    ['POST', study],
    ['POST', `${study}/preload`],
    ['DELETE', `${study}/preload`],
    ['POST', '/commitment-requests/1.2.3'],
  ] as const)
    expect([path, (await request(gateway.service + path, { method, body: '' })).status]).toEqual([path, 401]);
});

test('what the console asks is for operators, and its page for anybody (R-01)', async () => {
  await start();
  for (const [method, path] of [
    ['GET', '/console/api/peers'],
    ['GET', '/console/api/pulls'],
    ['POST', '/console/api/peers/main/echo'],
    ['POST', '/console/api/peers/main/check'],
  ] as const)
    expect([path, (await request(gateway.origin + path, { method, body: '' })).status]).toEqual([path, 401]);
  expect((await request(`${gateway.origin}/console/settings.json`)).status).toBe(200);
});

test('where nobody is named what a proxy in front was told is passed by', async () => {
  gateway = await startTestGateway(PEER);
  const headers = { authorization: 'Bearer of-the-proxy' };
  expect((await request(`${gateway.service}/studies`, { headers })).status).toBe(503);
});

test('a page that asks for passwords itself is not asked by its browser', async () => {
  gateway = await startTestGateway(
    `${PEER}\naccess: { users: { ann: { password: '${await hashPassword('secret')}', roles: [read] } } }\n`,
  );
  const challengeOf = async (headers: Readonly<Record<string, string>>): Promise<unknown> =>
    (await request(`${gateway.service}/studies`, { headers })).headers['www-authenticate'];
  expect(await challengeOf({})).toMatch(/^Basic /);
  expect(await challengeOf({ 'x-requested-with': 'XMLHttpRequest' })).toMatch(/^X-Basic /);
});
