import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readElements, readFrames, textOf } from '../helpers/independent-reader.js';
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
} from '../helpers/pacs-suite.js';
import { see } from '../helpers/pictures.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { deliverable, storedInstances, type StoredInstance } from '../helpers/stored-instances.js';
import { partsOf, request, type RawResponse, type TestGateway } from '../helpers/test-gateway.js';

/** VRs that the independent reader needs of an implicit file to know frames. */
const implicitVr = (path: string): string | undefined =>
  path.startsWith('0028') ? 'US' : path === '7FE00010' ? 'OW' : undefined;

const PIXELS: readonly string[] = ['7FE00010', '7FE00008', '7FE00009'];

interface Image {
  readonly stored: StoredInstance;
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  /** Pixels that are not square are made so. */
  readonly isSquare: boolean;
}

const isVideo = ({ transferSyntaxUid }: StoredInstance): boolean =>
  transferSyntaxUid.startsWith('1.2.840.10008.1.2.4.10');

/** Undefined for what holds no pixels. */
function imageOf(stored: StoredInstance): Image | undefined {
  const elements = readElements(stored.dataset(), stored.transferSyntaxUid, implicitVr);
  if (!elements.some(({ path }) => PIXELS.includes(path))) return undefined;
  const number = (path: string): number =>
    elements.find((element) => element.path === path)?.value.readUInt16LE() ?? 0;
  const swapped = stored.transferSyntaxUid === '1.2.840.10008.1.2.2';
  const [rows = 0, columns = 0] = ['00280010', '00280011'].map((path) => {
    const value = number(path);
    return swapped ? ((value & 0xff) << 8) | (value >> 8) : value;
  });
  const frames = readFrames(stored.dataset(), stored.transferSyntaxUid, {
    vrOf: implicitVr,
    video: isVideo(stored),
  }).length;
  const [vertical, horizontal] = (textOf(elements, '00280034') ?? '1\\1').split('\\').map(Number);
  return { stored, rows, columns, frames, isSquare: vertical === horizontal };
}

const urlOf = (
  gateway: TestGateway,
  { studyInstanceUid, seriesInstanceUid, sopInstanceUid }: StoredInstance,
): string =>
  `${gateway.service}/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;

const ask = (url: string, accept = '*/*'): Promise<RawResponse> => request(url, { headers: { accept } });

/** What no decoder is there for, or what is broken on purpose: a clear refusal is all that can be had. */
const REFUSALS: readonly number[] = [406, 502];

/** What is wrong with the pictures of one instance; `refused` hears of those that there are none of. */
async function checkImage(
  gateway: TestGateway,
  { stored, rows, columns, frames, isSquare }: Image,
  refused: (text: string) => void,
): Promise<readonly string[]> {
  const where = `${stored.sopInstanceUid} (${stored.transferSyntaxUid}, ${frames} frames, ${columns}x${rows})`;
  const url = urlOf(gateway, stored);
  const answer = await ask(`${url}/frames/1/rendered`);
  if (isVideo(stored)) {
    const isRight = answer.status === 200 && answer.headers['content-type']?.startsWith('video/') === true;
    return isRight ? [] : [`${where}: a video is ${answer.status}`];
  }
  const thumbnail = await ask(`${url}/thumbnail`);
  for (const [what, { status, body }] of [['picture', answer] as const, ['thumbnail', thumbnail] as const]) {
    const text = `${where}: ${what} ${status} ${body.toString().slice(0, 300)}`;
    if (REFUSALS.includes(status)) refused(text);
    else if (status !== 200) return [text];
  }
  if (answer.status !== 200 || thumbnail.status !== 200) return [];
  const problems: string[] = [];
  const picture = await see(answer.body);
  if (picture.format !== 'jpeg') problems.push(`${where}: is a ${picture.format}`);
  if (isSquare && (picture.width !== columns || picture.height !== rows))
    problems.push(`${where}: is ${picture.width}x${picture.height}`);
  const small = await see(thumbnail.body);
  if (small.width > 256 || small.height > 256)
    problems.push(`${where}: thumbnail ${small.width}x${small.height}`);
  return problems;
}

for (const kind of [orthanc, dcmqrscpJpegLs]) {
  describeWithPacs(`pictures of what ${kind.name} holds`, () => {
    let peer: PacsWithPort;
    let gateway: TestGateway;
    let instances: readonly StoredInstance[];
    let images: readonly Image[];

    beforeAll(async () => {
      peer = await kind.start();
      await loadFixtures(peer.pacs, everyKind());
      await peer.pacs.load(sampleFiles());
      instances = (await deliverable(peer.pacs, await storedInstances(peer.pacs))).instances.filter(
        ({ transferSyntaxUid }) => canDeliver(kind, 'get', transferSyntaxUid),
      );
      // Of a long series the first: the others are alike.
      const series = groupBy(instances, ({ seriesInstanceUid }) => seriesInstanceUid);
      images = [...series.values()].flatMap((alike) =>
        alike.slice(0, 3).flatMap((stored) => imageOf(stored) ?? []),
      );
      gateway = await gatewayBefore(peer, 'get');
    }, 240_000);
    afterAll(async () => {
      await gateway.close();
      await peer.pacs.stop();
    });

    test('W-06, W-07: every image is a picture of its size, and has a thumbnail', async () => {
      const problems: string[] = [];
      const refused: string[] = [];
      await inParallel(images, 3, async (image) => {
        problems.push(...(await checkImage(gateway, image, (text) => refused.push(text))));
      });
      expect(problems).toEqual([]);
      expect(images.length).toBeGreaterThan(5);
      // Most of what is refused is broken on purpose.
      expect(refused.length).toBeLessThan(images.length / 5);
    }, 300_000);

    test('W-11: what holds no pixels has neither', async () => {
      const others = instances.filter((stored) => imageOf(stored) === undefined).slice(0, 20);
      expect(others.length).toBeGreaterThan(0);
      for (const stored of others) {
        const [rendered, thumbnail] = await Promise.all([
          ask(`${urlOf(gateway, stored)}/rendered`, 'image/jpeg'),
          ask(`${urlOf(gateway, stored)}/thumbnail`),
        ]);
        // Of a presentation state the images are not there.
        const isState = stored.sopClassUid.startsWith('1.2.840.10008.5.1.4.1.1.11.');
        expect([stored.sopClassUid, isState ? [404] : [406, 501]]).toEqual([
          stored.sopClassUid,
          expect.arrayContaining([rendered.status]),
        ]);
        expect([stored.sopClassUid, thumbnail.status]).toEqual([stored.sopClassUid, 404]);
      }
    }, 60_000);

    describe('a series', () => {
      test('W-58: has a picture for each frame', async () => {
        const series = groupBy(
          images.filter(({ stored }) => !isVideo(stored)),
          ({ stored }) => `${stored.studyInstanceUid}/series/${stored.seriesInstanceUid}`,
        );
        const whole = [...series].filter(([path, some]) => {
          const all = instances.filter((one) => path.endsWith(one.seriesInstanceUid));
          return all.length === some.length && some.every(({ frames }) => frames < 30);
        });
        let compared = 0;
        await inParallel(whole.slice(0, 40), 2, async ([path, some]) => {
          const answer = await ask(`${gateway.service}/studies/${path}/rendered`);
          // What cannot be rendered is told of single images above.
          if (answer.status !== 200 || !answer.complete) return;
          const frames = some.reduce((sum, image) => sum + image.frames, 0);
          expect([path, partsOf(answer).length]).toEqual([path, frames]);
          compared += 1;
        });
        expect(compared).toBeGreaterThan(3);
      }, 120_000);
    });
  });
}
