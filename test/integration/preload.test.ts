import http from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { away } from '../helpers/hours.js';
import { final, makeInstance, store, until, type RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene, type SceneOptions } from '../helpers/scene.js';
import { eventually } from '../helpers/patience.js';
import { request } from '../helpers/test-gateway.js';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const STUDY = '/studies/2.25.77.1';
const PRELOAD = `${STUDY}/preload`;
const many = (count: number, pixelBytes = 512): RogueInstance[] =>
  Array.from({ length: count }, () => makeInstance({ pixelBytes }));

async function start(options: SceneOptions): Promise<Scene> {
  scene = await startScene(options);
  return scene;
}

interface Report {
  readonly state: string;
  readonly listed: number | null;
  readonly complete: number;
  readonly failed: number;
  readonly dropped: number;
  readonly bytes: number;
  readonly error?: { readonly code: string };
}

const send = async (method: string, path = PRELOAD): Promise<{ status: number; report: Report }> => {
  const { status, body } = await request(scene?.url(path) ?? '', { method });
  return { status, report: JSON.parse(body.toString()) as Report };
};

interface Event {
  readonly name: string;
  readonly report: Report;
}

/** Follows the event stream; resolves when it ends. */
function follow(
  path = PRELOAD,
  onEvent: (event: Event) => void = () => undefined,
): Promise<readonly Event[]> {
  const events: Event[] = [];
  const headers = { accept: 'text/event-stream' };
  return new Promise((resolve, reject) => {
    http
      .get(scene?.url(path) ?? '', { headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
          for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
            const fields = /^event: (\w+)\nid: \d+\ndata: (.*)$/.exec(text.slice(0, end));
            text = text.slice(end + 2);
            if (!fields) continue;
            const event = { name: fields[1] ?? '', report: JSON.parse(fields[2] ?? '') as Report };
            events.push(event);
            onEvent(event);
          }
        });
        response.on('end', () => {
          resolve(events);
        });
        response.on('error', reject);
      })
      .on('error', reject);
  });
}

/** The last report, when the preload has ended. */
const ended = async (path = PRELOAD): Promise<Report> => {
  const last = (await follow(path)).at(-1);
  if (last?.name !== 'end') throw new Error('the event stream broke off');
  return last.report;
};

describe('POST …/preload', () => {
  test('brings a study into the cache, tells so, and what follows is served from there', async () => {
    const { asked, url } = await start({ instances: many(60) });
    const answer = await request(url(PRELOAD), { method: 'POST' });
    expect(answer.status).toBe(202);
    expect(answer.headers.location).toBe(url(PRELOAD));
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(await ended()).toMatchObject({
      state: 'complete',
      listed: 60,
      complete: 60,
      failed: 0,
      dropped: 0,
    });
    const { report } = await send('GET');
    expect(report.bytes).toBeGreaterThan(60 * 512);
    expect(asked).toHaveLength(60);
    const metadata = await request(url(`${STUDY}/metadata`));
    expect(JSON.parse(metadata.body.toString())).toHaveLength(60);
    expect(asked).toHaveLength(60);
  });

  test('of one series leaves the others where they are', async () => {
    const other = makeInstance({ seriesInstanceUid: '2.25.77.9' });
    const { asked } = await start({ instances: [...many(3), other] });
    await send('POST', `${STUDY}/series/2.25.77.9/preload`);
    expect(await ended(`${STUDY}/series/2.25.77.9/preload`)).toMatchObject({
      state: 'complete',
      complete: 1,
    });
    expect(asked).toEqual([other.sopInstanceUid]);
    expect((await send('GET')).status).toBe(404);
  });

  test('asked for twice at once is one, and its progress is seen while it runs', async () => {
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const { asked } = await start({
      instances: many(8),
      onGet: (wanted) => [
        ...wanted.slice(0, 2).map((one) => store(one)),
        until(gate),
        ...wanted.slice(2).map((one) => store(one)),
        final(),
      ],
    });
    await send('POST');
    const events = follow(PRELOAD, ({ report }) => {
      if (report.complete === 2) go();
    });
    expect((await send('POST')).status).toBe(202);
    const seen = (await events).map(({ name, report }) => [name, report.complete]);
    expect(seen).toContainEqual(['progress', 2]);
    expect(seen.at(-1)).toEqual(['end', 8]);
    expect(asked).toHaveLength(8);
  });

  test('what the PACS does not deliver makes it incomplete, with the reason', async () => {
    const instances = many(6);
    const [missing] = instances;
    await start({
      instances,
      onGet: (wanted) => {
        const there = wanted.filter((one) => one !== missing);
        return [
          ...there.map((one) => store(one)),
          final(there.length < wanted.length ? 0xb000 : 0, { failed: 1 }),
        ];
      },
    });
    await send('POST');
    const report = await ended();
    expect(report).toMatchObject({ state: 'incomplete', listed: 6, complete: 5, failed: 1 });
    expect(report.error?.code).toBe('peer-incomplete');
  });

  test('what the cache could not keep is told as dropped, not as complete', async () => {
    await start({ instances: many(30, 100_000), yaml: 'cache: { memory: 1 MiB }' });
    await send('POST');
    const report = await ended();
    expect(report.state).toBe('incomplete');
    expect(report.dropped).toBeGreaterThan(0);
    expect(report.complete).toBe(30);
  });

  test('instances that the listing left out are found and counted', async () => {
    await start({ instances: many(9), counts: 'none', cap: 4 });
    await send('POST');
    expect(await ended()).toMatchObject({ state: 'complete', listed: 9, complete: 9 });
  });

  test('of a study that the PACS does not have is 404, and nothing is begun', async () => {
    const { peer } = await start({ instances: [] });
    expect((await send('POST')).status).toBe(404);
    expect((await send('POST', `${STUDY}/series/2.25.77.9/preload`)).status).toBe(404);
    expect((await send('GET')).status).toBe(404);
    expect(peer.messages('C-GET-RQ')).toEqual([]);
  });

  test('a PACS that is not there is 503, as of a search', async () => {
    const { peer, url } = await start({ instances: many(1) });
    await peer.close();
    expect((await request(url('/studies?PatientID=1'))).status).toBe(503);
    expect((await send('POST')).status).toBe(503);
    expect((await send('GET')).status).toBe(404);
  });

  test('a PACS that does not say in time whether it has the study is not waited for', async () => {
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    await start({
      instances: [],
      onFind: [until(gate), final()],
      yaml: 'preload: { answerWithin: 1ms }',
    });
    expect((await send('POST')).status).toBe(202);
    go();
    expect(await ended()).toMatchObject({ state: 'failed', error: { code: 'not-found' } });
  });

  test('a PACS that is not asked before: what it does not list has failed, and is not an empty success', async () => {
    const { peer } = await start({ instances: [], yaml: 'preload: { answerWithin: 0 }' });
    expect((await send('POST')).status).toBe(202);
    expect(await ended()).toMatchObject({ state: 'failed', complete: 0, error: { code: 'not-found' } });
    await peer.close();
    expect((await send('POST')).status).toBe(202);
    expect(await ended()).toMatchObject({ state: 'failed', error: { code: 'peer-unreachable' } });
  });

  test('that waits for the hours of background work asks the PACS nothing until then', async () => {
    const { peer } = await start({ instances: [], yaml: `    background: { hours: [${away()}] }` });
    expect(await send('POST')).toMatchObject({ status: 202, report: { state: 'waiting' } });
    expect(peer.messages('C-FIND-RQ')).toEqual([]);
  });

  test('that runs is joined, and the PACS is not asked about it again', async () => {
    const { peer } = await start({
      instances: many(2),
      onGet: () => [until(new Promise(() => undefined))],
      yaml: 'cache: { revalidateAfter: 0 }',
    });
    await send('POST');
    await peer.waitFor('C-GET-RQ');
    const asked = peer.messages('C-FIND-RQ').length;
    expect((await send('POST')).status).toBe(202);
    expect(peer.messages('C-FIND-RQ')).toHaveLength(asked);
  });

  test('beyond the queue is 503 with Retry-After', async () => {
    const { url } = await start({
      instances: [],
      onFind: [until(new Promise(() => undefined))],
      yaml: 'preload: { parallel: 1, queue: 1, answerWithin: 0 }',
    });
    const paths = ['1', '2', '3'].map((uid) => url(`${STUDY}/series/2.25.77.${uid}/preload`));
    const statuses: number[] = [];
    for (const path of paths) statuses.push((await request(path, { method: 'POST' })).status);
    const last = await request(paths[2] ?? '', { method: 'POST' });
    expect(statuses).toEqual([202, 202, 503]);
    expect(last.headers['retry-after']).toBe('30');
  });
});

describe('DELETE …/preload', () => {
  test('gives it up: those who follow it are told, and the PACS is asked for no more', async () => {
    const { peer, asked } = await start({
      instances: many(40),
      onGet: () => [until(new Promise(() => undefined))],
      yaml: 'retrieve: { cancelDelay: 1ms, prefetch: off }',
    });
    await send('POST');
    const events = follow();
    await peer.waitFor('C-GET-RQ');
    expect(await send('DELETE')).toMatchObject({ status: 200, report: { state: 'cancelled' } });
    expect((await events).at(-1)).toMatchObject({ name: 'end', report: { state: 'cancelled', complete: 0 } });
    await peer.waitFor('C-CANCEL-RQ');
    expect(asked).toHaveLength(1);
    expect((await send('POST')).status).toBe(202);
  });

  test('of what was never begun is 404', async () => {
    await start({ instances: [] });
    expect((await send('DELETE')).status).toBe(404);
  });
});

test('a gateway that stops ends the event streams', async () => {
  const { gateway, peer } = await start({
    instances: many(4),
    onGet: () => [until(new Promise(() => undefined))],
  });
  await send('POST');
  const events = follow();
  await peer.waitFor('C-GET-RQ');
  await gateway.close();
  expect((await events).at(-1)).toMatchObject({ name: 'end', report: { state: 'cancelled' } });
});

test('other types are 406, other methods 405 with what there is', async () => {
  const { url } = await start({ instances: [] });
  const html = await request(url(PRELOAD), { method: 'POST', headers: { accept: 'text/html' } });
  expect(html.status).toBe(406);
  const put = await request(url(PRELOAD), { method: 'PUT' });
  expect([put.status, put.headers.allow]).toEqual([405, 'GET, HEAD, POST, DELETE']);
});

test('a person is served while a preload holds what background work may have', async () => {
  const instances = many(12);
  const last = instances.at(-1);
  const { url } = await start({
    instances,
    onGet: (wanted) =>
      wanted.length === 1
        ? [...wanted.map((one) => store(one)), final()]
        : [until(new Promise(() => undefined))],
  });
  await send('POST');
  await scene?.peer.waitFor('C-GET-RQ');
  const path = `${STUDY}/series/2.25.77.2/instances/${last?.sopInstanceUid ?? ''}/metadata`;
  const answer = await request(url(path));
  expect(answer.status).toBe(200);
  expect((await send('GET')).report.state).toBe('running');
});

test('a person who opens what the archive is fetching for a preload waits for that, and it is not begun anew', async () => {
  let go: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (go = resolve));
  const instances = many(1);
  const { url, peer, gateway } = await start({
    instances,
    onGet: (wanted) => [until(gate), ...wanted.map((one) => store(one)), final()],
  });
  await send('POST');
  await peer.waitFor('C-GET-RQ');
  const path = `${STUDY}/series/2.25.77.2/instances/${instances[0]?.sopInstanceUid ?? ''}/metadata`;
  const answer = request(url(path));
  await eventually(async () => {
    const { body } = await gateway.telemetry.metrics();
    expect(body).toMatch(/dicomgw_cache_events_total\{[^}]*event="join"[^}]*\} 1/);
  });
  go();
  expect((await answer).status).toBe(200);
  expect(await ended()).toMatchObject({ state: 'complete', complete: 1 });
  expect([peer.messages('C-GET-RQ').length, peer.messages('C-CANCEL-RQ').length]).toEqual([1, 0]);
});
