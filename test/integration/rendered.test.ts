import { afterEach, describe, expect, test } from '@jest/globals';
import { image, report, see } from '../helpers/pictures.js';
import { final, makeInstance, store, type RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene, type SceneOptions } from '../helpers/scene.js';
import { partsOf, request, type RawResponse } from '../helpers/test-gateway.js';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

type Get = (
  path: string,
  headers?: Readonly<Record<string, string>>,
  method?: string,
) => Promise<RawResponse>;

async function start(options: SceneOptions): Promise<Get> {
  scene = await startScene(options);
  return (path, headers = {}, method = 'GET') => request(scene?.url(path) ?? '', { headers, method });
}

const studyOf = ({ studyInstanceUid }: RogueInstance): string => `/studies/${studyInstanceUid}`;
const seriesOf = (one: RogueInstance): string => `${studyOf(one)}/series/${one.seriesInstanceUid}`;
const pathOf = (one: RogueInstance): string => `${seriesOf(one)}/instances/${one.sopInstanceUid}`;
const accept = (type: string): { accept: string } => ({ accept: type });
const PARTS = 'multipart/related; type="image/jpeg"';
const codeOf = ({ body }: RawResponse): unknown => (JSON.parse(body.toString()) as { code: unknown }).code;

describe('pictures of one instance', () => {
  test.each([
    ['*/*', 'image/jpeg', 'jpeg'],
    ['image/png', 'image/png', 'png'],
    ['image/gif', 'image/gif', 'gif'],
    ['image/webp', 'image/webp', 'webp'],
    ['image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8', 'image/jpeg', 'jpeg'],
  ])('W-50: Accept %s gets %s', async (type, contentType, format) => {
    const one = image();
    const get = await start({ instances: [one] });
    const answer = await get(`${pathOf(one)}/rendered`, accept(type));
    expect([answer.status, answer.headers['content-type']]).toEqual([200, contentType]);
    expect(answer.headers['content-length']).toBe(String(answer.body.length));
    expect(answer.headers['content-location']).toBe(scene?.url(pathOf(one)));
    expect(answer.headers['cache-control']).toBe('private, no-cache');
    expect(answer.headers.vary).toContain('Accept');
    expect(await see(answer.body)).toMatchObject({ format, width: 60, height: 40, frames: 1 });
  });

  test('W-50: a type that is no picture is not acceptable, nor one with a transfer syntax', async () => {
    const one = image();
    const get = await start({ instances: [one] });
    for (const type of ['application/dicom', 'image/jp2', 'image/jpeg; transfer-syntax=*', 'text/html'])
      expect((await get(`${pathOf(one)}/rendered`, accept(type))).status).toBe(406);
  });

  test('H-05: the accept parameter decides', async () => {
    const one = image();
    const get = await start({ instances: [one] });
    const answer = await get(`${pathOf(one)}/rendered?accept=image/png`, accept('image/jpeg'));
    expect(answer.headers['content-type']).toBe('image/png');
  });

  test.each([
    ['viewport=30,30', 30, 20],
    ['viewport=600,80', 120, 80],
    ['viewport=30,30,0,0,20,20', 30, 30],
    ['viewport=30,30,,,-20,20', 30, 30],
  ])('W-53: ?%s is %d x %d', async (query, width, height) => {
    const one = image();
    const get = await start({ instances: [one] });
    const answer = await get(`${pathOf(one)}/rendered?${query}`, accept('image/png'));
    expect(await see(answer.body)).toMatchObject({ width, height });
  });

  test('W-53: a region outside of the image and a picture too large are refused', async () => {
    const one = image();
    const get = await start({ instances: [one], yaml: 'rendered: { maxPixels: 100 }' });
    for (const query of ['viewport=10,10,60,0', 'viewport=101,10'])
      expect((await get(`${pathOf(one)}/rendered?${query}`)).status).toBe(400);
    expect((await get(`${pathOf(one)}/rendered?viewport=100,100`)).status).toBe(200);
  });

  test('W-54: a window changes the picture', async () => {
    const one = image();
    const get = await start({ instances: [one] });
    const plain = await see((await get(`${pathOf(one)}/rendered`, accept('image/png'))).body);
    const windowed = await get(`${pathOf(one)}/rendered?window=600,1,linear`, accept('image/png'));
    const { samples } = await see(windowed.body);
    expect(samples.equals(plain.samples)).toBe(false);
    expect([...new Set(samples)].sort()).toEqual([0, 255]);
    // Columns rise by 60: all from 600 on are white.
    expect([...samples.subarray(0, 12)]).toEqual([...Array<number>(10).fill(0), 255, 255]);
  });

  test('W-51, H-02: what is passed over is told', async () => {
    const one = image();
    const get = await start({ instances: [one] });
    const answer = await get(`${pathOf(one)}/rendered?annotation=patient,ruler&zoom=2`);
    expect(answer.status).toBe(200);
    expect(answer.headers.warning).toContain('The following annotation values are not supported: ruler');
    expect(answer.headers.warning).toContain('ignored: zoom');
  });

  test('W-51: what is written into the picture is seen in it', async () => {
    const one = image({ rows: 200, columns: 300, extra: { PatientName: 'Doe^Jane' } });
    const get = await start({ instances: [one] });
    const [plain, annotated] = await Promise.all(
      ['', '?annotation=patient'].map(async (query) =>
        see((await get(`${pathOf(one)}/rendered${query}`, accept('image/png'))).body),
      ),
    );
    expect(annotated).toMatchObject({ width: 300, height: 200 });
    expect(annotated?.samples.equals(plain?.samples ?? Buffer.alloc(0))).toBe(false);
  });

  test('W-55: a type without a place for it takes no ICC profile', async () => {
    const one = image();
    const get = await start({ instances: [one] });
    const gif = accept('image/gif');
    expect((await get(`${pathOf(one)}/rendered?iccprofile=srgb`, gif)).status).toBe(400);
    expect((await get(`${pathOf(one)}/rendered?iccprofile=no`, gif)).status).toBe(200);
  });

  test('W-10, W-11: frames', async () => {
    const one = image({ frames: 3 });
    const get = await start({ instances: [one] });
    const url = (frames: string): string => `${pathOf(one)}/frames/${frames}/rendered`;
    const second = await get(url('2'), accept('image/png'));
    expect(second.headers['content-location']).toBe(scene?.url(`${pathOf(one)}/frames/2`));
    expect(await see(second.body)).toMatchObject({ width: 60, height: 40, frames: 1 });
    const parts = partsOf(await get(url('1,3'), accept('multipart/related; type="image/png"')));
    expect(parts.map(({ headers }) => headers['content-location'])).toEqual(
      [1, 3].map((frame) => scene?.url(`${pathOf(one)}/frames/${frame}`)),
    );
    const [first, third] = await Promise.all(parts.map(({ body }) => see(body)));
    expect(first?.samples.equals(third?.samples ?? Buffer.alloc(0))).toBe(false);
    expect((await get(url('4'))).status).toBe(404);
    expect((await get(url('2,4'), accept(PARTS))).status).toBe(404);
    expect((await get(url('0'))).status).toBe(400);
    expect((await get(url('2,1'))).status).toBe(400);
  });

  test('W-50, W-58: several frames are an animation, or a part each', async () => {
    const one = image({ frames: 3 });
    const get = await start({ instances: [one] });
    const url = `${pathOf(one)}/rendered`;
    for (const type of ['*/*', 'image/gif', 'image/*']) {
      const answer = await get(url, accept(type));
      expect([answer.status, answer.headers['content-type']]).toEqual([200, 'image/gif']);
      expect(await see(answer.body)).toMatchObject({ format: 'gif', width: 60, height: 40, frames: 3 });
    }
    const parts = partsOf(await get(url, accept(PARTS)));
    expect(parts.map(({ headers }) => headers['content-type'])).toEqual(Array(3).fill('image/jpeg'));
    const refused = await get(url, accept('image/jpeg'));
    expect(refused.status).toBe(406);
    expect(refused.body.toString()).toContain('image/gif');
  });

  test('W-11: what holds no picture has none', async () => {
    const one = report();
    const get = await start({ instances: [one] });
    expect((await get(`${pathOf(one)}/rendered`, accept('image/jpeg'))).status).toBe(406);
    expect((await get(`${pathOf(one)}/frames/1/rendered`)).status).toBe(404);
  });

  test('W-50: a video is given as it is stored, with ranges', async () => {
    const stream = Buffer.alloc(3000, 'video');
    const one = makeInstance({
      transferSyntaxUid: '1.2.840.10008.1.2.4.102',
      pixelBytes: 0,
      extra: { NumberOfFrames: '90' },
    });
    const dataset = Buffer.concat([
      Buffer.from(one.dataset).subarray(0, one.dataset.indexOf(Buffer.from('e07f10004f42', 'hex'))),
      Buffer.from('e07f10004f420000ffffffff' + 'feff00e000000000' + 'feff00e0b80b0000', 'hex'),
      stream,
      Buffer.from('feffdde000000000', 'hex'),
    ]);
    const get = await start({ instances: [{ ...one, dataset }] });
    const whole = await get(`${pathOf(one)}/rendered`);
    expect([whole.status, whole.headers['content-type']]).toEqual([200, 'video/mp4']);
    expect(whole.body.equals(stream)).toBe(true);
    const etag = String(whole.headers.etag);
    const part = await get(`${pathOf(one)}/rendered`, { range: 'bytes=10-19', 'if-range': etag });
    expect([part.status, part.headers['content-range']]).toEqual([206, 'bytes 10-19/3000']);
    expect(part.body.equals(stream.subarray(10, 20))).toBe(true);
    expect((await get(`${pathOf(one)}/rendered`, accept('image/jpeg'))).status).toBe(406);
    const warned = await get(`${pathOf(one)}/rendered?viewport=10,10`);
    expect(warned.headers.warning).toContain('as it is stored');
  });

  test('a frame that cannot be decoded is an error, and the next request is served', async () => {
    const broken = makeInstance({ transferSyntaxUid: '1.2.840.10008.1.2.4.70', pixelBytes: 400 });
    const good = image();
    const get = await start({ instances: [broken, good] });
    const answer = await get(`${pathOf(broken)}/rendered`);
    expect([answer.status, codeOf(answer)]).toEqual([502, 'malformed-dataset']);
    expect((await get(`${pathOf(good)}/rendered`)).status).toBe(200);
  });

  test('W-56: a transfer syntax that is not decoded here is not acceptable', async () => {
    const one = makeInstance({ transferSyntaxUid: '1.2.840.10008.1.2.4.94', pixelBytes: 400 });
    const get = await start({ instances: [one] });
    expect((await get(`${pathOf(one)}/rendered`)).status).toBe(406);
  });
});

describe('validators of pictures', () => {
  test('W-60, W-61: 304 for who has it, ranges, and another one for another picture', async () => {
    const one = image();
    const get = await start({ instances: [one] });
    const url = `${pathOf(one)}/rendered`;
    const whole = await get(url);
    const etag = String(whole.headers.etag);
    const again = await get(url, { 'if-none-match': etag });
    expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, etag]);
    const part = await get(url, { range: 'bytes=2-9', 'if-range': etag });
    expect([part.status, part.headers['content-range']]).toEqual([206, `bytes 2-9/${whole.body.length}`]);
    expect(part.body.equals(whole.body.subarray(2, 10))).toBe(true);
    const head = await get(url, {}, 'HEAD');
    expect([head.status, head.headers.etag, head.headers['content-length']]).toEqual([
      200,
      etag,
      String(whole.body.length),
    ]);
    for (const query of ['?quality=10', '?viewport=10,10', '?window=1,2,linear', '?annotation=patient']) {
      const other = await get(url + query, { 'if-none-match': etag });
      expect([query, other.status]).toEqual([query, 200]);
      expect(other.headers.etag).not.toBe(etag);
    }
    expect((await get(url, { ...accept('image/png'), 'if-none-match': etag })).status).toBe(200);
  });

  test('W-60: who has it needs no picture made, and whoever has any at all is told when it cannot be', async () => {
    const broken = makeInstance({ transferSyntaxUid: '1.2.840.10008.1.2.4.70', pixelBytes: 400 });
    const get = await start({ instances: [broken] });
    expect((await get(`${pathOf(broken)}/rendered`, { 'if-none-match': '*' })).status).toBe(502);
  });
});

describe('pictures of a series or study', () => {
  test('W-58: one part for each frame, with the resource that it is of', async () => {
    const all = [image(), image({ rows: 10, columns: 20, frames: 2 }), image({ rows: 30, columns: 30 })];
    const [one] = all as [RogueInstance];
    const get = await start({ instances: all });
    for (const path of [seriesOf(one), studyOf(one)]) {
      const answer = await get(`${path}/rendered`);
      expect(answer.status).toBe(200);
      expect(answer.headers['content-type']).toContain('multipart/related; type="image/jpeg"');
      expect(answer.headers.warning).toBeUndefined();
      expect(answer.headers.etag).toBeUndefined();
      const parts = partsOf(answer);
      const locations = parts.map(({ headers }) => headers['content-location'] ?? '').sort();
      const [first, cine, last] = all.map((each) => scene?.url(pathOf(each)) ?? '');
      expect(locations).toEqual([first, `${cine}/frames/1`, `${cine}/frames/2`, last].sort());
      const sizes = await Promise.all(parts.map(({ body }) => see(body)));
      expect(sizes.map(({ width, height }) => `${width}x${height}`).sort()).toEqual([
        '20x10',
        '20x10',
        '30x30',
        '60x40',
      ]);
    }
  });

  test('W-12: no single picture is acceptable, also where there is one', async () => {
    const one = image();
    const get = await start({ instances: [one] });
    for (const type of ['image/jpeg', 'image/gif', 'text/html']) {
      expect((await get(`${seriesOf(one)}/rendered`, accept(type))).status).toBe(406);
      expect((await get(`${studyOf(one)}/rendered`, accept(type))).status).toBe(406);
    }
    expect(scene?.asked).toEqual([]);
  });

  test('what is no image is left out with a Warning, wherever it comes', async () => {
    const all = [report(), image(), report(), image()];
    const [one] = all as [RogueInstance];
    const get = await start({ instances: all });
    const answer = await get(`${seriesOf(one)}/rendered`, accept(PARTS));
    expect([answer.status, partsOf(answer).length]).toEqual([200, 2]);
    expect(answer.headers.warning).toContain('left out');
  });

  test('the Warning comes also where the PACS does not tell SOP classes', async () => {
    const all = [image(), report()];
    const [one] = all as [RogueInstance];
    const get = await start({
      instances: all,
      more: (_one, level) => (level === 'IMAGE' ? { SOPClassUID: '' } : {}),
    });
    const answer = await get(`${seriesOf(one)}/rendered`);
    expect([answer.status, partsOf(answer).length]).toEqual([200, 1]);
    expect(answer.headers.warning).toContain('left out');
  });

  test('W-11: a series without a picture has none', async () => {
    const all = [report(), report()];
    const [one] = all as [RogueInstance];
    const get = await start({ instances: all });
    const answer = await get(`${seriesOf(one)}/rendered`);
    expect([answer.status, codeOf(answer)]).toEqual([406, 'not-acceptable']);
    expect((await get('/studies/2.25.9/rendered')).status).toBe(404);
  });

  test('W-14: what fails after the status line breaks the answer off', async () => {
    const broken = makeInstance({ transferSyntaxUid: '1.2.840.10008.1.2.4.70', pixelBytes: 400 });
    const all = [image(), broken];
    const [one] = all as [RogueInstance];
    const get = await start({ instances: all });
    const answer = await get(`${seriesOf(one)}/rendered`);
    expect(answer.complete).toBe(false);
    const failed = await get(`${pathOf(broken)}/rendered`);
    expect(failed.status).toBe(502);
  });

  test('W-09: what the PACS does not deliver makes the answer partial', async () => {
    const all = [image(), image()];
    const [one, lost] = all as [RogueInstance, RogueInstance];
    const get = await start({
      instances: all,
      onGet: (wanted) => [
        ...wanted.filter((each) => each !== lost).map((each) => store(each)),
        wanted.includes(lost) ? final(0xb000, { failed: 1, failedUids: [lost.sopInstanceUid] }) : final(),
      ],
    });
    expect((await get(`${pathOf(lost)}/rendered`)).status).toBeGreaterThanOrEqual(400);
    const answer = await get(`${seriesOf(one)}/rendered`);
    expect([answer.status, partsOf(answer).length]).toEqual([206, 1]);
    expect(answer.headers.warning).toContain('1 instance');
  });

  test('a client that leaves is not rendered for, and nothing stays held', async () => {
    const all = Array.from({ length: 4 }, () => image({ rows: 256, columns: 256, frames: 4 }));
    const [one] = all as [RogueInstance];
    await start({ instances: all });
    const controller = new AbortController();
    const leaving = request(scene?.url(`${seriesOf(one)}/rendered`) ?? '', { signal: controller.signal });
    await scene?.gateway.logged('C-GET');
    controller.abort();
    await leaving.catch(() => undefined);
    await scene?.gateway.logged('http-request');
    const answer = await request(scene?.url(`${pathOf(one)}/rendered`) ?? '', { headers: accept(PARTS) });
    expect([answer.status, partsOf(answer).length]).toEqual([200, 4]);
  });
});

/** Frames that threads have worked on. */
async function framesMade(): Promise<number> {
  const text = (await scene?.gateway.telemetry.metrics())?.body ?? '';
  const counts = [...text.matchAll(/^dicomgw_frames_total\{.*outcome="done".*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

describe('many who ask', () => {
  test('for the same picture at once, and later, get one that is made once', async () => {
    const one = image();
    const get = await start({ instances: [one] });
    const url = `${pathOf(one)}/rendered`;
    const answers = await Promise.all(Array.from({ length: 8 }, () => get(url)));
    answers.push(await get(url), await get(url));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect(new Set(answers.map(({ body }) => body.toString('base64'))).size).toBe(1);
    expect(await framesMade()).toBe(1);
  });

  test('W-60: frames of an animation are made once, but those of a long one beyond what may be kept', async () => {
    const FRAMES = 24;
    const one = image({ frames: FRAMES });
    const makeTwice = async (yaml: string): Promise<{ readonly bytes: number; readonly anew: number }> => {
      const get = await start({ instances: [one], yaml });
      const url = `${pathOf(one)}/rendered`;
      const [first, second] = [await get(url, accept('image/gif')), await get(url, accept('image/gif'))];
      expect(second.body.equals(first.body)).toBe(true);
      expect(second.headers.etag).toBe(first.headers.etag);
      const anew = (await framesMade()) - FRAMES;
      await scene?.close();
      return { bytes: first.body.length, anew };
    };
    const { bytes, anew } = await makeTwice('cache: { rendered: 1 MiB }');
    expect(anew).toBe(0);
    // Half of this are the frames of the first half.
    const long = await makeTwice(`cache: { rendered: ${bytes} }`);
    expect(long.anew).toBeGreaterThan(FRAMES / 4);
    expect(long.anew).toBeLessThan((FRAMES * 3) / 4);
  });

  test('without a cache of pictures each later one is made anew', async () => {
    const one = image();
    const get = await start({ instances: [one], yaml: 'cache: { rendered: 0 }' });
    for (let times = 0; times < 3; times += 1)
      expect((await get(`${pathOf(one)}/rendered`)).status).toBe(200);
    expect(await framesMade()).toBe(3);
  });

  test('are told to come back when too many wait', async () => {
    const one = image({ frames: 6 });
    const get = await start({ instances: [one], yaml: 'transcode: { workers: 1, queue: 0 }' });
    const answers = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((frame) => get(`${pathOf(one)}/frames/${frame}/rendered`)),
    );
    const statuses = answers.map(({ status }) => status);
    expect([...new Set(statuses)].sort()).toEqual([200, 503]);
    const refused = answers.find(({ status }) => status === 503);
    expect([refused?.headers['retry-after'], refused && codeOf(refused)]).toEqual(['5', 'overloaded']);
    expect((await get(`${pathOf(one)}/frames/2/rendered`)).status).toBe(200);
  });
});
