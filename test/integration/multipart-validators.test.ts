import { afterEach, describe, expect, test } from '@jest/globals';
import { final, makeInstance, pending, shaped, store, type RogueInstance } from '../helpers/rogue-peer.js';
import { listing } from '../helpers/listing.js';
import { startScene, type Scene, type SceneOptions } from '../helpers/scene.js';
import { partsOf, request, type RawResponse } from '../helpers/test-gateway.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const ALWAYS = 'cache: { revalidateAfter: 0 }';
async function start(
  instances: readonly RogueInstance[],
  more: Pick<SceneOptions, 'onGet' | 'onFind' | 'yaml'> = {},
): Promise<Scene> {
  const scene = await startScene({ instances, yaml: ALWAYS, ...more });
  closers.push(() => scene.close());
  return scene;
}

const study = ({ studyInstanceUid }: RogueInstance): string => `/studies/${studyInstanceUid}`;
const series = (one: RogueInstance): string => `${study(one)}/series/${one.seriesInstanceUid}`;
const instance = (one: RogueInstance): string => `${series(one)}/instances/${one.sopInstanceUid}`;

const FILES = 'multipart/related; type="application/dicom"; transfer-syntax=*';
const BYTES = 'multipart/related; type="application/octet-stream"; transfer-syntax=*';
const WEAK = /^W\/"[^"]+"$/;

type More = Readonly<Record<string, string>>;
const get = (url: string, accept: string, more: More = {}): Promise<RawResponse> =>
  request(url, { headers: { accept, ...more } });

/** Asks for it twice: when the first answer has ended all of it is there, and its list is known. */
async function warm({ gateway }: Scene, path: string, accept: string): Promise<RawResponse> {
  await get(gateway.service + path, accept);
  const answer = await get(gateway.service + path, accept);
  expect([answer.status, answer.complete]).toEqual([200, true]);
  return answer;
}

const resources = [
  ['a study', study, FILES],
  ['a series', series, FILES],
  ['an instance', instance, FILES],
  ['an instance, re-encoded', instance, 'multipart/related; type="application/dicom"'],
  ['the bulk data of a study', (one) => `${study(one)}/bulkdata`, BYTES],
  ['the bulk data of an instance', (one) => `${instance(one)}/bulkdata`, BYTES],
  ['the pixel data of a series', (one) => `${series(one)}/pixeldata`, BYTES],
  ['the pixel data of an instance', (one) => `${instance(one)}/pixeldata`, BYTES],
  ['a value', (one) => `${instance(one)}/bulkdata/7FE00010`, BYTES],
  ['a frame', (one) => `${instance(one)}/frames/1`, BYTES],
] as const satisfies readonly (readonly [string, (one: RogueInstance) => string, string])[];

describe('W-60: an answer in parts of what is all in the cache', () => {
  test.each(resources)(
    'has a weak validator, and is 304 for who has it (%s)',
    async (_what, pathOf, accept) => {
      const [one, other] = [makeInstance(), makeInstance({ transferSyntaxUid: '1.2.840.10008.1.2' })];
      const scene = await start([one, other]);
      const path = pathOf(one);
      const whole = await warm(scene, path, accept);
      const { etag = '', vary } = whole.headers;
      expect(etag).toMatch(WEAK);
      const [before, asked] = [scene.peer.messages('C-FIND-RQ').length, scene.asked.length];
      for (const names of [etag, etag.slice(2), `"other", ${etag}`, '*'])
        for (const method of ['GET', 'HEAD']) {
          const headers = { accept, 'if-none-match': names, range: 'bytes=0-1' };
          const again = await request(scene.gateway.service + path, { method, headers });
          expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, etag]);
          expect([again.headers['cache-control'], again.headers.vary]).toEqual(['private, no-cache', vary]);
        }
      // Each of them asks the PACS first what it says of the study, and for nothing else.
      expect(scene.peer.messages('C-FIND-RQ').length).toBeGreaterThanOrEqual(before + 8);
      expect(scene.asked).toHaveLength(asked);
      const unnamed = await get(scene.gateway.service + path, accept, { 'if-none-match': '"other"' });
      expect([unnamed.status, partsOf(unnamed).length, unnamed.headers.etag]).toEqual([
        200,
        partsOf(whole).length,
        etag,
      ]);
      const joined = await get(scene.gateway.service + path, accept, { 'if-match': etag });
      expect([joined.status, joined.body.length]).toEqual([412, 0]);
    },
  );

  test('has another one for other frames, and for another representation', async () => {
    const extra = { '00280008:IS': '2', Columns: 128, '7FE00010:OW': Buffer.alloc(512, 7) };
    const one = makeInstance({ extra });
    const scene = await start([one]);
    const jls = 'transfer-syntax=1.2.840.10008.1.2.4.80';
    const asked = [
      [`${instance(one)}/frames/1`, BYTES],
      [`${instance(one)}/frames/2`, BYTES],
      [`${instance(one)}/frames/1,2`, BYTES],
      [`${instance(one)}/frames/1`, 'multipart/related; type="image/jls"'],
      [`${series(one)}/bulkdata`, BYTES],
      [instance(one), FILES],
      [instance(one), `multipart/related; type="application/dicom"; ${jls}`],
    ] as const;
    const tags: (string | undefined)[] = [];
    for (const [path, accept] of asked) tags.push((await warm(scene, path, accept)).headers.etag);
    expect(tags).not.toContain(undefined);
    expect(new Set(tags).size).toBe(tags.length);
  });

  test.each(resources)(
    'is sent whole, with another one, when the PACS has it corrected (%s)',
    async (_what, pathOf, accept) => {
      const uids = { sopInstanceUid: '2.25.77.9.7' };
      const held = [makeInstance({ ...uids, extra: { PatientID: 'OLD' } })];
      const world = { patient: 'OLD' };
      const list = listing(held);
      const scene = await start(held, {
        onFind: (command, identifier, ...rest) => {
          const row = {
            QueryRetrieveLevel: 'STUDY',
            StudyInstanceUID: '2.25.77.1',
            PatientID: world.patient,
            NumberOfStudyRelatedInstances: '1',
          };
          if (identifier.get(0x00080052) === 'STUDY') return [pending(row), final()];
          return typeof list === 'function' ? list(command, identifier, ...rest) : list;
        },
        onGet: () => [...held.map((one) => store(one)), final()],
      });
      const [first] = held;
      if (!first) throw new Error('nothing is held');
      const path = pathOf(first);
      const { etag = '' } = (await warm(scene, path, accept)).headers;
      held[0] = makeInstance({ ...uids, pixelBytes: 514, extra: { PatientID: 'NEW' } });
      world.patient = 'NEW';
      const corrected = await get(scene.gateway.service + path, accept, { 'if-none-match': etag });
      expect([corrected.status, corrected.complete]).toEqual([200, true]);
      const other = (await warm(scene, path, accept)).headers.etag;
      expect(other).toMatch(WEAK);
      expect(other).not.toBe(etag);
      expect((await get(scene.gateway.service + path, accept, { 'if-none-match': other ?? '' })).status).toBe(
        304,
      );
    },
  );
});

describe('W-60: an answer in parts has no validator', () => {
  test.each([
    ['a study', study, FILES],
    ['a series', series, FILES],
    ['the pixel data of a series', (one: RogueInstance) => `${series(one)}/pixeldata`, BYTES],
  ] as const)('while any of it is to be fetched (%s)', async (_what, pathOf, accept) => {
    const one = makeInstance();
    const scene = await start([one]);
    const cold = await get(scene.gateway.service + pathOf(one), accept, { 'if-none-match': '*' });
    expect([cold.status, cold.headers.etag]).toEqual([200, undefined]);
  });

  test('while it is fetched anew', async () => {
    const all = [makeInstance(), makeInstance()] as const;
    const scene = await start(all);
    const { etag } = (await warm(scene, series(all[0]), FILES)).headers;
    const fresh = { 'cache-control': 'no-cache' };
    const retrieved = await get(scene.gateway.service + series(all[0]), FILES, {
      ...fresh,
      'if-none-match': '*',
    });
    expect([retrieved.status, retrieved.headers.etag]).toEqual([200, undefined]);
    expect((await warm(scene, series(all[0]), FILES)).headers.etag).toBe(etag);
  });

  test('where a frame is sent before the last byte of its instance has come', async () => {
    const one = makeInstance({ pixelBytes: 200_000 });
    let go: () => void = () => undefined;
    const until = new Promise<void>((resolve) => (go = resolve));
    const extra = { '00280008:IS': '10', Columns: 10_000 };
    const several = makeInstance({ pixelBytes: 200_000, extra });
    const scene = await start([one, several], {
      onGet: (wanted) => [
        shaped({ pauseAt: { bytes: 110_000, until } }),
        ...wanted.map((each) => store(each)),
        final(),
      ],
    });
    expect(
      (await get(`${scene.gateway.service}${instance(several)}/frames/1`, BYTES)).headers.etag,
    ).toBeUndefined();
    go();
  });

  test('where the PACS does not deliver all of it', async () => {
    const all = [makeInstance(), makeInstance()] as const;
    const scene = await start(all, {
      onGet: (wanted) => [...wanted.filter((one) => one === all[0]).map((one) => store(one)), final(0xb000)],
    });
    const url = scene.gateway.service + series(all[0]);
    await get(url, FILES);
    const partial = await get(url, FILES, { 'if-none-match': '*' });
    expect([partial.status, partial.headers.etag]).toEqual([206, undefined]);
    expect(partial.headers.warning).toContain('did not deliver');
  });

  test('where a conversion may be given up, and what is stored be sent in its place', async () => {
    const one = makeInstance();
    const scene = await start([one]);
    const jls = 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.80';
    const answer = await warm(scene, series(one), `${jls}, ${FILES}; q=0.5`);
    expect(answer.headers.etag).toBeUndefined();
  });
});
