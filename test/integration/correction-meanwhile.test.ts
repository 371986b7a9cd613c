import { afterEach, describe, expect, test } from '@jest/globals';
import { AS_STORED, SERIES, STUDY, startChangingPacs, type ChangingPacs } from '../helpers/changing-pacs.js';
import { eventually } from '../helpers/patience.js';
import { drop, makeInstance, until } from '../helpers/rogue-peer.js';
import {
  datasetOf,
  partsOf,
  peerYaml,
  request,
  startTestGateway,
  type RawResponse,
} from '../helpers/test-gateway.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** What the PACS does not hold: who asks for it makes the gateway look at the study, and nothing else. */
const NOTHING = `${SERIES}/instances/2.25.77.9`;

interface World {
  readonly pacs: ChangingPacs;
  readonly get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<RawResponse>;
}

/** Instances come one after the other, each by a retrieve of its own; what the PACS says is believed for `believed`. */
async function start(believed = '0', associations = 2): Promise<World> {
  const pacs = await startChangingPacs(Array.from({ length: 4 }, () => makeInstance()));
  closers.push(() => pacs.peer.close());
  const address = `${pacs.peer.address.aeTitle}@127.0.0.1:${pacs.peer.address.port}`;
  const cache = `cache: { revalidateAfter: ${believed}, reopenAfter: ${believed}, relistAfter: ${believed} }`;
  const settings = `    associations: ${associations}\nretrieve: { batchInstances: 1 }\n${cache}`;
  const gateway = await startTestGateway(peerYaml(address, settings));
  closers.push(() => gateway.close());
  const get: World['get'] = (path, headers = path.endsWith('metadata') ? {} : AS_STORED) =>
    request(gateway.service + path, { headers });
  return { pacs, get };
}

/** Calls `action` before the second instance of the next answer is sent, or the one that is told. */
function meanwhile(pacs: ChangingPacs, action: () => unknown, before = 2): void {
  let retrieves = 0;
  pacs.beforeInstances = until(() => {
    retrieves += 1;
    return retrieves === before ? action() : undefined;
  });
}

function correct(pacs: ChangingPacs): void {
  const extra = { PatientID: 'P2', PatientName: 'TWO^B' };
  pacs.patient = extra;
  pacs.instances = pacs.instances.map(({ sopInstanceUid }) => makeInstance({ sopInstanceUid, extra }));
}

/** Whose the datasets of an answer are, each once. */
function patientsOf(response: RawResponse): readonly string[] {
  const isJson = response.headers['content-type']?.includes('json');
  const texts = isJson
    ? response.body.toString().split('"00080016"').slice(1)
    : partsOf(response).map(({ body }) => datasetOf(body).toString('latin1'));
  return [...new Set(texts.map((text) => /P2|ROGUE/.exec(text)?.[0] ?? ''))];
}

const PATHS = [SERIES, STUDY, `${SERIES}/metadata`, `${STUDY}/metadata`];

describe('a study that is corrected while it is sent, which the gateway has seen', () => {
  test.each(PATHS)('breaks %s off, and is whole for who asks again', async (path) => {
    const { pacs, get } = await start();
    meanwhile(pacs, async () => {
      correct(pacs);
      expect((await get(NOTHING)).status).toBe(404);
    });
    const broken = await get(path);
    expect(broken.status === 200 && broken.complete).toBe(false);
    const whole = await get(path);
    expect([whole.status, whole.complete, patientsOf(whole)]).toEqual([200, true, ['P2']]);
  });

  test('breaks off also what was cached, before it is sent under the old name', async () => {
    const { pacs, get } = await start();
    const all = pacs.instances;
    pacs.instances = all.slice(1);
    await get(SERIES);
    pacs.instances = all;
    const corrected = async (): Promise<void> => {
      correct(pacs);
      expect((await get(NOTHING)).status).toBe(404);
    };
    meanwhile(pacs, corrected, 1);
    const broken = await get(SERIES);
    expect(broken.status === 200 && broken.complete).toBe(false);
    expect(patientsOf(await get(SERIES))).toEqual(['P2']);
  });

  test('breaks one instance off that was asked for before and begins to come after it', async () => {
    const { pacs, get } = await start();
    await get(NOTHING);
    const { instances } = pacs;
    const opened = async (): Promise<void> => {
      correct(pacs);
      expect((await get(NOTHING)).status).toBe(404);
      // It had opened the file.
      pacs.instances = instances;
    };
    meanwhile(pacs, opened, 1);
    const path = `${SERIES}/instances/${instances[0]?.sopInstanceUid ?? ''}`;
    const broken = await get(path);
    expect(broken.status === 200 && broken.complete).toBe(false);
    correct(pacs);
    expect(patientsOf(await get(path))).toEqual(['P2']);
  });

  test.each(PATHS)('breaks %s off too when only its series was corrected', async (path) => {
    const { pacs, get } = await start();
    let other: Promise<unknown> = Promise.resolve();
    meanwhile(pacs, async () => {
      pacs.series = { Modality: 'CT', SeriesDescription: 'second' };
      const lists = pacs.finds('IMAGE');
      other = get(STUDY);
      // It lists the series before their instances.
      await eventually(() => {
        expect(pacs.finds('IMAGE')).toBeGreaterThan(lists);
      });
    });
    const broken = await get(path);
    expect(broken.status === 200 && broken.complete).toBe(false);
    await other;
    expect((await get(path)).complete).toBe(true);
  });
});

describe('a study that is sent to its end', () => {
  test.each(PATHS)('%s: has grown meanwhile', async (path) => {
    const { pacs, get } = await start();
    meanwhile(pacs, async () => {
      pacs.instances = [...pacs.instances, makeInstance()];
      expect((await get(NOTHING)).status).toBe(404);
    });
    expect(await get(path)).toMatchObject({ status: 200, complete: true });
  });

  test.each(PATHS)('%s: was stored to, or purged, meanwhile', async (path) => {
    const { pacs, get } = await start();
    meanwhile(pacs, async () => {
      expect((await get(NOTHING, { ...AS_STORED, 'cache-control': 'no-cache' })).status).toBe(404);
    });
    expect(await get(path)).toMatchObject({ status: 200, complete: true });
  });

  test.each(PATHS)('%s: was first heard of meanwhile', async (path) => {
    const { pacs, get } = await start();
    pacs.before.STUDY = drop();
    meanwhile(pacs, async () => {
      delete pacs.before.STUDY;
      expect((await get(NOTHING)).status).toBe(404);
    });
    expect(await get(path)).toMatchObject({ status: 200, complete: true });
  });
});

describe('a study that is corrected within the time for which the PACS is believed', () => {
  test.each(PATHS)('while %s is sent: breaks it off at its end, when the PACS is asked', async (path) => {
    const { pacs, get } = await start('1h');
    meanwhile(pacs, () => {
      correct(pacs);
    });
    const broken = await get(path);
    expect(broken.status === 200 && broken.complete).toBe(false);
    const again = await get(path);
    expect([again.status, again.complete, patientsOf(again)]).toEqual([200, true, ['P2']]);
    // Asked after the last had come, it is believed again.
    expect(patientsOf(await get(path))).toEqual(['P2']);
    const asked = pacs.finds('STUDY');
    expect(patientsOf(await get(path))).toEqual(['P2']);
    expect(pacs.finds('STUDY')).toBe(asked);
  });

  test.each(PATHS)('%s is fetched anew for who has searched and seen the new name', async (path) => {
    const { pacs, get } = await start('1h');
    expect(patientsOf(await get(path))).toEqual(['ROGUE']);
    correct(pacs);
    // Believed, for nobody has heard anything else.
    expect(patientsOf(await get(path))).toEqual(['ROGUE']);
    const found = await get(`/studies?StudyInstanceUID=${STUDY.split('/').at(-1) ?? ''}`, {});
    expect(found.body.toString()).toContain('TWO^B');
    expect(patientsOf(await get(path))).toEqual(['P2']);
  });

  test('a search that says the same has nothing asked anew', async () => {
    const { pacs, get } = await start('1h');
    await get(SERIES);
    expect((await get('/studies', {})).status).toBe(200);
    const asked = pacs.finds('STUDY');
    expect(patientsOf(await get(SERIES))).toEqual(['ROGUE']);
    expect(pacs.finds('STUDY')).toBe(asked);
  });

  test.each(PATHS)('while %s is sent, and deleted then: breaks it off', async (path) => {
    const { pacs, get } = await start('1h');
    meanwhile(pacs, () => (pacs.instances = []), 4);
    const broken = await get(path);
    expect(broken.status === 200 && broken.complete).toBe(false);
  });

  test.each(PATHS)('%s is whole where the PACS cannot be asked at its end', async (path) => {
    const { pacs, get } = await start('1h');
    meanwhile(pacs, () => (pacs.before.STUDY = drop()), 4);
    const asked = pacs.finds('STUDY');
    const whole = await get(path);
    expect([whole.status, whole.complete, patientsOf(whole)]).toEqual([200, true, ['ROGUE']]);
    expect(pacs.finds('STUDY')).toBeGreaterThan(asked + 1);
  });

  test.each(PATHS)('%s from the cache asks nothing more at its end', async (path) => {
    const { pacs, get } = await start('1h');
    await get(path);
    const asked = pacs.finds('STUDY');
    expect((await get(path)).complete).toBe(true);
    expect(pacs.finds('STUDY')).toBe(asked);
  });

  test.each([SERIES, `${SERIES}/metadata`])(
    '%s is of one patient also for who comes while somebody else’s question is under way',
    async (path) => {
      const { pacs, get } = await start('1h', 3);
      let answer: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => (answer = resolve));
      const others: Promise<RawResponse>[] = [];
      let late: Promise<RawResponse> | undefined;
      let retrieves = 0;
      pacs.beforeInstances = until(async () => {
        retrieves += 1;
        const asked = pacs.finds('STUDY');
        if (retrieves === 2) {
          // Who joins what is arriving makes the gateway ask, and the answer is on its way when the study is corrected.
          pacs.before.STUDY = until(() => gate);
          others.push(get(path));
          await eventually(() => {
            expect(pacs.finds('STUDY')).toBe(asked + 1);
          });
          delete pacs.before.STUDY;
          correct(pacs);
        }
        if (retrieves !== 3) return;
        // Old and new ones have come by now. Who asks now waits for that answer, and it is not enough.
        late = get(path);
        for (let turns = 0; turns < 20; turns += 1) await get('/../healthz');
        answer();
      });
      others.push(get(path));
      await Promise.all(others);
      const last = await late;
      expect(last && (!last.complete || last.status !== 200 || patientsOf(last).length === 1)).toBe(true);
      const whole = await get(path);
      expect([whole.status, whole.complete, patientsOf(whole)]).toEqual([200, true, ['P2']]);
    },
  );

  test.each(PATHS)(
    '%s is not asked about behind a retrieve where the PACS takes one association',
    async (path) => {
      const { pacs, get } = await start('1h', 1);
      await get(path);
      const asked = pacs.finds('STUDY');
      expect((await get(path)).complete).toBe(true);
      expect(pacs.finds('STUDY')).toBe(asked);
    },
  );
});
