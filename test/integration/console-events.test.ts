import { describe, expect, test } from '@jest/globals';
import { formatAeAddress } from '../../src/core/index.js';
import { useDemoGateway } from '../helpers/demo-gateway.js';
import { AUDIENCE, SCOPE, startOidcIssuer } from '../helpers/oidc-issuer.js';
import { request } from '../helpers/test-gateway.js';

const EVENTS = { accept: 'text/event-stream' };

const { pacs, start, startWith } = useDemoGateway();
/** The samples of `metric`, each with its labels, of the route of an event stream. */
const samplesOf = async (origin: string, metric: string, route: string): Promise<readonly string[]> => {
  const { body } = await request(`${origin}/metrics`);
  const lines = body.toString().split('\n');
  return lines.filter((line) => line.startsWith(`${metric}{`) && line.includes(`route="${route}"`));
};

describe('an event stream of pulls', () => {
  test('that is asked for by HEAD is told of and not begun', async () => {
    const { origin } = await start();
    const { status, headers, complete } = await request(`${origin}/console/api/pulls`, {
      method: 'HEAD',
      headers: EVENTS,
    });
    expect([status, headers['content-type'], complete]).toEqual([200, 'text/event-stream', true]);
  });

  test('ends soon after the token that it was asked for with', async () => {
    const issuer = await startOidcIssuer('console', 2);
    try {
      const { origin } = await start(
        `access: { issuers: { site: { issuer: "${issuer.url}", audience: [${AUDIENCE}], clockSkew: 0s, scopes: { ${SCOPE}: [admin] } } } }\n`,
      );
      const headers = { ...EVENTS, authorization: `Bearer ${await issuer.token()}` };
      const stream = await fetch(`${origin}/console/api/pulls`, { headers });
      expect(stream.status).toBe(200);
      // It ends as an answer does that is whole: the page asks again, and hears 401.
      await expect(stream.text()).resolves.toContain('event: pulls');
      expect((await request(`${origin}/console/api/pulls`, { headers })).status).toBe(401);
    } finally {
      await issuer.close();
    }
  }, 30_000);
});

describe('whoever leaves an event stream', () => {
  const study = (): string => pacs().sample.studyInstanceUid;
  test.each([
    { of: 'of pulls', route: '/console/api/pulls', path: () => '/console/api/pulls' },
    {
      of: 'of a preload',
      route: '/studies/:study/preload',
      path: () => `/peers/main/dicomweb/studies/${study()}/preload`,
    },
  ])('$of has broken nothing off, and says nothing of how fast the gateway is', async ({ route, path }) => {
    // It is not over before whoever watches it has left.
    const started = await startWith(
      `peers: { main: { address: "${formatAeAddress(pacs().address)}", background: { rate: 64 KiB } } }\n`,
    );
    const { origin, service } = started;
    await request(`${service}/studies/${study()}/preload`, { method: 'POST' });
    const leaving = new AbortController();
    const stream = await fetch(origin + path(), { headers: EVENTS, signal: leaving.signal });
    await stream.body?.getReader().read();
    leaving.abort();
    const line = JSON.parse(await started.logged(`"route":"${route}","status":200`)) as Record<
      string,
      unknown
    >;
    expect(line).toMatchObject({ level: 'info' });
    expect(await samplesOf(origin, 'dicomgw_http_incomplete_bodies_total', route)).toEqual([]);
    expect(await samplesOf(origin, 'dicomgw_http_errors_total', route)).toEqual([]);
    const measured = await samplesOf(origin, 'dicomgw_http_request_duration_seconds_count', route);
    expect(measured.filter((sample) => sample.includes('method="GET"'))).toEqual([]);
  });
});
