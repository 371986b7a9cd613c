import { afterEach, describe, expect, test } from '@jest/globals';
import type { GatewayError } from '../../../src/core/index.js';
import {
  closeCaches,
  info,
  isPending,
  keyOf,
  openCache,
  pattern,
  readAll,
  readerOf,
  rejection,
  turn,
  writeAll,
} from './harness.js';

afterEach(closeCaches);

const BUDGET = 64 * 1024;
const SLACK = 8192;

describe('a spool larger than the memory, without a disk tier', () => {
  test('flows under back-pressure to the one reader, in flat memory', async () => {
    const { instances, spools, observations } = await openCache();
    const bytes = pattern(1_000_000);
    const arrival = instances.begin(keyOf('1'), info);
    if (!arrival) throw new Error('no arrival');
    let most = 0;
    const reading = (async () => {
      let at = 0;
      for await (const chunk of arrival.instance.source.read()) {
        most = Math.max(most, spools.stats.memoryBytes);
        expect(chunk.equals(bytes.subarray(at, at + chunk.length))).toBe(true);
        at += chunk.length;
      }
      return at;
    })();
    await writeAll(arrival, bytes);
    await arrival.finish('meta');
    expect(await reading).toBe(bytes.length);
    expect(await arrival.instance.complete).toBe('meta');
    expect(most).toBeGreaterThan(BUDGET / 2);
    expect(most).toBeLessThanOrEqual(BUDGET + SLACK);
    expect(instances.get(keyOf('1'))).toBeUndefined();
    expect(instances.stats.overflows).toBe(1);
    expect(observations.filter((o) => o.kind === 'cache' && o.event === 'overflow')).toHaveLength(1);
    expect(spools.stats).toMatchObject({ memoryBytes: 0, spools: 0 });
  });

  test('goes at the pace of the slowest of two readers', async () => {
    const { spools } = await openCache();
    const bytes = pattern(300_000);
    const spool = spools.create();
    let most = 0;
    const reader = async (pause: number): Promise<number> => {
      let length = 0;
      for await (const chunk of spool.read()) {
        most = Math.max(most, spools.stats.memoryBytes);
        length += chunk.length;
        await turn(pause);
      }
      return length;
    };
    const both = Promise.all([reader(0), reader(3)]);
    await turn();
    await writeAll(spool, bytes, 4000);
    await spool.finish();
    expect(await both).toEqual([bytes.length, bytes.length]);
    expect(most).toBeLessThanOrEqual(BUDGET + SLACK);
  });

  test('gives up no byte that a slow reader still needs', async () => {
    const { spools } = await openCache();
    const spool = spools.create();
    const reader = readerOf(spool);
    const first = reader.next();
    const writing = writeAll(spool, pattern(200_000));
    await first;
    expect(await isPending(writing)).toBe(true);
    expect(spools.stats.waitingWriters).toBe(1);
    expect(spools.stats.memoryBytes).toBeLessThanOrEqual(BUDGET + SLACK);
    let length = (await first).value?.length ?? 0;
    const finished = writing.then(() => spool.finish());
    for (let next = await reader.next(); !next.done; next = await reader.next()) length += next.value.length;
    await finished;
    expect(length).toBe(200_000);
  });

  test('a new reader of bytes that were given up is refused, one of later bytes is not', async () => {
    const { instances } = await openCache();
    const arrival = instances.begin(keyOf('1'), info);
    if (!arrival) throw new Error('no arrival');
    const release = arrival.instance.hold();
    const bytes = pattern(200_000);
    const reading = readAll(arrival.instance.source, 0, 150_000);
    await writeAll(arrival, bytes.subarray(0, 160_000));
    expect((await reading).equals(bytes.subarray(0, 150_000))).toBe(true);
    expect(await rejection(readAll(arrival.instance.source))).toBe('overloaded');
    const later = readAll(arrival.instance.source, 159_000);
    await writeAll(arrival, bytes.subarray(160_000));
    await arrival.finish('meta');
    expect((await later).equals(bytes.subarray(159_000))).toBe(true);
    release();
    expect(await rejection(readAll(arrival.instance.source))).toBe('overloaded');
  });

  test('a new request for what flows begins an arrival of its own', async () => {
    const { instances } = await openCache();
    const arrival = instances.begin(keyOf('1'), info);
    if (!arrival) throw new Error('no arrival');
    const reading = readAll(arrival.instance.source);
    await writeAll(arrival, pattern(200_000));
    expect(instances.get(keyOf('1'))).toBeUndefined();
    const second = instances.begin(keyOf('1'), info);
    expect(second).toBeDefined();
    await arrival.finish('meta');
    expect(await reading).toHaveLength(200_000);
    expect(instances.get(keyOf('1'))).toBe(second?.instance);
  });

  test('without a reader fails as overloaded, after the stall time and not before', async () => {
    const { instances, clock } = await openCache();
    const arrival = instances.begin(keyOf('1'), info);
    if (!arrival) throw new Error('no arrival');
    const writing = writeAll(arrival, pattern(200_000));
    clock.advance(999);
    expect(await isPending(writing)).toBe(true);
    clock.advance(1001);
    expect(await rejection(writing)).toBe('overloaded');
    expect(await rejection(arrival.instance.complete)).toBe('overloaded');
    expect(instances.get(keyOf('1'))).toBeUndefined();
  });

  test('goes on when its reader leaves: nobody needs the bytes', async () => {
    const { spools, instances } = await openCache();
    const arrival = instances.begin(keyOf('1'), info);
    if (!arrival) throw new Error('no arrival');
    const reading = readAll(arrival.instance.source, 0, 100_000);
    await writeAll(arrival, pattern(500_000));
    await reading;
    await arrival.finish('meta');
    expect(spools.stats).toMatchObject({ memoryBytes: 0, spools: 0 });
  });
});

describe('several arrivals in one memory, without a disk tier', () => {
  test('do not wait for each other for ever when one reader takes them in turn', async () => {
    const { instances, spools } = await openCache();
    const sizes = [150_000, 40_000, 300_000, 1000, 90_000];
    const arrivals = sizes.map((_, index) => {
      const arrival = instances.begin(keyOf(String(index)), info);
      if (!arrival) throw new Error('no arrival');
      return { arrival, release: arrival.instance.hold() };
    });
    const writing = arrivals.map(async ({ arrival }, index) => {
      await writeAll(arrival, pattern(sizes[index] ?? 0, index));
      await arrival.finish('meta');
    });
    for (const [index, { arrival, release }] of arrivals.entries()) {
      const bytes = await readAll(arrival.instance.source);
      expect(bytes.equals(pattern(sizes[index] ?? 0, index))).toBe(true);
      expect(spools.stats.memoryBytes).toBeLessThanOrEqual(BUDGET + 5 * SLACK);
      release();
    }
    await Promise.all(writing);
  });

  test('a held arrival waits as long as the one before it moves', async () => {
    const { instances, clock } = await openCache();
    const first = instances.begin(keyOf('1'), info);
    const second = instances.begin(keyOf('2'), info);
    if (!first || !second) throw new Error('no arrival');
    second.instance.hold();
    const reader = readerOf(first.instance.source);
    const writing = [writeAll(first, pattern(500_000)), writeAll(second, pattern(100_000))];
    for (let times = 0; times < 10; times += 1) {
      clock.advance(600);
      await reader.next();
    }
    expect(await isPending(writing[1])).toBe(true);
    // The first reader does not come back any more: it is the one to go, and what it held is free.
    clock.advance(1600);
    expect(await rejection(reader.next())).toBe('reader-stalled');
    expect(await rejection(writing[0])).toBeUndefined();
    // The second is larger than the memory as well, and nothing moves now.
    expect(await isPending(writing[1])).toBe(true);
    clock.advance(2000);
    expect(await rejection(writing[1])).toBe('overloaded');
  });
});

describe('a reader that does not read', () => {
  test('is failed when others have waited too long, and its bytes are freed', async () => {
    const { instances, spools, clock, observations } = await openCache();
    const first = instances.begin(keyOf('1'), info);
    if (!first) throw new Error('no arrival');
    await writeAll(first, pattern(50_000));
    await first.finish('meta');
    const stalled = readerOf(first.instance.source);
    await stalled.next();
    const second = instances.begin(keyOf('2'), info);
    if (!second) throw new Error('no arrival');
    const release = second.instance.hold();
    const writing = writeAll(second, pattern(60_000));
    expect(await isPending(writing)).toBe(true);
    clock.advance(1000);
    expect(await rejection(writing)).toBeUndefined();
    await second.finish('meta');
    expect(await rejection(stalled.next())).toBe('reader-stalled');
    expect(observations).toContainEqual({ kind: 'reader-reset', reason: 'stalled' });
    expect(await readAll(second.instance.source)).toHaveLength(60_000);
    expect(spools.stats.memoryBytes).toBeLessThanOrEqual(BUDGET + SLACK);
    release();
  });

  test('stays as long as there is room for everybody', async () => {
    const { instances, clock } = await openCache();
    const first = instances.begin(keyOf('1'), info);
    if (!first) throw new Error('no arrival');
    await writeAll(first, pattern(20_000));
    await first.finish('meta');
    const slow = readerOf(first.instance.source);
    let length = (await slow.next()).value?.length ?? 0;
    clock.advance(1_000_000);
    for (let next = await slow.next(); !next.done; next = await slow.next()) length += next.value.length;
    expect(length).toBe(20_000);
  });

  test('the longest-stalled one goes, and only as many as must', async () => {
    const { instances, clock } = await openCache();
    const readers = [];
    for (const sop of ['1', '2']) {
      const arrival = instances.begin(keyOf(sop), info);
      if (!arrival) throw new Error('no arrival');
      await writeAll(arrival, pattern(28_000));
      await arrival.finish('meta');
      const reader = readerOf(arrival.instance.source);
      await reader.next();
      readers.push(reader);
      clock.advance(5);
    }
    const third = instances.begin(keyOf('3'), info);
    if (!third) throw new Error('no arrival');
    const writing = writeAll(third, pattern(20_000));
    expect(await isPending(writing)).toBe(true);
    clock.advance(1000);
    await writing;
    expect(await rejection(readers[0]?.next())).toBe('reader-stalled');
    expect(await rejection(readers[1]?.next())).toBeUndefined();
  });

  test('with a hold does not keep its bytes by it; with a lease its owner hears of it at once', async () => {
    for (const how of ['hold', 'lease'] as const) {
      const { instances, clock, spools } = await openCache();
      const first = instances.begin(keyOf('1'), info);
      if (!first) throw new Error('no arrival');
      await writeAll(first, pattern(50_000));
      await first.finish('meta');
      const heard: GatewayError[] = [];
      const lease =
        how === 'lease' ? first.instance.lease({ onStalled: (error) => heard.push(error) }) : undefined;
      const release = how === 'hold' ? first.instance.hold() : undefined;
      const stalled = readerOf((lease ?? first.instance).source);
      await stalled.next();
      const second = instances.begin(keyOf('2'), info);
      if (!second) throw new Error('no arrival');
      const writing = writeAll(second, pattern(40_000));
      expect(await isPending(writing)).toBe(true);
      clock.advance(1000);
      await writing;
      await second.finish('meta');
      expect(heard.map(({ code }) => code)).toEqual(how === 'lease' ? ['reader-stalled'] : []);
      expect(await rejection(stalled.next())).toBe('reader-stalled');
      release?.();
      lease?.release();
      if (lease) expect(await rejection(readAll(lease.source))).toBe('reader-stalled');
      expect(instances.get(keyOf('1'))).toBeUndefined();
      expect(spools.stats.spools).toBe(1);
    }
  });
});

describe('two that only together are larger than the memory, without a disk tier', () => {
  test('the one that nobody reads makes room for the one of which all is waited for', async () => {
    const { instances, spools, clock } = await openCache();
    const [prefetched, wanted] = ['1', '2'].map((sop) => instances.begin(keyOf(sop), info));
    if (!prefetched || !wanted) throw new Error('no arrival');
    await writeAll(prefetched, pattern(40_000), 4096);
    const gone = prefetched.instance.unlessTooLong(prefetched.instance.complete);
    const lease = wanted.instance.lease();
    const all = wanted.instance.unlessTooLong(wanted.instance.complete);
    await writeAll(wanted, pattern(50_000, 2), 4096);
    await wanted.finish('wanted');
    expect(await all).toBe('wanted');
    expect((await readAll(lease.source)).equals(pattern(50_000, 2))).toBe(true);
    // What still comes of the other goes nowhere; who wants it in the cache finds that it is not there.
    await writeAll(prefetched, pattern(40_000), 4096);
    await prefetched.finish('prefetched');
    expect([await gone, instances.get(keyOf('1'))]).toEqual(['prefetched', undefined]);
    lease.release();
    expect([spools.stats.spools, clock.pending]).toEqual([1, 0]);
  });
});
