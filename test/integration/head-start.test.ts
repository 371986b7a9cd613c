import http from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { listing, selected, type ListingOptions } from '../helpers/listing.js';
import {
  abort,
  final,
  makeInstance,
  progress,
  shaped,
  startRoguePeer,
  store,
  until,
  untilCancelled,
  type RogueInstance,
  type RoguePeer,
  type RoguePeerOptions,
  type Script,
  type Step,
} from '../helpers/rogue-peer.js';
import {
  datasetOf,
  partsOf,
  peerYaml,
  request,
  sha256,
  startTestGateway,
  type RawResponse,
  type TestGateway,
} from '../helpers/test-gateway.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const LEVEL = 0x00080052;
const STUDY = '/studies/2.25.77.1';
const SERIES = `${STUDY}/series/2.25.77.2`;
const WHOLE = { STUDY: STUDY, SERIES: SERIES } as const;

/** Something that a test lets happen. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

const some = (count: number, options: Parameters<typeof makeInstance>[0] = {}): readonly RogueInstance[] =>
  Array.from({ length: count }, () => makeInstance(options));

interface Setting {
  readonly instances: readonly RogueInstance[];
  /** The rows at IMAGE level come when this does. */
  readonly listed?: Promise<void>;
  readonly listing?: ListingOptions;
  /** In place of the listing at IMAGE level. */
  readonly rows?: readonly Step[];
  /** What comes of a C-GET of the whole study or series. */
  readonly whole: readonly Step[];
  /** Further lines of the configuration. */
  readonly config?: string;
  readonly peer?: RoguePeerOptions;
}

/** A gateway in front of a peer that answers C-GETs of single instances as it should. */
async function setUp(setting: Setting): Promise<{ peer: RoguePeer; gateway: TestGateway }> {
  const { instances, listed = Promise.resolve(), whole } = setting;
  const answers = listing(instances, { sopClasses: true, ...setting.listing });
  const onFind: Script = (command, identifier) => {
    const steps = typeof answers === 'function' ? answers(command, identifier) : answers;
    return identifier.get(LEVEL) === 'IMAGE' ? [until(listed), ...(setting.rows ?? steps)] : steps;
  };
  const onGet: Script = (_command, identifier) =>
    identifier.get(LEVEL) === 'IMAGE'
      ? [...selected(instances, identifier).map((one) => store(one)), final()]
      : whole;
  const peer = await startRoguePeer({ onFind, onGet, ...setting.peer });
  closers.push(() => peer.close());
  const { config = '    retrieve: get\nretrieve: { headStart: 1ms, cancelDelay: 1ms }' } = setting;
  const gateway = await startTestGateway(
    peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, config),
  );
  closers.push(() => gateway.close());
  return { peer, gateway };
}

const uidsOf = (response: RawResponse): readonly string[] =>
  partsOf(response)
    .map(({ headers: part }) => part['content-location'] ?? '')
    .map((location) => location.slice(location.lastIndexOf('/') + 1))
    .sort();

const uids = (instances: readonly RogueInstance[]): readonly string[] =>
  instances.map(({ sopInstanceUid }) => sopInstanceUid).sort();

/** How often each instance was sent, by the responses to it: at least `count` of them. */
async function sentBy(peer: RoguePeer, count: number): Promise<Readonly<Record<string, number>>> {
  await peer.waitFor('C-STORE-RSP', count);
  const counts: Record<string, number> = {};
  for (const { command } of peer.messages('C-STORE-RSP')) {
    const uid = command.affectedSopInstanceUid ?? '';
    counts[uid] = (counts[uid] ?? 0) + 1;
  }
  return counts;
}

const once = (instances: readonly RogueInstance[]): Readonly<Record<string, number>> =>
  Object.fromEntries(uids(instances).map((uid) => [uid, 1]));

/** The C-GETs that the peer got, by level. */
function getsOf(peer: RoguePeer, level: string): number {
  return peer.messages('C-GET-RQ').filter(({ dataset }) => dataset.includes(level)).length;
}

const outcomes = async ({ gateway }: { gateway: TestGateway }): Promise<string> =>
  (await request(`${gateway.origin}/metrics`)).body.toString();

/** Resolves when the peer is told to stop a C-GET of the whole study or series. */
async function cancelled(peer: RoguePeer): Promise<void> {
  const get = await peer.waitFor('C-GET-RQ');
  await peer.waitFor(
    (event) =>
      event.type === 'message' && event.name === 'C-CANCEL-RQ' && event.association === get.association,
  );
}

/** Starts a retrieve; `first` resolves with its first bytes of the body. */
function reading(
  url: string,
  accept = 'multipart/related; type="application/dicom"; transfer-syntax=*',
): { first: Promise<void>; whole: Promise<RawResponse>; leave: () => void } {
  const arrived = gate();
  let leave = (): void => undefined;
  const done = new Promise<RawResponse>((resolve) => {
    const outgoing = http.get(url, { headers: { accept }, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        arrived.open();
      });
      response.on('error', () => undefined);
      response.on('close', () => {
        const { statusCode: status = 0, complete } = response;
        resolve({ status, headers: response.headers, body: Buffer.concat(chunks), complete });
      });
    });
    outgoing.on('error', () => {
      resolve({ status: 0, headers: {}, body: Buffer.alloc(0), complete: false });
    });
    leave = () => void outgoing.destroy();
  });
  return { first: arrived.opened, whole: done, leave };
}

describe('a head start', () => {
  test.each(Object.entries(WHOLE))(
    'delivers the first instance of a %s before the listing, and each instance is sent once',
    async (level, path) => {
      const instances = some(12);
      const listed = gate();
      const [first, second] = instances as [RogueInstance, RogueInstance];
      const whole = [
        store(first),
        progress({ remaining: 11 }),
        store(second),
        untilCancelled(),
        final(0xfe00),
      ];
      const { peer, gateway } = await setUp({ instances, listed: listed.opened, whole });
      const read = reading(gateway.service + path);
      await read.first;
      await peer.waitFor('C-STORE-RSP', 2);
      listed.open();
      const response = await read.whole;
      expect(response).toMatchObject({ status: 200, complete: true });
      expect(uidsOf(response)).toEqual(uids(instances));
      const [, part] = partsOf(response);
      expect(sha256(datasetOf(part?.body ?? Buffer.alloc(132)))).toBe(sha256(second.dataset as Buffer));
      expect(await sentBy(peer, instances.length)).toEqual(once(instances));
      expect(getsOf(peer, level)).toBe(1);
      expect(await outcomes({ gateway })).toContain(
        'dicomgw_head_starts_total{peer="main",outcome="ahead"} 1',
      );
    },
  );

  test('metadata leaves before the listing is there, too', async () => {
    const instances = some(3);
    const listed = gate();
    const [first] = instances as [RogueInstance];
    const whole = [store(first), untilCancelled(), final(0xfe00)];
    const { peer, gateway } = await setUp({ instances, listed: listed.opened, whole });
    const read = reading(`${gateway.service}${SERIES}/metadata`, 'application/dicom+json');
    await read.first;
    listed.open();
    const { body, complete } = await read.whole;
    expect(complete).toBe(true);
    expect(JSON.parse(body.toString())).toHaveLength(3);
    expect(await sentBy(peer, instances.length)).toEqual(once(instances));
  });

  test('the instance in the middle of arriving is taken to its end', async () => {
    const instances = [...some(3), makeInstance({ pixelBytes: 20_000_000 })];
    const listed = gate();
    const [first, , , large] = instances as [RogueInstance, RogueInstance, RogueInstance, RogueInstance];
    const bytes = large.dataset as Buffer;
    const pieces = function* (): Generator<Buffer> {
      for (let at = 0; at < bytes.length; at += 65_536) {
        if (at > 1_000_000) listed.open();
        yield bytes.subarray(at, at + 65_536);
      }
    };
    const whole = [store(first), store(large, { dataset: pieces() }), untilCancelled(), final(0xfe00)];
    const { peer, gateway } = await setUp({ instances, listed: listed.opened, whole });
    const response = await reading(gateway.service + SERIES).whole;
    expect(uidsOf(response)).toEqual(uids(instances));
    expect(await sentBy(peer, 4)).toEqual(once(instances));
    const { association } = await peer.waitFor('C-GET-RQ');
    const heard = peer.events.flatMap((event) =>
      event.type === 'message' && event.association === association ? [event.name] : [],
    );
    // the cancel overtook the response to the large one
    expect(heard).toEqual(['C-GET-RQ', 'C-STORE-RSP', 'C-CANCEL-RQ', 'C-STORE-RSP']);
  });

  test('a peer that ignores C-CANCEL is cut off; what came twice is delivered once', async () => {
    const instances = some(30);
    const listed = gate();
    const [first, ...others] = instances as [RogueInstance, ...RogueInstance[]];
    const whole = [store(first), untilCancelled(), ...others.map((one) => store(one)), final()];
    const { peer, gateway } = await setUp({ instances, listed: listed.opened, whole });
    const read = reading(gateway.service + SERIES);
    await read.first;
    listed.open();
    const response = await read.whole;
    expect(response.complete).toBe(true);
    expect(uidsOf(response)).toEqual(uids(instances));
    await peer.waitFor('abort');
    const twice = Object.values(await sentBy(peer, 30)).filter((count) => count > 1);
    expect(twice.length).toBeLessThanOrEqual(1);
    const statuses = peer.messages('C-STORE-RSP').map(({ command }) => command.status);
    expect(new Set(statuses)).toEqual(new Set([0]));
  });

  test.each<readonly [string, readonly Step[]]>([
    ['fails it with A900', [final(0xa900)]],
    ['aborts on it', [abort()]],
    ['has nothing for it', [final(0)]],
    ['fails all of it', [final(0xa702, { failed: 3 })]],
  ])('a peer that %s delivers by lists as before', async (_what, whole) => {
    const instances = some(3);
    const listed = gate();
    const { peer, gateway } = await setUp({ instances, listed: listed.opened, whole });
    const read = reading(gateway.service + SERIES);
    await peer.waitFor('C-GET-RQ');
    listed.open();
    const response = await read.whole;
    expect(uidsOf(response)).toEqual(uids(instances));
    expect(await sentBy(peer, instances.length)).toEqual(once(instances));
  });

  test('an instance that breaks off is asked for again when its row comes', async () => {
    const instances = some(3, { pixelBytes: 100_000 });
    const listed = gate();
    const [first, second] = instances as [RogueInstance, RogueInstance];
    const dataset = second.dataset as Buffer;
    const whole: Step[] = [
      store(first),
      ({ association }) => {
        association.cutAfter(60_000);
      },
      store(second, { dataset }),
    ];
    const { gateway } = await setUp({ instances, listed: listed.opened, whole });
    const read = reading(gateway.service + SERIES);
    await read.first;
    await gateway.logged('instance broken off');
    listed.open();
    const response = await read.whole;
    expect(response.complete).toBe(true);
    expect(uidsOf(response)).toEqual(uids(instances));
  });

  test('a listing that is cut short of what the head start brought is completed by a sweep', async () => {
    const last = makeInstance();
    const instances = [...some(5), last];
    const listed = gate();
    let asked = 0;
    const begins = [store(last), untilCancelled(), final(0xfe00)];
    const sweeps = [...instances.map((one) => store(one)), final()];
    const whole: Step[] = [
      async (operation) => {
        asked += 1;
        for (const step of asked === 1 ? begins : sweeps) await step(operation);
      },
    ];
    const { gateway } = await setUp({
      instances,
      listed: listed.opened,
      listing: { cap: 2, counts: 'none' },
      whole,
    });
    const read = reading(gateway.service + SERIES);
    await read.first;
    listed.open();
    const response = await read.whole;
    expect(response.complete).toBe(true);
    expect(uidsOf(response)).toEqual(uids(instances));
    expect(asked).toBe(2);
  });

  test('a listing that claims to be whole is not believed when the head start brought something else', async () => {
    const instances = some(3);
    const listed = gate();
    const stranger = makeInstance();
    let asked = 0;
    const begins = [store(stranger), untilCancelled(), final(0xfe00)];
    const sweeps = [...[...instances, stranger].map((one) => store(one)), final()];
    const whole: Step[] = [
      async (operation) => {
        asked += 1;
        for (const step of asked === 1 ? begins : sweeps) await step(operation);
      },
    ];
    const { gateway } = await setUp({ instances, listed: listed.opened, whole });
    const read = reading(gateway.service + SERIES);
    await read.first;
    listed.open();
    expect(uidsOf(await read.whole)).toEqual(uids([...instances, stranger]));
    expect(asked).toBe(2);
  });

  test('an instance that is asked for beside it is that instance', async () => {
    const instances = some(3);
    const listed = gate();
    const go = gate();
    const [first, , third] = instances as [RogueInstance, RogueInstance, RogueInstance];
    const whole = [until(go.opened), store(first), untilCancelled(), final(0xfe00)];
    const { peer, gateway } = await setUp({ instances, listed: listed.opened, whole });
    const read = reading(gateway.service + SERIES);
    await peer.waitFor('C-GET-RQ');
    const finds = peer.messages('C-FIND-RQ').length;
    const one = reading(`${gateway.service}${SERIES}/instances/${third.sopInstanceUid}`);
    await peer.waitFor('C-FIND-RQ', finds + 1);
    go.open();
    await read.first;
    listed.open();
    const response = await one.whole;
    await read.whole;
    expect([response.status, uidsOf(response)]).toEqual([200, [third.sopInstanceUid]]);
  });

  test('an instance that takes longer than a peer is given to stop is taken to its end', async () => {
    const instances = some(3, { pixelBytes: 300_000 });
    const listed = gate();
    const [first] = instances as [RogueInstance];
    // Six seconds of it.
    const whole = [shaped({ writeBytes: 5000, dripMs: 100 }), store(first), untilCancelled(), final(0xfe00)];
    const { peer, gateway } = await setUp({ instances, listed: listed.opened, whole });
    const read = reading(gateway.service + SERIES);
    await peer.waitFor('C-GET-RQ');
    listed.open();
    const response = await read.whole;
    expect([response.status, response.complete]).toEqual([200, true]);
    expect(uidsOf(response)).toEqual(uids(instances));
  });

  test('nothing listed and nothing brought: 404', async () => {
    const listed = gate();
    const whole = [final(0)];
    const instances = some(1);
    const { peer, gateway } = await setUp({
      instances,
      listed: listed.opened,
      rows: [final()],
      listing: { counts: 'none' },
      whole,
    });
    const read = reading(gateway.service + SERIES);
    await peer.waitFor('C-GET-RQ');
    listed.open();
    expect((await read.whole).status).toBe(404);
  });

  test('a listing that fails after the first instance breaks the body, and the head start ends', async () => {
    const instances = some(3);
    const listed = gate();
    const [first] = instances as [RogueInstance];
    const whole = [store(first), untilCancelled(), final(0xfe00)];
    const { peer, gateway } = await setUp({
      instances,
      listed: listed.opened,
      rows: [final(0xc001)],
      whole,
    });
    const read = reading(gateway.service + SERIES);
    await read.first;
    listed.open();
    const response = await read.whole;
    expect(response.complete).toBe(false);
    await cancelled(peer);
  });

  test('a client that leaves ends it', async () => {
    const instances = some(3);
    const listed = gate();
    const [first] = instances as [RogueInstance];
    const whole = [store(first), untilCancelled(), final(0xfe00)];
    const { peer, gateway } = await setUp({ instances, listed: listed.opened, whole });
    const read = reading(gateway.service + SERIES);
    await read.first;
    read.leave();
    await cancelled(peer);
    expect(await sentBy(peer, 1)).toEqual(once([first]));
  });

  test('200 clients of one cold study cause one head start, and each instance is sent once', async () => {
    const instances = some(20);
    const listed = gate();
    const [first] = instances as [RogueInstance];
    const whole = [store(first), untilCancelled(), final(0xfe00)];
    const { peer, gateway } = await setUp({ instances, listed: listed.opened, whole });
    const leader = reading(gateway.service + STUDY);
    await leader.first;
    const reads = [leader, ...Array.from({ length: 199 }, () => reading(gateway.service + STUDY))];
    await peer.waitFor('C-FIND-RQ', 4);
    listed.open();
    for (const read of reads) expect(uidsOf(await read.whole)).toEqual(uids(instances));
    expect(await sentBy(peer, instances.length)).toEqual(once(instances));
    expect(getsOf(peer, 'STUDY')).toBe(1);
  });

  test('a series of more than retrieve.maxInstances is not brought that way', async () => {
    const instances = some(5);
    const listed = gate();
    const [first] = instances as [RogueInstance];
    const whole = [progress({ remaining: 5 }), store(first), untilCancelled(), final(0xfe00)];
    const { peer, gateway } = await setUp({
      instances,
      listed: listed.opened,
      whole,
      config: '    retrieve: get\nretrieve: { headStart: 1ms, maxInstances: 4 }',
    });
    const read = reading(gateway.service + SERIES);
    await cancelled(peer);
    listed.open();
    const { status, complete } = await read.whole;
    expect(status === 413 || !complete).toBe(true);
  });
});

describe('no head start is made', () => {
  const fetched = async (setting: Partial<Setting>): Promise<RoguePeer> => {
    const instances = some(3);
    const listed = gate();
    const { peer, gateway } = await setUp({
      instances,
      listed: listed.opened,
      whole: [final(0xa900)],
      ...setting,
    });
    const read = reading(gateway.service + SERIES);
    await peer.waitFor('C-FIND-RQ', 2);
    setTimeout(listed.open, 50);
    expect(uidsOf(await read.whole)).toEqual(uids(instances));
    return peer;
  };

  test.each([
    ['when it is switched off', '    retrieve: get\nretrieve: { headStart: 0 }'],
    ['where it is not known whether C-GET works', '    retrieve: auto\nretrieve: { headStart: 1ms }'],
    [
      'where there is one association alone',
      '    retrieve: get\n    associations: 1\nretrieve: { headStart: 1ms }',
    ],
    ['for a listing that is not slow', '    retrieve: get\nretrieve: { headStart: 10s }'],
  ])('%s', async (_when, config) => {
    const peer = await fetched({ config });
    expect(getsOf(peer, 'SERIES')).toBe(0);
  });
});
