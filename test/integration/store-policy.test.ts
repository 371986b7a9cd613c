import { afterEach, describe, expect, test } from '@jest/globals';
import { basicTextSr, ctSlice, usCine } from '../helpers/fixtures.js';
import { startRoguePeer, type RoguePeer } from '../helpers/rogue-peer.js';
import { answerOf, postFiles } from '../helpers/store-answer.js';
import { peerYaml, request, startTestGateway, storeBody, type TestGateway } from '../helpers/test-gateway.js';

let peer: RoguePeer | undefined;
let gateway: TestGateway | undefined;

afterEach(async () => {
  await gateway?.close();
  await peer?.close();
  gateway = peer = undefined;
});

/** `extra` are further lines, those of the peer indented by four. */
async function start(extra: string): Promise<TestGateway> {
  peer = await startRoguePeer({});
  return (gateway = await startTestGateway(
    peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, extra),
  ));
}

const slice = ctSlice({ rows: 4, columns: 4 });
const stored = (): number => peer?.messages('C-STORE-RQ').length ?? 0;
const codeOf = ({ body }: { body: Buffer }): unknown =>
  (JSON.parse(body.toString()) as { code: unknown }).code;

describe('read only', () => {
  test.each([
    ['the gateway', 'store: { enabled: false }'],
    ['the peer', '    readOnly: true'],
  ])(
    'S-01, H-13: %s takes nothing: 405 with what else there is, and OPTIONS and PUT say the same',
    async (_what, yaml) => {
      const { service, origin } = await start(yaml);
      for (const url of [
        `${service}/studies`,
        `${service}/studies/1.2`,
        `${origin}/peers/main/dicomweb/studies`,
      ]) {
        const posted = await postFiles(url, [slice.file]);
        expect([posted.status, posted.headers.allow, codeOf(posted)]).toEqual([
          405,
          'GET, HEAD',
          'method-not-allowed',
        ]);
        for (const method of ['OPTIONS', 'PUT'])
          expect((await request(url, { method })).headers.allow).toBe('GET, HEAD');
      }
      expect(peer?.record.of('associate-rq')).toHaveLength(0);
      // What fills or empties the cache is no store.
      const preload = await request(`${service}/studies/1.2/preload`, { method: 'PUT' });
      expect(preload.headers.allow).toContain('POST');
    },
  );

  test('S-01: one peer alone is, the other takes what comes', async () => {
    peer = await startRoguePeer({});
    const address = `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`;
    gateway = await startTestGateway(
      [
        'peers:',
        `  archive: { address: "${address}", readOnly: true }`,
        `  main: { address: "${address}" }`,
        'defaultPeer: archive',
      ].join('\n'),
    );
    const at = (name: string): string => `${gateway?.origin ?? ''}/peers/${name}/dicomweb/studies`;
    expect((await postFiles(at('archive'), [slice.file])).status).toBe(405);
    expect((await request(at('main'), { method: 'OPTIONS' })).headers.allow).toBe('GET, HEAD, POST');
    expect((await postFiles(at('main'), [slice.file])).status).toBe(200);
    expect((await postFiles(at('nobody'), [slice.file])).status).toBe(404);
  });
});

describe('who may store', () => {
  test.each([
    ['10.0.0.0/8', 403],
    ['127.0.0.0/8', 200],
    ['"::1", 127.0.0.1', 200],
  ])('of clients in %s a client on loopback is answered %i', async (networks, status) => {
    const { service } = await start(`store: { clients: [${networks}] }`);
    const response = await postFiles(`${service}/studies`, [slice.file]);
    expect(response.status).toBe(status);
    if (status === 403) expect(codeOf(response)).toBe('forbidden');
    expect(stored()).toBe(status === 200 ? 1 : 0);
  });

  test('the address is the one that the proxy in front tells, if that is believed', async () => {
    const through = async (trust: string): Promise<number> => {
      const { service } = await start(`http: { trustProxy: ${trust} }\nstore: { clients: [192.0.2.0/24] }`);
      const { contentType, body } = storeBody([slice.file]);
      const headers = { 'content-type': contentType, 'x-forwarded-for': '192.0.2.7' };
      const { status } = await request(`${service}/studies`, { method: 'POST', headers, body });
      return status;
    };
    expect(await through('[127.0.0.1]')).toBe(200);
    await gateway?.close();
    await peer?.close();
    expect(await through('false')).toBe(403);
  });
});

describe('what may be stored', () => {
  const report = basicTextSr({ instance: 2 });
  const cine = usCine({ instance: 3 });

  test.each<readonly [string, string, readonly string[]]>([
    ['allowed classes alone', `allow: [${slice.sopClassUid}]`, [report.sopInstanceUid, cine.sopInstanceUid]],
    [
      'all that begin so',
      'allow: [1.2.840.10008.5.1.4.1.1.88.*]',
      [slice.sopInstanceUid, cine.sopInstanceUid],
    ],
    ['all but those denied', `deny: [${cine.sopClassUid}]`, [cine.sopInstanceUid]],
    ['no class that is both', `allow: ["1.2.*"], deny: [${slice.sopClassUid}]`, [slice.sopInstanceUid]],
  ])('S-12: %s; the others fail as 0122 and are not sent', async (_what, sopClasses, refused) => {
    const { service } = await start(`store: { sopClasses: { ${sopClasses} } }`);
    const response = await postFiles(`${service}/studies`, [slice.file, report.file, cine.file]);
    expect(response.status).toBe(202);
    expect(answerOf(response).failed).toEqual(Object.fromEntries(refused.map((uid) => [uid, 0x0122])));
    expect(stored()).toBe(3 - refused.length);
  });

  test('S-08: nothing of it: 409, and no association is opened', async () => {
    const { service } = await start('store: { sopClasses: { deny: ["1.*"] } }');
    expect((await postFiles(`${service}/studies`, [slice.file])).status).toBe(409);
    expect(peer?.record.of('associate-rq')).toHaveLength(0);
  });

  test('S-08: a request beyond its limit is 413, whether it says so or not', async () => {
    const { service } = await start('store: { maxRequestBytes: 1 KiB }');
    const { contentType, body } = storeBody([ctSlice({ rows: 32, columns: 32 }).file]);
    for (const more of [{}, { 'transfer-encoding': 'chunked' }]) {
      const headers = { 'content-type': contentType, ...more };
      const response = await request(`${service}/studies`, { method: 'POST', headers, body });
      expect([response.status, codeOf(response)]).toEqual([413, 'payload-too-large']);
    }
    expect(stored()).toBe(0);
  });
});
