import { afterEach, describe, expect, test } from '@jest/globals';
import { AS_STORED, SERIES, STUDY, startChangingPacs, type ChangingPacs } from '../helpers/changing-pacs.js';
import { makeInstance, shaped, until, type RogueInstance } from '../helpers/rogue-peer.js';
import {
  datasetOf,
  partsOf,
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

const instancePath = (one: { readonly sopInstanceUid: string } | undefined): string =>
  `${SERIES}/instances/${one?.sopInstanceUid ?? ''}`;

interface World {
  readonly pacs: ChangingPacs;
  readonly gateway: TestGateway;
  readonly get: (path: string) => Promise<RawResponse>;
}

async function start(
  cache = '{ revalidateAfter: 0, relistAfter: 0 }',
  instances?: readonly RogueInstance[],
): Promise<World> {
  const pacs = await startChangingPacs(instances);
  closers.push(() => pacs.peer.close());
  const address = `${pacs.peer.address.aeTitle}@127.0.0.1:${pacs.peer.address.port}`;
  const gateway = await startTestGateway(peerYaml(address, `cache: ${cache}`));
  closers.push(() => gateway.close());
  const get = (path: string): Promise<RawResponse> => {
    const headers = path.endsWith('metadata') ? {} : AS_STORED;
    return request(gateway.service + path, { headers });
  };
  return { pacs, gateway, get };
}

/** SOP Instance UIDs of an answer, sorted; its status when it is none. */
function uidsOf(response: RawResponse): readonly string[] | number {
  if (response.status !== 200) return response.status;
  if (!response.complete) throw new Error('broken');
  if (response.headers['content-type']?.includes('json')) {
    const documents = JSON.parse(response.body.toString()) as { '00080018': { Value: string[] } }[];
    return documents.map((one) => one['00080018'].Value[0] ?? '').sort();
  }
  return partsOf(response)
    .map(({ headers }) => headers['content-location'] ?? '')
    .map((location) => location.slice(location.lastIndexOf('/') + 1))
    .sort();
}

const heldBy = ({ instances }: ChangingPacs): readonly string[] =>
  instances.map((one) => one.sopInstanceUid).sort();

describe('an instance that was replaced by another, which leaves the counts as they are', () => {
  test.each([
    ['the series', SERIES],
    ['the study', STUDY],
    ['metadata of the series', `${SERIES}/metadata`],
    ['metadata of the study', `${STUDY}/metadata`],
  ])('is seen by who opens %s, and is not found any more', async (_what, path) => {
    const { pacs, get } = await start();
    expect(uidsOf(await get(path))).toEqual(heldBy(pacs));
    expect(uidsOf(await get(path))).toEqual(heldBy(pacs));
    expect(pacs.sent()).toBe(3);
    const [gone, ...kept] = pacs.instances;
    pacs.instances = [...kept, makeInstance()];
    expect(uidsOf(await get(path))).toEqual(heldBy(pacs));
    expect(pacs.sent()).toBe(4);
    expect(uidsOf(await get(instancePath(gone)))).toBe(404);
    expect(uidsOf(await get(path))).toEqual(heldBy(pacs));
  });

  test('is seen also by a gateway that has only heard of it and not listed it', async () => {
    const { pacs, get } = await start();
    const [gone, ...kept] = pacs.instances;
    expect(uidsOf(await get(instancePath(gone)))).toEqual([gone?.sopInstanceUid]);
    pacs.instances = [...kept, makeInstance()];
    expect(uidsOf(await get(SERIES))).toEqual(heldBy(pacs));
    expect(uidsOf(await get(instancePath(gone)))).toBe(404);
  });
});

describe('cache.relistAfter', () => {
  test('within it a series is opened again without a list of its instances', async () => {
    const { pacs, get } = await start('{ revalidateAfter: 0, relistAfter: 1m }');
    for (let n = 0; n < 5; n += 1) expect(uidsOf(await get(SERIES))).toEqual(heldBy(pacs));
    expect([pacs.finds('IMAGE'), pacs.finds('SERIES')]).toEqual([1, 1]);
    // Before each, and at the end of the first, which was fetched.
    expect(pacs.finds('STUDY')).toBe(6);
  });

  test('after it who opens the series at the same moment shares a list', async () => {
    const { pacs, get } = await start();
    await get(SERIES);
    const before = pacs.finds('IMAGE');
    let go: () => void = () => undefined;
    pacs.before.IMAGE = until(new Promise<void>((resolve) => (go = resolve)));
    const opening = Promise.all(Array.from({ length: 10 }, () => get(SERIES)));
    await pacs.peer.waitFor('C-FIND-RQ', pacs.peer.messages('C-FIND-RQ').length + 3);
    go();
    for (const response of await opening) expect(uidsOf(response)).toEqual(heldBy(pacs));
    expect(pacs.finds('IMAGE') - before).toBeLessThan(10);
  });

  test('a series that is opened again and again is listed again all the same', async () => {
    const { pacs, get } = await start('{ revalidateAfter: 1m, reopenAfter: 1m, relistAfter: 200ms }');
    for (let n = 0; n < 200 && pacs.finds('IMAGE') < 2; n += 1) await get(SERIES);
    expect(pacs.finds('IMAGE')).toBe(2);
  });

  test('single instances are served without a list', async () => {
    const { pacs, get } = await start();
    await get(SERIES);
    for (const one of pacs.instances) expect(uidsOf(await get(instancePath(one)))).toHaveLength(1);
    expect(pacs.finds('IMAGE')).toBe(1);
  });

  test('a document that was sent stays the same one as long as the list says the same', async () => {
    const { pacs, get } = await start();
    await get(`${SERIES}/metadata`);
    const first = await get(`${SERIES}/metadata`);
    const second = await get(`${SERIES}/metadata`);
    expect(first.headers.etag).toBeDefined();
    expect([second.headers.etag, second.body.equals(first.body)]).toEqual([first.headers.etag, true]);
    expect(pacs.finds('IMAGE')).toBe(3);
  });
});

test('metadata of a series are not kept as what a list says that came after theirs', async () => {
  // It does not count the instances of a study: after each answer its lists are worth nothing.
  const { pacs, get } = await start(
    '{ revalidateAfter: 1m, reopenAfter: 1m, relistAfter: 1m }\nretrieve: { batchInstances: 1 }',
  );
  pacs.patient = { ...pacs.patient, NumberOfStudyRelatedInstances: '' };
  const [replaced, ...kept] = pacs.instances;
  pacs.beforeInstances = until(async ({ identifier }) => {
    if (identifier.get(0x00080018) !== replaced?.sopInstanceUid) return;
    pacs.instances = [...kept, makeInstance()];
    for (const path of [STUDY, SERIES]) expect(uidsOf(await get(path))).toEqual(heldBy(pacs));
  });
  expect(uidsOf(await get(`${SERIES}/metadata`))).toContain(replaced?.sopInstanceUid);
  expect(uidsOf(await get(`${SERIES}/metadata`))).toEqual(heldBy(pacs));
});

describe('a series that was corrected', () => {
  test.each([
    ['Modality', { Modality: 'MR', SeriesDescription: 'first' }],
    ['SeriesDescription', { Modality: 'CT', SeriesDescription: 'second' }],
    ['SeriesNumber, which was empty', { Modality: 'CT', SeriesDescription: 'first', SeriesNumber: '7' }],
  ])('(%s) is fetched anew, by whatever it is opened', async (what, changed) => {
    for (const path of [SERIES, STUDY, `${SERIES}/metadata`]) {
      const { pacs, get } = await start();
      if (what.startsWith('SeriesNumber')) pacs.series = { ...pacs.series, SeriesNumber: '' };
      await get(path);
      expect(uidsOf(await get(path))).toEqual(heldBy(pacs));
      expect(pacs.sent()).toBe(3);
      pacs.series = changed;
      pacs.instances = pacs.instances.map(({ sopInstanceUid }) =>
        makeInstance({ sopInstanceUid, extra: changed }),
      );
      expect(uidsOf(await get(path))).toEqual(heldBy(pacs));
      expect(pacs.sent()).toBe(6);
    }
  });

  test('of which the PACS left an attribute out once is no other', async () => {
    const { pacs, get } = await start();
    await get(SERIES);
    pacs.series = { Modality: 'CT' };
    expect(uidsOf(await get(SERIES))).toEqual(heldBy(pacs));
    pacs.series = { Modality: 'CT', SeriesDescription: 'second' };
    expect(pacs.sent()).toBe(3);
    expect(uidsOf(await get(SERIES))).toEqual(heldBy(pacs));
    expect(pacs.sent()).toBe(6);
  });
});

describe('what came before it was known whose it was', () => {
  test('a single instance is asked for only when the PACS has said whose study it is', async () => {
    const { pacs, get } = await start();
    let go: () => void = () => undefined;
    pacs.before.STUDY = until(new Promise<void>((resolve) => (go = resolve)));
    const opening = get(instancePath(pacs.instances[0]));
    await pacs.peer.waitFor('C-FIND-RQ', 2);
    expect(pacs.peer.messages('C-GET-RQ')).toHaveLength(0);
    go();
    expect(uidsOf(await opening)).toHaveLength(1);
    expect(uidsOf(await get(instancePath(pacs.instances[0])))).toHaveLength(1);
    expect(pacs.sent()).toBe(1);
  });

  test('a study that was corrected while a single instance of it came is not served as it was', async () => {
    const { pacs, get } = await start();
    let go: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => {
      pacs.beforeInstances = until(() => {
        resolve();
        return new Promise<void>((opened) => (go = opened));
      });
    });
    const [one] = pacs.instances;
    const opening = get(instancePath(one));
    await reached;
    pacs.beforeInstances = () => undefined;
    pacs.patient = { PatientID: 'P2', PatientName: 'TWO^B' };
    go();
    expect(uidsOf(await opening)).toHaveLength(1);
    expect(uidsOf(await get(instancePath(one)))).toHaveLength(1);
    expect(pacs.sent()).toBe(2);
  });
});

/** Gives the study to another patient, and puts one more instance into it. */
function correct(pacs: ChangingPacs): void {
  const extra = { PatientID: 'P2', PatientName: 'TWO^B' };
  pacs.patient = extra;
  pacs.instances = [
    ...pacs.instances.map(({ sopInstanceUid }) => makeInstance({ sopInstanceUid, extra })),
    makeInstance({ extra }),
  ];
}

/** Whose the datasets of an answer are. */
function patientsOf(response: RawResponse): readonly string[] {
  const isJson = response.headers['content-type']?.includes('json');
  const texts = isJson
    ? response.body.toString().split('"00080016"').slice(1)
    : partsOf(response).map(({ body }) => datasetOf(body).toString('latin1'));
  return texts.map((text) => /P2|ROGUE/.exec(text)?.[0] ?? '');
}

describe('while what the PACS said of a study is believed still, no answer holds two patients', () => {
  const believed = 'revalidateAfter: 1m, reopenAfter: 1m, relistAfter: 1m';

  test.each([
    [STUDY, SERIES],
    [SERIES, STUDY],
    [`${STUDY}/metadata`, `${SERIES}/metadata`],
    [`${SERIES}/metadata`, `${STUDY}/metadata`],
    [instancePath, SERIES],
    [instancePath, `${STUDY}/metadata`],
  ] as const)('where %s was opened before, and %s is listed', async (before, path) => {
    const { pacs, get } = await start(`{ ${believed} }`);
    await get(typeof before === 'string' ? before : before(pacs.instances[0]));
    correct(pacs);
    const response = await get(path);
    expect(uidsOf(response)).toEqual(heldBy(pacs));
    expect(patientsOf(response)).toEqual(['P2', 'P2', 'P2', 'P2']);
  });

  test.each([SERIES, STUDY])('where some of %s has left the cache', async (path) => {
    const large = Array.from({ length: 4 }, () => makeInstance({ pixelBytes: 400_000 }));
    const { pacs, get } = await start(`{ ${believed}, memory: 1 MiB }`, large);
    expect(uidsOf(await get(path))).toEqual(heldBy(pacs));
    const [first] = pacs.instances;
    correct(pacs);
    pacs.instances = pacs.instances.slice(0, -1);
    expect(first?.sopInstanceUid).toBe(pacs.instances[0]?.sopInstanceUid);
    const response = await get(path);
    expect(uidsOf(response)).toEqual(heldBy(pacs));
    expect(patientsOf(response)).toEqual(['P2', 'P2', 'P2', 'P2']);
  });

  test('and what is there whole is served with one question after the last of it has come', async () => {
    const { pacs, get } = await start(`{ ${believed} }`);
    await get(SERIES);
    for (let n = 0; n < 5; n += 1) expect(uidsOf(await get(SERIES))).toEqual(heldBy(pacs));
    expect([pacs.finds('STUDY'), pacs.finds('IMAGE')]).toEqual([2, 1]);
  });
});

describe('a study that the PACS holds under two patients', () => {
  const second = { PatientID: 'P9', PatientName: 'NINE^A', NumberOfStudyRelatedInstances: '0' };

  test.each([SERIES, STUDY, `${SERIES}/metadata`, `${STUDY}/metadata`])('%s says so', async (path) => {
    const { pacs, get } = await start();
    pacs.others = [second];
    const response = await get(path);
    expect(uidsOf(response)).toEqual(heldBy(pacs));
    expect(response.headers.warning).toContain('holds study 2.25.77.1 under 2 patients');
    pacs.others = [];
    expect((await get(path)).headers.warning).toBeUndefined();
  });

  test.each([
    '/studies',
    STUDY.replace('/studies/', '/studies?StudyInstanceUID='),
    `${STUDY}/series?includefield=PatientID`,
  ])('law 1: a search says so: %s', async (path) => {
    const { pacs, gateway } = await start();
    pacs.others = [second];
    const response = await request(gateway.service + path, {});
    expect([response.status, JSON.parse(response.body.toString())]).toMatchObject([200, [{}]]);
    expect(response.headers.warning).toContain('has a study under several patients');
    pacs.others = [];
    expect((await request(gateway.service + path, {})).headers.warning ?? '').not.toContain(
      'several patients',
    );
  });

  test('several rows of one patient count the same instances', async () => {
    const { pacs, get } = await start();
    pacs.others = [{ ...pacs.patient, StudyDescription: 'Another' }];
    const first = await get(SERIES);
    expect([uidsOf(first), first.headers.warning]).toEqual([heldBy(pacs), undefined]);
    expect(uidsOf(await get(STUDY))).toEqual(heldBy(pacs));
    expect(pacs.sent()).toBe(3);
  });

  test('is fetched anew when one of them is corrected, appears or goes', async () => {
    const { pacs, get } = await start();
    let sent = 0;
    for (const others of [[second], [{ ...second, PatientName: 'TEN^A' }], []]) {
      pacs.others = others;
      expect(uidsOf(await get(SERIES))).toEqual(heldBy(pacs));
      expect(uidsOf(await get(SERIES))).toEqual(heldBy(pacs));
      expect(pacs.sent()).toBe((sent += 3));
    }
  });

  test('keeps nothing of the old one that came while it was being corrected', async () => {
    const { pacs, get } = await start();
    const held = pacs.instances;
    // The new one is listed first, and the old one's instances are still sent.
    pacs.others = [pacs.patient];
    correct(pacs);
    pacs.instances = held;
    expect(new Set(patientsOf(await get(SERIES)))).toEqual(new Set(['ROGUE']));
    pacs.others = [];
    correct(pacs);
    expect(new Set(patientsOf(await get(SERIES)))).toEqual(new Set(['P2']));
  });
});

describe('a study that was deleted and sent again', () => {
  test('is fetched anew although everything about it is as before', async () => {
    const { pacs, get } = await start();
    const held = pacs.instances;
    await get(SERIES);
    pacs.instances = [];
    expect(uidsOf(await get(SERIES))).toBe(404);
    pacs.instances = held.map(({ sopInstanceUid }) => makeInstance({ sopInstanceUid, pixelBytes: 700 }));
    const again = await get(SERIES);
    expect(uidsOf(again)).toEqual(heldBy(pacs));
    expect(new Set(partsOf(again).map(({ body }) => datasetOf(body).length))).toEqual(
      new Set(pacs.instances.map(({ dataset }) => (dataset as Buffer).length)),
    );
    expect(pacs.sent()).toBe(6);
  });

  test('leaves nothing of what was on its way meanwhile', async () => {
    const { pacs, gateway, get } = await start();
    const held = pacs.instances;
    const [first, second] = held;
    expect(uidsOf(await get(instancePath(first)))).toHaveLength(1);
    // The second comes so slowly that its study has gone and come back before it is whole.
    const slow = makeInstance({ sopInstanceUid: second?.sopInstanceUid ?? '', pixelBytes: 400_000 });
    pacs.instances = held.map((one) => (one === second ? slow : one));
    pacs.beforeInstances = shaped({ writeBytes: 1000, dripMs: 1 });
    const opening = get(instancePath(second));
    while (!(await gateway.telemetry.metrics()).body.includes('dicomgw_cache_instances 2'))
      await new Promise(setImmediate);
    pacs.beforeInstances = () => undefined;
    pacs.instances = [];
    expect(uidsOf(await get(instancePath(first)))).toBe(404);
    pacs.instances = held.map(({ sopInstanceUid }) => makeInstance({ sopInstanceUid, pixelBytes: 700 }));
    expect(uidsOf(await get(instancePath(first)))).toHaveLength(1);
    expect(await opening).toMatchObject({ complete: false });
    const [part] = partsOf(await get(instancePath(second)));
    expect(datasetOf(part?.body ?? Buffer.alloc(0)).equals(pacs.instances[1]?.dataset as Buffer)).toBe(true);
  });
});
