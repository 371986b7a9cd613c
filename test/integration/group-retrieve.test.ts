import { afterEach, describe, expect, test } from '@jest/globals';
import { startArchives, type Archives, type ArchivesOptions } from '../helpers/archives.js';
import { image as drawn, see } from '../helpers/pictures.js';
import { stateOf } from '../helpers/presentation-states.js';
import {
  drop,
  final,
  makeInstance,
  refusingPort,
  store,
  until,
  type RogueInstance,
} from '../helpers/rogue-peer.js';
import { datasetOf, partsOf, request, storeBody, type RawResponse } from '../helpers/test-gateway.js';
import { unzip } from '../helpers/zip-reader.js';

let scene: Archives | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const image = (study: number, series = 1, instance = 1, patientId = 'P1'): RogueInstance =>
  makeInstance({
    studyInstanceUid: `2.25.${study}`,
    seriesInstanceUid: `2.25.${study}.${series}`,
    sopInstanceUid: `2.25.${study}.${series}.${instance}`,
    extra: { PatientID: patientId },
  });

async function start(
  holdings: readonly (readonly RogueInstance[])[],
  options?: ArchivesOptions,
): Promise<Archives> {
  scene = await startArchives(holdings, options);
  return scene;
}

const AS_STORED = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
const FRAME = { accept: 'multipart/related; type="application/octet-stream"; transfer-syntax=*' };

const locations = (response: RawResponse): string[] =>
  partsOf(response)
    .map(({ headers }) => (headers['content-location'] ?? '').split('/').at(-1) ?? '')
    .sort();
const named = (response: RawResponse): unknown[] =>
  (JSON.parse(response.body.toString()) as Record<string, { Value?: unknown[] }>[])
    .map((one) => one['00080018']?.Value?.[0])
    .sort();
const problem = ({ body }: RawResponse): unknown => JSON.parse(body.toString());
const uids = (...instances: readonly RogueInstance[]): string[] =>
  instances.map(({ sopInstanceUid }) => sopInstanceUid).sort();

const [one, two, three, four] = [image(1, 1, 1), image(1, 1, 2), image(1, 2, 1), image(1, 2, 2)];

describe('a study that nobody held', () => {
  test('is there as soon as a member has it', async () => {
    const { get, archives } = await start([[], [image(2)]]);
    expect((await get('/studies/2.25.1/series')).body.toString()).toBe('[]');
    const [first] = archives;
    if (first) first.instances = [one];
    expect(JSON.parse((await get('/studies/2.25.1/series')).body.toString())).toHaveLength(1);
    expect(locations(await get('/studies/2.25.1', AS_STORED))).toEqual(uids(one));
  });

  test('is not said to be nowhere while a member cannot be asked that said so before', async () => {
    const { get, archives } = await start([[], [image(2)]], { group: 'onMemberFailure: warn' });
    expect((await get('/studies/2.25.1/series')).headers.warning).toBeUndefined();
    const [first] = archives;
    if (first) first.before.STUDY = drop();
    const again = await get('/studies/2.25.1/series');
    expect([again.status === 200 ? again.headers.warning : again.status]).not.toEqual([undefined]);
    expect((await get('/studies/2.25.1', AS_STORED)).status).toBeGreaterThanOrEqual(500);
  });
});

describe('what two members hold in part', () => {
  test('a study, a series and their metadata are the union, each instance once', async () => {
    const { get, archives } = await start([[one, two], [two, three, four], [image(2)]]);
    const study = await get('/studies/2.25.1', AS_STORED);
    expect([study.status, study.headers.warning]).toEqual([200, undefined]);
    expect(locations(study)).toEqual(uids(one, two, three, four));
    const sent = new Map(partsOf(study).map(({ headers, body }) => [headers['content-location'], body]));
    for (const held of [one, two, three, four]) {
      const [, file] = [...sent].find(([url]) => url?.endsWith(`/${held.sopInstanceUid}`)) ?? [];
      expect(file && datasetOf(file)).toEqual(held.dataset);
    }
    // Nothing is fetched twice: what the first has the second is not asked for.
    expect(archives.map((held) => [...held.sent].sort())).toEqual([uids(one, two), uids(three, four), []]);
    expect(locations(await get('/studies/2.25.1/series/2.25.1.1', AS_STORED))).toEqual(uids(one, two));
    expect(named(await get('/studies/2.25.1/metadata'))).toEqual(uids(one, two, three, four));
    expect(named(await get('/studies/2.25.1/series/2.25.1.2/metadata'))).toEqual(uids(three, four));
    expect(archives.flatMap((held) => held.sent)).toHaveLength(4);
    // URLs are the group's.
    expect((await get('/studies/2.25.1/metadata')).body.toString()).toContain(
      `${scene?.gateway.service ?? ''}/studies/2.25.1/series/2.25.1.2/`,
    );
  });

  test('an archive of a study is the union, each instance once', async () => {
    const { get } = await start([[one, two], [two, three, four], [image(2)]]);
    const study = await get('/studies/2.25.1', { accept: 'application/zip; transfer-syntax=*' });
    expect(study.headers['content-disposition']).toBe('attachment; filename="2.25.1.zip"');
    expect(
      unzip(study.body)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(
      [one, two, three, four].map((held) => `${held.seriesInstanceUid}/${held.sopInstanceUid}.dcm`).sort(),
    );
  });

  test('instances, frames, bulk data and pixel data come from the member that has them', async () => {
    const { get, archives } = await start([[one], [three]]);
    const path = '/studies/2.25.1/series/2.25.1.2/instances/2.25.1.2.1';
    const file = await get(path, { accept: 'application/dicom; transfer-syntax=*' });
    expect(datasetOf(file.body)).toEqual(three.dataset);
    expect((await get(`${path}/frames/1`, FRAME)).status).toBe(200);
    expect((await get(`${path}/bulkdata/7FE00010`, { accept: 'application/octet-stream' })).status).toBe(200);
    expect((await get(`${path}/pixeldata`, { accept: 'application/octet-stream' })).status).toBe(200);
    expect(named(await get(`${path}/metadata`))).toEqual(uids(three));
    expect(archives.map((held) => held.sent)).toEqual([[], uids(three)]);
    // A conditional request is answered as by one peer.
    const kept = await get(path, { accept: 'application/dicom; transfer-syntax=*' });
    expect(kept.headers.etag).toBeDefined();
    const again = await get(path, {
      accept: 'application/dicom; transfer-syntax=*',
      'if-none-match': String(kept.headers.etag),
    });
    expect(again.status).toBe(304);
    const beyond = await get(`${path}/frames/9`, FRAME);
    expect(beyond.status).toBe(404);
    expect(problem(beyond)).toMatchObject({ detail: 'There is no frame 9; there are 1.' });
    const other = '/studies/2.25.1/series/2.25.1.1/instances/2.25.1.1.1';
    expect((await get(other, AS_STORED)).status).toBe(200);
  });

  test('W-58, W-07: pictures and thumbnails of a study are of all members', async () => {
    const { get } = await start([[one, two], [two, three, four], [image(2)]]);
    const study = await get('/studies/2.25.1/rendered');
    expect([study.status, locations(study)]).toEqual([200, uids(one, two, three, four)]);
    const path = '/studies/2.25.1/series/2.25.1.2/instances/2.25.1.2.1';
    for (const what of ['/rendered', '/frames/1/rendered', '/thumbnail']) {
      const answer = await get(path + what);
      expect([what, answer.status, answer.headers['content-type']]).toEqual([what, 200, 'image/jpeg']);
    }
    for (const what of ['/studies/2.25.1', '/studies/2.25.1/series/2.25.1.2', '/studies/2.25.2'])
      expect([what, (await get(`${what}/thumbnail`)).status]).toEqual([what, 200]);
    const wado = '/wado?requestType=WADO&studyUID=2.25.1&seriesUID=2.25.1.2&objectUID=2.25.1.2.1';
    expect((await get(wado)).headers['content-type']).toBe('image/jpeg');
    expect((await get(`${wado}&contentType=application/dicom&transferSyntax=*`)).status).toBe(200);
    expect((await get('/studies/2.25.9/rendered')).status).toBe(404);
    expect((await get('/studies/2.25.9/thumbnail')).status).toBe(404);
  });

  test('W-57: a presentation state shows images of all members, also by WADO-URI', async () => {
    const [near, far] = [drawn(), drawn()];
    const [state, gone] = [stateOf([near, far], { '00700042:US': 90 }), stateOf([near, drawn()])];
    const { get } = await start([[near, state, gone], [far]]);
    const pathOf = (of: RogueInstance): string =>
      `/studies/${of.studyInstanceUid}/series/${of.seriesInstanceUid}/instances/${of.sopInstanceUid}/rendered`;
    const both = await get(pathOf(state));
    expect([both.status, both.headers.warning]).toEqual([200, undefined]);
    expect(locations(both)).toEqual(uids(near, far));
    const one = await get(pathOf(gone));
    expect([one.status, locations(one)]).toEqual([206, uids(near)]);
    for (const shown of [near, far]) {
      const named = `studyUID=${shown.studyInstanceUid}&seriesUID=${shown.seriesInstanceUid}&objectUID=${shown.sopInstanceUid}`;
      const by = `presentationSeriesUID=${state.seriesInstanceUid}&presentationUID=${state.sopInstanceUid}`;
      const answer = await get(`/wado?requestType=WADO&contentType=image/png&${named}&${by}`);
      // It turns them.
      expect([answer.status, await see(answer.body)]).toMatchObject([200, { width: 40, height: 60 }]);
    }
  });

  test('W-09: pictures of a study are partial when a member could not be asked', async () => {
    const down = await refusingPort();
    const options = { group: 'onMemberFailure: warn', ports: [undefined, down] };
    const { get } = await start([[one], [three]], options);
    const study = await get('/studies/2.25.1/rendered');
    expect([study.status, locations(study)]).toEqual([206, uids(one)]);
    expect(study.headers.warning).toContain('b');
  });

  test('a member that does not hold the study is asked once in a while, and after a store at once', async () => {
    const { get, archives } = await start([[one], [image(2)]]);
    const path = '/studies/2.25.1/series/2.25.1.1/instances/2.25.1.1.1';
    await get(`${path}/frames/1`, FRAME);
    await get(`${path}/frames/1`, FRAME);
    expect(archives[1]?.finds).toEqual(['STUDY']);
    await get(`${path}/frames/1`, { ...FRAME, 'cache-control': 'no-cache' });
    expect(archives[1]?.finds).toEqual(['STUDY', 'STUDY']);
  });

  test('W-60: metadata that were sent before have a validator, as long as no member has changed', async () => {
    const { get, archives } = await start(
      [
        [one, two],
        [two, three],
      ],
      {
        yaml: 'cache: { revalidateAfter: 0, relistAfter: 0 }',
      },
    );
    const first = await get('/studies/2.25.1/metadata');
    const second = await get('/studies/2.25.1/metadata');
    expect(second.body).toEqual(first.body);
    const etag = String(second.headers.etag);
    expect((await get('/studies/2.25.1/metadata', { 'if-none-match': etag })).status).toBe(304);
    const [, b] = archives;
    if (!b) throw new Error('archives');
    b.instances = [two, four];
    const changed = await get('/studies/2.25.1/metadata', { 'if-none-match': etag });
    expect([changed.status, named(changed)]).toEqual([200, uids(one, two, four)]);
    b.instances = [];
    const left = await get('/studies/2.25.1/metadata', { 'if-none-match': etag });
    expect([left.status, named(left)]).toEqual([200, uids(one, two)]);
  });

  test('metadata are not kept as what a member has by a list that came after theirs', async () => {
    const { get, archives, gateway } = await start([[one], [three]], {
      yaml: 'cache: { revalidateAfter: 0, relistAfter: 0 }',
    });
    const [a, b] = archives;
    if (!a || !b) throw new Error('archives');
    b.onGet = (wanted) => [
      until(async () => {
        a.instances = [one, two];
        const direct = await request(`${gateway.origin}/peers/a/dicomweb/studies/2.25.1/metadata`);
        expect(named(direct)).toEqual(uids(one, two));
      }),
      ...wanted.map((each) => store(each)),
      final(),
    ];
    await get('/studies/2.25.1/metadata');
    expect(named(await get('/studies/2.25.1/metadata'))).toEqual(uids(one, two, three));
  });

  test('an instance that the first refuses comes from the second the next time', async () => {
    const { get, archives } = await start([
      [one, two],
      [two, three],
    ]);
    const [a] = archives;
    if (!a) throw new Error('archives');
    a.onGet = (wanted) => [
      ...wanted.filter((each) => each !== two).map((each) => store(each)),
      final(wanted.includes(two) ? 0xb000 : 0, { failed: wanted.includes(two) ? 1 : 0 }),
    ];
    const first = await get('/studies/2.25.1', AS_STORED);
    expect(first.status === 206 || !first.complete).toBe(true);
    const second = await get('/studies/2.25.1', AS_STORED);
    expect([second.status, locations(second)]).toEqual([200, uids(one, two, three)]);
  });

  test('nobody has it: 404, and so it is for a series and an instance of a study that is there', async () => {
    const { get } = await start([[one], [three]]);
    for (const path of [
      '/studies/2.25.9',
      '/studies/2.25.9/metadata',
      '/studies/2.25.1/series/2.25.9',
      '/studies/2.25.1/series/2.25.9/metadata',
      '/studies/2.25.1/series/2.25.1.1/instances/2.25.9',
      '/studies/2.25.1/series/2.25.1.1/instances/2.25.9/frames/1',
    ]) {
      const { status } = await get(path, path.endsWith('metadata') ? {} : { accept: '*/*' });
      expect([path, status]).toEqual([path, 404]);
    }
    expect((await get('/studies/2.25.1', { accept: 'image/png' })).status).toBe(406);
  });
});

describe('a study under two patients', () => {
  test("is the first member's: no image of the other's comes under its name", async () => {
    const theirs = image(1, 2, 1, 'P2');
    const { get, archives } = await start([[one], [theirs]]);
    const [, b] = archives;
    if (!b) throw new Error('archives');
    b.study = () => ({ PatientID: 'P2' });
    const study = await get('/studies/2.25.1', AS_STORED);
    expect([study.status, locations(study)]).toEqual([200, uids(one)]);
    expect(study.headers.warning).toContain('a and b hold study 2.25.1 under different patients');
    expect((await get('/studies/2.25.1/series/2.25.1.2', AS_STORED)).status).toBe(404);
    const instance = await get('/studies/2.25.1/series/2.25.1.2/instances/2.25.1.2.1', AS_STORED);
    expect(instance.status).toBe(404);
    // At the member itself it is there.
    const direct = `${scene?.gateway.origin ?? ''}/peers/b/dicomweb/studies/2.25.1`;
    expect(locations(await request(direct, { headers: AS_STORED }))).toEqual(uids(theirs));
  });

  test("is nobody else's while the first cannot be asked", async () => {
    const { get, archives } = await start([[one], [image(1, 2, 1, 'P2')]], {
      group: 'onMemberFailure: warn',
      yaml: 'cache: { revalidateAfter: 0 }',
    });
    const [a, b] = archives;
    if (!a || !b) throw new Error('archives');
    b.study = () => ({ PatientID: 'P2' });
    await get('/studies');
    a.before.STUDY = drop();
    const response = await get('/studies/2.25.1', AS_STORED);
    expect(response.status).toBe(502);
    expect(problem(response)).toMatchObject({ peer: 'a' });
    expect(named(await get('/studies'))).toEqual([]);
  });
});

describe('a study that becomes another patient’s at a member while what it said before is believed', () => {
  const believed = { yaml: 'cache: { revalidateAfter: 1m, reopenAfter: 1m, relistAfter: 1m }' };
  const PATHS = ['/studies/2.25.1', '/studies/2.25.1/metadata', '/studies/2.25.1/rendered'];
  const headersOf = (path: string): Record<string, string> => (path.endsWith('1') ? AS_STORED : {});
  const uidsOf = (path: string, response: RawResponse): unknown[] =>
    path.endsWith('metadata') ? named(response) : locations(response);
  /** Makes every member say whose the study is. */
  const ask = async ({ get }: Archives): Promise<void> => {
    expect((await get('/studies/2.25.1/series/2.25.9', AS_STORED)).status).toBe(404);
  };
  const correct = (held: Archives['archives'][number] | undefined): void => {
    if (!held) throw new Error('archives');
    held.study = () => ({ PatientID: 'P2', PatientName: 'TWO^B' });
    held.instances = held.instances.map(({ sopInstanceUid, seriesInstanceUid, studyInstanceUid }) =>
      makeInstance({ sopInstanceUid, seriesInstanceUid, studyInstanceUid, extra: { PatientID: 'P2' } }),
    );
  };
  const instancePath = (held: RogueInstance): string =>
    `/studies/2.25.1/series/${held.seriesInstanceUid}/instances/${held.sopInstanceUid}`;

  test.each(PATHS)('%s is the first member’s where nothing is cached', async (path) => {
    const archives = await start([[one], [three]], believed);
    await ask(archives);
    correct(archives.archives[1]);
    const response = await archives.get(path, headersOf(path));
    expect([response.status, uidsOf(path, response)]).toEqual([200, uids(one)]);
    expect(response.headers.warning).toContain('a and b hold study 2.25.1 under different patients');
    const again = await archives.get(path, headersOf(path));
    expect([uidsOf(path, again), again.headers.warning]).toEqual([uids(one), response.headers.warning]);
  });

  test.each(PATHS)('%s is the first member’s where some of the other’s is cached', async (path) => {
    const archives = await start([[one], [three, four]], believed);
    await archives.get(instancePath(one), AS_STORED);
    await archives.get(instancePath(three), AS_STORED);
    correct(archives.archives[1]);
    const response = await archives.get(path, headersOf(path));
    expect([response.status, uidsOf(path, response)]).toEqual([200, uids(one)]);
    expect(response.headers.warning).toContain('a and b hold study 2.25.1 under different patients');
  });

  test.each(PATHS)('%s is of both where it was corrected at both', async (path) => {
    const archives = await start([[one, two], [three]], believed);
    await archives.get('/studies/2.25.1/series/2.25.1.1', AS_STORED);
    for (const held of archives.archives) correct(held);
    const response = await archives.get(path, headersOf(path));
    expect([response.status, uidsOf(path, response)]).toEqual([200, uids(one, two, three)]);
    expect(response.headers.warning).toBeUndefined();
    if (path !== PATHS[0]) return;
    const files = partsOf(response).map(({ body }) => datasetOf(body).toString('latin1'));
    expect(files.map((file) => file.includes('P2'))).toEqual([true, true, true]);
  });

  test.each(PATHS)(
    '%s is the first member’s for who asks again, where it was corrected while it was sent',
    async (path) => {
      const archives = await start([[one], [three]], believed);
      const [, b] = archives.archives;
      if (!b) throw new Error('archives');
      b.onGet = () => {
        correct(b);
        return [...b.instances.map((held) => store(held)), final()];
      };
      const response = await archives.get(path, headersOf(path));
      expect([response.status, uidsOf(path, response)]).toEqual([200, uids(one, three)]);
      const again = await archives.get(path, headersOf(path));
      expect([again.status, uidsOf(path, again)]).toEqual([200, uids(one)]);
      expect(again.headers.warning).toContain('a and b hold study 2.25.1 under different patients');
    },
  );

  test('and what is there whole is served with one question to each after the last has come', async () => {
    const { get, archives } = await start([[one], [three]], believed);
    await get('/studies/2.25.1', AS_STORED);
    for (let n = 0; n < 3; n += 1)
      expect(locations(await get('/studies/2.25.1', AS_STORED))).toEqual(uids(one, three));
    for (const { finds } of archives) expect(finds.filter((level) => level === 'STUDY')).toHaveLength(2);
  });
});

describe('a member that fails', () => {
  test('fail: its error is the answer, with its name', async () => {
    const port = await refusingPort();
    const { get } = await start([[one], [two]], { ports: [undefined, port] });
    for (const path of ['', '/metadata', '/series/2.25.1.1', '/series/2.25.1.1/instances/2.25.1.1.1']) {
      const response = await get(`/studies/2.25.1${path}`, { accept: '*/*' });
      expect([path, response.status]).toEqual([path, 503]);
      expect(problem(response)).toMatchObject({ code: 'peer-unreachable', peer: 'b' });
    }
  });

  test('W-09: warn: what the others have is a partial answer that names it; an instance is whole', async () => {
    const port = await refusingPort();
    const { get } = await start([[one], [two], [three]], {
      group: 'onMemberFailure: warn',
      ports: [undefined, port],
    });
    const study = await get('/studies/2.25.1', AS_STORED);
    expect([study.status, locations(study)]).toEqual([206, uids(one, three)]);
    expect(study.headers.warning).toContain('b could not be asked');
    const metadata = await get('/studies/2.25.1/metadata');
    expect([metadata.status, named(metadata)]).toEqual([206, uids(one, three)]);
    const path = '/studies/2.25.1/series/2.25.1.2/instances/2.25.1.2.1';
    const instance = await get(path, AS_STORED);
    expect([instance.status, locations(instance)]).toEqual([200, uids(three)]);
    expect(instance.headers.warning).toContain('b could not be asked');
    // What is not found may be at the one that could not be asked.
    for (const missing of ['/studies/2.25.9', '/studies/2.25.1/series/2.25.1.1/instances/2.25.1.1.2']) {
      const response = await get(missing, AS_STORED);
      expect([missing, response.status]).toEqual([missing, 503]);
      expect(problem(response)).toMatchObject({ peer: 'b' });
    }
  });

  test.each([
    ['metadata', '/studies/2.25.1/metadata', undefined],
    ['files', '/studies/2.25.1', AS_STORED],
  ])(
    '%s: W-09: warn: of one member alone metadata that were sent before are partial too, without a validator',
    async (_what, path, accept) => {
      const { get, archives } = await start([[one], [image(2)]], {
        group: 'onMemberFailure: warn',
        yaml: 'cache: { revalidateAfter: 0 }',
      });
      await get(path, accept);
      const whole = await get(path, accept);
      expect([whole.status, typeof whole.headers.etag]).toEqual([200, 'string']);
      const [, b] = archives;
      if (!b) throw new Error('archives');
      b.before.STUDY = drop();
      const partial = await get(path, { ...accept, 'if-none-match': String(whole.headers.etag) });
      expect([partial.status, partial.headers.etag]).toEqual([206, undefined]);
      expect(accept ? locations(partial) : named(partial)).toEqual(uids(one));
    },
  );

  test.each(['', '/metadata', '/rendered'])(
    'warn: what neither of two holders has is the error of a member that may have it%s',
    async (suffix) => {
      const [one, two, three] = [image(1, 1, 1), image(1, 1, 2), image(1, 2, 1)];
      const { get, archives } = await start([[one], [two], [three]], {
        group: 'onMemberFailure: warn',
        ports: [undefined, undefined, await refusingPort()],
      });
      const headers = suffix === '' ? AS_STORED : {};
      const missing = await get(`/studies/2.25.1/series/2.25.1.2${suffix}`, headers);
      expect([missing.status, problem(missing)]).toEqual([503, expect.objectContaining({ peer: 'c' })]);
      const [first] = archives;
      if (first) first.before.IMAGE = drop();
      const broken = await get(`/studies/2.25.1/series/2.25.1.3${suffix}`, headers);
      expect([broken.status, problem(broken)]).toEqual([502, expect.objectContaining({ peer: 'a' })]);
    },
  );

  test('warn: what a member had begun and cannot deliver comes from the others', async () => {
    const { get, archives } = await start(
      [
        [one, two],
        [one, two, three],
      ],
      {
        group: 'onMemberFailure: warn',
      },
    );
    const [a] = archives;
    if (!a) throw new Error('archives');
    a.before.IMAGE = drop();
    const study = await get('/studies/2.25.1', AS_STORED);
    expect([study.status, locations(study)]).toEqual([206, uids(one, two, three)]);
    expect(study.headers.warning).toContain('a could not be asked');
  });

  test.each(['fail', 'warn'])('%s: one that breaks off in the middle resets the connection', async (mode) => {
    const { get, archives } = await start(
      [
        [one, two],
        [three, four],
      ],
      { group: `onMemberFailure: ${mode}` },
    );
    const [, b] = archives;
    if (!b) throw new Error('archives');
    b.onGet = (wanted) => [
      ...wanted.filter((each) => each === three).map((each) => store(each)),
      wanted.includes(four) ? drop() : final(),
    ];
    const study = await get('/studies/2.25.1', AS_STORED);
    expect(study.complete && study.status === 200).toBe(false);
  });
});

describe('what is not retrieved', () => {
  const files = async (): Promise<Buffer> => {
    const { body } = await request(
      `${scene?.gateway.origin ?? ''}/peers/a/dicomweb/studies/2.25.1/series/2.25.1.1/instances/2.25.1.1.1`,
      { headers: { accept: 'application/dicom; transfer-syntax=*' } },
    );
    return body;
  };

  test('a group without a member for it takes nothing to be stored', async () => {
    const { gateway } = await start([[one], [two]]);
    const { contentType, body } = storeBody([await files()]);
    const response = await request(`${gateway.service}/studies`, {
      method: 'POST',
      headers: { 'content-type': contentType },
      body,
    });
    expect(response.status).toBe(501);
    expect(problem(response)).toMatchObject({
      code: 'not-implemented',
      detail: expect.stringContaining('a, b'),
    });
  });

  test('store: the member that is named gets it, and the URLs are those of the group', async () => {
    const { gateway, peers, archives, get } = await start([[one], [image(2)]], { group: 'store: b' });
    // Asked for before, so that it is known that b does not hold it.
    await get('/studies/2.25.1/metadata');
    const { contentType, body } = storeBody([await files()]);
    const response = await request(`${gateway.service}/studies`, {
      method: 'POST',
      headers: { 'content-type': contentType },
      body,
    });
    expect([response.status, response.body.toString()]).toEqual([
      200,
      expect.stringContaining(`${gateway.service}/studies/2.25.1`),
    ]);
    expect(peers.map((peer) => peer.messages('C-STORE-RQ').length)).toEqual([0, 1]);
    const [, b] = archives;
    if (!b) throw new Error('archives');
    b.instances = [image(2), two];
    expect(named(await get('/studies/2.25.1/metadata'))).toEqual(uids(one, two));
  });

  test('a preload is refused, a purge reaches every member, and metrics name members', async () => {
    const { gateway, get } = await start([[one], [two]]);
    const preload = await request(`${gateway.service}/studies/2.25.1/preload`, { method: 'POST' });
    expect([preload.status, problem(preload)]).toEqual([
      501,
      expect.objectContaining({ code: 'not-implemented' }),
    ]);
    await get('/studies/2.25.1', AS_STORED);
    const metrics = (await request(`${gateway.origin}/metrics`)).body.toString();
    expect(metrics).toMatch(/parts_sent_total\{[^}]*peer="b"/);
    expect(metrics).not.toMatch(/peer="(?:all|other)"/);
    const purge = await request(`${gateway.origin}/cache/purge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ peer: 'all', study: '2.25.1' }),
    });
    expect(purge.body.toString()).toBe('{"dropped":2}');
    const none = await request(`${gateway.origin}/peers/none/dicomweb/studies`);
    expect(none.status).toBe(404);
    const named = await request(`${gateway.origin}/peers/all/dicomweb/studies`);
    expect(named.body.toString()).toContain(`${gateway.origin}/peers/all/dicomweb/studies/2.25.1`);
  });
});
