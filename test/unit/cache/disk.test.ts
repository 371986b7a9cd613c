import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { FaultLayer } from './fault-layer.js';
import {
  cached,
  closeCaches,
  info,
  isPending,
  keyOf,
  openCache,
  pattern,
  readAll,
  readerOf,
  readUntilError,
  rejection,
  textCodec,
  turn,
  until,
  writeAll,
  type TestCache,
} from './harness.js';

afterEach(closeCaches);

const DISK = 10_000_000;

const spoolDescriptors = (cache: TestCache): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(cache.directory);
    } catch {
      return false;
    }
  }).length;

describe('a spool that goes to disk', () => {
  test('keeps a few blocks in memory, whatever its length, and gives back the same bytes', async () => {
    const cache = await openCache({ diskBytes: DISK, spillBytes: 16_384 });
    const bytes = pattern(1_000_000);
    const spool = cache.spools.create();
    const following = readAll(spool);
    let most = 0;
    for (let at = 0; at < bytes.length; at += 3000) {
      await spool.write(bytes.subarray(at, at + 3000));
      most = Math.max(most, cache.spools.stats.memoryBytes);
    }
    await spool.finish();
    expect(most).toBeLessThanOrEqual(48 * 1024);
    expect((await following).equals(bytes)).toBe(true);
    await until(() => cache.spools.stats.memoryBytes === 0);
    expect(cache.spools.stats.diskBytes).toBe(bytes.length);
    expect((await readAll(spool)).equals(bytes)).toBe(true);
    expect((await readAll(spool, 12_345, 678_901)).equals(bytes.subarray(12_345, 678_901))).toBe(true);
  });

  test('its file says nothing of the patient and is for the owner alone', async () => {
    const cache = await openCache({ diskBytes: DISK, spillBytes: 0 });
    await cached(cache, '1.2.3.4', pattern(10_000));
    await until(() => cache.spools.stats.memoryBytes === 1024);
    const [name, ...others] = await cache.files();
    expect(others).toEqual([]);
    expect(name).toMatch(/^[0-9a-f]{32}\.spool$/);
    expect((await stat(join(cache.directory, name ?? ''))).mode & 0o777).toBe(0o600);
    expect((await stat(cache.directory)).mode & 0o777).toBe(0o700);
  });

  test('makes its writer wait for a slow disk, within a few blocks', async () => {
    const layer = new FaultLayer();
    const cache = await openCache({ diskBytes: DISK, spillBytes: 4096, layer });
    layer.hang();
    const spool = cache.spools.create();
    const writing = writeAll(spool, pattern(200_000));
    expect(await isPending(writing)).toBe(true);
    expect(cache.spools.stats.memoryBytes).toBeLessThanOrEqual(6 * 4096);
    layer.resume();
    expect(await rejection(writing)).toBeUndefined();
  });

  test('works with a file system that moves a few bytes at a time', async () => {
    const layer = new FaultLayer();
    layer.most = 777;
    const cache = await openCache({ diskBytes: DISK, spillBytes: 0, layer });
    const bytes = pattern(50_000);
    await cached(cache, '1', bytes);
    await until(() => cache.spools.stats.memoryBytes === 1024);
    const instance = cache.instances.get(keyOf('1'));
    expect(instance && (await readAll(instance.source)).equals(bytes)).toBe(true);
  });

  test('is open only while somebody reads or writes', async () => {
    const layer = new FaultLayer();
    const cache = await openCache({ diskBytes: DISK, spillBytes: 0, layer });
    for (let count = 0; count < 50; count += 1) await cached(cache, String(count), pattern(5000, count));
    // The file of the last one may not have been opened yet when those before it are closed.
    await until(async () => (await cache.files()).length === 50);
    await until(() => layer.openFiles === 0);
    const instance = cache.instances.get(keyOf('7'));
    if (!instance) throw new Error('not there');
    const readers = Array.from({ length: 20 }, () => readerOf(instance.source));
    await Promise.all(readers.map((reader) => reader.next()));
    expect(layer.openFiles).toBe(1);
    for (const reader of readers) await reader.return?.();
    await until(() => layer.openFiles === 0);
    expect(layer.mostOpenFiles).toBeLessThanOrEqual(50);
  });

  (existsSync('/proc/self/fd') ? test : test.skip)('leaves no descriptor behind (needs /proc)', async () => {
    const cache = await openCache({ diskBytes: DISK, spillBytes: 0 });
    for (let count = 0; count < 20; count += 1) await cached(cache, String(count), pattern(20_000, count));
    const leavers = Array.from({ length: 100 }, async (_, index) => {
      const instance = cache.instances.get(keyOf(String(index % 20)));
      for await (const chunk of instance?.source.read() ?? []) if (chunk.length > 0 && index % 3 > 0) return;
    });
    await Promise.all(leavers);
    await until(() => spoolDescriptors(cache) === 0);
    expect(cache.instances.stats.entries).toBe(20);
  });

  test('a dropped one loses its file when the last reader has left', async () => {
    const cache = await openCache({ diskBytes: DISK, spillBytes: 0 });
    const bytes = pattern(30_000);
    await cached(cache, '1', bytes);
    const instance = cache.instances.get(keyOf('1'));
    if (!instance) throw new Error('not there');
    await until(() => cache.spools.stats.memoryBytes === 1024);
    const reader = readerOf(instance.source);
    const read = [Buffer.from((await reader.next()).value ?? [])];
    cache.instances.delete(keyOf('1'));
    expect(cache.instances.get(keyOf('1'))).toBeUndefined();
    await turn();
    expect(await cache.files()).toHaveLength(1);
    for (let next = await reader.next(); !next.done; next = await reader.next())
      read.push(Buffer.from(next.value));
    expect(Buffer.concat(read).equals(bytes)).toBe(true);
    await until(async () => (await cache.files()).length === 0);
    await until(() => cache.spools.stats.diskBytes === 0);
  });
});

describe('memory under pressure, with a disk tier', () => {
  test('complete instances move to disk, and nothing is lost', async () => {
    const cache = await openCache({ diskBytes: DISK, spillBytes: 1 << 20 });
    for (let count = 0; count < 30; count += 1) {
      await cached(cache, String(count), pattern(10_000, count));
      expect(cache.spools.stats.memoryBytes).toBeLessThanOrEqual(64 * 1024 + 8192);
    }
    for (let count = 0; count < 30; count += 1) {
      const instance = cache.instances.get(keyOf(String(count)));
      expect(instance && (await readAll(instance.source)).equals(pattern(10_000, count))).toBe(true);
    }
    expect(cache.instances.stats).toMatchObject({ entries: 30, evictions: 0, hits: 30 });
  });

  test('large ones first: a file for a few bytes costs as much as one for many', async () => {
    const cache = await openCache({ diskBytes: DISK, spillBytes: 1 << 20 });
    for (let count = 0; count < 10; count += 1) await cached(cache, `small ${count}`, pattern(500, count));
    for (let count = 0; count < 10; count += 1) await cached(cache, `large ${count}`, pattern(20_000, count));
    await turn();
    await until(() => cache.spools.stats.diskBytes % 20_000 === 0);
    expect(cache.spools.stats.diskBytes).toBeGreaterThan(0);
    expect(cache.instances.stats).toMatchObject({ entries: 20, evictions: 0 });
  });

  test('also those that are read and those that still arrive', async () => {
    const cache = await openCache({ diskBytes: DISK, spillBytes: 1 << 20 });
    const first = cache.instances.begin(keyOf('1'), info);
    if (!first) throw new Error('no arrival');
    await writeAll(first, pattern(40_000, 1));
    const reader = readerOf(first.instance.source);
    const start = Buffer.from((await reader.next()).value ?? []);
    await cached(cache, '2', pattern(60_000, 2));
    await cached(cache, '3', pattern(60_000, 3));
    await writeAll(first, pattern(40_000, 4));
    await first.finish('1');
    const rest = [start];
    for (let next = await reader.next(); !next.done; next = await reader.next())
      rest.push(Buffer.from(next.value));
    expect(Buffer.concat(rest).equals(Buffer.concat([pattern(40_000, 1), pattern(40_000, 4)]))).toBe(true);
    expect(cache.instances.stats).toMatchObject({ entries: 3, evictions: 0 });
  });
});

describe('the byte budget of the disk', () => {
  test('is kept by dropping the least recently used', async () => {
    const cache = await openCache({ diskBytes: 100_000, spillBytes: 0 });
    for (let count = 0; count < 4; count += 1) await cached(cache, String(count), pattern(24_000, count));
    expect(cache.instances.get(keyOf('0'))).toBeDefined();
    await cached(cache, '4', pattern(24_000, 4));
    await until(() => cache.instances.stats.evictions === 1);
    expect(cache.instances.get(keyOf('1'))).toBeUndefined();
    expect(cache.instances.get(keyOf('0'))).toBeDefined();
    expect(cache.spools.stats.diskBytes).toBeLessThanOrEqual(100_000);
    expect(cache.observations).toContainEqual({
      kind: 'cache',
      event: 'evicted',
      tier: 'disk',
      reason: 'room',
      bytes: 24_000,
    });
  });

  test('does not drop what somebody reads: the rest goes by memory', async () => {
    const cache = await openCache({ diskBytes: 50_000, spillBytes: 0 });
    await cached(cache, '1', pattern(48_000, 1));
    await until(() => cache.spools.stats.memoryBytes === 1024);
    const instance = cache.instances.get(keyOf('1'));
    if (!instance) throw new Error('not there');
    const release = instance.hold();
    await cached(cache, '2', pattern(30_000, 2));
    const second = cache.instances.get(keyOf('2'));
    expect(second && (await readAll(second.source)).equals(pattern(30_000, 2))).toBe(true);
    expect((await readAll(instance.source)).equals(pattern(48_000, 1))).toBe(true);
    release();
    expect(cache.spools.stats.diskBytes).toBeLessThanOrEqual(50_000);
  });

  test('an instance larger than disk and memory flows to its reader', async () => {
    const cache = await openCache({ diskBytes: 100_000, spillBytes: 8192 });
    const bytes = pattern(700_000);
    const arrival = cache.instances.begin(keyOf('1'), info);
    if (!arrival) throw new Error('no arrival');
    const reading = readAll(arrival.instance.source);
    let most = 0;
    for (let at = 0; at < bytes.length; at += 3000) {
      await arrival.write(bytes.subarray(at, at + 3000));
      most = Math.max(most, cache.spools.stats.memoryBytes);
      expect(cache.spools.stats.diskBytes).toBeLessThanOrEqual(100_000);
    }
    await arrival.finish('1');
    expect((await reading).equals(bytes)).toBe(true);
    expect(most).toBeLessThanOrEqual(64 * 1024 + 3 * 8192);
    await until(async () => (await cache.files()).length === 0);
    expect(cache.spools.stats).toMatchObject({ spools: 0, memoryBytes: 0 });
  });

  test('a reader that does not read loses its bytes on disk to those who wait', async () => {
    const cache = await openCache({ diskBytes: 60_000, memoryBytes: 32_768, spillBytes: 0 });
    await cached(cache, '1', pattern(56_000, 1));
    const instance = cache.instances.get(keyOf('1'));
    if (!instance) throw new Error('not there');
    const stalled = readerOf(instance.source);
    await stalled.next();
    const second = cache.instances.begin(keyOf('2'), info);
    if (!second) throw new Error('no arrival');
    const writing = writeAll(second, pattern(55_000, 2)).then(() => second.finish('2'));
    expect(await isPending(writing)).toBe(true);
    cache.clock.advance(1000);
    await writing;
    expect(await rejection(stalled.next())).toBe('reader-stalled');
    expect((await readAll(second.instance.source)).equals(pattern(55_000, 2))).toBe(true);
  });
});

describe('a disk that fails', () => {
  test('full: that spool fails for its writer and, at the place, for its readers', async () => {
    const layer = new FaultLayer();
    const cache = await openCache({ diskBytes: DISK, spillBytes: 4096, layer });
    await cached(cache, 'before', pattern(3000));
    layer.room = 30_000;
    const bytes = pattern(200_000);
    const arrival = cache.instances.begin(keyOf('1'), info);
    if (!arrival) throw new Error('no arrival');
    const following = readUntilError(arrival.instance.source);
    expect(await rejection(writeAll(arrival, bytes))).toBe('cache-failed');
    const read = await following;
    expect(read.code).toBe('cache-failed');
    expect(read.bytes.length).toBeGreaterThanOrEqual(28_000);
    expect(read.bytes.equals(bytes.subarray(0, read.bytes.length))).toBe(true);
    expect(await rejection(arrival.instance.complete)).toBe('cache-failed');
    expect(await rejection(arrival.finish('1'))).toBe('cache-failed');
    expect(cache.instances.get(keyOf('1'))).toBeUndefined();
    const before = cache.instances.get(keyOf('before'));
    expect(before && (await readAll(before.source)).length).toBe(3000);
    await until(async () => (await cache.files()).length === 0);
    expect(cache.observations).toContainEqual(
      expect.objectContaining({ kind: 'cache-disk-failed', part: 'directory' }),
    );
  });

  test('is left alone for a while, in which instances go by memory, then tried again', async () => {
    const layer = new FaultLayer();
    const cache = await openCache({ diskBytes: DISK, spillBytes: 4096, layer });
    layer.room = 0;
    const failing = cache.spools.create();
    expect(await rejection(writeAll(failing, pattern(50_000)))).toBe('cache-failed');
    expect(cache.spools.stats.diskFailing).toBe(true);
    await until(() => cache.spools.stats.diskBytes === 0);
    await cached(cache, '1', pattern(20_000));
    expect(cache.spools.stats.diskBytes).toBe(0);
    layer.room = Infinity;
    cache.clock.advance(30_001);
    expect(cache.spools.stats.diskFailing).toBe(false);
    await cached(cache, '2', pattern(20_000));
    await until(() => cache.spools.stats.diskBytes === 20_000);
  });

  test('while a complete instance moves there: it is dropped, its reader reads on', async () => {
    const layer = new FaultLayer();
    const cache = await openCache({ diskBytes: DISK, spillBytes: 1 << 20, layer });
    await cached(cache, '1', pattern(30_000, 1));
    const instance = cache.instances.get(keyOf('1'));
    if (!instance) throw new Error('not there');
    const reader = readerOf(instance.source);
    const read = [Buffer.from((await reader.next()).value ?? [])];
    layer.room = 6000;
    await cached(cache, '2', pattern(15_000, 2));
    await cached(cache, '3', pattern(15_000, 3));
    await until(() => cache.instances.get(keyOf('1')) === undefined);
    for (let next = await reader.next(); !next.done; next = await reader.next())
      read.push(Buffer.from(next.value));
    expect(Buffer.concat(read).equals(pattern(30_000, 1))).toBe(true);
  });

  test('hung: the writer hears of it after the stall time', async () => {
    const layer = new FaultLayer();
    const cache = await openCache({ diskBytes: DISK, spillBytes: 0, layer });
    layer.hang();
    const spool = cache.spools.create();
    const writing = writeAll(spool, pattern(100_000));
    expect(await isPending(writing)).toBe(true);
    cache.clock.advance(1000);
    expect(await rejection(writing)).toBe('cache-failed');
    layer.resume();
  });

  test('directory deleted: new spools fail, readers of closed files too, and the cache forgets those', async () => {
    const cache = await openCache({ diskBytes: DISK, spillBytes: 4096 });
    await cached(cache, '1', pattern(50_000, 1));
    await cached(cache, 'small', pattern(1000, 2));
    await until(() => cache.spools.stats.memoryBytes < 4096);
    await turn();
    await rm(cache.directory, { recursive: true });
    const spool = cache.spools.create();
    expect(await rejection(writeAll(spool, pattern(50_000)))).toBe('cache-failed');
    const instance = cache.instances.get(keyOf('1'));
    expect(instance && (await rejection(readAll(instance.source)))).toBe('cache-failed');
    expect(cache.instances.get(keyOf('1'))).toBeUndefined();
    const small = cache.instances.get(keyOf('small'));
    expect(small && (await readAll(small.source)).equals(pattern(1000, 2))).toBe(true);
  });

  test.each(['EROFS', 'EACCES', 'EMFILE'])('no new file can be made (%s): the spool fails', async (code) => {
    const layer = new FaultLayer();
    const cache = await openCache({ diskBytes: DISK, spillBytes: 0, layer });
    layer.openFails = code;
    expect(await rejection(writeAll(cache.spools.create(), pattern(50_000)))).toBe('cache-failed');
    await until(() => cache.spools.stats.diskBytes === 0);
  });
});

describe('a directory that has become read-only', () => {
  test('what is there is read on, what comes goes by memory, what cannot be deleted is not found again', async () => {
    const layer = new FaultLayer();
    const cache = await openCache({ diskBytes: DISK, spillBytes: 4096, metaCodec: textCodec, layer });
    await cached(cache, '1', pattern(30_000, 1));
    await cached(cache, '2', pattern(30_000, 2));
    await until(() => cache.spools.stats.diskBytes === 60_000);
    layer.unlinkFails = 'EROFS';
    layer.room = layer.written; // no more writes
    const kept = cache.instances.get(keyOf('1'));
    expect(kept && (await readAll(kept.source)).equals(pattern(30_000, 1))).toBe(true);
    expect(await rejection(writeAll(cache.spools.create(), pattern(50_000)))).toBe('cache-failed');
    await cached(cache, '3', pattern(20_000, 3));
    const inMemory = cache.instances.get(keyOf('3'));
    expect(inMemory && (await readAll(inMemory.source)).equals(pattern(20_000, 3))).toBe(true);
    cache.instances.delete(keyOf('2'));
    await until(() => cache.spools.stats.diskBytes === 30_000);
    await cache.close();
    expect(cache.spools.stats).toMatchObject({ memoryBytes: 0, spools: 0, readers: 0 });
    const after = await openCache({ diskBytes: DISK, metaCodec: textCodec, directory: cache.directory });
    expect(after.instances.get(keyOf('2'))).toBeUndefined();
    expect(after.instances.get(keyOf('3'))).toBeUndefined();
  });
});

describe('close', () => {
  test('deletes the files, also of what is read and written at that moment', async () => {
    const cache = await openCache({ diskBytes: DISK, spillBytes: 0 });
    await cached(cache, '1', pattern(50_000));
    const instance = cache.instances.get(keyOf('1'));
    if (!instance) throw new Error('not there');
    const reader = readerOf(instance.source);
    await reader.next();
    const spool = cache.spools.create();
    const writing = rejection(writeAll(spool, pattern(100_000)));
    await cache.close();
    expect(await rejection(reader.next())).toBe('shutting-down');
    expect(await writing).toBe('shutting-down');
    expect(readdirSync(cache.directory)).toEqual([]);
    expect(cache.spools.stats).toMatchObject({ memoryBytes: 0, diskBytes: 0, spools: 0, readers: 0 });
  });
});
