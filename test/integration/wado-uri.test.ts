import { afterEach, describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { image, report, see } from '../helpers/pictures.js';
import { encapsulatedPicture, gray } from '../helpers/pixel-instances.js';
import { makeInstance, type RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { datasetOf, request, transferSyntaxOf, type RawResponse } from '../helpers/test-gateway.js';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

type Get = (query: string, accept?: string) => Promise<RawResponse>;

async function start(one: RogueInstance, others: readonly RogueInstance[] = []): Promise<Get> {
  scene = await startScene({ instances: [one, ...others] });
  const named = `requestType=WADO&studyUID=${one.studyInstanceUid}&seriesUID=${one.seriesInstanceUid}&objectUID=${one.sopInstanceUid}`;
  return (query, accept) =>
    request(scene?.url(`/wado?${named}${query === '' ? '' : `&${query}`}`) ?? '', {
      headers: accept === undefined ? {} : { accept },
    });
}

const ELE = '1.2.840.10008.1.2.1';
const VIDEO = '1.2.840.10008.1.2.4.102';
const LOSSLESS = '1.2.840.10008.1.2.4.70';

describe('WADO-URI', () => {
  test('U-01, U-02: three UIDs alone get a JPEG', async () => {
    const get = await start(image());
    for (const accept of [
      undefined,
      '*/*',
      'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8',
    ]) {
      const answer = await get('', accept);
      expect([answer.status, answer.headers['content-type']]).toEqual([200, 'image/jpeg']);
      expect(await see(answer.body)).toMatchObject({ width: 60, height: 40 });
    }
    expect((await get('contentType=image/png')).headers['content-type']).toBe('image/png');
    expect((await get('contentType=image/jp2,image/png')).headers['content-type']).toBe('image/png');
    expect((await get('contentType=image/jp2')).status).toBe(406);
    expect((await get('contentType=image/jpeg', 'text/html')).status).toBe(200);
  });

  test('U-01: what is not there is not found, and what is missing in the request is a bad one', async () => {
    const one = image();
    const get = await start(one);
    expect((await get('')).status).toBe(200);
    const ask = async (query: string): Promise<number> =>
      (await request(scene?.url(`/wado?${query}`) ?? '')).status;
    expect(await ask('requestType=WADO&studyUID=1.2&seriesUID=1.3&objectUID=1.4')).toBe(404);
    expect(await ask('requestType=WADO&studyUID=1.2&seriesUID=1.3')).toBe(400);
    expect(await ask('studyUID=1.2&seriesUID=1.3&objectUID=1.4')).toBe(400);
    expect(await ask('')).toBe(400);
  });

  test('U-04: the file, in Explicit VR Little Endian or as it is stored', async () => {
    const one = image();
    const get = await start(one);
    for (const query of ['', '&transferSyntax=*', `&transferSyntax=${ELE}`]) {
      const answer = await get(
        `contentType=application/dicom${query}`,
        'multipart/related; type=application/octet-stream; transfer-syntax=*',
      );
      expect(answer.status).toBe(200);
      expect(answer.headers['content-type']).toBe(`application/dicom; transfer-syntax=${ELE}`);
      expect(transferSyntaxOf(answer.body)).toBe(ELE);
      expect(datasetOf(answer.body).equals(Buffer.from(one.dataset as Buffer))).toBe(true);
    }
    expect((await get('', 'application/dicom')).headers['content-type']).toContain('application/dicom');
  });

  test('U-04: in another transfer syntax, where that can be made', async () => {
    const get = await start(image());
    const answer = await get(`contentType=application/dicom&transferSyntax=${LOSSLESS}`);
    expect([answer.status, transferSyntaxOf(answer.body)]).toEqual([200, LOSSLESS]);
    for (const uid of ['1.2.840.10008.1.2.4.50', '1.2.3'])
      expect((await get(`contentType=application/dicom&transferSyntax=${uid}`)).status).toBe(406);
    expect((await get('contentType=application/dicom&transferSyntax=x')).status).toBe(400);
  });

  test('U-04, W-20: without a transfer syntax in its own where it cannot be uncompressed', async () => {
    const video = makeInstance({ transferSyntaxUid: VIDEO, pixelBytes: 500 });
    const get = await start(video);
    const answer = await get('contentType=application/dicom');
    expect([answer.status, transferSyntaxOf(answer.body)]).toEqual([200, VIDEO]);
    expect(datasetOf(answer.body).equals(Buffer.from(video.dataset))).toBe(true);
    expect((await get(`contentType=application/dicom&transferSyntax=${ELE}`)).status).toBe(406);
  });

  test('U-04: without a transfer syntax uncompressed where it can be, lossy or not', async () => {
    const photo = await sharp(Buffer.alloc(17 * 31, 99), { raw: { width: 17, height: 31, channels: 1 } })
      .toColourspace('b-w')
      .jpeg()
      .toBuffer();
    const shape = { ...gray, bitsAllocated: 8, bitsStored: 8 };
    const get = await start(encapsulatedPicture(shape, [photo], '1.2.840.10008.1.2.4.50'));
    const answer = await get('contentType=application/dicom');
    expect([answer.status, transferSyntaxOf(answer.body)]).toEqual([200, ELE]);
  });

  test('U-05: nothing is anonymised by half', async () => {
    const get = await start(image());
    for (const type of ['application/dicom', 'image/jpeg'])
      expect((await get(`contentType=${type}&anonymize=yes`)).status).toBe(501);
    expect(scene?.asked).toEqual([]);
  });

  test.each([
    ['rows=20', 30, 20],
    ['columns=30', 30, 20],
    ['rows=100&columns=30', 30, 20],
    ['region=0,0,0.5,0.5', 30, 20],
    ['region=0.5,0,1,1&columns=15', 15, 20],
  ])('U-07, U-09: %s is %d x %d', async (query, width, height) => {
    const get = await start(image());
    const answer = await get(`contentType=image/png&${query}`);
    expect(await see(answer.body)).toMatchObject({ width, height });
  });

  test('U-07, U-09: a side that is left out is as long as the shape of the pixels asks for', async () => {
    const get = await start(image({ extra: { '00280034:IS': '2\\1' } }));
    const sizeOf = async (query: string): Promise<readonly number[]> => {
      const { width, height } = await see((await get(`contentType=image/png&${query}`)).body);
      return [width, height];
    };
    expect(await sizeOf('columns=30')).toEqual([30, 40]);
    expect(await sizeOf('rows=20')).toEqual([15, 20]);
    expect(await sizeOf('region=0,0,0.5,1&columns=15')).toEqual([15, 40]);
    // As in the picture of the whole, pixels stay as they are.
    expect(await sizeOf('region=0,0,0.5,0.5')).toEqual([30, 20]);
    expect((await get('columns=4000')).status).toBe(400);
  });

  test('U-07: a window', async () => {
    const get = await start(image());
    const { samples } = await see((await get('contentType=image/png&windowCenter=600&windowWidth=1')).body);
    expect([...new Set(samples)].sort()).toEqual([0, 255]);
  });

  test('U-07: one of several frames; without a number the first, which is told', async () => {
    const one = image({ frames: 3 });
    const get = await start(one);
    const plain = await get('');
    expect([plain.status, plain.headers['content-type']]).toEqual([200, 'image/jpeg']);
    expect(plain.headers.warning).toContain('first of 3 frames');
    const first = await get('frameNumber=1');
    expect(first.headers.warning).toBeUndefined();
    expect(first.body.equals(plain.body)).toBe(true);
    expect((await get('frameNumber=3')).body.equals(plain.body)).toBe(false);
    expect((await get('frameNumber=4')).status).toBe(404);
    const animation = await get('contentType=image/gif');
    expect(await see(animation.body)).toMatchObject({ format: 'gif', frames: 3 });
  });

  test('U-07: an image of one frame has no numbers', async () => {
    const get = await start(image());
    expect((await get('frameNumber=1')).status).toBe(400);
  });

  test('U-08: a presentation state that is not there, or named by half, is a bad request', async () => {
    const get = await start(image());
    expect((await get('presentationSeriesUID=1.2&presentationUID=1.3')).status).toBe(400);
    expect((await get('presentationUID=1.3')).status).toBe(400);
  });

  test('W-11: what holds no picture has none', async () => {
    const get = await start(report());
    expect((await get('contentType=image/jpeg')).status).toBe(406);
    expect((await get('contentType=application/dicom')).status).toBe(200);
  });

  test('W-60: validators as those of the other resources', async () => {
    const one = image();
    scene = await startScene({ instances: [one] });
    const url = scene.url(
      `/wado?requestType=WADO&studyUID=${one.studyInstanceUid}&seriesUID=${one.seriesInstanceUid}&objectUID=${one.sopInstanceUid}`,
    );
    for (const more of ['', '&contentType=application/dicom']) {
      await request(url + more);
      const { headers } = await request(url + more);
      const again = await request(url + more, { headers: { 'if-none-match': String(headers.etag) } });
      expect([more, again.status]).toEqual([more, 304]);
    }
  });

  test('H-14: nothing but GET and HEAD', async () => {
    const one = makeInstance();
    scene = await startScene({ instances: [one] });
    expect((await request(scene.url('/wado'), { method: 'POST' })).status).toBe(405);
  });

  test('at a peer of its own path', async () => {
    const one = image();
    const get = await start(one);
    await get('');
    const url = `${scene?.gateway.origin ?? ''}/peers/main/dicomweb/wado?requestType=WADO&studyUID=${one.studyInstanceUid}&seriesUID=${one.seriesInstanceUid}&objectUID=${one.sopInstanceUid}`;
    expect((await request(url)).headers['content-type']).toBe('image/jpeg');
  });
});
