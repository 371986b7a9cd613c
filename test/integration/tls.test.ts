import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { connect, TLSSocket, type ConnectionOptions } from 'node:tls';
import { loadConfig } from '../../src/config/index.js';
import { listen } from '../../src/http/index.js';
import { requestPurge } from '../../src/purge-command.js';
import { systemClock } from '../../src/core/index.js';
import { Certificates } from '../../src/tls/index.js';
import { Authority, replacePair, withoutOpenssl, type Pair } from '../helpers/authority.js';
import { peerYaml, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

const suite = withoutOpenssl() ? describe.skip : describe;

let authority: Authority;
let stranger: Authority;
let gateway: TestGateway | undefined;

beforeAll(() => {
  if (suite === describe.skip) return;
  authority = new Authority();
  stranger = new Authority('Somebody Else');
});
afterAll(() => {
  if (suite === describe.skip) return;
  authority.close();
  stranger.close();
});
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

const PEER = peerYaml('NOBODY@127.0.0.1:1');
const tlsYaml = ({ certFile, keyFile }: Pair, more = ''): string =>
  `http: { tls: { cert: '${certFile}', key: '${keyFile}'${more} } }\n`;

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Of the server. */
  readonly subject: string | undefined;
  /** It came by a connection that stood already. */
  readonly isKept: boolean;
}

function get(url: string, options: https.RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = https.get(url, { ca: authority.ca, agent: false, ...options }, (response) => {
      const { socket, statusCode: status = 0, headers } = response;
      const subject = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.subject : undefined;
      response.resume().on('end', () => {
        resolve({ status, headers, subject, isKept: asked.reusedSocket });
      });
    });
    asked.on('error', reject);
  });
}

const failure = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error),
  );

async function expiry(): Promise<number> {
  const { body = '' } = (await gateway?.telemetry.metrics()) ?? {};
  return Number(/dicomgw_certificate_expiry_timestamp_seconds\{listener="http"\} (\S+)/.exec(body)?.[1]);
}

suite('TLS of the listener (R-01, R-02)', () => {
  test('serves what it serves, says so in its URLs, and wants browsers to come by it alone', async () => {
    const pair = authority.issue('/CN=gateway');
    gateway = await startTestGateway(PEER + tlsYaml(pair));
    expect(gateway.origin).toMatch(/^https:/);
    const { status, headers } = await get(`${gateway.origin}/healthz`);
    expect(status).toBe(200);
    expect(headers['strict-transport-security']).toMatch(/^max-age=\d+$/);
    expect(await failure(get(`${gateway.origin}/healthz`, { ca: stranger.ca }))).not.toBe('none');
    const days = ((await expiry()) - Date.now() / 1000) / 86_400;
    expect(days).toBeGreaterThan(0.9);
    expect(days).toBeLessThan(1.1);
  });

  test('speaks no old version and no suite without forward secrecy', async () => {
    gateway = await startTestGateway(PEER + tlsYaml(authority.issue('/CN=gateway'), ', minVersion: TLSv1.2'));
    const { port } = new URL(gateway.origin);
    const handshake = async (options: ConnectionOptions): Promise<string> => {
      const socket = connect({ port: Number(port), host: '127.0.0.1', ca: authority.ca, ...options });
      const result = await failure(once(socket, 'secureConnect'));
      socket.destroy();
      return result;
    };
    expect(await handshake({ maxVersion: 'TLSv1.2' })).toBe('none');
    expect(
      await handshake({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ).not.toBe('none');
    expect(await handshake({ maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' })).not.toBe('none');
  });

  test('a client shows who it is once: another handshake on the same connection is refused (RFC 9325 3.5)', async () => {
    gateway = await startTestGateway(PEER + tlsYaml(authority.issue('/CN=gateway'), ', minVersion: TLSv1.2'));
    const { port } = new URL(gateway.origin);
    const socket = connect({
      port: Number(port),
      host: '127.0.0.1',
      ca: authority.ca,
      maxVersion: 'TLSv1.2',
    });
    await once(socket, 'secureConnect');
    const outcome = await new Promise<string>((resolve) => {
      socket.on('error', () => {
        resolve('refused');
      });
      socket.on('close', () => {
        resolve('refused');
      });
      socket.renegotiate({}, (error) => {
        resolve(error ? 'refused' : 'taken');
      });
    });
    socket.destroy();
    expect(outcome).toBe('refused');
    expect((await get(`${gateway.origin}/healthz`)).status).toBe(200);
  });

  test('what is no TLS is closed, and the next is served', async () => {
    gateway = await startTestGateway(PEER + tlsYaml(authority.issue('/CN=gateway')));
    const { port } = new URL(gateway.origin);
    for (let count = 0; count < 20; count += 1)
      expect(
        await failure(once(http.get({ port: Number(port), host: '127.0.0.1', agent: false }), 'response')),
      ).not.toBe('none');
    expect((await get(`${gateway.origin}/healthz`)).status).toBe(200);
  });

  test('files that do not fit stop the start, with their names', async () => {
    const [one, other] = [authority.issue('/CN=one'), authority.issue('/CN=other')];
    await expect(startTestGateway(PEER + tlsYaml({ ...one, keyFile: other.keyFile }))).rejects.toThrow(
      /http\.tls\.key is not the key of the first certificate/,
    );
  });

  test('a body that breaks off is seen to be broken', async () => {
    const { certFile: cert, keyFile: key } = authority.issue('/CN=gateway');
    const observe = (): void => undefined;
    const watching = new Certificates({ observe, clock: systemClock, intervalMs: 0 });
    const files = { cert, key };
    const tls = {
      certificates: await watching.watch({ listener: 'http', what: 'http.tls', files }),
      settings: { profile: 'bcp195', minVersion: 'TLSv1.2' },
      clientAuth: 'none',
    } as const;
    const options = { host: '127.0.0.1', port: 0, headersTimeoutMs: 60_000, keepAliveTimeoutMs: 60_000 };
    const server = await listen(
      (_request, response) => {
        response.write('some of it');
      },
      { ...options, maxHeaderBytes: 16_384, maxConnections: 10, tls },
    );
    const socket = connect({ port: server.port, host: '127.0.0.1', ca: authority.ca });
    socket.write('GET / HTTP/1.0\r\n\r\n');
    await once(socket, 'data');
    const ended = failure(once(socket, 'end'));
    await server.close(0, {
      ...systemClock,
      after: (_ms, callback) => (setImmediate(callback), () => undefined),
    });
    expect(await ended).toBe('ECONNRESET');
  });
});

suite('a certificate that is renewed', () => {
  test('is taken without a restart; connections that stand go on', async () => {
    const pair = authority.issue('/CN=first');
    gateway = await startTestGateway(`${PEER}${tlsYaml(pair)}certificates: { reloadInterval: 100ms }\n`);
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    expect((await get(`${gateway.origin}/healthz`, { agent })).subject).toBe('CN=first');
    replacePair(pair, authority.issue('/CN=second', { days: 30 }));
    await gateway.logged('certificate renewed');
    expect((await get(`${gateway.origin}/healthz`)).subject).toBe('CN=second');
    expect(await get(`${gateway.origin}/healthz`, { agent })).toMatchObject({ status: 200, isKept: true });
    expect(((await expiry()) - Date.now() / 1000) / 86_400).toBeGreaterThan(29);
    agent.destroy();
  });

  test('that is broken leaves the old one in its place, and says so once', async () => {
    const pair = authority.issue('/CN=first');
    gateway = await startTestGateway(PEER + tlsYaml(pair));
    const { running, logLines } = gateway;
    writeFileSync(pair.certFile, 'nonsense');
    await running.reloadCertificates();
    await running.reloadCertificates();
    expect(logLines.filter((line) => line.includes('renewed certificate refused'))).toHaveLength(1);
    expect((await get(`${gateway.origin}/healthz`)).subject).toBe('CN=first');
    // The certificate comes before its key.
    const renewed = authority.issue('/CN=second');
    writeFileSync(pair.certFile, renewed.cert);
    await running.reloadCertificates();
    expect((await get(`${gateway.origin}/healthz`)).subject).toBe('CN=first');
    writeFileSync(pair.keyFile, renewed.key);
    await running.reloadCertificates();
    expect((await get(`${gateway.origin}/healthz`)).subject).toBe('CN=second');
  });
});

suite('client certificates', () => {
  const access = `access:
  certificates:
    viewer: { subject: 'CN=viewer,O=Hospital', roles: [search] }
  tokens: { other: { token: a-token-that-is-long-enough, roles: [metrics] } }
`;
  const search = (identity: Partial<Pair> = {}): Promise<Answer> => {
    const { cert, key } = identity;
    return get(`${gateway?.service ?? ''}/studies?limit=1`, { ...(cert && { cert }), ...(key && { key }) });
  };

  test('say who asks, where their chain is trusted', async () => {
    const more = `, ca: '${authority.caFile}', clientAuth: optional`;
    gateway = await startTestGateway(PEER + tlsYaml(authority.issue('/CN=gateway'), more) + access);
    expect((await search(authority.issue('/O=Hospital/CN=viewer'))).status).toBe(503);
    expect((await search(authority.issue('/O=Hospital/CN=viewer/OU=More'))).status).toBe(401);
    expect((await search()).status).toBe(401);
    // The same name, of an authority that is not trusted.
    expect((await search(stranger.issue('/O=Hospital/CN=viewer'))).status).toBe(401);
    const { cert, key } = authority.issue('/O=Hospital/CN=viewer');
    expect((await get(`${gateway.origin}/metrics`, { cert, key })).status).toBe(403);
  });

  test('that are required end connections without a good one', async () => {
    const more = `, ca: '${authority.caFile}', clientAuth: required`;
    gateway = await startTestGateway(PEER + tlsYaml(authority.issue('/CN=gateway'), more) + access);
    expect(await failure(search())).not.toBe('none');
    expect(await failure(search(stranger.issue('/O=Hospital/CN=viewer')))).not.toBe('none');
    expect((await search(authority.issue('/O=Hospital/CN=viewer'))).status).toBe(503);
  });

  test('are shown by the command that purges', async () => {
    const tls = tlsYaml(authority.issue('/CN=gateway'), `, ca: '${authority.caFile}', clientAuth: required`);
    const users = `access: { certificates: { operator: { subject: 'CN=operator', roles: [admin] } } }\n`;
    gateway = await startTestGateway(PEER + tls + users);
    const { port } = new URL(gateway.origin);
    const file = `${PEER}${tls.replace('{', `{ listen: '127.0.0.1:${port}',`)}${users}`;
    const config = loadConfig({ file, env: {} });
    const purge = async ({ certFile, keyFile }: Partial<Pair>): Promise<string> =>
      requestPurge(config, { all: true, certFile, keyFile });
    const operator = authority.issue('/CN=operator');
    expect(await purge(operator)).toBe('0 instances dropped from the cache');
    await expect(purge({})).rejects.toThrow('--cert and --key');
    await expect(purge({ certFile: operator.certFile })).rejects.toThrow('belong together');
    await expect(purge({ ...operator, keyFile: '/nowhere/tls.key' })).rejects.toThrow('cannot be read');
    await expect(purge({ ...operator, keyFile: operator.certFile })).rejects.toThrow(
      'no certificate with its key',
    );
    await expect(purge(authority.issue('/CN=somebody'))).rejects.toThrow('--cert');
  });
});
