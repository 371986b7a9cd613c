import { afterEach, describe, expect, test } from '@jest/globals';
import { GatewayError } from '../../../src/core/index.js';
import {
  closeCaches,
  info,
  isPending,
  keyOf,
  openCache,
  pattern,
  readAll,
  readUntilError,
  rejection,
  turn,
  until,
  writeAll,
  type TestCache,
} from './harness.js';

afterEach(closeCaches);

const broken = new GatewayError('peer-aborted', 'The peer went away.');

async function cached(cache: TestCache, sop: string, length: number): Promise<void> {
  const arrival = cache.instances.begin(keyOf(sop), info);
  if (!arrival) throw new Error('no arrival');
  await writeAll(arrival, pattern(length), 4096);
  await arrival.finish(`meta of ${sop}`);
}

describe('the instance cache', () => {
  test('has one arrival of an instance at a time, and none of what is there', async () => {
    const { instances } = await openCache();
    const arrival = instances.begin(keyOf('1'), info);
    expect(arrival).toBeDefined();
    expect(instances.begin(keyOf('1'), info)).toBeUndefined();
    await arrival?.finish('meta');
    expect(instances.begin(keyOf('1'), info)).toBeUndefined();
    instances.delete(keyOf('1'));
    expect(instances.begin(keyOf('1'), info)).toBeDefined();
  });

  test('never gives one peer’s instance for another’s', async () => {
    const { instances } = await openCache();
    await instances.begin(keyOf('1', 'main'), info)?.finish('of main');
    expect(instances.get(keyOf('1', 'other'))).toBeUndefined();
    await instances.begin(keyOf('1', 'other'), info)?.finish('of other');
    expect(instances.get(keyOf('1', 'main'))?.meta).toBe('of main');
    expect(instances.get({ ...keyOf('1'), studyInstanceUid: '1.3' })).toBeUndefined();
    expect(instances.get({ ...keyOf('1'), seriesInstanceUid: '1.3' })).toBeUndefined();
  });

  test('lets requests join what is arriving and tells them when it is whole', async () => {
    const { instances } = await openCache();
    const arrival = instances.begin(keyOf('1'), info);
    if (!arrival) throw new Error('no arrival');
    const joined = instances.get(keyOf('1'));
    expect(joined).toBe(arrival.instance);
    expect(joined).toMatchObject({ key: keyOf('1'), info, meta: undefined });
    const reading = joined && readAll(joined.source);
    expect(await isPending(joined?.complete)).toBe(true);
    await writeAll(arrival, pattern(10_000));
    await arrival.finish('meta');
    expect(await joined?.complete).toBe('meta');
    expect(joined?.meta).toBe('meta');
    expect(joined?.source.size).toBe(10_000);
    expect((await reading)?.equals(pattern(10_000))).toBe(true);
  });

  test('forgets a failed arrival at once; who reads it gets the error after the bytes that came', async () => {
    const { instances, spools } = await openCache();
    const arrival = instances.begin(keyOf('1'), info);
    if (!arrival) throw new Error('no arrival');
    const reading = readUntilError(arrival.instance.source);
    await writeAll(arrival, pattern(7000));
    arrival.fail(broken);
    expect(instances.get(keyOf('1'))).toBeUndefined();
    expect(await reading).toEqual({ bytes: pattern(7000), code: 'peer-aborted' });
    expect(await rejection(arrival.instance.complete)).toBe('peer-aborted');
    expect(await rejection(arrival.finish('meta'))).toBe('peer-aborted');
    expect(arrival.instance.meta).toBeUndefined();
    expect(spools.stats).toMatchObject({ memoryBytes: 0, spools: 0 });
    expect(instances.begin(keyOf('1'), info)).toBeDefined();
  });

  test('a failure that nobody awaits troubles nobody', async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', listener);
    const { instances } = await openCache();
    instances.begin(keyOf('1'), info)?.fail(broken);
    await turn();
    process.off('unhandledRejection', listener);
    expect(unhandled).toEqual([]);
  });

  test('a failed arrival does not remove the one that has followed it', async () => {
    const { instances } = await openCache();
    const first = instances.begin(keyOf('1'), info);
    instances.delete(keyOf('1'));
    const second = instances.begin(keyOf('1'), info);
    first?.fail(broken);
    expect(instances.get(keyOf('1'))).toBe(second?.instance);
  });

  test('drops the least recently used when an arriving one needs room', async () => {
    const cache = await openCache();
    for (const sop of ['1', '2', '3']) await cached(cache, sop, 16_000);
    expect(cache.instances.get(keyOf('1'))).toBeDefined();
    await cached(cache, '4', 16_000);
    expect(cache.instances.get(keyOf('2'))).toBeUndefined();
    for (const sop of ['1', '3', '4']) expect(cache.instances.get(keyOf(sop))?.meta).toBe(`meta of ${sop}`);
    expect(cache.instances.stats).toMatchObject({ entries: 3, evictions: 1, hits: 4, misses: 1 });
    expect(cache.observations.filter((o) => o.kind === 'cache' && o.event === 'evicted')).toHaveLength(1);
  });

  test('reading keeps an instance from being the least recently used', async () => {
    const cache = await openCache();
    for (const sop of ['1', '2', '3']) await cached(cache, sop, 16_000);
    const first = cache.instances.get(keyOf('1'));
    if (first) await readAll(first.source);
    await cached(cache, '4', 30_000);
    expect(cache.instances.get(keyOf('1'))).toBeDefined();
    expect(cache.instances.get(keyOf('2'))).toBeUndefined();
  });

  test('neither drops what is held nor what is read', async () => {
    const cache = await openCache();
    for (const sop of ['1', '2', '3']) await cached(cache, sop, 16_000);
    const held = cache.instances.get(keyOf('1'));
    const read = cache.instances.get(keyOf('2'));
    const release = held?.hold();
    const reader = read?.source.read()[Symbol.asyncIterator]();
    await reader?.next();
    await cached(cache, '4', 20_000);
    expect(cache.instances.get(keyOf('3'))).toBeUndefined();
    for (const sop of ['1', '2', '4']) expect(cache.instances.get(keyOf(sop))).toBeDefined();
    release?.();
    release?.();
    await reader?.return?.();
    await cached(cache, '5', 50_000);
    expect(cache.instances.stats.entries).toBe(1);
  });

  test('one that was let go of and is still read does not keep the one on disk that followed it', async () => {
    const cache = await openCache({ diskBytes: 30_000, spillBytes: 4096 });
    await cached(cache, '1', 2000);
    const release = cache.instances.get(keyOf('1'))?.hold();
    cache.instances.delete(keyOf('1'));
    await cached(cache, '1', 20_000);
    await until(() => cache.spools.stats.diskBytes === 20_000);
    release?.();
    await cached(cache, '2', 20_000);
    await turn();
    expect(cache.instances.get(keyOf('1'))).toBeUndefined();
  });

  test('counts what is known about instances in the memory budget', async () => {
    const cache = await openCache({ metaBytes: () => 10_000 });
    for (let count = 0; count < 20; count += 1) await cached(cache, String(count), 100);
    expect(cache.spools.stats.memoryBytes).toBeLessThanOrEqual(64 * 1024);
    expect(cache.instances.stats.entries).toBeLessThanOrEqual(6);
    expect(cache.instances.get(keyOf('19'))).toBeDefined();
  });

  test('also that of instances on disk, which are dropped when it does not fit', async () => {
    const cache = await openCache({ diskBytes: 10_000_000, spillBytes: 0, metaBytes: () => 5000 });
    for (let count = 0; count < 40; count += 1) await cached(cache, String(count), 5000);
    expect(cache.spools.stats.memoryBytes).toBeLessThanOrEqual(64 * 1024 + 8192);
    expect(cache.instances.stats.entries).toBeGreaterThan(5);
    expect(cache.instances.stats.entries).toBeLessThan(12);
  });

  test('observes hits, joins and misses', async () => {
    const cache = await openCache();
    cache.instances.get(keyOf('1'));
    const arrival = cache.instances.begin(keyOf('1'), info);
    cache.instances.get(keyOf('1'));
    await arrival?.finish('meta');
    cache.instances.get(keyOf('1'));
    expect(cache.observations.map((o) => (o.kind === 'cache' ? o.event : o.kind))).toEqual([
      'miss',
      'join',
      'hit',
    ]);
    expect(cache.instances.stats).toMatchObject({ hits: 1, joins: 1, misses: 1 });
  });

  test('an empty instance is an instance', async () => {
    const { instances } = await openCache();
    await instances.begin(keyOf('1'), info)?.finish('meta');
    const instance = instances.get(keyOf('1'));
    expect(instance?.source.size).toBe(0);
    expect(instance && (await readAll(instance.source))).toHaveLength(0);
  });

  test('holds nothing after close, and begins nothing', async () => {
    const cache = await openCache();
    await cached(cache, '1', 1000);
    const arrival = cache.instances.begin(keyOf('2'), info);
    await cache.close();
    expect(await rejection(arrival?.instance.complete)).toBe('shutting-down');
    expect(cache.instances.get(keyOf('1'))).toBeUndefined();
    expect(() => cache.instances.begin(keyOf('3'), info)).toThrow(GatewayError);
    expect(cache.instances.stats.entries).toBe(0);
  });
});
