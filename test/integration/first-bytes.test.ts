import { afterEach, expect, test } from '@jest/globals';
import { final, makeInstance, shaped, store } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { request } from '../helpers/test-gateway.js';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

/** A PACS that sends something else in the place of what it says that it sends. */
async function startWith(wrong: Buffer): Promise<string> {
  const instance = makeInstance();
  scene = await startScene({
    instances: [instance],
    onGet: (wanted) => [
      shaped({ fragmentBytes: 8000 }),
      ...wanted.map((one) => store({ ...one, dataset: wrong })),
      final(),
    ],
  });
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = instance;
  return `${scene.gateway.service}/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
}

test.each([
  ['multipart/related; type="application/dicom"; transfer-syntax=*'],
  ['application/zip; transfer-syntax=*'],
])('W-14: what fails before its first byte is an error before the status line: %s', async (accept) => {
  const url = await startWith(
    makeInstance({ sopInstanceUid: '2.25.666', pixelBytes: 200_000 }).dataset as Buffer,
  );
  const answer = await request(url, { headers: { accept } });
  expect([answer.status, answer.headers['content-type'], answer.headers['content-disposition']]).toEqual([
    502,
    'application/problem+json',
    undefined,
  ]);
  expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'peer-protocol' });
});
