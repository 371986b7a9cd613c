import { afterEach, describe, expect, test } from '@jest/globals';
import { listing, selected } from '../helpers/listing.js';
import {
  abort,
  final,
  makeInstance,
  progress,
  reject,
  accept,
  silence,
  startRoguePeer,
  store,
  until,
  type AssociateStep,
  type RogueInstance,
  type RoguePeer,
  type RoguePeerOptions,
  type Script,
} from '../helpers/rogue-peer.js';
import {
  HASTY,
  partsOf,
  peerYaml,
  request,
  startTestGateway,
  type TestGateway,
} from '../helpers/test-gateway.js';
import { PATIENCE_MS } from '../helpers/patience.js';

let peer: RoguePeer | undefined;
let gateway: TestGateway | undefined;

afterEach(async () => {
  await gateway?.close();
  await peer?.close();
  gateway = peer = undefined;
});

const STUDY = '2.25.77.1';
const AS_STORED = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };

async function start(options: RoguePeerOptions, extra = ''): Promise<TestGateway> {
  peer = await startRoguePeer(options);
  gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, extra));
  return gateway;
}

const urlOf = (series: string, rest = ''): string =>
  `${gateway?.service ?? ''}/studies/${STUDY}/series/${series}${rest}`;

/** Every sample of the exposition, by name and labels. */
async function samples(): Promise<ReadonlyMap<string, number>> {
  const { body } = (await gateway?.telemetry.metrics()) ?? { body: '' };
  const lines = body.split('\n').filter((line) => line.startsWith('dicomgw_'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

/** Waits until `holds` of the samples; what they are at last is shown when that does not come. */
async function samplesWhen(
  holds: (values: ReadonlyMap<string, number>) => boolean,
): Promise<ReadonlyMap<string, number>> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const values = await samples();
    if (holds(values) || performance.now() > deadline) return values;
    // Nothing tells that a metric has changed, and reading one lets nobody else run.
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The samples of some metrics that are not zero. */
const nonZero = (values: ReadonlyMap<string, number>, ...names: readonly string[]): unknown =>
  Object.fromEntries(
    [...values].filter(([key, value]) => value !== 0 && names.some((name) => key.startsWith(name))),
  );

const deliver =
  (instances: readonly RogueInstance[]): Script =>
  (_request, identifier) => {
    const asked = selected(instances, identifier);
    return [
      ...asked.flatMap((one, index) => [store(one), progress({ remaining: asked.length - index - 1 })]),
      final(),
    ];
  };

const seriesOf = (seriesInstanceUid: string, count: number, pixelBytes = 512): readonly RogueInstance[] =>
  Array.from({ length: count }, () => makeInstance({ seriesInstanceUid, pixelBytes }));

const WORK = [
  'dicomgw_associations{',
  'dicomgw_association_waiters{',
  'dicomgw_wanted_instances{',
  'dicomgw_spool_bytes{tier="memory",state="arriving"}',
  'dicomgw_spool_bytes{tier="memory",state="failed"}',
  'dicomgw_spool_bytes{tier="disk"',
];

describe('gauges', () => {
  test('are at rest after a session of everything that goes well and wrong', async () => {
    const good = seriesOf('2.25.77.2', 20);
    const large = seriesOf('2.25.77.3', 3, 3_000_000);
    const broken = seriesOf('2.25.77.4', 3, 300_000);
    const silent = seriesOf('2.25.77.5', 2);
    const all = [...good, ...large, ...broken, ...silent];
    const whole = deliver([...good, ...large]);
    const onGet: Script = (command, identifier) => {
      const [first] = selected(all, identifier);
      if (first !== undefined && broken.includes(first)) return [store(first), abort()];
      if (first !== undefined && silent.includes(first)) return [silence()];
      return typeof whole === 'function' ? whole(command, identifier) : whole;
    };
    const atMostTwo: AssociateStep = (association, rq, rogue) => {
      const held = rogue.open.filter(({ accepted }) => accepted.size > 0).length;
      return (held < 2 ? accept() : reject('transient'))(association, rq, rogue);
    };
    const { service } = await start(
      { onFind: listing(all), onGet, associate: atMostTwo },
      `${HASTY}\n    idleTimeout: 50ms\nretrieve: { cancelDelay: 10ms }`,
    );
    const limit = 'dicomgw_association_limit{peer="main"}';
    const limited = samplesWhen((now) => now.get(limit) === 2);
    const leave = new AbortController();
    const leaving = request(urlOf('2.25.77.3'), { headers: AS_STORED, signal: leave.signal }).catch(
      () => 'left',
    );
    await Promise.all([
      request(urlOf('2.25.77.2'), { headers: AS_STORED }),
      request(urlOf('2.25.77.2', '/metadata')),
      request(urlOf('2.25.77.4'), { headers: AS_STORED }),
      request(urlOf('2.25.77.5'), { headers: AS_STORED }),
      request(`${service}/studies?limit=3`),
      request(`${service}/studies/1.2.3`, { headers: AS_STORED }),
      request(`${service}/studies/not-a-uid`, { headers: AS_STORED }),
      peer?.waitFor('C-STORE-RSP').then(() => {
        leave.abort();
      }),
    ]);
    await leaving;
    const values = await samplesWhen((now) => Object.keys(nonZero(now, ...WORK) as object).length === 0);
    expect(nonZero(values, ...WORK)).toEqual({});
    expect((await limited).get(limit)).toBe(2);
    // What is there is there to the byte, and goes when it is told to.
    expect(values.get('dicomgw_spool_bytes{tier="memory",state="complete"}')).toBeGreaterThan(0);
    await request(`${gateway?.origin ?? ''}/cache/purge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"all":true}',
    });
    const after = await samples();
    expect(nonZero(after, 'dicomgw_cache_bytes', 'dicomgw_cache_instances', 'dicomgw_spool_bytes')).toEqual(
      {},
    );
    const evicted = 'dicomgw_cache_evictions_total{tier="memory",reason="withdrawn"}';
    expect(after.get(evicted)).toBe(values.get('dicomgw_cache_instances'));
  });

  test('show what waits and what arrives while it does', async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const instances = seriesOf('2.25.77.2', 40);
    const whole = deliver(instances);
    const onGet: Script = (command, identifier) => [
      until(gate),
      ...(typeof whole === 'function' ? whole(command, identifier) : whole),
    ];
    await start(
      { onFind: listing(instances), onGet },
      '    associations: 2\nretrieve: { batchInstances: 4 }',
    );
    const answer = request(urlOf('2.25.77.2'), { headers: AS_STORED });
    await peer?.waitFor('C-GET-RQ');
    const waiting = 'dicomgw_wanted_instances{peer="main",priority="interactive"}';
    const values = await samplesWhen((now) => (now.get(waiting) ?? 0) >= 36);
    expect(values.get(waiting)).toBeGreaterThanOrEqual(36);
    expect(values.get('dicomgw_associations{peer="main",state="busy"}')).toBe(1);
    open();
    expect(partsOf(await answer)).toHaveLength(40);
    expect(nonZero(await samples(), 'dicomgw_wanted_instances')).toEqual({});
  });
});

describe('counters', () => {
  test('tell what came from the peer, what went to clients, and where it was found', async () => {
    const instances = seriesOf('2.25.77.2', 5);
    const bytes = instances.reduce((sum, { dataset }) => sum + (dataset as Buffer).length, 0);
    await start({ onFind: listing(instances), onGet: deliver(instances) });
    await request(urlOf('2.25.77.2'), { headers: AS_STORED });
    await request(urlOf('2.25.77.2'), { headers: AS_STORED });
    await request(urlOf('2.25.77.2', '/metadata'));
    await request(urlOf('2.25.77.2', '/metadata'));
    const values = await samples();
    const of = (key: string): number => values.get(`dicomgw_${key}`) ?? 0;
    expect(of('instances_arrived_total{peer="main",outcome="complete"}')).toBe(5);
    expect(of('instance_bytes_total{peer="main",outcome="complete"}')).toBe(bytes);
    expect(of('parts_sent_total{peer="main",item="instance"}')).toBe(10);
    expect(of('part_bytes_sent_total{peer="main",item="instance"}')).toBeGreaterThan(2 * bytes);
    // Each instance is looked up once for each request that needs it, and the second metadata need none.
    expect(of('cache_events_total{tier="memory",event="miss"}')).toBe(5);
    expect(of('cache_events_total{tier="memory",event="hit"}')).toBe(10);
    expect(of('cache_events_total{tier="metadata",event="miss"}')).toBe(1);
    expect(of('cache_events_total{tier="metadata",event="hit"}')).toBe(1);
    const route = 'method="GET",route="/studies/:study/series/:series"';
    expect(of(`http_time_to_first_byte_seconds_count{${route}}`)).toBe(2);
    expect(of(`http_request_duration_seconds_count{${route}}`)).toBe(2);
    expect(of(`http_time_to_first_byte_seconds_sum{${route}}`)).toBeLessThanOrEqual(
      of(`http_request_duration_seconds_sum{${route}}`),
    );
  });

  test('twenty viewers of one series: one miss and nineteen joins or hits for each instance', async () => {
    const instances = seriesOf('2.25.77.2', 4, 50_000);
    await start({ onFind: listing(instances), onGet: deliver(instances) });
    await Promise.all(Array.from({ length: 20 }, () => request(urlOf('2.25.77.2'), { headers: AS_STORED })));
    const values = await samples();
    const of = (event: string): number =>
      values.get(`dicomgw_cache_events_total{tier="memory",event="${event}"}`) ?? 0;
    expect(of('miss')).toBe(4);
    expect(of('join') + of('hit')).toBe(76);
  });

  test('the bytes of a long retrieve are told while it goes on', async () => {
    const [large] = seriesOf('2.25.77.2', 1, 1_000_000);
    if (!large) throw new Error('no instance');
    peer = await startRoguePeer({ onFind: listing([large]), onGet: [store(large), silence()] });
    gateway = await startTestGateway(`peers: { main: { address: "ROGUE@127.0.0.1:${peer.address.port}" } }`);
    await request(urlOf('2.25.77.2'), { headers: AS_STORED });
    const received = 'dicomgw_dimse_bytes_total{peer="main",direction="received"}';
    const values = await samplesWhen((now) => (now.get(received) ?? 0) > 1_000_000);
    expect(values.get(received)).toBeGreaterThan(1_000_000);
    expect(
      values.get('dicomgw_dimse_operations_total{peer="main",operation="C-GET",outcome="success"}'),
    ).toBe(undefined);
  });
});
