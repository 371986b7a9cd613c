import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/index.js';
import { projectPath, readProject } from '../helpers/markdown.js';
import { describeWith, findProgram } from '../helpers/needs.js';
import { startNginxWith, type Nginx } from '../helpers/nginx.js';
import { request } from '../helpers/test-gateway.js';

interface Service {
  readonly image?: string;
  readonly build?: { readonly dockerfile: string };
  readonly profiles?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  readonly depends_on?: unknown;
  readonly stop_grace_period?: string;
}

const { services, volumes } = parse(readProject('docker-compose.yml'), { merge: true }) as {
  services: Readonly<Record<string, Service>>;
  volumes: Readonly<Record<string, unknown>>;
};
const all = Object.entries(services);
/** What the image says. */
const ofImage = Object.fromEntries(
  [...readProject('deploy/Dockerfile').matchAll(/^ENV (DICOMGW_\w+)=(.*)$/gm)].map(([, name, value]) => [
    name,
    value,
  ]),
) as Readonly<Record<string, string>>;

describe('the compose file', () => {
  test('starts an Orthanc with samples and the gateway alone, and the rest by profiles', () => {
    const plain = all.filter(([, { profiles }]) => profiles === undefined).map(([name]) => name);
    expect(plain).toEqual(['orthanc', 'gateway', 'samples']);
    expect(all.flatMap(([, { profiles = [] }]) => profiles)).toEqual(['viewer', 'monitoring', 'monitoring']);
  });

  test('is for this machine alone, with images of a version', () => {
    for (const [name, { ports = [], image, build }] of all) {
      for (const port of ports) expect([name, port]).toEqual([name, expect.stringMatching(/^127\.0\.0\.1:/)]);
      if (build === undefined)
        expect([name, image]).toEqual([name, expect.stringMatching(/:v?\d+\.\d+\.\d+$/)]);
    }
    const published = all.flatMap(([, { ports = [] }]) => ports.map((port) => port.split(':')[1]));
    expect(new Set(published).size).toBe(published.length);
  });

  test('names files that are there, and volumes that it has', () => {
    for (const [name, { volumes: mounted = [], build }] of all) {
      for (const [from = ''] of mounted.map((text) => text.split(':')))
        expect([name, from, from.startsWith('./') ? existsSync(projectPath(from)) : from in volumes]).toEqual(
          [name, from, true],
        );
      if (build) expect(existsSync(projectPath(build.dockerfile))).toBe(true);
    }
  });

  test('has a gateway that takes its environment, the samples from the image, and time to stop in', () => {
    const { environment = {}, stop_grace_period: grace = '' } = services['gateway'] ?? {};
    const config = loadConfig({ env: { ...ofImage, ...environment } });
    expect(config.peers['main']?.address).toMatchObject({ aeTitle: 'ORTHANC', host: 'orthanc', port: 4242 });
    expect(Number.parseInt(grace, 10) * 1000).toBeGreaterThan(3 * config.http.drainTimeout);
    const [, script = ''] = services['samples']?.entrypoint ?? [];
    expect(readProject('deploy/Dockerfile')).toContain(`COPY ${script} `);
    expect(readProject('.dockerignore')).toContain(`!${script}\n`);
  });

  test('has a Grafana that finds the dashboard and Prometheus', () => {
    const { volumes: mounted = [] } = services['grafana'] ?? {};
    const folder = 'deploy/grafana/provisioning';
    const { providers } = parse(readProject(`${folder}/dashboards/dicomweb-gateway.yml`)) as {
      providers: readonly { options: { path: string } }[];
    };
    const path = providers[0]?.options.path ?? '';
    expect(mounted.filter((text) => text.includes(`:${path}/`))).toHaveLength(1);
    const { datasources } = parse(readProject(`${folder}/datasources/prometheus.yml`)) as {
      datasources: readonly { url: string }[];
    };
    expect(datasources.map(({ url }) => url)).toEqual(['http://prometheus:9090']);
    expect(services['prometheus']?.volumes?.join()).toContain('/etc/prometheus/rules.yml');
  });
});

test('the PACS of the compose file has what the README advises for Orthanc', () => {
  const given = JSON.parse(readProject('deploy/orthanc.json')) as Record<string, unknown>;
  const [, advice = ''] = /```json\n"DicomModalities": .*\n([^`]+)```/.exec(readProject('README.md')) ?? [];
  const advised = JSON.parse(`{${advice}}`) as Record<string, unknown>;
  expect(Object.keys(advised)).toEqual(['DicomThreadsCount', 'DefaultEncoding']);
  expect(given).toMatchObject(advised);
});

describeWith('Prometheus of the compose file', { promtool: findProgram('promtool') }, () => {
  test('takes its configuration and the rules', () => {
    const args = ['check', 'config', projectPath('deploy/prometheus/prometheus.yml')];
    expect(execFileSync('promtool', args, { encoding: 'utf8', stdio: 'pipe' })).toContain('rules found');
  });
});

describeWith('the viewer of the compose file', { nginx: findProgram('nginx') }, () => {
  let nginx: Nginx;
  let gateway: http.Server;
  let root = '';

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'viewer-'));
    // The workers of an nginx that root has started are somebody else.
    chmodSync(root, 0o755);
    const config = join(root, 'the-configuration.js');
    writeFileSync(config, readProject('deploy/ohif/app-config.js'));
    writeFileSync(join(root, 'index.html'), 'the viewer');
    writeFileSync(join(root, 'app.0123456789abcdef0123.js'), 'code');
    gateway = http.createServer((incoming, response) => response.end(JSON.stringify(incoming.headers)));
    await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
    const { port: upstream } = gateway.address() as AddressInfo;
    const conf = readProject('deploy/ohif/viewer.conf')
      .replace('http://gateway:8080', `http://127.0.0.1:${upstream}`)
      .replace('/usr/share/nginx/html', root)
      .replace('/etc/ohif/app-config.js', config);
    nginx = await startNginxWith((port) => conf.replace('listen 8080', `listen 127.0.0.1:${port}`), 'http');
  });
  afterAll(async () => {
    await nginx.stop();
    gateway.close();
    rmSync(root, { recursive: true, force: true });
  });

  const get = (path: string) => request(nginx.origin + path);

  test('serves the viewer at every path, isolated as its workers need it', async () => {
    for (const path of ['/', '/viewer?StudyInstanceUIDs=1.2.3']) {
      const { body, headers } = await get(path);
      expect(body.toString()).toBe('the viewer');
      expect(headers).toMatchObject({
        'cache-control': 'no-cache',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
      });
    }
    expect((await get('/app.0123456789abcdef0123.js')).headers['cache-control']).toContain('immutable');
  });

  test('passes the gateway on below the same origin, under the name that the browser has', async () => {
    const { host } = new URL(nginx.origin);
    const headers = JSON.parse((await get('/dicomweb/studies')).body.toString()) as Record<string, string>;
    expect(headers).toMatchObject({ 'x-forwarded-host': host, 'x-forwarded-proto': 'http' });
  });

  test('has a configuration that is a script, for the gateway of the same origin', async () => {
    const { body, headers } = await get('/app-config.js');
    expect(headers['content-type']).toContain('javascript');
    const window: { config?: { dataSources: readonly { configuration: Record<string, unknown> }[] } } = {};
    // The file is the project's own.
    // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- a browser runs this file of ours as a script too
    new Function('window', body.toString())(window);
    expect(window.config?.dataSources[0]?.configuration).toMatchObject({
      qidoRoot: '/dicomweb',
      wadoRoot: '/dicomweb',
    });
  });
});
