import { afterEach, expect, test } from '@jest/globals';
import { final, makeInstance, pending, until } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { request } from '../helpers/test-gateway.js';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const row = (study: string) => pending({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: study });

/** A PACS whose first answer waits for `go`. */
async function start(yaml = ''): Promise<{ go: () => void; finds: () => number }> {
  let go: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (go = resolve));
  scene = await startScene({
    instances: [makeInstance()],
    yaml,
    onFind: () => [row('2.25.1'), until(gate), row('2.25.2'), final()],
  });
  const { peer } = scene;
  return { go, finds: () => peer.messages('C-FIND-RQ').length };
}

const search = async (query = 'PatientID=A', headers = {}): Promise<number> => {
  const { status, body } = await request(scene?.url(`/studies?limit=50&${query}`) ?? '', { headers });
  expect(status).toBe(200);
  return (JSON.parse(body.toString()) as unknown[]).length;
};

test('20 clients that search for the same at once cause one C-FIND, and each gets every row', async () => {
  const { go, finds } = await start();
  const first = search();
  await scene?.peer.waitFor('C-FIND-RQ');
  const others = Array.from({ length: 19 }, () => search());
  // Their requests are under way before this one, which asks for something else, has been answered.
  const other = search('PatientID=B');
  await scene?.peer.waitFor('C-FIND-RQ', 2);
  go();
  expect(await Promise.all([first, ...others, other])).toEqual(Array.from({ length: 21 }, () => 2));
  expect(finds()).toBe(2);
  await search();
  expect(finds()).toBe(3);
});

test('without a limit each search is its own, so that a slow client holds up no other', async () => {
  const { go, finds } = await start();
  go();
  const all = (): Promise<unknown> => request(scene?.url('/studies?PatientID=A') ?? '');
  await Promise.all([all(), all()]);
  expect(finds()).toBe(2);
});

test('Q-29: an answer that is kept serves who comes later, but not who wants it fresh, nor after a store', async () => {
  const { go, finds } = await start('search: { keepAnswers: 1m }');
  go();
  await search();
  await search();
  expect(finds()).toBe(1);
  await search('PatientID=A', { 'cache-control': 'no-cache' });
  expect(finds()).toBe(2);
  const purge = await request(`${scene?.gateway.origin ?? ''}/cache/purge`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"study":"2.25.1"}',
  });
  expect(purge.status).toBe(200);
  await search();
  expect(finds()).toBe(3);
});

test('a client that leaves does not take the answer from another', async () => {
  const { go, finds } = await start();
  const controller = new AbortController();
  const leaving = request(scene?.url('/studies?limit=50&PatientID=A') ?? '', { signal: controller.signal });
  leaving.catch(() => undefined);
  await scene?.peer.waitFor('C-FIND-RQ');
  const staying = search();
  const other = search('PatientID=B');
  await scene?.peer.waitFor('C-FIND-RQ', 2);
  controller.abort();
  await scene?.gateway.logged('"status":499');
  go();
  expect(await staying).toBe(2);
  expect(await other).toBe(2);
  expect(finds()).toBe(2);
  expect(scene?.peer.messages('C-CANCEL-RQ')).toHaveLength(0);
});
