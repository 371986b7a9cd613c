import { randomUUID } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeCertificate, type Certificate } from '../helpers/certificate.js';
import { ctSlice } from '../helpers/fixtures.js';
import { getHttp1, getHttp2, type Get } from '../helpers/https-clients.js';
import { listing, selected } from '../helpers/listing.js';
import { readProject } from '../helpers/markdown.js';
import { describeWith, findProgram } from '../helpers/needs.js';
import { startNginxWith, type Nginx } from '../helpers/nginx.js';
import { PATIENCE_MS } from '../helpers/patience.js';
import { drop, final, makeInstance, startRoguePeer, store, type RoguePeer } from '../helpers/rogue-peer.js';
import { partsOf, peerYaml, startTestGateway, storeBody, type TestGateway } from '../helpers/test-gateway.js';

const STUDIES = Array.from({ length: 40 }, (_, index) => `2.25.80.${index}`);
/** The PACS delivers its first instance, and never the second. */
const BROKEN = '2.25.81.1';
const PIXEL_BYTES = 120_000;
const FILES = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };

const instances = [...STUDIES, BROKEN, BROKEN].map((studyInstanceUid) =>
  makeInstance({ studyInstanceUid, seriesInstanceUid: `${studyInstanceUid}.1`, pixelBytes: PIXEL_BYTES }),
);
const lost = instances.at(-1);

/** The file of the project, with the places of this test in place of those of the example. */
function exampleBlock(port: number, [one, other]: readonly string[], certificate: Certificate): string {
  const changes: readonly (readonly [string, string])[] = [
    ['192.0.2.31:8080', one ?? ''],
    ['192.0.2.32:8080', other ?? ''],
    ['listen 443 ssl http2', `listen 127.0.0.1:${port} ssl http2`],
    ['/etc/nginx/pacs.example.crt', certificate.certPath],
    ['/etc/nginx/pacs.example.key', certificate.keyPath],
  ];
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the example has no ${from}`);
    return text.replace(from, to);
  }, readProject('deploy/nginx/dicomweb-gateway.conf'));
}

const needs = { nginx: findProgram('nginx'), openssl: findProgram('openssl') };
describeWith('two gateways behind the nginx of the example', needs, () => {
  let peer: RoguePeer;
  let gateways: TestGateway[] = [];
  let nginx: Nginx;
  let certificate: Certificate;
  let service = '';

  beforeAll(async () => {
    peer = await startRoguePeer({
      onFind: listing(instances),
      onGet: (_request, identifier) => {
        const wanted = selected(instances, identifier);
        const held = wanted.filter((one) => one !== lost).map((one) => store(one));
        return held.length < wanted.length ? [...held, drop()] : [...held, final()];
      },
    });
    const yaml = `http: { trustProxy: loopback }\n${peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`)}`;
    gateways = [await startTestGateway(yaml), await startTestGateway(yaml)];
    certificate = makeCertificate();
    const places = gateways.map(({ origin }) => new URL(origin).host);
    nginx = await startNginxWith((port) => exampleBlock(port, places, certificate), 'https');
    service = `${nginx.origin}/dicomweb`;
  });

  afterAll(async () => {
    await nginx.stop();
    certificate.remove();
    for (const gateway of gateways) await gateway.close();
    await peer.close();
  });

  /** Which gateway answered the request that `get` makes of `path`. */
  async function answeredBy(get: Get, path: string, headers = {}): Promise<number> {
    const { headers: received, status, complete } = await get(service + path, headers);
    expect([path, status, complete]).toEqual([path, 200, true]);
    const id = String(received['x-request-id']);
    return Promise.any(gateways.map(async (gateway, index) => (await gateway.logged(id), index)));
  }

  describe.each([
    ['HTTP/1.1', getHttp1],
    ['HTTP/2', getHttp2],
  ] as const)('over %s', (_, getWith) => {
    test(
      'all of a study comes from the same gateway, and each gateway has its share of them',
      async () => {
        const get = getWith(certificate.pem);
        const seen = new Set<number>();
        for (const study of STUDIES.slice(0, 12)) {
          const series = `/studies/${study}/series/${study}.1`;
          const paths = [`/studies/${study}`, `${series}/metadata`, `/studies/${study}/series`];
          const by = [];
          for (const path of paths) by.push(await answeredBy(get, path));
          expect(new Set(by).size).toBe(1);
          seen.add(by[0] ?? -1);
        }
        expect([...seen].sort()).toEqual([0, 1]);
      },
      2 * PATIENCE_MS,
    );

    test('a body that breaks off is seen to be broken', async () => {
      const { status, body, complete } = await getWith(certificate.pem)(
        `${service}/studies/${BROKEN}`,
        FILES,
      );
      expect([status, complete]).toEqual([200, false]);
      expect(body.length).toBeGreaterThan(PIXEL_BYTES);
      expect(body.subarray(-4).toString()).not.toBe('--\r\n');
    });

    test('a study comes whole', async () => {
      const { headers, body, complete } = await getWith(certificate.pem)(
        `${service}/studies/${STUDIES[0] ?? ''}`,
        FILES,
      );
      expect(complete).toBe(true);
      expect(partsOf({ headers: headers as Record<string, string>, body })).toHaveLength(1);
    });
  });

  test('WADO-URI of a study goes where its other requests go', async () => {
    const get = getHttp1(certificate.pem);
    for (const one of instances.slice(0, 8)) {
      const { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid: instance } = one;
      const query = `requestType=WADO&studyUID=${study}&seriesUID=${series}&objectUID=${instance}`;
      const by = await answeredBy(get, `/wado?${query}&contentType=application%2Fdicom`);
      expect(by).toBe(await answeredBy(get, `/studies/${study}`));
    }
  });

  test('URLs in answers are those of the proxy', async () => {
    const { body } = await getHttp1(certificate.pem)(
      `${service}/studies?StudyInstanceUID=${STUDIES[0] ?? ''}`,
    );
    expect(body.toString()).toContain(`${service}/studies/${STUDIES[0] ?? ''}`);
  });

  test('a store reaches the PACS while the client is still sending', async () => {
    const files = [1, 2].map((instance) => ctSlice({ study: 70, instance, rows: 128, columns: 128 }).file);
    const { contentType, body } = storeBody(files);
    const boundary = body.indexOf('\r\n--', (files[0]?.length ?? 0) + 50) + 20;
    const answer = new Promise<number>((resolve, reject) => {
      const outgoing = httpsRequest(
        `${service}/studies`,
        { method: 'POST', ca: certificate.pem, headers: { 'content-type': contentType } },
        (response) => {
          response.resume().on('end', () => {
            resolve(response.statusCode ?? 0);
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.write(body.subarray(0, boundary + 1000));
      void peer.waitFor('C-STORE-RQ').then(() => outgoing.end(body.subarray(boundary + 1000)));
    });
    expect(await answer).toBe(200);
  });

  test(
    'when a gateway is gone the other one answers for its studies, and for those it had itself',
    async () => {
      await gateways[0]?.close();
      for (const study of STUDIES.slice(12)) {
        const path = `/studies/${study}/series?fresh=${randomUUID()}`;
        expect(await answeredBy(getHttp2(certificate.pem), path)).toBe(1);
      }
    },
    2 * PATIENCE_MS,
  );
});
