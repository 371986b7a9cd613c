import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Authority, withoutOpenssl } from '../helpers/authority.js';
import { projectPath } from '../helpers/markdown.js';
import { peerYaml, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

const PEER = peerYaml('NOBODY@127.0.0.1:1');

let gateway: TestGateway | undefined;
let mute: Server | undefined;
afterEach(async () => {
  await gateway?.close();
  mute?.close();
  gateway = mute = undefined;
});

/** The exit status of the check that the image has, in the environment that the image has. */
async function statusOf(env: Readonly<Record<string, string>>): Promise<number> {
  try {
    await promisify(execFile)(process.execPath, [projectPath('deploy/healthcheck.mjs')], { env });
    return 0;
  } catch (thrown) {
    return Number((thrown as { code: unknown }).code);
  }
}
const addressOf = (origin: string): string => new URL(origin).host;

describe('the health check of the image', () => {
  test('is content with a gateway that answers', async () => {
    gateway = await startTestGateway(PEER);
    expect(await statusOf({ DICOMGW_HTTP_LISTEN: addressOf(gateway.origin) })).toBe(0);
  });

  test('is content where the file, which it does not read, gives the operator a port of his own', async () => {
    gateway = await startTestGateway(`${PEER}admin: { listen: '127.0.0.1:0' }\n`);
    expect(await statusOf({ DICOMGW_HTTP_LISTEN: addressOf(gateway.origin) })).toBe(0);
  });

  test('is not where nobody listens, nor where nobody answers', async () => {
    expect(await statusOf({ DICOMGW_HTTP_LISTEN: '127.0.0.1:1' })).toBe(1);
    mute = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    expect(await statusOf({ DICOMGW_HTTP_LISTEN: `127.0.0.1:${(mute.address() as AddressInfo).port}` })).toBe(
      1,
    );
  });
});

const suite = withoutOpenssl() ? describe.skip : describe;
suite('the health check of an image with TLS', () => {
  let authority: Authority;
  beforeAll(() => {
    authority = new Authority();
  });
  afterAll(() => {
    authority.close();
  });

  test.each(['none', 'required'])('is content, client certificates: %s', async (clientAuth) => {
    const { certFile: cert, keyFile: key } = authority.issue('/CN=gateway');
    const http = { tls: { cert, key, ca: authority.caFile, clientAuth } };
    gateway = await startTestGateway(`${PEER}http: ${JSON.stringify(http)}\n`);
    expect(await statusOf({ DICOMGW_HTTP_LISTEN: addressOf(gateway.origin) })).toBe(0);
  });
});
