import { open, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { AppendedFile } from '../../../src/cache/index.js';
import { FaultLayer } from './fault-layer.js';
import {
  afterKill,
  bytesOf,
  cached,
  closeCaches,
  info,
  keyOf,
  openCache,
  pattern,
  textCodec,
  turn,
  until,
  writeAll,
  type TestCache,
  type TestCacheOptions,
} from './harness.js';

afterEach(closeCaches);

const DISK = 10_000_000;
const options = { diskBytes: DISK, spillBytes: 0, metaCodec: textCodec };
const shared = { ...options, spillBytes: 1 << 20, memoryBytes: 8192, segmentBytes: 200_000 };

const onDisk = (cache: TestCache, bytes: number): Promise<void> =>
  until(() => cache.spools.stats.diskBytes === bytes && cache.spools.stats.waitingWriters === 0);

describe.each<readonly [string, TestCacheOptions]>([
  ['files of their own', options],
  ['a shared file', shared],
])('instances in %s', (_where, how) => {
  test('are found again after an orderly stop, with what is known of them', async () => {
    const before = await openCache(how);
    for (const sop of ['1', '2', '3']) await cached(before, sop, pattern(20_000, Number(sop)));
    await onDisk(before, 60_000);
    await before.close();
    const after = await openCache({ ...how, directory: before.directory });
    expect(after.instances.stats.entries).toBe(3);
    expect(after.spools.stats.diskBytes).toBe(60_000);
    for (const sop of ['1', '2', '3']) {
      expect(after.instances.get(keyOf(sop))?.meta).toBe(sop);
      expect(await after.instances.get(keyOf(sop))?.complete).toBe(sop);
      expect((await bytesOf(after, sop))?.equals(pattern(20_000, Number(sop)))).toBe(true);
    }
  });

  test('are found again after an orderly stop although they were in memory', async () => {
    const before = await openCache({ ...how, spillBytes: 1 << 20, memoryBytes: 1 << 20 });
    await cached(before, '1', pattern(20_000, 1));
    expect(before.spools.stats.diskBytes).toBe(0);
    await before.close();
    const after = await openCache({ ...how, directory: before.directory });
    expect((await bytesOf(after, '1'))?.equals(pattern(20_000, 1))).toBe(true);
  });

  test('are found again after a kill: the whole ones, and no file of the others is left', async () => {
    const before = await openCache(how);
    await cached(before, '1', pattern(20_000, 1));
    await onDisk(before, 20_000);
    const half = before.instances.begin(keyOf('half'), info);
    if (!half) throw new Error('no arrival');
    await writeAll(half, pattern(60_000, 2));
    const after = await openCache({ ...how, directory: await afterKill(before) });
    expect(after.instances.get(keyOf('half'))).toBeUndefined();
    expect((await bytesOf(after, '1'))?.equals(pattern(20_000, 1))).toBe(true);
    expect(after.spools.stats.diskBytes).toBe(20_000);
    expect(await after.files()).toHaveLength(1);
    half.fail(new (await import('../../../src/core/index.js')).GatewayError('cancelled', 'Over.'));
  });

  test('what was dropped before a kill is not found', async () => {
    const before = await openCache(how);
    await cached(before, '1', pattern(20_000, 1));
    await cached(before, '2', pattern(20_000, 2));
    await onDisk(before, 40_000);
    before.instances.delete(keyOf('1'));
    const after = await openCache({ ...how, directory: await afterKill(before) });
    expect(after.instances.get(keyOf('1'))).toBeUndefined();
    expect((await bytesOf(after, '2'))?.equals(pattern(20_000, 2))).toBe(true);
  });

  test('a file that is shorter than it should be is not believed', async () => {
    const before = await openCache(how);
    await cached(before, '1', pattern(20_000, 1));
    await onDisk(before, 20_000);
    const directory = await afterKill(before);
    const [name] = (await readdir(directory)).filter((one) => /[.](?:spool|segment)$/.test(one));
    await truncate(join(directory, name ?? ''), 19_999);
    const after = await openCache({ ...how, directory });
    expect(after.instances.stats.entries).toBe(0);
    expect(await after.files()).toEqual([]);
  });

  test('a smaller disk budget than before keeps what fits', async () => {
    const before = await openCache(how);
    for (const sop of ['1', '2', '3']) await cached(before, sop, pattern(20_000, Number(sop)));
    await onDisk(before, 60_000);
    await before.close();
    const after = await openCache({ ...how, diskBytes: 45_000, directory: before.directory });
    expect(after.instances.stats.entries).toBe(2);
    expect(after.spools.stats.diskBytes).toBe(40_000);
  });

  test('what is not understood any more goes, and leaves all its room to others', async () => {
    const disk = { ...how, diskBytes: 100_000 };
    const before = await openCache(disk);
    for (const sop of ['1', '2', '3', '4']) await cached(before, sop, pattern(20_000, Number(sop)));
    await onDisk(before, 80_000);
    await before.close();
    const metaCodec = { ...textCodec, decode: () => undefined };
    const after = await openCache({ ...disk, metaCodec, directory: before.directory });
    await onDisk(after, 0);
    for (const sop of ['5', '6', '7', '8']) {
      await cached(after, sop, pattern(20_000, Number(sop)));
      await until(() => after.instances.stats.entries === after.spools.stats.diskBytes / 20_000);
    }
    expect(after.instances.stats).toMatchObject({ entries: 4, evictions: 0 });
  });
});

/** A disk that takes nothing more until the journal is being closed, and then all at once. */
class LateDisk extends FaultLayer {
  override async append(path: string, mode: number): Promise<AppendedFile> {
    const file = await open(path, 'a', mode);
    const close = async (): Promise<void> => {
      this.resume();
      await until(() => this.written > 0);
      await turn();
      await file.close();
    };
    return { appendFile: (text) => file.appendFile(text), datasync: () => file.datasync(), close };
  }
}

test('what reaches the disk when the journal is closed is no file that belongs to nothing', async () => {
  const layer = new LateDisk();
  const before = await openCache({ ...options, layer });
  layer.hang();
  await cached(before, '1', pattern(3000, 1));
  const closing = before.close();
  await until(() => before.clock.pending > 0);
  before.clock.advance(5000);
  await closing;
  const left = await before.files();
  const after = await openCache({ ...options, directory: before.directory });
  expect(left).toEqual(await after.files());
});

describe('the journal', () => {
  const lineages = async (damage: (text: string) => string): Promise<TestCache> => {
    const before = await openCache(options);
    await cached(before, '1', pattern(20_000, 1));
    await cached(before, '2', pattern(20_000, 2));
    await onDisk(before, 40_000);
    const directory = await afterKill(before);
    const path = join(directory, 'journal');
    await writeFile(path, damage(await readFile(path, 'utf8')));
    return openCache({ ...options, directory });
  };

  test('a half line at its end does not count', async () => {
    const after = await lineages((text) => `${text}{"do":"add","record":{"id":"x"`);
    expect(after.instances.stats.entries).toBe(2);
  });

  test.each<readonly [string, (text: string) => string]>([
    ['a line in its middle that cannot be read', (text) => text.replace('{"do":"add"', 'x')],
    ['another start of the machine', (text) => text.replace(/"boot":"[^"]+"/, '"boot":"another"')],
    ['another format', (text) => text.replace('"format":2', '"format":3')],
    ['nothing in it', () => ''],
  ])('%s: nothing is believed, and nothing is left', async (_what, damage) => {
    const after = await lineages(damage);
    expect(after.instances.stats.entries).toBe(0);
    expect(await after.files()).toEqual([]);
  });

  test.each<readonly [string, (text: string) => string]>([
    ['a path', (text) => text.replaceAll(/"file":"[^"]+"/g, '"file":"../../etc/passwd"')],
    ['a negative length', (text) => text.replaceAll('"length":20000', '"length":-1')],
    ['no key', (text) => text.replaceAll('"key":', '"other":')],
    ['no meta', (text) => text.replaceAll('"meta":', '"other":')],
  ])('a record with %s is not believed', async (_what, damage) => {
    const after = await lineages(damage);
    expect(after.instances.stats.entries).toBe(0);
  });

  test('after an orderly stop it is believed whatever has become of the machine', async () => {
    const before = await openCache(options);
    await cached(before, '1', pattern(20_000, 1));
    await onDisk(before, 20_000);
    await before.close();
    const path = join(before.directory, 'journal');
    await writeFile(path, (await readFile(path, 'utf8')).replace(/"boot":"[^"]+"/, '"boot":"another"'));
    const after = await openCache({ ...options, directory: before.directory });
    expect(after.instances.stats.entries).toBe(1);
  });

  test('names no more than UIDs, and is for the owner alone', async () => {
    const cache = await openCache(options);
    await cached(cache, '1.2.3', pattern(20_000));
    await onDisk(cache, 20_000);
    const { stat } = await import('node:fs/promises');
    await until(async () => (await readFile(join(cache.directory, 'journal'), 'utf8')).includes('1.2.3'));
    expect((await stat(join(cache.directory, 'journal'))).mode & 0o777).toBe(0o600);
  });

  test('does not grow for ever', async () => {
    const cache = await openCache({ ...options, diskBytes: 60_000 });
    for (let count = 0; count < 6000; count += 1) await cached(cache, String(count), pattern(500, count));
    await turn(20);
    const lines = (await readFile(join(cache.directory, 'journal'), 'utf8')).split('\n').length;
    expect(lines).toBeLessThan(11_000);
    const last = await bytesOf(cache, '5999');
    expect(last?.equals(pattern(500, 5999))).toBe(true);
  });

  test('its directory taken away: the cache goes on, and says so', async () => {
    const cache = await openCache(options);
    await cached(cache, '1', pattern(20_000, 1));
    await onDisk(cache, 20_000);
    await rm(cache.directory, { recursive: true });
    cache.instances.delete(keyOf('1'));
    expect(cache.instances.get(keyOf('1'))).toBeUndefined();
    await cache.close();
  });
});

describe('shared files', () => {
  const roomy = { ...shared, memoryBytes: 256 * 1024 };

  test('many small instances take few files, and give back every byte', async () => {
    const cache = await openCache(roomy);
    for (let count = 0; count < 60; count += 1) await cached(cache, String(count), pattern(10_000, count));
    await turn(20);
    const files = await cache.files();
    expect(files.length).toBeLessThanOrEqual(4);
    expect(files.every((name) => name.endsWith('.segment'))).toBe(true);
    for (let count = 0; count < 60; count += 1) {
      expect((await bytesOf(cache, String(count)))?.equals(pattern(10_000, count))).toBe(true);
    }
    expect(cache.instances.stats.evictions).toBe(0);
  });

  test('room is made by whole files, least recently used first', async () => {
    const cache = await openCache({ ...roomy, diskBytes: 600_000 });
    for (let count = 0; count < 200; count += 1) {
      await cached(cache, String(count), pattern(10_000, count));
      expect(cache.spools.stats.diskBytes).toBeLessThanOrEqual(600_000);
      await turn(1);
    }
    await turn(20);
    expect(cache.instances.get(keyOf('0'))).toBeUndefined();
    expect((await bytesOf(cache, '195'))?.equals(pattern(10_000, 195))).toBe(true);
    expect(cache.instances.stats.entries).toBeGreaterThan(30);
  });

  test('one that is read keeps its bytes while those beside it go', async () => {
    const cache = await openCache({ ...roomy, diskBytes: 600_000 });
    await cached(cache, 'read', pattern(10_000, 7));
    const release = cache.instances.get(keyOf('read'))?.hold();
    for (let count = 0; count < 200; count += 1) {
      await cached(cache, String(count), pattern(10_000, count));
      await turn(1);
    }
    expect((await bytesOf(cache, 'read'))?.equals(pattern(10_000, 7))).toBe(true);
    release?.();
  });
});

describe('limits of time and space', () => {
  test('an instance older than the greatest age is not served', async () => {
    const cache = await openCache({ ...options, maxAgeMs: 1 });
    await cached(cache, '1', pattern(20_000));
    await until(() => cache.instances.get(keyOf('1')) === undefined);
    await until(async () => (await cache.files()).length === 0);
  });

  test('an instance older than the greatest age stands in the way of none that comes', async () => {
    const cache = await openCache({ ...options, maxAgeMs: 1 });
    await cached(cache, '1', pattern(20_000));
    let another: unknown;
    await until(() => (another = cache.instances.begin(keyOf('1'), info)) !== undefined);
    expect(another).toBeDefined();
  });

  test('an instance older than the greatest age goes although nobody asks for it', async () => {
    const cache = await openCache({ ...options, maxAgeMs: 1 });
    await cached(cache, '1', pattern(20_000));
    await until(async () => {
      cache.clock.advance(60_000);
      return (await cache.files()).length === 0;
    });
    expect(cache.instances.stats.entries).toBe(0);
  });

  test('a file system without room for others gets nothing: all goes by memory', async () => {
    const cache = await openCache({ ...options, keepFreeBytes: Number.MAX_SAFE_INTEGER, spillBytes: 4096 });
    await cached(cache, '1', pattern(20_000));
    expect(cache.spools.stats.diskBytes).toBe(0);
    expect((await bytesOf(cache, '1'))?.equals(pattern(20_000))).toBe(true);
  });
});
