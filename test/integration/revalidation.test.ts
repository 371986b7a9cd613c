import { afterEach, describe, expect, test } from '@jest/globals';
import { listing, selected } from '../helpers/listing.js';
import {
  drop,
  final,
  makeInstance,
  pending,
  startRoguePeer,
  store,
  type RogueInstance,
  type RoguePeer,
  type Script,
} from '../helpers/rogue-peer.js';
import { partsOf, peerYaml, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const AS_STORED = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
const STUDY = '/studies/2.25.77.1';
const SERIES = `${STUDY}/series/2.25.77.2`;

/** A PACS whose contents and opinions a test can change. */
interface World {
  readonly peer: RoguePeer;
  readonly gateway: TestGateway;
  instances: readonly RogueInstance[];
  patient: Readonly<Record<string, string>>;
  counts: 'right' | 'none';
  dead: boolean;
  /** C-FINDs at STUDY level so far. */
  studyFinds: number;
  /** Instances that were sent so far. */
  readonly sent: () => number;
}

async function start(count = 3, cache = 'cache: { revalidateAfter: 0 }'): Promise<World> {
  const world = {
    instances: Array.from({ length: count }, () => makeInstance()) as readonly RogueInstance[],
    patient: { PatientID: 'P1', PatientName: 'ONE^A', PatientBirthDate: '19700101' },
    counts: 'right' as 'right' | 'none',
    dead: false,
    studyFinds: 0,
    delivered: 0,
  };
  const onFind: Script = (rq, identifier, ...rest) => {
    if (world.dead) return [drop()];
    const isStudy = identifier.get(0x00080052) === 'STUDY';
    if (!isStudy) {
      const script = listing(world.instances, { counts: world.counts });
      return typeof script === 'function' ? script(rq, identifier, ...rest) : script;
    }
    world.studyFinds += 1;
    if (world.instances.length === 0) return [final()];
    const series = new Set(world.instances.map((one) => one.seriesInstanceUid)).size;
    const counts =
      world.counts === 'right'
        ? {
            NumberOfStudyRelatedSeries: String(series),
            NumberOfStudyRelatedInstances: String(world.instances.length),
          }
        : {};
    const row = { QueryRetrieveLevel: 'STUDY', StudyInstanceUID: '2.25.77.1', ...world.patient, ...counts };
    return [pending(row), final()];
  };
  const onGet: Script = (_request, identifier) => {
    const wanted = selected(world.instances, identifier);
    world.delivered += wanted.length;
    return [...wanted.map((one) => store(one)), final()];
  };
  const peer = await startRoguePeer({ onFind, onGet });
  closers.push(() => peer.close());
  const gateway = await startTestGateway(
    peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, cache),
  );
  closers.push(() => gateway.close());
  return Object.assign(world, { peer, gateway, sent: () => world.delivered });
}

const open = async (
  { gateway }: World,
  path: string,
  headers: Record<string, string> = {},
): Promise<number> => {
  const response = await request(gateway.service + path, { headers: { ...AS_STORED, ...headers } });
  if (response.status === 200 && !response.complete) throw new Error('broken');
  return response.status === 200 ? partsOf(response).length : response.status;
};

const instanceOf = ({ instances }: World, index = 0): string =>
  `${SERIES}/instances/${instances[index]?.sopInstanceUid ?? ''}`;

describe('a cached study', () => {
  test.each([
    ['study', () => STUDY, 3],
    ['series', () => SERIES, 3],
    ['instance', instanceOf, 1],
  ] as const)('that the PACS says is unchanged is not fetched again (%s)', async (_level, path, parts) => {
    const world = await start();
    expect(await open(world, SERIES)).toBe(3);
    expect(await open(world, path(world))).toBe(parts);
    expect(world.sent()).toBe(3);
  });

  test.each([
    ['was merged into another patient', { PatientID: 'P2' }],
    ['got a corrected name', { PatientName: 'TWO^B' }],
    ['got a corrected birth date', { PatientBirthDate: '19800101' }],
  ])('that %s is fetched anew, by whatever it is opened', async (_what, change) => {
    const world = await start();
    expect(await open(world, SERIES)).toBe(3);
    world.patient = { ...world.patient, ...change };
    expect(await open(world, instanceOf(world))).toBe(1);
    expect(world.sent()).toBe(4);
    expect(await open(world, STUDY)).toBe(3);
    expect(world.sent()).toBe(6);
  });

  test('that has grown shows what is new, and what was there is not fetched again', async () => {
    const world = await start();
    expect(await open(world, SERIES)).toBe(3);
    world.instances = [...world.instances, makeInstance()];
    expect(await open(world, SERIES)).toBe(4);
    expect(world.sent()).toBe(4);
  });

  test('that has lost an instance is fetched anew, and the lost one is not found', async () => {
    const world = await start();
    expect(await open(world, SERIES)).toBe(3);
    const lost = instanceOf(world);
    world.instances = world.instances.slice(1);
    expect(await open(world, lost)).toBe(404);
    expect(await open(world, SERIES)).toBe(2);
    expect(world.sent()).toBe(5);
  });

  test.each([
    ['study', () => STUDY],
    ['series', () => SERIES],
    ['instance', instanceOf],
  ] as const)('that was deleted at the PACS is 404 (%s)', async (_level, pathOf) => {
    const world = await start();
    expect(await open(world, SERIES)).toBe(3);
    const path = pathOf(world);
    world.instances = [];
    expect(await open(world, path)).toBe(404);
    expect(world.gateway.logLines.some((line) => line.includes('gone at the peer'))).toBe(true);
  });

  test('is not served while the PACS cannot be asked: the failure is the answer', async () => {
    const world = await start();
    expect(await open(world, SERIES)).toBe(3);
    world.dead = true;
    expect(await open(world, instanceOf(world))).toBeGreaterThanOrEqual(502);
    world.dead = false;
    expect(await open(world, instanceOf(world))).toBe(1);
    expect(world.sent()).toBe(3);
  });

  test('of a PACS that counts nothing is listed anew, and not fetched again', async () => {
    const world = await start();
    world.counts = 'none';
    expect(await open(world, SERIES)).toBe(3);
    const sent = world.sent();
    expect(await open(world, SERIES)).toBe(3);
    world.instances = [...world.instances, makeInstance()];
    expect(await open(world, SERIES)).toBe(4);
    expect(world.sent()).toBeGreaterThan(sent);
  });

  test('what a PACS returned one time and not the other is no change', async () => {
    const world = await start();
    expect(await open(world, SERIES)).toBe(3);
    world.patient = { PatientID: 'P1' };
    expect(await open(world, instanceOf(world))).toBe(1);
    world.patient = { PatientID: 'P1', PatientName: 'ONE^A' };
    expect(await open(world, instanceOf(world))).toBe(1);
    expect(world.sent()).toBe(3);
  });
});

describe('cache.revalidateAfter', () => {
  test('within it fifty requests, and who opens all of it, ask the PACS for nothing', async () => {
    const world = await start(3, 'cache: { revalidateAfter: 1m, reopenAfter: 1m }');
    expect(await open(world, SERIES)).toBe(3);
    await Promise.all(Array.from({ length: 50 }, (_, n) => open(world, instanceOf(world, n % 3))));
    // Before the first answer, and at its end.
    expect(world.studyFinds).toBe(2);
    for (let n = 0; n < 3; n += 1) expect(await open(world, SERIES)).toBe(3);
    expect(world.studyFinds).toBe(2);
    expect(world.peer.messages('C-FIND-RQ').length).toBeLessThanOrEqual(5);
    expect(world.sent()).toBe(3);
  });

  test('requests at the same moment share one question', async () => {
    const world = await start();
    expect(await open(world, SERIES)).toBe(3);
    const before = world.studyFinds;
    await Promise.all(Array.from({ length: 20 }, () => open(world, instanceOf(world))));
    expect(world.studyFinds - before).toBeLessThan(20);
  });
});

describe('cache.reopenAfter', () => {
  const JPEG = { accept: 'multipart/related; type="image/jpeg"' };
  const opening = [
    ['a study', STUDY, AS_STORED],
    ['a series', SERIES, AS_STORED],
    ['the metadata of a study', `${STUDY}/metadata`, {}],
    ['the metadata of a series', `${SERIES}/metadata`, {}],
    ['the archive of a study', STUDY, { accept: 'application/zip' }],
    ['pictures of a series', `${SERIES}/rendered`, JPEG],
    ['the thumbnail of a series', `${SERIES}/thumbnail`, { accept: 'image/jpeg' }],
    [
      'the pixel data of a series',
      `${SERIES}/pixeldata`,
      { accept: 'multipart/related; type="application/octet-stream"' },
    ],
  ] as const;

  test.each(opening)(
    'over, who opens %s has the PACS asked, and gets no corrected patient’s',
    async (_what, path, accept) => {
      const world = await start(3, 'cache: { revalidateAfter: 1m, reopenAfter: 0 }');
      const get = async (of: string, headers: Readonly<Record<string, string>>): Promise<number> => {
        const response = await request(world.gateway.service + of, { headers });
        expect([response.status, response.complete]).toEqual([200, true]);
        return world.studyFinds;
      };
      for (let n = 0; n < 2; n += 1) await get(path, accept);
      const before = await get(SERIES, AS_STORED);
      expect(await get(instanceOf(world), AS_STORED)).toBe(before);
      expect(await get(`${instanceOf(world)}/frames/1`, {})).toBe(before);
      expect(await get(`${instanceOf(world)}/metadata`, {})).toBe(before);
      world.patient = { ...world.patient, PatientName: 'TWO^B' };
      const sent = world.sent();
      expect(await get(path, accept)).toBeGreaterThan(before);
      expect(world.sent()).toBeGreaterThan(sent);
    },
  );

  test('is never longer than cache.revalidateAfter', async () => {
    const world = await start(3, 'cache: { revalidateAfter: 0, reopenAfter: 1m }');
    expect(await open(world, SERIES)).toBe(3);
    world.patient = { ...world.patient, PatientName: 'TWO^B' };
    expect(await open(world, SERIES)).toBe(3);
    expect(world.sent()).toBe(6);
  });
});

describe('Cache-Control: no-cache', () => {
  test.each([
    ['cache-control', 'no-cache'],
    ['cache-control', 'max-age=0, no-cache'],
    ['pragma', 'no-cache'],
  ])('of a request (%s: %s) fetches anew what it asks for, and nothing else', async (name, value) => {
    const world = await start(3, 'cache: { revalidateAfter: 1m, reopenAfter: 1m }');
    expect(await open(world, SERIES)).toBe(3);
    expect(await open(world, instanceOf(world), { [name]: value })).toBe(1);
    expect(world.sent()).toBe(4);
    expect(await open(world, SERIES)).toBe(3);
    expect(world.sent()).toBe(4);
  });
});

describe('POST /cache/purge', () => {
  const purge = async (
    { gateway }: World,
    body: unknown,
    type = 'application/json',
  ): Promise<readonly [status: number, body: unknown]> => {
    const response = await request(`${gateway.origin}/cache/purge`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return [response.status, JSON.parse(response.body.toString())];
  };

  test.each([
    ['a study', { study: '2.25.77.1' }, 3],
    ['a patient', { patient: 'P1' }, 3],
    ['everything', { all: true }, 3],
    ['everything of a peer', { all: true, peer: 'main' }, 3],
    ['another study', { study: '2.25.78' }, 0],
    ['another patient', { patient: 'P2' }, 0],
  ])('drops %s and says how many instances', async (_what, body, dropped) => {
    // A head start that comes too late may send one instance more than what is counted here.
    const world = await start(
      3,
      'cache: { revalidateAfter: 1m, reopenAfter: 1m }\nretrieve: { headStart: 0 }',
    );
    expect(await open(world, SERIES)).toBe(3);
    expect(await purge(world, body)).toEqual([200, { dropped }]);
    expect(await open(world, SERIES)).toBe(3);
    expect(world.sent()).toBe(3 + dropped);
    expect(world.gateway.logLines.some((line) => line.includes('P1'))).toBe(false);
  });

  test.each<readonly [string, unknown, number]>([
    ['nothing', {}, 400],
    ['two things', { study: '1.2', all: true }, 400],
    ['something else', { all: true, more: 1 }, 400],
    ['no UID', { study: '../x' }, 400],
    ['a wildcard', { patient: '*' }, 400],
    ['an unknown peer', { all: true, peer: 'other' }, 404],
    ['no JSON', 'hello', 400],
    ['a list', [], 400],
    ['too much', { study: '1'.repeat(5000) }, 413],
  ])('%s is refused', async (_what, body, status) => {
    const world = await start(1);
    expect((await purge(world, body))[0]).toBe(status);
  });

  test('what a form of another page could send is refused', async () => {
    const world = await start(1);
    expect((await purge(world, '{"all":true}', 'text/plain'))[0]).toBe(415);
  });
});
