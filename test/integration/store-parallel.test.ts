import { afterEach, expect, test } from '@jest/globals';
import { ctSlice } from '../helpers/fixtures.js';
import { final, startRoguePeer, until, type RoguePeer } from '../helpers/rogue-peer.js';
import { answerOf, postFiles } from '../helpers/store-answer.js';
import {
  peerYaml,
  request,
  startTestGateway,
  type RawResponse,
  type TestGateway,
} from '../helpers/test-gateway.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const COUNT = 12;
const files = Array.from({ length: COUNT }, (_, index) =>
  ctSlice({ instance: index + 1, rows: 8, columns: 8 }),
);

/** A PACS that answers stores when it is told to. */
async function start(yaml: string): Promise<{
  readonly peer: RoguePeer;
  readonly gateway: TestGateway;
  readonly storing: Promise<RawResponse>;
  readonly go: () => void;
  /** C-STOREs at once, at most. */
  readonly most: () => number;
}> {
  let go: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (go = resolve));
  let [now, most] = [0, 0];
  const begin = (): void => {
    now += 1;
    most = Math.max(most, now);
  };
  const peer = await startRoguePeer({ onStore: [begin, until(gate), () => (now -= 1), final()] });
  closers.push(() => peer.close());
  const gateway = await startTestGateway(
    peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, yaml),
  );
  closers.push(() => gateway.close());
  const storing = postFiles(
    `${gateway.service}/studies`,
    files.map(({ file }) => file),
  );
  return { peer, gateway, storing, go, most: () => most };
}

test.each([
  ['one by one unless told otherwise', '', 1],
  ['as many as store.parallel says', 'store: { parallel: 2 }', 2],
  ['as many as storeParallel of the peer says', '    storeParallel: 3\nstore: { parallel: 2 }', 3],
  ['never those that searches need', '    storeParallel: 10\n    associations: 3', 2],
  ['one, where there is one association', '    storeParallel: 10\n    associations: 1', 1],
])('S-14: stores go out %s', async (_what, yaml, at) => {
  const { peer, gateway, storing, go, most } = await start(yaml);
  await peer.waitFor('C-STORE-RQ', at);
  if (!yaml.includes('associations: 1')) {
    // While all of these are held up.
    const search = await request(`${gateway.service}/studies?limit=1`);
    expect(search.status).toBe(200);
  }
  go();
  const response = await storing;
  expect(response.status).toBe(200);
  expect(answerOf(response).stored).toHaveLength(COUNT);
  expect(most()).toBe(at);
  expect(peer.record.of('associate-rq').length).toBeLessThanOrEqual(at + 1);
});
