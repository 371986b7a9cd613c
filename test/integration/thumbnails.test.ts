import { afterEach, describe, expect, test } from '@jest/globals';
import { TransferSyntaxes, type FrameShape } from '../../src/dicom/index.js';
import { encodeFrame } from '../../src/transcode/encode-frame.js';
import { jpeg12, jpeg12Shape } from '../helpers/jpeg-12.js';
import { image, report, see } from '../helpers/pictures.js';
import { colour, encapsulatedPicture } from '../helpers/pixel-instances.js';
import { makeInstance, type Attributes, type RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene, type SceneOptions } from '../helpers/scene.js';
import { request, type RawResponse } from '../helpers/test-gateway.js';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

type Get = (path: string, headers?: Readonly<Record<string, string>>) => Promise<RawResponse>;

async function start(options: SceneOptions): Promise<Get> {
  scene = await startScene(options);
  return (path, headers = {}) => request(scene?.url(path) ?? '', { headers });
}

const studyOf = ({ studyInstanceUid }: RogueInstance): string => `/studies/${studyInstanceUid}`;
const seriesOf = (one: RogueInstance): string => `${studyOf(one)}/series/${one.seriesInstanceUid}`;
const pathOf = (one: RogueInstance): string => `${seriesOf(one)}/instances/${one.sopInstanceUid}`;
/** By the order in which they are given, which is not that of the list. */
const numbered =
  (all: readonly RogueInstance[]): NonNullable<SceneOptions['more']> =>
  (one, level) =>
    level === 'IMAGE' ? { InstanceNumber: String(all.indexOf(one) + 1) } : {};

describe('thumbnails', () => {
  test.each([
    [{ rows: 512, columns: 1024 }, '', 256, 128],
    [{ rows: 20, columns: 10 }, '', 10, 20],
    [{ rows: 512, columns: 1024 }, '?viewport=100,100', 100, 50],
    [{ rows: 20, columns: 10 }, '?viewport=100,100', 50, 100],
  ])('W-07, W-59: of %j with %s is %d x %d', async (size, query, width, height) => {
    const one = image(size);
    const get = await start({ instances: [one] });
    const answer = await get(`${pathOf(one)}/thumbnail${query}`);
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'image/jpeg']);
    expect(await see(answer.body)).toMatchObject({ format: 'jpeg', width, height });
  });

  test('are as small as is configured', async () => {
    const one = image({ rows: 512, columns: 512 });
    const get = await start({ instances: [one], yaml: 'rendered: { thumbnailPixels: 64 }' });
    expect(await see((await get(`${pathOf(one)}/thumbnail`)).body)).toMatchObject({ width: 64, height: 64 });
  });

  test('W-07: of a series the image in the middle, and nothing else is retrieved', async () => {
    const all = Array.from({ length: 9 }, () => image());
    const shuffled = [...all].sort((a, b) => (a.sopInstanceUid < b.sopInstanceUid ? 1 : -1));
    const [one, middle] = [all[0], all[4]] as [RogueInstance, RogueInstance];
    const get = await start({
      instances: shuffled,
      more: numbered(all),
      yaml: 'retrieve: { prefetch: series, headStart: 1ms }',
    });
    for (const path of [seriesOf(one), studyOf(one), seriesOf(one)]) {
      const answer = await get(`${path}/thumbnail`);
      expect([answer.status, answer.headers['content-location']]).toEqual([200, scene?.url(pathOf(middle))]);
    }
    expect(scene?.asked).toEqual([middle.sopInstanceUid]);
    expect(scene?.gateway.logLines.join('')).not.toContain('prefetch');
  });

  test('W-07: of a series an image, whatever else is in it', async () => {
    const picture = image();
    const all = [report(), report(), picture, report(), report()];
    const [one] = all as [RogueInstance];
    const get = await start({ instances: all, more: numbered(all) });
    expect((await get(`${seriesOf(one)}/thumbnail`)).status).toBe(200);
    expect(scene?.asked).toEqual([picture.sopInstanceUid]);
  });

  test('W-07: also where the PACS does not tell what is an image', async () => {
    const all = [image(), report(), image()];
    const [one] = all as [RogueInstance];
    const get = await start({
      instances: all,
      more: (each, level) => (level === 'IMAGE' ? { ...numbered(all)(each, level), SOPClassUID: '' } : {}),
    });
    const answer = await get(`${seriesOf(one)}/thumbnail`);
    expect([answer.status, answer.headers['content-location']]).toEqual([200, scene?.url(pathOf(one))]);
  });

  test('W-07: of a study the first series with images', async () => {
    const state = report({ seriesInstanceUid: '2.25.77.20', sopClassUid: '1.2.840.10008.5.1.4.1.1.11.1' });
    const late = image({ seriesInstanceUid: '2.25.77.21' });
    const first = image({ seriesInstanceUid: '2.25.77.22' });
    const all = [state, late, first];
    const numbers = new Map<RogueInstance, Attributes>([
      [state, { Modality: 'PR', SeriesNumber: '1' }],
      [late, { Modality: 'CT', SeriesNumber: '7' }],
      [first, { Modality: 'CT', SeriesNumber: '2' }],
    ]);
    const get = await start({
      instances: all,
      more: (one, level) => (level === 'SERIES' ? (numbers.get(one) ?? {}) : {}),
    });
    const answer = await get(`${studyOf(state)}/thumbnail`);
    expect([answer.status, answer.headers['content-location']]).toEqual([200, scene?.url(pathOf(first))]);
    expect(scene?.asked).toEqual([first.sopInstanceUid]);
  });

  const VIDEO = '1.2.840.10008.5.1.4.1.1.77.1.1.1';
  const before = (count: number, sopClassUid: string): readonly RogueInstance[] =>
    Array.from({ length: count }, (_, at) => report({ sopClassUid, seriesInstanceUid: `2.25.78.${at + 1}` }));
  /** As they are numbered, videos or what claims to be pictures come first. */
  const lastNumber = (last: RogueInstance): NonNullable<SceneOptions['more']> => {
    return (one, level) =>
      level === 'SERIES' ? { Modality: 'ES', SeriesNumber: one === last ? '99' : '1' } : {};
  };

  test.each([2, 3, 5])('W-07: of a study the stills behind %i series of videos', async (count) => {
    const still = image({ seriesInstanceUid: '2.25.78.99' });
    const get = await start({ instances: [...before(count, VIDEO), still], more: lastNumber(still) });
    const answer = await get(`${studyOf(still)}/thumbnail`);
    expect([answer.status, answer.headers['content-location']]).toEqual([200, scene?.url(pathOf(still))]);
    expect(scene?.asked).toEqual([still.sopInstanceUid]);
  });

  test.each([
    ['series whose list rules images out', 33, VIDEO, 0],
    ['series with pictures that are none', 4, '1.2.840.10008.5.1.4.1.1.2', 3],
  ])('W-07: behind many %s the search ends, which is what is said', async (_what, count, sop, retrieved) => {
    const still = image({ seriesInstanceUid: '2.25.78.99' });
    const get = await start({ instances: [...before(count, sop), still], more: lastNumber(still) });
    const answer = await get(`${studyOf(still)}/thumbnail`);
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).toContain('ended before all was looked at');
    expect(scene?.asked).toHaveLength(retrieved);
  });

  test('W-07: of a series in which pictures are none it is said where the search ended', async () => {
    const all = Array.from({ length: 4 }, () => report({ sopClassUid: '1.2.840.10008.5.1.4.1.1.2' }));
    const [one] = all as [RogueInstance];
    const get = await start({ instances: all });
    for (const path of [seriesOf(one), studyOf(one)])
      expect((await get(`${path}/thumbnail`)).body.toString()).toContain('ended before all was looked at');
    await scene?.close();
    const few = await (await start({ instances: all.slice(0, 3) }))(`${seriesOf(one)}/thumbnail`);
    expect(few.body.toString()).toContain('There is no image');
  });

  test('W-07: of several frames the one in the middle', async () => {
    const one = image({ frames: 5 });
    const get = await start({ instances: [one] });
    const location = async (path: string): Promise<unknown> => (await get(path)).headers['content-location'];
    const frame = (number: number): unknown => scene?.url(`${pathOf(one)}/frames/${number}`);
    expect(await location(`${pathOf(one)}/thumbnail`)).toBe(frame(3));
    expect(await location(`${pathOf(one)}/frames/2/thumbnail`)).toBe(frame(2));
    expect(await location(`${pathOf(one)}/frames/1,4,5/thumbnail`)).toBe(frame(4));
    expect((await get(`${pathOf(one)}/frames/6/thumbnail`)).status).toBe(404);
  });

  test('W-11: of what holds no image there is none', async () => {
    const all = [report(), report()];
    const [one] = all as [RogueInstance];
    const get = await start({ instances: all });
    for (const path of [
      pathOf(one),
      seriesOf(one),
      studyOf(one),
      '/studies/2.25.9',
      '/studies/2.25.9/series/1',
    ])
      expect([path, (await get(`${path}/thumbnail`)).status]).toEqual([path, 404]);
    // What is known to be no image is not retrieved to see whether it is one.
    expect(scene?.asked).toEqual([one.sopInstanceUid]);
  });

  test('law 1: a broken image without another is an error, not no image', async () => {
    const broken = makeInstance({ transferSyntaxUid: '1.2.840.10008.1.2.4.70', pixelBytes: 400 });
    const get = await start({ instances: [broken] });
    expect((await get(`${seriesOf(broken)}/thumbnail`)).status).toBe(502);
  });

  describe('W-07: where what is in the middle is cut', () => {
    const tile: FrameShape = { ...colour, rows: 32, columns: 32 };
    const tiles = async (count: number, ...cut: readonly number[]): Promise<RogueInstance> => {
      const { stream } = await encodeFrame(
        { samples: new Uint8Array(32 * 32 * 3).fill(99), shape: tile },
        TransferSyntaxes.JpegLosslessSv1.uid,
      );
      const whole = Buffer.from(stream);
      const half = whole.subarray(0, whole.length >> 1);
      const frames = Array.from({ length: count }, (_, at) => (cut.includes(at + 1) ? half : whole));
      return encapsulatedPicture(tile, frames, TransferSyntaxes.JpegLosslessSv1.uid);
    };
    const locationOf = ({ headers }: RawResponse): string => String(headers['content-location']);

    test.each([
      [[3], 4],
      [[3, 4], 2],
    ])('a frame next to it stands for an instance: without %j it is frame %i', async (cut, shown) => {
      const one = await tiles(5, ...cut);
      const get = await start({ instances: [one] });
      const answer = await get(`${pathOf(one)}/thumbnail`);
      expect(answer.status).toBe(200);
      expect(locationOf(answer)).toMatch(new RegExp(`/frames/${shown}$`));
      // Of a frame that is asked for by its number no other one stands for it.
      expect((await get(`${pathOf(one)}/frames/3/thumbnail`)).status).toBe(502);
    });

    test('three are tried and no more', async () => {
      const one = await tiles(9, 4, 5, 6);
      const get = await start({ instances: [one] });
      const answer = await get(`${pathOf(one)}/thumbnail`);
      expect(answer.status).toBe(502);
      expect(answer.body.toString()).toContain('malformed-dataset');
    });

    test('the image next to it stands for a series and a study', async () => {
      const all = [await tiles(1), await tiles(1, 1), await tiles(1)] as RogueInstance[];
      const [first, broken] = all as [RogueInstance, RogueInstance];
      const get = await start({ instances: all, more: numbered(all) });
      for (const path of [seriesOf(first), studyOf(first)]) {
        const answer = await get(`${path}/thumbnail`);
        expect(answer.status).toBe(200);
        expect(locationOf(answer)).not.toContain(broken.sopInstanceUid);
      }
      expect((await get(`${pathOf(broken)}/thumbnail`)).status).toBe(502);
    });
  });

  test('of a frame of another size than its dataset says is an error that tells both; as it is stored it can be had', async () => {
    const { uid } = TransferSyntaxes.JpegExtended;
    const one = encapsulatedPicture({ ...jpeg12Shape, columns: 24 }, [jpeg12()], uid);
    const get = await start({ instances: [one] });
    const answer = await get(`${pathOf(one)}/thumbnail`);
    expect(answer.status).toBe(502);
    expect(answer.body.toString()).toContain('holds 20 x 24 pixels, not the 24 x 24 of its dataset');
    const accept = 'multipart/related; type="application/octet-stream"; transfer-syntax=*';
    expect((await get(`${pathOf(one)}/frames/1`, { accept })).body.includes(jpeg12())).toBe(true);
  });

  test.each([
    'viewport=64,64,0,0,10,10',
    'viewport=64',
    'viewport=9999,9999',
    'window=1,2,linear',
    'quality=50',
    'annotation=patient',
    'iccprofile=no',
  ])('W-53, W-59: %s is refused', async (query) => {
    const one = image();
    const get = await start({ instances: [one] });
    expect((await get(`${pathOf(one)}/thumbnail?${query}`)).status).toBe(400);
  });

  test('H-05: as OHIF asks', async () => {
    const one = image();
    const get = await start({ instances: [one] });
    const headers = { accept: 'multipart/related; type="application/octet-stream"' };
    const answer = await get(`${pathOf(one)}/thumbnail?accept=image/jpeg`, headers);
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'image/jpeg']);
    expect((await get(`${pathOf(one)}/thumbnail`, headers)).status).toBe(406);
  });

  test('W-60: 304 for who has it', async () => {
    const one = image();
    const get = await start({ instances: [one] });
    for (const path of [pathOf(one), seriesOf(one)]) {
      const { headers } = await get(`${path}/thumbnail`);
      const again = await get(`${path}/thumbnail`, { 'if-none-match': String(headers.etag) });
      expect(again.status).toBe(304);
    }
  });
});
