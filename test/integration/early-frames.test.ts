import { afterEach, describe, expect, test } from '@jest/globals';
import { listing } from '../helpers/listing.js';
import { final, makeInstance, pending, shaped, store, type RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { partsOf, request, type RawResponse } from '../helpers/test-gateway.js';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const SIZE = 20_000;
const COUNT = 10;

/** Ten frames, each full of its own number. */
function multiFrame(): RogueInstance & { readonly dataset: Buffer } {
  const pixels = Buffer.concat(Array.from({ length: COUNT }, (_value, at) => Buffer.alloc(SIZE, at + 1)));
  const extra = { NumberOfFrames: String(COUNT), Rows: 100, Columns: 100, '7FE00010:OW': pixels };
  return makeInstance({ pixelBytes: 2, extra });
}

/** A PACS that stops in the middle of the instance until `go`. */
async function start(instance: RogueInstance, yaml = ''): Promise<{ go: () => void; path: string }> {
  let go: () => void = () => undefined;
  const until = new Promise<void>((resolve) => (go = resolve));
  scene = await startScene({
    instances: [instance],
    yaml,
    onGet: (wanted) => [
      shaped({ pauseAt: { bytes: 110_000, until } }),
      ...wanted.map((one) => store(one)),
      final(),
    ],
  });
  const { seriesInstanceUid, studyInstanceUid, sopInstanceUid } = instance;
  return { go, path: `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}` };
}

const get = (path: string, headers = {}): Promise<RawResponse> =>
  request(scene?.url(path) ?? '', { headers });
const frameOf = (number: number): Buffer => Buffer.alloc(SIZE, number);

describe('frames of an instance that is still arriving', () => {
  test('leave when their bytes are there; later ones follow, and those that do not exist are 404 at once', async () => {
    const { go, path } = await start(multiFrame());
    const two = await get(`${path}/frames/1,3`, {
      accept: 'multipart/related; type="application/octet-stream"',
    });
    expect(two.status).toBe(200);
    expect(partsOf(two).map(({ body }) => body.equals(frameOf(1)) || body.equals(frameOf(3)))).toEqual([
      true,
      true,
    ]);
    const one = await get(`${path}/frames/2`, { accept: 'application/octet-stream' });
    expect(one.body.equals(frameOf(2))).toBe(true);
    expect(one.headers['content-length']).toBe(String(SIZE));
    expect(one.headers.etag).toBeUndefined();
    expect((await get(`${path}/frames/11`)).status).toBe(404);
    const last = get(`${path}/frames/1,10`, {
      accept: 'multipart/related; type="application/octet-stream"',
    });
    go();
    expect(partsOf(await last)[1]?.body.equals(frameOf(10))).toBe(true);
    const whole = await get(`${path}/frames/2`, { accept: 'application/octet-stream' });
    expect(whole.headers.etag).toBeDefined();
    expect(scene?.asked).toHaveLength(1);
  });

  test('that never comes breaks the answer off, and does not end it', async () => {
    const instance = multiFrame();
    scene = await startScene({
      instances: [instance],
      onGet: () => [
        shaped({ fragmentBytes: 16_000 }),
        store({ ...instance, dataset: instance.dataset.subarray(0, 110_001) }),
        final(),
      ],
    });
    const { seriesInstanceUid, studyInstanceUid, sopInstanceUid } = instance;
    const path = `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
    const answer = await get(`${path}/frames/1,9`, {
      accept: 'multipart/related; type="application/octet-stream"',
    });
    expect(answer.status !== 200 || !answer.complete).toBe(true);
  });

  test('of another instance than the one asked for do not leave', async () => {
    const instance = multiFrame();
    const stranger = makeInstance({ sopInstanceUid: '2.25.666', pixelBytes: 200_000 });
    const { go, path } = await start({ ...instance, dataset: stranger.dataset });
    const answer = get(`${path}/frames/1`, { accept: 'application/octet-stream' });
    go();
    expect((await answer).status).toBe(502);
  });

  test('are asked for once more when the PACS says that the study is another patient’s', async () => {
    const [small, big] = [makeInstance(), multiFrame()];
    let go: () => void = () => undefined;
    const until = new Promise<void>((resolve) => (go = resolve));
    const world = { patient: 'P1', retrieves: 0 };
    const answers = listing([small, big]);
    scene = await startScene({
      instances: [small, big],
      yaml: 'cache: { revalidateAfter: 0 }',
      onFind: (command, identifier, ...rest) => {
        const row = {
          QueryRetrieveLevel: 'STUDY',
          StudyInstanceUID: big.studyInstanceUid,
          PatientID: world.patient,
          NumberOfStudyRelatedInstances: '2',
        };
        if (identifier.get(0x00080052) === 'STUDY') return [pending(row), final()];
        return typeof answers === 'function' ? answers(command, identifier, ...rest) : answers;
      },
      onGet: (wanted) => {
        world.retrieves += 1;
        const isFirst = wanted.includes(big) && world.patient === 'P1';
        return [
          ...(isFirst ? [shaped({ pauseAt: { bytes: 110_000, until } })] : []),
          ...wanted.map((one) => store(one)),
          final(),
        ];
      },
    });
    const base = `/studies/${big.studyInstanceUid}/series/${big.seriesInstanceUid}/instances/`;
    const octets = { accept: 'application/octet-stream' };
    expect((await get(`${base}${small.sopInstanceUid}/metadata`)).status).toBe(200);
    expect((await get(`${base}${big.sopInstanceUid}/frames/1`, octets)).status).toBe(200);
    world.patient = 'P2';
    expect(world.retrieves).toBe(2);
    const after = await get(`${base}${big.sopInstanceUid}/frames/2`, octets);
    await scene.gateway.logged('cached study changed');
    expect([after.status, world.retrieves]).toEqual([200, 3]);
    go();
  });

  test('larger than a cache in memory alone come all the same', async () => {
    const pixels = Buffer.concat(
      Array.from({ length: COUNT }, (_value, at) => Buffer.alloc(400_000, at + 1)),
    );
    const extra = { NumberOfFrames: String(COUNT), Rows: 400, Columns: 500, '7FE00010:OW': pixels };
    const instance = makeInstance({ pixelBytes: 2, extra });
    const { go, path } = await start(instance, 'cache: { memory: 1 MiB }');
    go();
    const first = await get(`${path}/frames/1`, { accept: 'application/octet-stream' });
    expect(first.status).toBe(200);
    expect(first.body.equals(Buffer.alloc(400_000, 1))).toBe(true);
  });
});
