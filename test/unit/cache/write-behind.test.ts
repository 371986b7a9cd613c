import { afterEach, describe, expect, test } from '@jest/globals';
import { WriteBehind } from '../../../src/cache/write-behind.js';
import { FaultLayer } from './fault-layer.js';
import {
  afterKill,
  bytesOf,
  cached,
  closeCaches,
  keyOf,
  ManualClock,
  openCache,
  pattern,
  textCodec,
  turn,
  until,
  type TestCache,
} from './harness.js';

afterEach(closeCaches);

const options = { diskBytes: 10_000_000, spillBytes: 1 << 20, metaCodec: textCodec, writeAfterMs: 2000 };

/** Until every byte of what has come is on disk, and written down. */
const onDisk = (cache: TestCache): Promise<void> =>
  until(() => cache.instances.complete().every((one) => (one as { place?: unknown }).place !== undefined));

/** The tier of the latest hit. */
const tierOf = (cache: TestCache, sop: string): unknown => {
  cache.instances.get(keyOf(sop));
  const hit = cache.observations.findLast((one) => one.kind === 'cache' && one.event === 'hit');
  return hit?.kind === 'cache' ? hit.tier : undefined;
};

describe.each([
  ['files of their own', 0],
  ['a shared file', 200_000],
])('what has come, in %s,', (_where, segmentBytes) => {
  test('is found after a kill, and stays in memory', async () => {
    const before = await openCache({ ...options, segmentBytes });
    for (const sop of ['1', '2', '3']) await cached(before, sop, pattern(10_000, Number(sop)));
    const { memoryBytes } = before.spools.stats;
    before.clock.advance(1999);
    expect(before.spools.stats.diskBytes).toBe(0);
    before.clock.advance(1);
    await onDisk(before);
    expect([before.spools.stats.memoryBytes, tierOf(before, '1')]).toEqual([memoryBytes, 'memory']);
    const after = await openCache({ ...options, segmentBytes, directory: await afterKill(before) });
    for (const sop of ['1', '2', '3']) {
      expect(after.instances.get(keyOf(sop))?.meta).toBe(sop);
      expect((await bytesOf(after, sop))?.equals(pattern(10_000, Number(sop)))).toBe(true);
    }
  });

  test('leaves memory without being written again when others need it, what was used last the last', async () => {
    const layer = new FaultLayer();
    const cache = await openCache({ ...options, segmentBytes, layer });
    for (const sop of ['1', '2', '3']) await cached(cache, sop, pattern(14_000, Number(sop)));
    cache.clock.advance(2000);
    await onDisk(cache);
    const { written } = layer;
    cache.instances.get(keyOf('1'));
    await cached(cache, '4', pattern(16_000, 4));
    expect(['1', '2', '3', '4'].map((sop) => tierOf(cache, sop))).toEqual([
      'memory',
      'disk',
      'memory',
      'memory',
    ]);
    expect(layer.written).toBe(written);
    for (const sop of ['1', '2', '3'])
      expect((await bytesOf(cache, sop))?.equals(pattern(14_000, Number(sop)))).toBe(true);
  });

  test('is not written once it was withdrawn, and what was written of it goes', async () => {
    const layer = new FaultLayer();
    const cache = await openCache({ ...options, segmentBytes, layer });
    await cached(cache, '1', pattern(10_000, 1));
    await cached(cache, '2', pattern(10_000, 2));
    cache.instances.delete(keyOf('1'));
    layer.hang();
    cache.clock.advance(2000);
    await until(() => cache.spools.stats.diskBytes > 0);
    cache.instances.delete(keyOf('2'));
    layer.resume();
    await until(() => layer.written > 0);
    expect([cache.spools.stats.spools, cache.spools.stats.memoryBytes]).toEqual([0, 0]);
    expect(layer.written).toBe(10_000);
    const after = await openCache({ ...options, segmentBytes, directory: await afterKill(cache) });
    expect(after.instances.stats.entries).toBe(0);
  });

  test('stays in memory where the disk has no room for it, and costs nothing that is there', async () => {
    const cache = await openCache({ ...options, segmentBytes, memoryBytes: 1 << 20, diskBytes: 100_000 });
    const names = Array.from({ length: 30 }, (_, n) => String(n));
    for (const sop of names) await cached(cache, sop, pattern(10_000, Number(sop)));
    await cached(cache, 'long', pattern(200_000));
    for (let n = 0; n < 20; n += 1) {
      cache.clock.advance(1000);
      await turn(5);
    }
    expect(cache.spools.stats.diskBytes).toBeGreaterThan(0);
    for (const sop of [...names, 'long']) expect(tierOf(cache, sop)).toBe('memory');
    expect(cache.instances.stats).toMatchObject({ entries: 31, evictions: 0 });
  });

  test('is copied later when the disk fails once, and nothing is left of the first time', async () => {
    const layer = new FaultLayer();
    const cache = await openCache({ ...options, segmentBytes, layer });
    layer.room = 0;
    await cached(cache, '1', pattern(10_000, 1));
    cache.clock.advance(2000);
    await until(() => cache.observations.some(({ kind }) => kind === 'cache-disk-failed'));
    layer.room = Infinity;
    await until(() => cache.spools.stats.diskBytes === 0 || segmentBytes > 0);
    for (let n = 0; n < 40; n += 1) {
      cache.clock.advance(1000);
      await turn(5);
    }
    await onDisk(cache);
    expect(layer.written).toBe(10_000);
    const after = await openCache({ ...options, segmentBytes, directory: await afterKill(cache) });
    expect((await bytesOf(after, '1'))?.equals(pattern(10_000, 1))).toBe(true);
  });

  test('is written when it ends in order though a copy of it failed', async () => {
    const layer = new FaultLayer();
    const before = await openCache({ ...options, segmentBytes, layer });
    layer.room = 0;
    await cached(before, '1', pattern(10_000, 1));
    before.clock.advance(2000);
    await until(() => before.observations.some(({ kind }) => kind === 'cache-disk-failed'));
    layer.room = Infinity;
    before.clock.advance(31_000);
    await before.close();
    const after = await openCache({ ...options, segmentBytes, directory: before.directory });
    expect((await bytesOf(after, '1'))?.equals(pattern(10_000, 1))).toBe(true);
  });

  test('stays in memory when the disk fails, until there is no room for it there', async () => {
    const layer = new FaultLayer();
    layer.room = 0;
    const cache = await openCache({ ...options, segmentBytes, layer });
    await cached(cache, '1', pattern(20_000, 1));
    cache.clock.advance(2000);
    await until(() => cache.observations.some(({ kind }) => kind === 'cache-disk-failed'));
    expect((await bytesOf(cache, '1'))?.equals(pattern(20_000, 1))).toBe(true);
    await cached(cache, '2', pattern(50_000, 2));
    expect(cache.instances.get(keyOf('1'))).toBeUndefined();
    expect((await bytesOf(cache, '2'))?.equals(pattern(50_000, 2))).toBe(true);
  });
});

test('what memory alone is to have is written when it ends in order, and not before', async () => {
  const before = await openCache({ ...options, writeAfterMs: 0 });
  await cached(before, '1', pattern(10_000, 1));
  before.clock.advance(60_000);
  expect(before.spools.stats.diskBytes).toBe(0);
  await before.close();
  const after = await openCache({ ...options, directory: before.directory });
  expect((await bytesOf(after, '1'))?.equals(pattern(10_000, 1))).toBe(true);
});

describe('WriteBehind', () => {
  test('copies at a pace, passes over at once what is gone, and has no timer when nothing waits', () => {
    const clock = new ManualClock();
    const gone = new Set<number>();
    const copied: number[] = [];
    const behind = new WriteBehind<number>(clock, 1000, (one) => {
      if (gone.has(one)) return 0;
      copied.push(one);
      return 4 * 1024 * 1024;
    });
    for (let n = 0; n < 1000; n += 1) {
      behind.add(n);
      if (n >= 3 && n < 997) gone.add(n);
    }
    clock.advance(999);
    expect(copied).toEqual([]);
    clock.advance(1);
    expect(copied).toEqual([0, 1]);
    clock.advance(100);
    expect(copied).toEqual([0, 1, 2, 997]);
    clock.advance(100);
    expect([copied.length, clock.pending]).toEqual([6, 0]);
    behind.add(4000);
    behind.delete(4000);
    clock.advance(1000);
    expect([copied.length, clock.pending]).toEqual([6, 0]);
    behind.add(5000);
    behind.close();
    behind.add(5001);
    clock.advance(5000);
    expect([copied.length, clock.pending]).toEqual([6, 0]);
  });

  test('waits for a disk that takes nothing now', () => {
    const clock = new ManualClock();
    let takes = false;
    const copied: number[] = [];
    const behind = new WriteBehind<number>(clock, 1000, (one) => (takes ? copied.push(one) : 'later'));
    behind.add(1);
    behind.add(2);
    clock.advance(10_000);
    expect(copied).toEqual([]);
    takes = true;
    clock.advance(5000);
    expect([copied, clock.pending]).toEqual([[1, 2], 0]);
  });
});
