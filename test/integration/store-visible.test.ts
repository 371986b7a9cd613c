import { afterEach, describe, expect, test } from '@jest/globals';
import { part10Header } from '../../src/dicom/index.js';
import { AS_STORED, SERIES, startChangingPacs, STUDY, type ChangingPacs } from '../helpers/changing-pacs.js';
import { abort, final, makeInstance, until, type RogueInstance, type Step } from '../helpers/rogue-peer.js';
import { postFiles } from '../helpers/store-answer.js';
import {
  datasetOf,
  partsOf,
  peerYaml,
  request,
  startTestGateway,
  type TestGateway,
} from '../helpers/test-gateway.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface World {
  readonly pacs: ChangingPacs;
  readonly gateway: TestGateway;
}

/** A PACS with two instances of a study, and a gateway that believes what it heard for as long as it is allowed to. */
async function start(more: readonly string[] = [], extra = ''): Promise<World> {
  const pacs = await startChangingPacs([makeInstance(), makeInstance()]);
  closers.push(() => pacs.peer.close());
  const lines = [
    'cache: { revalidateAfter: 1h, reopenAfter: 1h, relistAfter: 1h }',
    'search: { keepAnswers: 1h }',
    ...more,
  ];
  const { aeTitle, port } = pacs.peer.address;
  const gateway = await startTestGateway(peerYaml(`${aeTitle}@127.0.0.1:${port}`, lines.join('\n') + extra));
  closers.push(() => gateway.close());
  return { pacs, gateway };
}

const fileOf = (one: RogueInstance & { readonly dataset: Buffer }): Buffer =>
  Buffer.concat([part10Header(one), one.dataset]);

/** Stores an instance of the study, which the PACS then holds. */
async function store({ pacs, gateway }: World, one = makeInstance()): Promise<number> {
  pacs.offered = [...pacs.offered, one];
  return (await postFiles(`${gateway.service}/studies`, [fileOf(one)])).status;
}

const open = async ({ gateway }: World, path: string): Promise<number> => {
  const response = await request(gateway.service + path, { headers: AS_STORED });
  expect([response.status, response.complete]).toEqual([200, true]);
  return partsOf(response).length;
};

const rows = async ({ gateway }: World, path: string): Promise<number> => {
  const response = await request(gateway.service + path);
  return response.status === 204 ? 0 : (JSON.parse(response.body.toString()) as unknown[]).length;
};

const count = async ({ gateway }: World): Promise<unknown> => {
  const { body } = await request(`${gateway.service}/studies?StudyInstanceUID=2.25.77.1&limit=5`);
  const [row] = JSON.parse(body.toString()) as Record<string, { Value?: unknown[] }>[];
  return row?.['00201208']?.Value?.[0];
};

/** A place where a script waits: `reached` tells that it does, `go` lets it on. */
function gate(): { readonly step: Step; readonly reached: Promise<void>; readonly go: () => void } {
  let arrive: () => void = () => undefined;
  let go: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => (arrive = resolve));
  const opened = new Promise<void>((resolve) => (go = resolve));
  return { step: until(() => (arrive(), opened)), reached, go };
}

describe('S-13: what was stored is seen by who asks after the answer', () => {
  test.each([
    ['searches', (world: World) => count(world), 2, 3],
    ['searches for instances', (world: World) => rows(world, `${STUDY}/instances?limit=9`), 2, 3],
    ['the study', (world: World) => open(world, STUDY), 2, 3],
    ['the series', (world: World) => open(world, SERIES), 2, 3],
    ['its metadata', (world: World) => rows(world, `${STUDY}/metadata`), 2, 3],
    ['the metadata of the series', (world: World) => rows(world, `${SERIES}/metadata`), 2, 3],
  ])('%s, kept before', async (_what, ask, before, after) => {
    const world = await start();
    expect([await ask(world), await ask(world)]).toEqual([before, before]);
    expect(await store(world)).toBe(200);
    expect(await ask(world)).toBe(after);
  });

  test('also what the PACS took and could not say any more', async () => {
    const world = await start();
    expect([await open(world, STUDY), await count(world)]).toEqual([2, 2]);
    world.pacs.afterStore = abort();
    expect(await store(world)).toBe(409);
    expect([await open(world, STUDY), await count(world)]).toEqual([3, 3]);
  });

  test('also what takes the place of another instance of its UID', async () => {
    const world = await start();
    const [first] = world.pacs.instances;
    const sopInstanceUid = first?.sopInstanceUid ?? '';
    const path = `${SERIES}/instances/${sopInstanceUid}`;
    expect(await open(world, path)).toBe(1);
    const other = makeInstance({ sopInstanceUid, pixelBytes: 1024 });
    expect(await store(world, other)).toBe(200);
    const response = await request(world.gateway.service + path, { headers: AS_STORED });
    const [part] = partsOf(response);
    expect(datasetOf(part?.body ?? Buffer.alloc(0)).equals(other.dataset)).toBe(true);
  });
});

describe('S-13: what began before a store is not given to who asks after it', () => {
  test('a search that is under way', async () => {
    const world = await start();
    const slow = gate();
    world.pacs.before.STUDY = slow.step;
    const before = count(world);
    await slow.reached;
    delete world.pacs.before.STUDY;
    expect(await store(world)).toBe(200);
    expect(await count(world)).toBe(3);
    slow.go();
    expect(await before).toBe(2);
    // Nor is its answer kept.
    expect(await count(world)).toBe(3);
  });

  test.each([
    ['that was opened before', true],
    ['of which nobody has heard', false],
  ])('a list of a study %s', async (_what, isKnown) => {
    const world = await start();
    if (isKnown) expect(await open(world, SERIES)).toBe(2);
    const [slow, counted] = [gate(), gate()];
    world.pacs.before.IMAGE = slow.step;
    world.pacs.before.STUDY = counted.step;
    if (isKnown)
      await request(`${world.gateway.origin}/cache/purge`, {
        method: 'POST',
        body: '{"all":true}',
        headers: { 'content-type': 'application/json' },
      });
    const before = open(world, STUDY);
    await slow.reached;
    delete world.pacs.before.IMAGE;
    delete world.pacs.before.STUDY;
    const { instances } = world.pacs;
    expect(await store(world)).toBe(200);
    const there = world.pacs.instances;
    world.pacs.instances = instances; // for what has begun before
    counted.go();
    slow.go();
    expect(await before).toBe(2);
    world.pacs.instances = there;
    expect(await open(world, STUDY)).toBe(3);
    expect(await rows(world, `${STUDY}/metadata`)).toBe(3);
  });

  test('a retrieve that is under way', async () => {
    const world = await start();
    const slow = gate();
    world.pacs.beforeInstances = slow.step;
    const before = open(world, STUDY);
    await slow.reached;
    world.pacs.beforeInstances = () => undefined;
    expect(await store(world)).toBe(200);
    slow.go();
    expect(await before).toBeLessThanOrEqual(3);
    expect(await open(world, STUDY)).toBe(3);
  });

  /** What is at `path` is asked for, and `other` stored in the place of the first instance before anything of it comes. */
  async function replaceWhileAsked(
    { pacs, gateway }: World,
    path: string,
    other: RogueInstance & { readonly dataset: Buffer },
  ) {
    const slow = gate();
    pacs.beforeInstances = slow.step;
    const before = open({ pacs, gateway }, path);
    await slow.reached;
    pacs.beforeInstances = () => undefined;
    const { instances } = pacs;
    expect(await store({ pacs, gateway }, other)).toBe(200);
    /** The PACS had opened its files: the old ones come. */
    const end = async (): Promise<number> => {
      const there = pacs.instances;
      pacs.instances = instances;
      slow.go();
      const count = await before;
      pacs.instances = there;
      return count;
    };
    return { end };
  }

  const holds = async ({ gateway }: World, path: string, { dataset }: { readonly dataset: Buffer }) => {
    const answer = await request(gateway.service + path, { headers: AS_STORED });
    return partsOf(answer).some(({ body }) => datasetOf(body).equals(dataset));
  };

  const inPlaceOfFirst = ({ pacs }: World) =>
    makeInstance({ sopInstanceUid: pacs.instances[0]?.sopInstanceUid ?? '', pixelBytes: 1024 });

  test('a retrieve of the very instance that is replaced: its bytes are kept for nobody', async () => {
    const world = await start();
    const other = inPlaceOfFirst(world);
    const path = `${SERIES}/instances/${other.sopInstanceUid}`;
    const { end } = await replaceWhileAsked(world, path, other);
    // Who asks now waits for no bytes that were asked for before.
    expect(await holds(world, path, other)).toBe(true);
    expect(await end()).toBe(1);
    expect(await holds(world, path, other)).toBe(true);
    expect(await open(world, SERIES)).toBe(2);
  });

  test('the same where nobody asks meanwhile', async () => {
    const world = await start();
    const other = inPlaceOfFirst(world);
    const { end } = await replaceWhileAsked(world, SERIES, other);
    expect(await end()).toBe(2);
    expect(await holds(world, SERIES, other)).toBe(true);
  });

  test('a store that is under way itself: what is heard during it is not kept beyond it', async () => {
    const world = await start();
    const slow = gate();
    const answered: Step = async (operation) => {
      await slow.step(operation);
      await final()(operation);
    };
    world.pacs.afterStore = answered;
    const { instances } = world.pacs;
    const storing = store(world);
    await slow.reached;
    const there = world.pacs.instances;
    world.pacs.instances = instances; // it does not show it yet
    expect([await open(world, STUDY), await count(world)]).toEqual([2, 2]);
    world.pacs.instances = there;
    slow.go();
    expect(await storing).toBe(200);
    expect([await open(world, STUDY), await count(world)]).toEqual([3, 3]);
  });
});

describe('S-13: through a group', () => {
  const group = ['groups:', '  all: { members: [main], store: main }', 'defaultPeer: all'];
  test.each([
    ['searches', (world: World) => count(world)],
    ['the study', (world: World) => open(world, STUDY)],
    ['its metadata', (world: World) => rows(world, `${STUDY}/metadata`)],
  ])('%s, kept before, have what was stored', async (_what, ask) => {
    const world = await start(group);
    expect([await ask(world), await ask(world)]).toEqual([2, 2]);
    expect(await store(world)).toBe(200);
    expect(await ask(world)).toBe(3);
  });

  test('a study that no member had', async () => {
    const world = await start(group);
    const { instances } = world.pacs;
    world.pacs.instances = [];
    const absent = await request(world.gateway.service + STUDY, { headers: AS_STORED });
    expect(absent.status).toBe(404);
    world.pacs.instances = instances.slice(1);
    expect(await store(world)).toBe(200);
    expect(await open(world, STUDY)).toBe(2);
  });
});
