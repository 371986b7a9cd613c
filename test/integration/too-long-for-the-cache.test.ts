import { afterEach, describe, expect, test } from '@jest/globals';
import { makeInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { partsOf, request, type RawResponse } from '../helpers/test-gateway.js';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const FRAME = 400_000;
const long = makeInstance({
  pixelBytes: FRAME * 8,
  extra: { '00280008:IS': '8', Rows: 400, Columns: 500 },
});
const SERIES = `/studies/${long.studyInstanceUid}/series/${long.seriesInstanceUid}`;
const INSTANCE = `${SERIES}/instances/${long.sopInstanceUid}`;

async function get(path: string, accept: string): Promise<RawResponse> {
  // Who waited until the cache gives readers up would wait for longer than this test may take.
  scene ??= await startScene({ instances: [long], yaml: 'cache: { memory: 1 MiB, stallTimeout: 1h }' });
  return request(scene.url(path), { headers: { accept } });
}

describe('an instance larger than cache.memory, without cache.disk,', () => {
  const octets = 'application/octet-stream';
  const jls = 'application/dicom; transfer-syntax=1.2.840.10008.1.2.4.80';
  test.each([
    ['its pixel data', `${INSTANCE}/pixeldata`, octets],
    ['a value of it', `${INSTANCE}/bulkdata/7FE00010`, octets],
    ['all values of it', `${INSTANCE}/bulkdata`, `multipart/related; type="${octets}"`],
    ['the pixel data of its series', `${SERIES}/pixeldata`, `multipart/related; type="${octets}"`],
    ['a frame in another encoding', `${INSTANCE}/frames/1`, 'image/jls'],
    ['a picture of it', `${INSTANCE}/rendered`, 'image/jpeg'],
    ['pictures of its series', `${SERIES}/rendered`, 'multipart/related; type="image/jpeg"'],
    ['its thumbnail', `${INSTANCE}/thumbnail`, 'image/jpeg'],
    ['it in another encoding', INSTANCE, jls],
  ])('is refused at once where all of it is needed (%s)', async (_what, path, accept) => {
    const answer = await get(path, accept);
    expect(answer.status).toBe(413);
    const problem = JSON.parse(answer.body.toString()) as { code?: string; detail?: string };
    expect(JSON.stringify(problem)).toContain('payload-too-large');
    expect(problem.detail).toMatch(/cache\.memory.*cache\.disk/);
  });

  test('makes room for others when it was refused', async () => {
    const small = makeInstance({ pixelBytes: 300_000, extra: { Rows: 300, Columns: 500 } });
    // As long as it takes until a retrieve that nobody waits for any more is given up nothing else would come.
    const yaml = 'cache: { memory: 1 MiB, stallTimeout: 1h }\nretrieve: { cancelDelay: 1h }';
    scene = await startScene({ instances: [long, small], yaml });
    expect((await get(INSTANCE, jls)).status).toBe(413);
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = small;
    const path = `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
    expect((await get(path, jls)).status).toBe(200);
  });

  test('flows through where it is not', async () => {
    const file = await get(INSTANCE, 'multipart/related; type="application/dicom"; transfer-syntax=*');
    expect([file.status, file.complete]).toEqual([200, true]);
    expect(partsOf(file)[0]?.body.subarray(-long.dataset.length).equals(long.dataset)).toBe(true);
    expect((await get(`${INSTANCE}/metadata`, 'application/dicom+json')).status).toBe(200);
    for (const n of [1, 8]) {
      const frame = await get(`${INSTANCE}/frames/${n}`, octets);
      expect([frame.status, frame.body.equals(long.dataset.subarray(-FRAME))]).toEqual([200, true]);
    }
  });
});
