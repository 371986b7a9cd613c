import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { syntaxes } from '../helpers/fixtures.js';
import { readElements, readFrames } from '../helpers/independent-reader.js';
import {
  canDeliver,
  dcmqrscpJpegLs,
  everyKind,
  gatewayBefore,
  groupBy,
  inParallel,
  loadFixtures,
  orthanc,
  sampleFiles,
  type PacsWithPort,
  type RetrieveMethod,
} from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { deliverable, storedInstances, type StoredInstance } from '../helpers/stored-instances.js';
import { partsOf, request, type RawResponse, type TestGateway } from '../helpers/test-gateway.js';

/** As recorded from OHIF, its microscopy extension and Python's dicomweb-client. */
const ACCEPT = {
  ohif: 'multipart/related; type=application/octet-stream; transfer-syntax=*',
  ohifMicroscopy:
    'multipart/related; type="image/jls"; transfer-syntax=1.2.840.10008.1.2.4.80, multipart/related; type="image/jls"; transfer-syntax=1.2.840.10008.1.2.4.81, multipart/related; type="image/jp2"; transfer-syntax=1.2.840.10008.1.2.4.90, multipart/related; type="image/jp2"; transfer-syntax=1.2.840.10008.1.2.4.91, multipart/related; type="image/jpx"; transfer-syntax=1.2.840.10008.1.2.4.92, multipart/related; type="image/jpx"; transfer-syntax=1.2.840.10008.1.2.4.93, multipart/related; type="application/octet-stream"; transfer-syntax=*, multipart/related; type="image/jpeg"; transfer-syntax=1.2.840.10008.1.2.4.50',
  dicomwebClient: 'multipart/related; type="application/octet-stream"; transfer-syntax=*',
  dicomwebClientAny: 'multipart/related; type="*/*"; transfer-syntax=*',
};

const UNCOMPRESSED: readonly string[] = [
  syntaxes.implicitLittle,
  syntaxes.explicitLittle,
  syntaxes.explicitBig,
  syntaxes.deflated,
];

/** VRs that the independent reader needs of an implicit file to know frames. */
const implicitVr = (path: string): string | undefined =>
  path.startsWith('0028') ? 'US' : path === '7FE00010' ? 'OW' : undefined;

const framesOf = (stored: StoredInstance): readonly Buffer[] =>
  readFrames(stored.dataset(), stored.transferSyntaxUid, {
    vrOf: implicitVr,
    video: stored.transferSyntaxUid.startsWith('1.2.840.10008.1.2.4.10'),
  });

const hasFrames = (stored: StoredInstance): boolean =>
  readElements(stored.dataset(), stored.transferSyntaxUid, implicitVr).some(({ path }) =>
    ['7FE00010', '7FE00008', '7FE00009'].includes(path),
  );

const urlOf = (
  gateway: TestGateway,
  { studyInstanceUid, seriesInstanceUid, sopInstanceUid }: StoredInstance,
): string =>
  `${gateway.service}/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;

const ask = (url: string, accept: string): Promise<RawResponse> => request(url, { headers: { accept } });

/** The first, the last and some in the middle. */
function sampleOf(count: number): number[] {
  return [...new Set([1, 2, Math.ceil(count / 2), count - 1, count])].filter(
    (frame) => frame >= 1 && frame <= count,
  );
}

/** What is wrong with the frames that a gateway gives of an instance. */
async function checkFrames(gateway: TestGateway, stored: StoredInstance): Promise<readonly string[]> {
  const frames = framesOf(stored);
  const where = `${stored.sopInstanceUid} (${stored.transferSyntaxUid}, ${frames.length} frames)`;
  const numbers = sampleOf(frames.length);
  const url = `${urlOf(gateway, stored)}/frames`;
  const list = await ask(`${url}/${numbers.sort((a, b) => a - b).join(',')}`, ACCEPT.ohif);
  if (list.status !== 200) return [`${where}: ${list.status} ${list.body.toString().slice(0, 200)}`];
  const parts = partsOf(list);
  const problems = numbers.flatMap((frame, index) => {
    const [got, expected] = [parts[index]?.body, frames[frame - 1]];
    return got && expected && got.equals(expected)
      ? []
      : [`${where}: frame ${frame} has ${got?.length ?? 'no'} bytes, not these ${expected?.length ?? 0}`];
  });
  if (parts.length !== numbers.length) problems.push(`${where}: ${parts.length} of ${numbers.length} frames`);
  const syntax = UNCOMPRESSED.includes(stored.transferSyntaxUid)
    ? syntaxes.explicitLittle
    : stored.transferSyntaxUid;
  const wrong = parts.find(({ headers }) => !headers['content-type']?.endsWith(`transfer-syntax=${syntax}`));
  if (wrong) problems.push(`${where}: a part says ${wrong.headers['content-type'] ?? 'nothing'}`);
  const beyond = await ask(`${url}/${frames.length + 1}`, ACCEPT.ohif);
  if (beyond.status !== 404) problems.push(`${where}: past the end ${beyond.status}`);
  return problems;
}

for (const kind of [orthanc, dcmqrscpJpegLs]) {
  describeWithPacs(`W-03: frames are those of the files that ${kind.name} holds`, () => {
    let peer: PacsWithPort;
    let images: readonly StoredInstance[];

    beforeAll(async () => {
      peer = await kind.start();
      await loadFixtures(peer.pacs, everyKind());
      await peer.pacs.load(sampleFiles());
      const { instances } = await deliverable(peer.pacs, await storedInstances(peer.pacs));
      // Of a long series the first: the others are alike.
      const series = groupBy(instances.filter(hasFrames), ({ seriesInstanceUid }) => seriesInstanceUid);
      images = [...series.values()].flatMap((alike) => alike.slice(0, 3));
    }, 120_000);
    afterAll(async () => {
      await peer.pacs.stop();
    });

    describe.each<RetrieveMethod>(['get', 'move'])('by C-%s', (method) => {
      let gateway: TestGateway;
      beforeAll(async () => {
        gateway = await gatewayBefore(peer, method);
      });
      afterAll(async () => {
        await gateway.close();
      });

      test('W-11, W-29: one code stream or slice a frame, 404 past the end', async () => {
        const problems: string[] = [];
        const possible = images.filter(({ transferSyntaxUid }) =>
          canDeliver(kind, method, transferSyntaxUid),
        );
        await inParallel(possible, 3, async (stored) => {
          problems.push(...(await checkFrames(gateway, stored)));
        });
        expect(problems).toEqual([]);
        expect(images.length).toBeGreaterThan(5);
      }, 120_000);
    });

    describe('as clients ask for them', () => {
      let gateway: TestGateway;
      const native = (): StoredInstance => {
        const found = images.find(
          (one) => one.transferSyntaxUid === syntaxes.explicitLittle && framesOf(one).length > 2,
        );
        if (!found) throw new Error('no native multi-frame image');
        return found;
      };
      const compressed = (): StoredInstance => {
        const found = images.find(
          (one) => one.transferSyntaxUid === syntaxes.jpegLsLossless && framesOf(one).length > 1,
        );
        if (!found) throw new Error('no compressed multi-frame image');
        return found;
      };
      beforeAll(async () => {
        gateway = await gatewayBefore(peer, 'get');
      });
      afterAll(async () => {
        await gateway.close();
      });

      test.each(Object.entries(ACCEPT))('W-10: %s', async (_client, accept) => {
        for (const stored of [native(), compressed()]) {
          const response = await ask(`${urlOf(gateway, stored)}/frames/2`, accept);
          expect([response.status, response.complete]).toEqual([200, true]);
          expect(
            partsOf(response).map(({ body }) => body.equals(framesOf(stored)[1] ?? Buffer.alloc(0))),
          ).toEqual([true]);
        }
      });

      test('a frame asked as a single part comes without a wrapping', async () => {
        const stored = native();
        const response = await ask(`${urlOf(gateway, stored)}/frames/2`, 'application/octet-stream');
        expect(response.status).toBe(200);
        expect(response.headers['content-type']).toMatch(/^application\/octet-stream/);
        expect(response.body.equals(framesOf(stored)[1] ?? Buffer.alloc(0))).toBe(true);
        const image = compressed();
        const jls = await ask(`${urlOf(gateway, image)}/frames/1`, 'image/jls');
        expect(jls.status).toBe(200);
        expect(jls.body.equals(framesOf(image)[0] ?? Buffer.alloc(0))).toBe(true);
      });

      test('W-12: several frames as a single part are 406', async () => {
        const response = await ask(`${urlOf(gateway, native())}/frames/1,2`, 'application/octet-stream');
        expect(response.status).toBe(406);
      });

      test('W-10: a frame list that is none is 400', async () => {
        for (const list of ['0', '2,1', 'x', '1,,2', '-1']) {
          const response = await ask(`${urlOf(gateway, native())}/frames/${list}`, ACCEPT.ohif);
          expect([list, response.status]).toEqual([list, 400]);
        }
      });

      test('W-05: pixeldata gives all of it', async () => {
        const stored = native();
        const response = await ask(`${urlOf(gateway, stored)}/pixeldata`, ACCEPT.dicomwebClient);
        const elements = readElements(stored.dataset(), stored.transferSyntaxUid);
        const value = elements.find(({ path }) => path === '7FE00010')?.value ?? Buffer.alloc(0);
        expect(partsOf(response).map(({ body }) => body.equals(value))).toEqual([true]); // with its padding
        const image = compressed();
        const parts = partsOf(await ask(`${urlOf(gateway, image)}/pixeldata`, ACCEPT.ohif));
        expect(
          parts.map(({ body }, index) => body.equals(framesOf(image)[index] ?? Buffer.alloc(0))),
        ).toEqual(framesOf(image).map(() => true));
      });

      test('W-01, W-05: the pixel data of a study are those of its instances, and so are its bulk data', async () => {
        const { studyInstanceUid } = native();
        const study = `${gateway.service}/studies/${studyInstanceUid}`;
        const digests = (response: RawResponse): readonly string[] => {
          expect([response.status, response.complete]).toEqual([200, true]);
          return partsOf(response)
            .map(({ headers, body }) => `${headers['content-location'] ?? ''} ${crc32(body)}`)
            .sort();
        };
        const pixels = digests(await ask(`${study}/pixeldata`, ACCEPT.ohif));
        const each: string[] = [];
        for (const one of images.filter((held) => held.studyInstanceUid === studyInstanceUid))
          each.push(...digests(await ask(`${urlOf(gateway, one)}/pixeldata`, ACCEPT.ohif)));
        expect(each.length).toBeGreaterThan(0);
        expect(pixels).toEqual(expect.arrayContaining(each));
        const bulk = digests(await ask(`${study}/bulkdata`, ACCEPT.ohif));
        expect(bulk).toEqual(expect.arrayContaining([...pixels]));
        expect(digests(await ask(study, ACCEPT.ohif))).toEqual(bulk);
      });
    });
  });
}
