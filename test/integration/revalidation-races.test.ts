import { afterEach, describe, expect, test } from '@jest/globals';
import { listing, selected } from '../helpers/listing.js';
import {
  final,
  makeInstance,
  pending,
  startRoguePeer,
  store,
  until,
  type RogueInstance,
  type Script,
  type Step,
} from '../helpers/rogue-peer.js';
import { partsOf, peerYaml, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const AS_STORED = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
const SERIES = '/studies/2.25.77.1/series/2.25.77.2';
const LEVEL = 0x00080052;

/** A PACS whose contents and opinions a test can change. */
interface World {
  gateway: TestGateway;
  instances: readonly RogueInstance[];
  patient: Readonly<Record<string, string>>;
  /** Whether questions about the study itself are answered by a failure. */
  failing: boolean;
  sent: number;
  /** Before a list of instances ends. */
  beforeListEnds: Step;
  /** Before a list of series ends. */
  beforeSeriesEnd: Step;
}

const nothing: Step = () => undefined;

function scriptOf(world: Omit<World, 'gateway'>): Script {
  return (rq, identifier, ...rest) => {
    if (identifier.get(LEVEL) === 'STUDY') {
      if (world.failing) return [final(0xc000)];
      const counts = { NumberOfStudyRelatedInstances: String(world.instances.length) };
      const row = { QueryRetrieveLevel: 'STUDY', StudyInstanceUID: '2.25.77.1', ...world.patient, ...counts };
      return [pending(row), final()];
    }
    const script = listing(world.instances);
    const steps = typeof script === 'function' ? script(rq, identifier, ...rest) : script;
    const gated = [identifier.get(LEVEL) === 'IMAGE' ? world.beforeListEnds : world.beforeSeriesEnd];
    return [...steps.slice(0, -1), ...gated, ...steps.slice(-1)];
  };
}

async function start(count: number): Promise<World> {
  const world = {
    instances: Array.from({ length: count }, () => makeInstance()) as readonly RogueInstance[],
    patient: { PatientID: 'P1', PatientName: 'ONE^A' } as Readonly<Record<string, string>>,
    failing: false,
    sent: 0,
    beforeListEnds: nothing,
    beforeSeriesEnd: nothing,
  };
  const peer = await startRoguePeer({
    onFind: scriptOf(world),
    onGet: (_request, identifier) => {
      const wanted = selected(world.instances, identifier);
      world.sent += wanted.length;
      return [...wanted.map((one) => store(one)), final()];
    },
  });
  closers.push(() => peer.close());
  const address = `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`;
  const gateway = await startTestGateway(peerYaml(address, 'cache: { revalidateAfter: 0 }'));
  closers.push(() => gateway.close());
  return Object.assign(world, { gateway });
}

const open = async ({ gateway }: World, path: string): Promise<number> => {
  const response = await request(gateway.service + path, { headers: AS_STORED });
  if (response.status === 200 && !response.complete) return 0;
  return response.status === 200 ? partsOf(response).length : response.status;
};

const purge = async ({ gateway }: World): Promise<number> => {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ all: true });
  return (await request(`${gateway.origin}/cache/purge`, { method: 'POST', headers, body })).status;
};

const instanceOf = ({ instances }: World, index = 0): string =>
  `${SERIES}/instances/${instances[index]?.sopInstanceUid ?? ''}`;

/** A place where a script waits: `reached` tells that it does, `go` lets it on. */
function gate(): { readonly step: Step; readonly reached: Promise<void>; readonly go: () => void } {
  let arrive: () => void = () => undefined;
  let go: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => (arrive = resolve));
  const opened = new Promise<void>((resolve) => (go = resolve));
  const step = until(() => {
    arrive();
    return opened;
  });
  return { step, reached, go };
}

describe('a changed patient is seen', () => {
  test('although the PACS left the attribute out for once in between', async () => {
    const world = await start(1);
    expect(await open(world, SERIES)).toBe(1);
    world.patient = { PatientID: 'P1' };
    expect(await open(world, instanceOf(world))).toBe(1);
    world.patient = { PatientID: 'P1', PatientName: 'TWO^B' };
    expect(await open(world, instanceOf(world))).toBe(1);
    expect(world.sent).toBe(2);
  });

  test('although the PACS could not be asked whose the study was when its instances came', async () => {
    const world = await start(1);
    world.failing = true;
    expect(await open(world, SERIES)).toBe(1);
    expect(world.sent).toBe(1);
    world.failing = false;
    world.patient = { PatientID: 'P2', PatientName: 'TWO^B' };
    expect(await open(world, instanceOf(world))).toBe(1);
    expect(world.sent).toBe(2);
  });
});

test('what a study was before it grew is not remembered by who was listing it meanwhile', async () => {
  const world = await start(1);
  expect(await open(world, SERIES)).toBe(1);
  // Another list of it begins, and ends only after somebody else has seen that the study has grown.
  const slow = gate();
  const counted = gate();
  world.beforeListEnds = slow.step;
  world.beforeSeriesEnd = counted.step;
  expect(await purge(world)).toBe(200);
  const listingIt = open(world, SERIES);
  await Promise.all([slow.reached, counted.reached]);
  counted.go();
  world.beforeListEnds = nothing;
  const first = instanceOf(world);
  world.instances = [...world.instances, makeInstance()];
  expect(await open(world, first)).toBe(1);
  slow.go();
  expect(await listingIt).toBe(1);
  expect(await open(world, SERIES)).toBe(2);
});
