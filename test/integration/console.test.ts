import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { formatAeAddress } from '../../src/core/index.js';
import { buildConsole } from '../helpers/console.js';
import { useDemoGateway } from '../helpers/demo-gateway.js';
import { freePort } from '../helpers/free-port.js';
import { listing, selected } from '../helpers/listing.js';
import { projectPath } from '../helpers/markdown.js';
import { final, makeInstance, startRoguePeer, store, type Script } from '../helpers/rogue-peer.js';
import { peerYaml, request } from '../helpers/test-gateway.js';

const json = { 'content-type': 'application/json' };
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- who asks knows what is answered
const jsonOf = <T = Record<string, unknown>>({ body }: { readonly body: Buffer }): T =>
  JSON.parse(body.toString()) as T;

const { pacs, start, startWith } = useDemoGateway();

beforeAll(buildConsole);

describe('the page at /', () => {
  test('allows nothing inline and nothing from outside, and names only what is there', async () => {
    const { origin } = await start();
    const { status, headers, body } = await request(`${origin}/`);
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    const page = body.toString();
    expect(page).not.toMatch(/<script(?![^>]*src=)|<style|style=|onload/);
    const names = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name = '']) => name);
    expect(names).toHaveLength(3);
    for (const name of names) {
      // Relative, so that it is found below any path.
      expect(name).toMatch(/^console\//);
      const asset = await request(`${origin}/${name}`);
      expect([name, asset.status, asset.headers['cache-control']]).toEqual([
        name,
        200,
        'public, max-age=31536000, immutable',
      ]);
    }
  });

  test('is asked for anew each time, and comes compressed to who takes that', async () => {
    const { origin } = await start();
    const page = await request(`${origin}/`);
    expect(page.headers['cache-control']).toBe('no-cache');
    const name = /src="([^"]+)"/.exec(page.body.toString())?.[1] ?? '';
    const plain = await request(`${origin}/${name}`);
    for (const [encoding, decode] of [
      ['br', brotliDecompressSync],
      ['gzip', gunzipSync],
    ] as const) {
      const encoded = await request(`${origin}/${name}`, { headers: { 'accept-encoding': encoding } });
      expect(encoded.headers['content-encoding']).toBe(encoding);
      expect(decode(encoded.body).equals(plain.body)).toBe(true);
    }
    const head = await request(`${origin}/${name}`, { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([
      200,
      String(plain.body.length),
      0,
    ]);
  });

  test('is less than 200 KB compressed with all that belongs to it', () => {
    const directory = mkdtempSync(join(tmpdir(), 'console-'));
    try {
      execFileSync(process.execPath, [projectPath('src/console/build.mjs'), directory]);
      const names = readdirSync(directory);
      const sizeOf = (suffix: string): number =>
        names
          .filter((name) => name.endsWith(suffix))
          .reduce((sum, name) => sum + readFileSync(join(directory, name)).length, 0);
      expect(names.filter((name) => name.endsWith('.br'))).toHaveLength(4);
      expect(sizeOf('.br')).toBeLessThan(200_000);
      expect(sizeOf('.gz')).toBeLessThan(200_000);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('tells everybody what it needs before a login, and nothing of the peers', async () => {
    const { origin } = await start(
      'console: { viewers: { OHIF: "https://v.example/?{study}" }, grafanaUrl: "https://g.example/d", oidc: { issuer: "https://id.example/realm", clientId: gw, origins: ["https://token.example"] } }\n',
    );
    const settings = jsonOf(await request(`${origin}/console/settings.json`));
    expect(settings).toEqual({
      version: expect.any(String),
      defaultPeer: 'main',
      viewers: [{ name: 'OHIF', url: 'https://v.example/?{study}' }],
      grafanaUrl: 'https://g.example/d',
      oidc: { issuer: 'https://id.example/realm', clientId: 'gw', scopes: ['openid'] },
    });
    const { headers } = await request(`${origin}/`);
    expect(headers['content-security-policy']).toContain(
      "connect-src 'self' https://id.example https://token.example;",
    );
    const names = jsonOf<Record<string, string>>(await request(`${origin}/console/dictionary.json`));
    expect(names['00100010']).toBe('PatientName');
  });

  test('can be switched off, with all that belongs to it', async () => {
    const { origin } = await start('console: { enabled: false }\n');
    for (const path of ['/', '/console/settings.json', '/console/api/peers'])
      expect([path, (await request(origin + path)).status]).toEqual([path, 404]);
    expect((await request(`${origin}/healthz`)).status).toBe(200);
  });

  test('stands where the endpoints for operators are, with the DICOMweb services that it asks', async () => {
    const { running, origin } = await start('admin: { listen: 127.0.0.1:0 }\n');
    const { adminOrigin } = running;
    expect(adminOrigin).not.toBe(origin);
    expect((await request(`${origin}/`)).status).toBe(404);
    expect((await request(`${adminOrigin}/`)).status).toBe(200);
    const studies = jsonOf<readonly unknown[]>(await request(`${adminOrigin}/peers/main/dicomweb/studies`));
    expect(studies).toHaveLength(4);
    const bare = await start('admin: { listen: 127.0.0.1:0 }\nconsole: { enabled: false }\n');
    expect((await request(`${bare.running.adminOrigin}/peers/main/dicomweb/studies`)).status).toBe(404);
  });

  test('leaves a service its path, also one that begins as its own do', async () => {
    const { origin } = await start('http: { basePath: /console }\n');
    expect(jsonOf<readonly unknown[]>(await request(`${origin}/console/studies`))).toHaveLength(4);
    expect((await request(`${origin}/console/settings.json`)).status).toBe(200);
  });
});

describe('what the console asks', () => {
  test('tells of each peer what is known, and what to tell the PACS', async () => {
    const { origin } = await start(
      `dimse: { aeTitle: GW, listen: 127.0.0.1:0, advertise: "192.0.2.7:11112" }\n`,
    );
    const { self, peers, groups } = jsonOf(await request(`${origin}/console/api/peers`));
    expect(self).toEqual({ aeTitle: 'GW', host: '192.0.2.7', port: 11112 });
    expect(groups).toEqual([]);
    expect(peers).toEqual([
      expect.objectContaining({
        name: 'main',
        address: formatAeAddress(pacs().address),
        state: 'unknown',
        limit: 4,
        configuredLimit: 4,
        breaker: 'closed',
        waiting: 0,
      }),
    ]);
  });

  test('C-ECHO says what answers', async () => {
    const { origin } = await start();
    const echo = await request(`${origin}/console/api/peers/main/echo`, {
      method: 'POST',
      headers: json,
      body: '{}',
    });
    expect(jsonOf(echo)).toMatchObject({
      step: 'C-ECHO',
      result: 'ok',
      detail: expect.stringContaining('C-FIND'),
    });
    const { peers } = jsonOf<{ peers: readonly object[] }>(await request(`${origin}/console/api/peers`));
    expect(peers).toEqual([expect.objectContaining({ state: 'up' })]);
  });

  test('C-ECHO of a peer that is not there says so in words, and what to look at', async () => {
    const gateway = await startWith(peerYaml(`GONE@127.0.0.1:${await freePort()}`));
    const url = `${gateway.origin}/console/api/peers`;
    const echo = await request(`${url}/main/echo`, { method: 'POST', headers: json, body: '{}' });
    expect(jsonOf(echo)).toMatchObject({
      result: 'failed',
      detail: expect.stringContaining('Check host and port'),
    });
    const { peers } = jsonOf<{ peers: readonly object[] }>(await request(url));
    expect(peers).toEqual([expect.objectContaining({ state: 'down', lastError: expect.any(String) })]);
  });

  test('a check tells its steps as they end, and the gateway goes by what it learnt', async () => {
    const { origin } = await start();
    const answer = await fetch(`${origin}/console/api/peers/main/check`, {
      method: 'POST',
      headers: json,
      body: '{}',
    });
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
    const lines = (await answer.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ step }) => (step as { step?: string } | undefined)?.step)).toEqual([
      'C-ECHO',
      'C-FIND',
      'C-GET',
      'C-MOVE',
      undefined,
    ]);
    expect(lines.at(-1)).toMatchObject({ report: { usable: true, retrieved: true } });
    const { peers } = jsonOf<{ peers: { facts: readonly string[] }[] }>(
      await request(`${origin}/console/api/peers`),
    );
    expect(peers[0]?.facts.length).toBeGreaterThan(0);
  });

  test.each(['echo', 'check'])(
    '%s is not done for a page of another origin, nor for a peer that there is not',
    async (what) => {
      const { origin } = await start();
      const simple = await request(`${origin}/console/api/peers/main/${what}`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: '{}',
      });
      expect(simple.status).toBe(415);
      const unknown = await request(`${origin}/console/api/peers/none/${what}`, {
        method: 'POST',
        headers: json,
        body: '{}',
      });
      expect(unknown.status).toBe(404);
    },
  );

  test('pulls: a preload and what it brought, once and as events until the client leaves', async () => {
    const { origin, service } = await start();
    const study = pacs().sample.studyInstanceUid;
    expect(jsonOf(await request(`${origin}/console/api/pulls`))).toEqual({ studies: [], preloads: [] });
    const leaving = new AbortController();
    const events = await fetch(`${origin}/console/api/pulls`, {
      headers: { accept: 'text/event-stream' },
      signal: leaving.signal,
    });
    const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toContain('data: {"studies":[],"preloads":[]}');
    await request(`${service}/studies/${study}/preload`, { method: 'POST' });
    let told = '';
    while (!told.includes('"state":"complete"')) told += (await reader?.read())?.value ?? '';
    leaving.abort();
    const { preloads } = jsonOf<{ preloads: readonly object[] }>(
      await request(`${origin}/console/api/pulls`),
    );
    expect(preloads).toEqual([
      expect.objectContaining({ peer: 'main', studyInstanceUid: study, listed: 41, complete: 41, failed: 0 }),
    ]);
  });

  test('pulls: what is on its way for a reader, with what has come of it, and nothing of it afterwards', async () => {
    const instances = [1, 2, 3].map(() => makeInstance({ pixelBytes: 100_000 }));
    const gate = { open: (): void => undefined };
    const opened = new Promise<void>((resolve) => {
      gate.open = resolve;
    });
    const onGet: Script = (_request, identifier) => [
      ...selected(instances, identifier).flatMap((one) =>
        one === instances[0] ? [store(one)] : [() => opened, store(one)],
      ),
      final(),
    ];
    const peer = await startRoguePeer({ onFind: listing(instances), onGet });
    const gateway = await startWith(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`));
    const { origin, service } = gateway;
    const pulls = async (): Promise<readonly Record<string, unknown>[]> =>
      jsonOf<{ studies: readonly Record<string, unknown>[] }>(await request(`${origin}/console/api/pulls`))
        .studies;
    try {
      const reading = request(`${service}/studies/2.25.77.1`, {
        headers: { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' },
      });
      let now: readonly Record<string, unknown>[] = [];
      while (now[0]?.['complete'] !== 1) now = await pulls();
      expect(now).toEqual([
        expect.objectContaining({
          peer: 'main',
          studyInstanceUid: '2.25.77.1',
          priority: 'interactive',
          asked: 3,
          failed: 0,
        }),
      ]);
      expect(now.every(({ bytes }) => Number(bytes) > 100_000)).toBe(true);
      gate.open();
      expect((await reading).complete).toBe(true);
      expect(await pulls()).toEqual([]);
    } finally {
      await peer.close();
    }
  });

  test('an event stream of pulls does not hold up the end of the gateway', async () => {
    const { origin, running } = await start('http: { drainTimeout: 60s }\n');
    const events = await fetch(`${origin}/console/api/pulls`, { headers: { accept: 'text/event-stream' } });
    const ended = events.text();
    await running.close();
    await expect(ended).resolves.toContain('"preloads":[]');
  });
});
