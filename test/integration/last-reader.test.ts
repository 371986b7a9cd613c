import http from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { atRest, leakCheck } from '../helpers/leaks.js';
import { listing, selected } from '../helpers/listing.js';
import {
  final,
  makeInstance,
  startRoguePeer,
  store,
  until,
  untilCancelled,
  type RogueEvent,
  type RogueInstance,
  type RoguePeer,
  type RoguePeerOptions,
  type Script,
  type Step,
} from '../helpers/rogue-peer.js';
import {
  HASTY,
  PATIENT,
  datasetOf,
  partsOf,
  peerYaml,
  request,
  startTestGateway,
  type TestGateway,
} from '../helpers/test-gateway.js';
import { eventually } from '../helpers/patience.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const SERIES = '/studies/2.25.77.1/series/2.25.77.2';
const AS_STORED = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };

async function start(
  options: RoguePeerOptions,
  cancelDelay: string,
  timeouts = PATIENT,
): Promise<{ peer: RoguePeer; gateway: TestGateway }> {
  const peer = await startRoguePeer(options);
  closers.push(() => peer.close());
  const gateway = await startTestGateway(
    peerYaml(
      `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`,
      `${timeouts}\n    associations: 2\nretrieve: { cancelDelay: ${cancelDelay} }`,
    ),
  );
  closers.push(() => gateway.close());
  return { peer, gateway };
}

/** Opens a URL, reads until `text` has come, and leaves. */
function readAndLeave(url: string, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = http.get(url, { headers: AS_STORED, agent: false }, (response) => {
      let seen = '';
      response.on('error', () => undefined);
      response.on('data', (chunk: Buffer) => {
        seen += chunk.toString('latin1');
        if (!seen.includes(text)) return;
        response.destroy();
        resolve();
      });
    });
    outgoing.on('error', reject);
  });
}

/** What is asked for comes after `gate`. */
const heldBack =
  (instances: readonly RogueInstance[], gate: Step): Script =>
  (_request, identifier) => [gate, ...selected(instances, identifier).map((one) => store(one)), final()];

/** Asks for the series and leaves when `asked` resolves. */
async function askAndLeave(gateway: TestGateway, asked: () => Promise<unknown>): Promise<void> {
  const controller = new AbortController();
  const { signal } = controller;
  const leaving = request(gateway.service + SERIES, { headers: AS_STORED, signal }).catch(() => undefined);
  await asked();
  controller.abort();
  await leaving;
  await gateway.logged('"complete":false');
}

/** Resolves when `count` requests have joined arrivals or wants of others. */
async function joined(gateway: TestGateway, count: number): Promise<void> {
  await eventually(async () => {
    const { body } = await gateway.telemetry.metrics();
    const events = body.split('\n').find((line) => /^dicomgw_cache_events_total.*event="join"/.exec(line));
    expect(Number(events?.split(' ').at(-1) ?? 0)).toBeGreaterThanOrEqual(count);
  });
}

test('a reload within cancelDelay takes over the retrieve that is running', async () => {
  const instances = [makeInstance(), makeInstance(), makeInstance()];
  let go: () => void = () => undefined;
  const gate = until(new Promise<void>((resolve) => (go = resolve)));
  const { peer, gateway } = await start(
    { onFind: listing(instances), onGet: heldBack(instances, gate) },
    '1m',
  );
  await askAndLeave(gateway, () => peer.waitFor('C-GET-RQ'));
  const again = request(gateway.service + SERIES, { headers: AS_STORED });
  // Only once it has asked can it be told from one that came too late.
  await joined(gateway, 1);
  go();
  const parts = partsOf(await again);
  expect(parts.map(({ body }) => datasetOf(body).toString('base64')).sort()).toEqual(
    instances.map(({ dataset }) => dataset.toString('base64')).sort(),
  );
  expect([peer.messages('C-STORE-RSP').length, peer.messages('C-CANCEL-RQ').length]).toEqual([3, 0]);
});

describe('when the last reader has gone', () => {
  const ended = async (peer: RoguePeer): Promise<readonly string[]> => {
    const association = peer.record.of('C-GET-RQ')[0]?.association;
    await peer.waitFor((event) => event.association === association && event.type === 'closed');
    return peer.events
      .filter((event) => event.association === association)
      .map((event) => (event.type === 'message' ? event.name : event.type))
      .filter((name) => ['C-CANCEL-RQ', 'release-rq', 'abort', 'closed'].includes(name));
  };

  test.each<readonly [string, RoguePeerOptions['release'], readonly Step[], readonly string[]]>([
    [
      'a peer that stops is released',
      'answer',
      [untilCancelled(), final(0xfe00)],
      ['C-CANCEL-RQ', 'release-rq', 'closed'],
    ],
    [
      'a peer that stops and does not answer the release is aborted',
      'silence',
      [untilCancelled(), final(0xfe00)],
      ['C-CANCEL-RQ', 'release-rq', 'abort', 'closed'],
    ],
    [
      'a peer that does not stop is aborted',
      'answer',
      [() => new Promise(() => undefined)],
      ['C-CANCEL-RQ', 'abort', 'closed'],
    ],
  ])('%s', async (_what, release, after, expected) => {
    const noLeaks = leakCheck();
    const [first, second] = [makeInstance(), makeInstance()];
    const { peer, gateway } = await start(
      { onFind: listing([first, second]), onGet: [store(first), ...after], release: release ?? 'answer' },
      '10ms',
      HASTY,
    );
    await readAndLeave(gateway.service + SERIES, first.sopInstanceUid);
    expect(await ended(peer)).toEqual(expected);
    await atRest(gateway);
    for (const close of closers.splice(0).reverse()) await close();
    await noLeaks();
  });

  test('a reader that stays keeps the retrieve going for what it reads', async () => {
    const instances = [makeInstance(), makeInstance()];
    let go: () => void = () => undefined;
    const gate = until(new Promise<void>((resolve) => (go = resolve)));
    const { peer, gateway } = await start(
      { onFind: listing(instances), onGet: heldBack(instances, gate) },
      '1ms',
    );
    const staying = request(gateway.service + SERIES, { headers: AS_STORED });
    await peer.waitFor('C-GET-RQ');
    await askAndLeave(gateway, () => joined(gateway, 1));
    // The peer answers this on another association, long after the delay.
    for (let n = 0; n < 3; n += 1) await request(`${gateway.service}/studies`);
    const [{ association }] = peer.record.of('C-GET-RQ') as [RogueEvent];
    expect(peer.record.of('C-CANCEL-RQ').filter((event) => event.association === association)).toEqual([]);
    go();
    expect(partsOf(await staying)).toHaveLength(2);
  });
});
