import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  basicTextSr,
  ctSlice,
  encapsulatedImage,
  privateElements,
  syntaxes,
  usCine,
  type Fixture,
} from '../helpers/fixtures.js';
import { readElements } from '../helpers/independent-reader.js';
import { dcmqrscp, gatewayBefore, orthanc, type PacsWithPort } from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { storedInstances } from '../helpers/stored-instances.js';
import {
  datasetOf,
  partsOf,
  request,
  storeBody,
  type RawResponse,
  type TestGateway,
} from '../helpers/test-gateway.js';
import type { JsonDataset } from '../helpers/dcm2json.js';

const REFERENCED_SOPS = '00081199';
const FAILED_SOPS = '00081198';
const SYNTAX_REFUSED = 0xc122;

/** SOP Instance UIDs of a sequence of the response, with their failure reasons. */
function listed(response: RawResponse, sequence: string): Map<string, number | undefined> {
  const body = JSON.parse(response.body.toString()) as JsonDataset;
  const items = (body[sequence]?.Value ?? []) as JsonDataset[];
  return new Map(
    items.map((item) => [
      String(item['00081155']?.Value?.[0]),
      item['00081197']?.Value?.[0] as number | undefined,
    ]),
  );
}

const pixelsOf = (dataset: Buffer, syntax: string): Buffer => {
  const found = readElements(dataset, syntax).find(({ path }) => path === '7FE00010');
  return Buffer.concat([found?.value ?? Buffer.alloc(0), ...(found?.fragments ?? [])]);
};

for (const kind of [orthanc, dcmqrscp]) {
  describeWithPacs(`S-01: what is stored through the gateway is in ${kind.name}`, () => {
    let peer: PacsWithPort;
    let gateway: TestGateway;

    beforeAll(async () => {
      peer = await kind.start();
      gateway = await gatewayBefore(peer, 'get');
    }, 60_000);
    afterAll(async () => {
      await gateway.close();
      await peer.pacs.stop();
    });

    const post = (path: string, contentType: string, body: Buffer): Promise<RawResponse> =>
      request(gateway.service + path, {
        method: 'POST',
        headers: { 'content-type': contentType, accept: 'application/dicom+json' },
        body,
      });
    const store = (fixtures: readonly Fixture[], path = '/studies'): Promise<RawResponse> => {
      const { contentType, body } = storeBody(fixtures.map(({ file }) => file));
      return post(path, contentType, body);
    };
    const held = async (study: number): Promise<string[]> => {
      const all = await storedInstances(peer.pacs);
      return all
        .filter(({ studyInstanceUid }) => studyInstanceUid === `2.25.4711.${study}`)
        .map(({ sopInstanceUid }) => sopInstanceUid)
        .sort();
    };

    test('S-08, S-10: several files in several syntaxes; the answer lists what the PACS holds, bit for bit', async () => {
      const fixtures = [
        ctSlice({ study: 1, instance: 1 }),
        ctSlice({ study: 1, instance: 2, transferSyntaxUid: syntaxes.implicitLittle }),
        ctSlice({ study: 1, instance: 3, transferSyntaxUid: syntaxes.explicitBig }),
        ctSlice({ study: 1, instance: 4, extra: [privateElements] }),
        usCine({ study: 1, series: 2, frames: 4 }),
        basicTextSr({ study: 1, series: 3 }),
      ];
      const response = await store(fixtures);
      expect([response.status, response.body.toString()]).toEqual([200, expect.any(String)]);
      const stored = (await storedInstances(peer.pacs)).filter(
        (one) => one.studyInstanceUid === '2.25.4711.1',
      );
      const uids = fixtures.map(({ sopInstanceUid }) => sopInstanceUid).sort();
      expect([...listed(response, REFERENCED_SOPS).keys()].sort()).toEqual(uids);
      expect(listed(response, FAILED_SOPS).size).toBe(0);
      expect(stored.map(({ sopInstanceUid }) => sopInstanceUid).sort()).toEqual(uids);
      for (const fixture of fixtures) {
        const instance = stored.find(({ sopInstanceUid }) => sopInstanceUid === fixture.sopInstanceUid);
        expect(instance?.transferSyntaxUid).toBe(fixture.transferSyntaxUid);
        const [sent, kept] = [fixture.dataset, instance?.dataset() ?? Buffer.alloc(0)].map((dataset) =>
          pixelsOf(dataset, fixture.transferSyntaxUid),
        );
        expect(kept?.equals(sent ?? Buffer.alloc(1))).toBe(true);
      }
    }, 30_000);

    test('and comes back by WADO', async () => {
      const response = await request(`${gateway.service}/studies/2.25.4711.1`, {
        headers: { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' },
      });
      expect([response.status, partsOf(response).length]).toEqual([200, 6]);
      const slice = ctSlice({ study: 1, instance: 1 });
      const part = partsOf(response).find(({ headers }) =>
        headers['content-location']?.endsWith(slice.sopInstanceUid),
      );
      expect(datasetOf(part?.body ?? Buffer.alloc(0)).equals(slice.dataset)).toBe(true);
    });

    test('S-12: a compressed file goes out as it is, or fails as C122', async () => {
      const [compressed, plain] = [encapsulatedImage({ study: 2 }), ctSlice({ study: 2, series: 2 })];
      const response = await store([compressed, plain]);
      if (kind === orthanc) {
        expect(response.status).toBe(200);
        expect(await held(2)).toEqual([compressed.sopInstanceUid, plain.sopInstanceUid].sort());
      } else {
        expect(response.status).toBe(202);
        expect([...listed(response, FAILED_SOPS)]).toEqual([[compressed.sopInstanceUid, SYNTAX_REFUSED]]);
        expect(await held(2)).toEqual([plain.sopInstanceUid]);
        const alone = await store([compressed]);
        expect(alone.status).toBe(409);
        expect([...listed(alone, FAILED_SOPS)]).toEqual([[compressed.sopInstanceUid, SYNTAX_REFUSED]]);
      }
    });

    test('S-07: an instance of another study fails, all of them are 409', async () => {
      const response = await store([ctSlice({ study: 3 })], '/studies/2.25.4711.4');
      expect(response.status).toBe(409);
      expect([...listed(response, FAILED_SOPS).keys()]).toEqual([ctSlice({ study: 3 }).sopInstanceUid]);
      const mixed = await store([ctSlice({ study: 3 }), ctSlice({ study: 4 })], '/studies/2.25.4711.4');
      expect(mixed.status).toBe(202);
      expect([await held(3), await held(4)]).toEqual([[], [ctSlice({ study: 4 }).sopInstanceUid]]);
    });

    test('S-08: of a file that is cut off nothing is stored', async () => {
      const whole = ctSlice({ study: 5, instance: 1 });
      const cut = ctSlice({ study: 5, instance: 2 }).file;
      const { contentType, body } = storeBody([whole.file, cut.subarray(0, cut.length - 40)]);
      const response = await post('/studies', contentType, body);
      expect(response.status).toBe(202);
      expect(await held(5)).toEqual([whole.sopInstanceUid]);
    });

    test('S-03: of a part whose body ends in the middle nothing is stored', async () => {
      const { contentType, body } = storeBody([ctSlice({ study: 6 }).file]);
      const response = await post('/studies', contentType, body.subarray(0, body.length - 60));
      expect(response.status).toBe(400);
      expect(await held(6)).toEqual([]);
    });

    test('S-02, S-03: what is no multipart, and no DICOM, is refused', async () => {
      expect((await post('/studies', 'text/plain', Buffer.from('x'))).status).toBe(415);
      const noBoundary = 'multipart/related; type="application/dicom"';
      expect((await post('/studies', noBoundary, Buffer.from('x'))).status).toBe(400);
      const { contentType, body } = storeBody([Buffer.from('no file')]);
      expect((await post('/studies', contentType, body)).status).toBe(409);
    });

    test('S-13: when the PACS has gone nothing is called stored', async () => {
      await peer.pacs.kill();
      const response = await store([ctSlice({ study: 7 })]);
      expect([409, 502, 503]).toContain(response.status);
      if (response.status === 409) expect(listed(response, REFERENCED_SOPS).size).toBe(0);
    });
  });
}
