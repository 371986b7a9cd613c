import { describe, expect, test } from '@jest/globals';
import { GatewayError, type Clock, type Observation } from '../../../src/core/index.js';
import type {
  IncomingInstance,
  InstanceReceiver,
  RetrieveCompletion,
  RetrieveRequest,
} from '../../../src/dimse/index.js';
import { HeadStarts } from '../../../src/gateway/head-starts.js';
import type { FetcherDependencies, PeerBinding } from '../../../src/gateway/ports.js';
import { ReplacedLately } from '../../../src/gateway/replaced-lately.js';
import type { FoundInstance } from '../../../src/gateway/want.js';

const SERIES = { studyInstanceUid: '1', seriesInstanceUid: '1.1' };
const context = { requestId: 'test', signal: new AbortController().signal };

/** A clock that stands still until it is moved. */
class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Moves on, and lets what follows from it happen. */
  async pass(ms: number): Promise<void> {
    this.#now += ms;
    for (const timer of [...this.#timers]) {
      if (timer.at > this.#now) continue;
      this.#timers.delete(timer);
      timer.callback();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A C-GET that was begun. */
interface Begun {
  readonly request: RetrieveRequest;
  readonly receive: InstanceReceiver;
  readonly end: (completion: Partial<RetrieveCompletion>) => void;
  readonly fail: (error: GatewayError) => void;
}

interface Options {
  readonly isWarm?: boolean;
  readonly classes?: readonly string[] | undefined;
  readonly isFree?: boolean;
  readonly fastestMs?: number;
}

function setUp({ isWarm = false, isFree = true, fastestMs = 0, ...options }: Options = {}): {
  headStarts: HeadStarts;
  clock: ManualClock;
  begun: Begun[];
  adopted: string[];
  outcomes: string[];
  world: { isKnown: boolean };
} {
  const clock = new ManualClock();
  const begun: Begun[] = [];
  const adopted: string[] = [];
  const outcomes: string[] = [];
  const peer = {
    name: 'main',
    retrieveNow: (request: RetrieveRequest, receive: InstanceReceiver) =>
      isFree
        ? new Promise((resolve, reject) => {
            const whole = { status: 0, completed: 0, failed: 0, warning: 0, received: 0 };
            const end = (completion: Partial<RetrieveCompletion>): void => {
              resolve({ ...whole, failedSopInstanceUids: [], cancelled: false, ...completion });
            };
            begun.push({ request, receive, end, fail: reject });
          })
        : undefined,
    // What a head start uses of a peer, its settings and the cache, no more.
  };
  const binding = {
    peer,
    retrieve: { headStartMs: 10, maxInstances: 3, limits: {} },
    // The settings that a head start reads, no more.
  } as unknown as PeerBinding;
  const begin = (key: FoundInstance['key'], info: FoundInstance['info']): unknown => {
    let finish = (): void => undefined;
    const complete = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const fail = (): void => undefined;
    return {
      instance: { key, info, complete },
      write: () => undefined,
      finish: () => {
        finish();
      },
      fail,
    };
  };
  const deps = {
    clock,
    instances: { begin },
    observe: (observation: Observation) => {
      if (observation.kind === 'head-start') outcomes.push(observation.outcome);
    },
    // Of the cache it begins arrivals, no more.
  } as unknown as FetcherDependencies;
  const world = { isKnown: true };
  const classes = 'classes' in options ? options.classes : [];
  const host = {
    binding,
    deps,
    watch: { seen: () => undefined, fastestMs, knows: () => world.isKnown, replaced: new ReplacedLately() },
    sopClassUids: () => Promise.resolve(classes),
    adopted: (instance: FoundInstance) => void adopted.push(instance.key.sopInstanceUid),
  };
  return { headStarts: new HeadStarts(host, () => isWarm), clock, begun, adopted, outcomes, world };
}

const incoming = (sopInstanceUid: string): IncomingInstance => ({
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  sopInstanceUid,
  transferSyntaxUid: '1.2.840.10008.1.2.1',
});

const nobody = (): void => undefined;

describe('HeadStarts', () => {
  test('begins when the first row takes longer than the answers before it by the time configured', async () => {
    const { headStarts, clock, begun } = setUp({ fastestMs: 5 });
    headStarts.join(SERIES, nobody, context);
    headStarts.join({ studyInstanceUid: '2' }, nobody, context);
    await clock.pass(14);
    expect(begun).toHaveLength(0);
    await clock.pass(1);
    expect(begun.map(({ request }) => request.level)).toEqual(['SERIES']);
    await clock.pass(5);
    expect(begun.map(({ request }) => request.level)).toEqual(['SERIES', 'STUDY']);
  });

  test('waits until the peer has said whose the series is', async () => {
    const { headStarts, clock, begun, world } = setUp();
    world.isKnown = false;
    const seat = headStarts.join(SERIES, nobody, context);
    await clock.pass(35);
    expect(begun).toHaveLength(0);
    world.isKnown = true;
    await clock.pass(10);
    expect(begun).toHaveLength(1);
    seat.leave();
  });

  test('never begins once a row has come, and then nobody waits for it', async () => {
    const { headStarts, clock, begun } = setUp();
    const seat = headStarts.join(SERIES, nobody, context);
    await clock.pass(9);
    seat.rowCame();
    await clock.pass(100);
    expect(begun).toHaveLength(0);
    expect(headStarts.mayBring(SERIES, nobody)).toBe(false);
    await seat.over();
  });

  test.each<readonly [string, Options]>([
    ['when something of it is there', { isWarm: true }],
    ['when it is not known which SOP classes to propose', { classes: undefined }],
    ['when no association is free', { isFree: false }],
  ])('does not begin %s', async (_when, options) => {
    const { headStarts, clock, begun, outcomes } = setUp(options);
    const seat = headStarts.join(SERIES, nobody, context);
    await clock.pass(100);
    await seat.over();
    expect([begun, outcomes]).toEqual([[], []]);
  });

  test('is not for what nobody waits for, nor for a single instance', async () => {
    const { headStarts, clock, begun } = setUp();
    headStarts.join(SERIES, nobody, { ...context, priority: 'prefetch' });
    headStarts.join({ ...SERIES, sopInstanceUid: '1.1.1' }, nobody, context);
    await clock.pass(100);
    expect(begun).toHaveLength(0);
  });

  test('one serves all who wait for the same, and none is made beside it', async () => {
    const { headStarts, clock, begun } = setUp();
    const told: string[] = [];
    const guest =
      (name: string) =>
      ({ key }: FoundInstance): void =>
        void told.push(`${name} ${key.sopInstanceUid}`);
    const study = { studyInstanceUid: '1' };
    headStarts.join(SERIES, guest('a'), context);
    headStarts.join(SERIES, guest('b'), context);
    headStarts.join(study, guest('c'), context);
    await clock.pass(10);
    begun[0]?.receive(incoming('1.1.1'));
    expect(begun).toHaveLength(1);
    expect(told).toEqual(['a 1.1.1', 'b 1.1.1']);
  });

  test('between two instances it waits for the next before it tells the peer to stop', async () => {
    const { headStarts, clock, begun, adopted } = setUp();
    const told: string[] = [];
    headStarts.join(SERIES, ({ key }) => void told.push(key.sopInstanceUid), context);
    await clock.pass(10);
    const [get] = begun as [Begun];
    await get.receive(incoming('1.1.1')).end();
    await clock.pass(0);
    let known = 0;
    expect(headStarts.mayBring(SERIES, () => (known += 1))).toBe(true);
    expect([get.request.stop?.aborted, known]).toEqual([false, 0]);
    get.receive(incoming('1.1.2'));
    expect([get.request.stop?.aborted, known]).toEqual([true, 1]);
    expect(adopted).toEqual(['1.1.1', '1.1.2']);
    // the listing tells of the second one: it was there already when this came
    expect(told).toEqual(['1.1.1']);
    expect(headStarts.mayBring(SERIES, nobody)).toBe(false);
  });

  test('it does not wait for long when no other comes', async () => {
    const { headStarts, clock, begun } = setUp();
    headStarts.join(SERIES, nobody, context);
    await clock.pass(10);
    const [get] = begun as [Begun];
    await get.receive(incoming('1.1.1')).end();
    await clock.pass(0);
    let known = 0;
    headStarts.mayBring(SERIES, () => (known += 1));
    await clock.pass(99);
    expect(known).toBe(0);
    await clock.pass(1);
    expect([get.request.stop?.aborted, known]).toEqual([true, 1]);
  });

  test('with an instance in the middle of arriving the peer is told at once', async () => {
    const { headStarts, clock, begun } = setUp();
    const seat = headStarts.join(SERIES, nobody, context);
    await clock.pass(10);
    const [get] = begun as [Begun];
    get.receive(incoming('1.1.1'));
    seat.rowCame();
    expect(get.request.stop?.aborted).toBe(true);
    await seat.over();
  });

  test('of a study it is known what comes when the series of the instance has been read', async () => {
    const { headStarts, clock, begun, adopted } = setUp();
    const study = { studyInstanceUid: '1' };
    headStarts.join(study, nobody, context);
    await clock.pass(10);
    const [get] = begun as [Begun];
    const writer = get.receive(incoming('1.1.1'));
    let known = 0;
    expect(headStarts.mayBring(SERIES, () => (known += 1))).toBe(true);
    expect([get.request.stop?.aborted, known]).toEqual([true, 0]);
    const uids = Buffer.from('20000d0055490200' + '3100' + '20000e0055490400' + '312e3100', 'hex');
    await writer.write(uids);
    expect([adopted, known]).toEqual([['1.1.1'], 1]);
  });

  test('it ends with the last who waits, and with more instances than one request may have', async () => {
    const { headStarts, clock, begun } = setUp();
    const seat = headStarts.join(SERIES, nobody, context);
    const other = headStarts.join(SERIES, () => undefined, context);
    await clock.pass(10);
    seat.leave();
    expect(begun[0]?.request.stop?.aborted).toBe(false);
    other.leave();
    expect(begun[0]?.request.stop?.aborted).toBe(true);
    headStarts.join({ studyInstanceUid: '2' }, nobody, context);
    await clock.pass(10);
    begun[1]?.request.onProgress?.({ remaining: 4, completed: 0, failed: 0, warning: 0 });
    expect(begun[1]?.request.stop?.aborted).toBe(true);
  });

  test('each that is too late has the next wait longer, up to four times as long, until one is ahead', async () => {
    const { headStarts, clock, begun, outcomes } = setUp();
    const late = async (delayMs: number): Promise<void> => {
      const before = begun.length;
      const seat = headStarts.join(SERIES, nobody, context);
      await clock.pass(delayMs - 1);
      expect(begun).toHaveLength(before);
      await clock.pass(1);
      expect(begun).toHaveLength(before + 1);
      seat.rowCame();
      await seat.over();
    };
    for (const delayMs of [10, 20, 30, 40, 40]) await late(delayMs);
    headStarts.join(SERIES, nobody, context);
    await clock.pass(40);
    begun.at(-1)?.receive(incoming('1.1.1'));
    headStarts.mayBring(SERIES, nobody);
    await late(10);
    expect(outcomes).toEqual(['late', 'late', 'late', 'late', 'late', 'ahead', 'late']);
  });

  test('after one that failed there is none for ten minutes', async () => {
    const { headStarts, clock, begun, outcomes } = setUp();
    headStarts.join(SERIES, nobody, context);
    await clock.pass(10);
    begun.at(-1)?.fail(new GatewayError('peer-unsupported', 'No.'));
    await clock.pass(0);
    await clock.pass(599_800);
    headStarts.join(SERIES, nobody, context);
    await clock.pass(100);
    expect([begun.length, outcomes]).toEqual([1, ['failed']]);
    await clock.pass(100);
    headStarts.join(SERIES, nobody, context);
    await clock.pass(100);
    expect(begun).toHaveLength(2);
  });
});
