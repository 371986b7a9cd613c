import { afterEach, describe, expect, test } from '@jest/globals';
import { away } from '../helpers/hours.js';
import { makeInstance, until, final, store, type RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene, type SceneOptions } from '../helpers/scene.js';
import { request } from '../helpers/test-gateway.js';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const SERIES = '/studies/2.25.77.1/series/2.25.77.2';
const ON = 'retrieve: { prefetch: series }';
const many = (count: number, pixelBytes = 512): RogueInstance[] =>
  Array.from({ length: count }, () => makeInstance({ pixelBytes }));
const uid = (instances: readonly RogueInstance[], index: number): string =>
  instances[index]?.sopInstanceUid ?? '';

async function open(options: SceneOptions, index = 0): Promise<Scene> {
  const made = await startScene(options);
  scene = made;
  const frame = `${SERIES}/instances/${uid(options.instances, index)}/frames/1`;
  expect((await request(made.url(frame))).status).toBe(200);
  return made;
}

describe('opening an instance', () => {
  test('brings the rest of its series, nearest first and each once', async () => {
    const instances = many(9);
    const { asked, gateway } = await open({ instances, yaml: ON }, 4);
    await gateway.logged('prefetch complete');
    expect(asked).toEqual([4, 5, 3, 6, 2, 7, 1, 8, 0].map((index) => uid(instances, index)));
    expect(await scene?.gateway.telemetry.metrics()).toMatchObject({
      body: expect.stringContaining(
        'dicomgw_pulls_total{peer="main",purpose="prefetch",outcome="complete"} 1',
      ),
    });
  });

  test('again soon after asks for nothing', async () => {
    const instances = many(3);
    const { asked, gateway, peer, url } = await open({ instances, yaml: ON });
    await gateway.logged('prefetch complete');
    const finds = peer.messages('C-FIND-RQ').length;
    await request(url(`${SERIES}/instances/${uid(instances, 1)}/frames/1`));
    expect(asked).toHaveLength(3);
    expect(peer.messages('C-FIND-RQ')).toHaveLength(finds);
  });

  test('a series that would take more than half of the cache stays where it is', async () => {
    const yaml = `${ON}\ncache: { memory: 2 MiB }`;
    const { asked, gateway } = await open({ instances: many(20, 100_000), yaml });
    await gateway.logged('prefetch skipped');
    expect(asked).toHaveLength(1);
  });

  test.each([0, 0xfe00])(
    'a list that the peer cut with status %i, of a series that was too large, is not believed',
    async (capStatus) => {
      const yaml = `${ON}\ncache: { memory: 2 MiB }`;
      const { gateway, url } = await open({ instances: many(20, 150_000), yaml, cap: 12, capStatus });
      await gateway.logged('prefetch skipped');
      const answer = await request(url(`${SERIES}/metadata`));
      expect(JSON.parse(answer.body.toString())).toHaveLength(20);
    },
  );

  test('a person does not wait behind it: what was asked for goes on to come in front', async () => {
    const instances = many(12);
    const hanging = new Promise(() => undefined);
    const { url, peer } = await open({
      instances,
      yaml: ON,
      onGet: (wanted) =>
        wanted.length === 1 ? [...wanted.map((one) => store(one)), final()] : [until(hanging)],
    });
    await peer.waitFor('C-GET-RQ', 2);
    // One that the hanging retrieve was not asked for.
    expect((await request(url(`${SERIES}/instances/${uid(instances, 11)}/frames/1`))).status).toBe(200);
  });

  test.each([
    ['switched off', 'retrieve: { prefetch: off }'],
    ['outside the hours of background work', `    background: { hours: [${away()}] }\n${ON}`],
    ['where no association would remain for people', `    associations: 2\n${ON}`],
  ])('brings nothing else %s', async (_what, yaml) => {
    const { asked, peer, url } = await open({ instances: many(3), yaml });
    const finds = peer.messages('C-FIND-RQ').length;
    // A listing of it would have come before this search, which is answered on the next association.
    await request(url(SERIES.slice(0, SERIES.indexOf('/series'))));
    expect(asked.length).toBeLessThanOrEqual(3);
    expect(peer.messages('C-GET-RQ')).toHaveLength(3);
    expect(finds).toBeGreaterThan(0);
  });
});

test('a series of which the PACS counts instances and lists none is an error, and not missing', async () => {
  scene = await startScene({ instances: many(5), cap: 0 });
  expect((await request(scene.url(`${SERIES}/metadata`))).status).toBe(502);
});
