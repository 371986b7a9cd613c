import { afterEach, expect, test } from '@jest/globals';
import { final, makeInstance, shaped, store, type Step } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { request } from '../helpers/test-gateway.js';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const instance = makeInstance();
const ACCEPTS = [
  ['multipart/related; type="application/dicom"; transfer-syntax=*'],
  ['application/dicom; transfer-syntax=*'],
  ['application/zip; transfer-syntax=*'],
];

/** A PACS that sends `dataset` in the place of what it says that it sends. */
async function start(dataset: Buffer, before: Step): Promise<string> {
  scene = await startScene({
    instances: [instance],
    onGet: (wanted) => [before, ...wanted.map((one) => store({ ...one, dataset })), final()],
  });
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = instance;
  return `${scene.gateway.service}/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
}

test.each(ACCEPTS)(
  'W-14: what fails before its first byte is an error before the status line: %s',
  async (accept) => {
    const wrong = makeInstance({ sopInstanceUid: '2.25.666', pixelBytes: 200_000 }).dataset as Buffer;
    // Its UIDs come many turns of the event loop after its beginning.
    const url = await start(wrong, shaped({ fragmentBytes: 40, writeBytes: 40 }));
    const { status, headers, body } = await request(url, { headers: { accept } });
    expect([status, headers['content-type'], headers['content-disposition']]).toEqual([
      502,
      'application/problem+json',
      undefined,
    ]);
    expect(JSON.parse(body.toString())).toMatchObject({ code: 'peer-protocol' });
  },
);

test('W-60: what comes in one go has its entity tag with the first answer', async () => {
  const url = await start(instance.dataset as Buffer, () => undefined);
  const headers = { accept: 'application/dicom; transfer-syntax=*' };
  const { etag } = (await request(url, { headers })).headers;
  expect(etag).toBeDefined();
  expect((await request(url, { headers: { ...headers, 'if-none-match': String(etag) } })).status).toBe(304);
});
