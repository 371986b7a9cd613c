import { afterEach, describe, expect, test } from '@jest/globals';
import { GatewayError } from '../../../src/core/index.js';
import {
  closeCaches,
  codeOf,
  isPending,
  openCache,
  pattern,
  readAll,
  readerOf,
  readUntilError,
  rejection,
  turn,
  writeAll,
} from './harness.js';

afterEach(closeCaches);

const broken = new GatewayError('peer-aborted', 'The peer went away.');

describe('a spool in memory', () => {
  test('gives every reader exactly what was written, whenever it comes', async () => {
    const { spools } = await openCache();
    const bytes = pattern(30_000);
    const spool = spools.create();
    const early = readAll(spool);
    await writeAll(spool, bytes.subarray(0, 12_345), 700);
    const middle = readAll(spool);
    await writeAll(spool, bytes.subarray(12_345), 9000);
    expect(spool.size).toBeUndefined();
    await spool.finish();
    expect(spool.size).toBe(30_000);
    for (const read of [await early, await middle, await readAll(spool)])
      expect(read.equals(bytes)).toBe(true);
  });

  test('copies what is written, so that the writer may use its buffer again', async () => {
    const { spools } = await openCache();
    const spool = spools.create();
    const buffer = Buffer.from('first');
    void spool.write(buffer);
    buffer.write('later');
    void spool.write(buffer);
    void spool.finish();
    expect((await readAll(spool)).toString()).toBe('firstlater');
  });

  test('lets a reader start and end anywhere, also beyond what has arrived', async () => {
    const { spools } = await openCache();
    const bytes = pattern(20_000);
    const spool = spools.create();
    await writeAll(spool, bytes.subarray(0, 5000));
    const ahead = readAll(spool, 15_000, 15_010);
    expect((await readAll(spool, 4000, 4500)).equals(bytes.subarray(4000, 4500))).toBe(true);
    expect(await isPending(ahead)).toBe(true);
    await writeAll(spool, bytes.subarray(5000));
    expect((await ahead).equals(bytes.subarray(15_000, 15_010))).toBe(true);
    void spool.finish();
    expect(await readAll(spool, 20_000)).toHaveLength(0);
    expect(await readAll(spool, 19_990, 99_999)).toHaveLength(10);
    expect(await readAll(spool, 99_999)).toHaveLength(0);
  });

  test('shows an error only to who reaches the place where it happened', async () => {
    const { spools } = await openCache();
    const bytes = pattern(9000);
    const spool = spools.create();
    await writeAll(spool, bytes);
    const reader = readerOf(spool);
    await reader.next();
    const following = readUntilError(spool);
    await turn();
    spool.fail(broken);
    expect((await following).bytes.equals(bytes)).toBe(true);
    expect((await following).code).toBe('peer-aborted');
    let rest = 0;
    let error: unknown;
    try {
      for (let next = await reader.next(); !next.done; next = await reader.next()) rest += next.value.length;
    } catch (thrown) {
      error = thrown;
    }
    expect(rest).toBeGreaterThan(0);
    expect(error).toBe(broken);
    expect((await reader.next()).done).toBe(true);
  });

  test('tells its writer why it ended', async () => {
    const { spools } = await openCache();
    const spool = spools.create();
    spool.fail(broken);
    spool.fail(new GatewayError('internal', 'later'));
    expect(spool.state).toBe('failed');
    expect(await rejection(spool.write(Buffer.from('x')))).toBe('peer-aborted');
    expect(await rejection(spool.finish())).toBe('peer-aborted');
    const complete = spools.create();
    await complete.finish();
    expect(await rejection(complete.write(Buffer.from('x')))).toBe('internal');
  });

  test('a reader that leaves while it waits leaves at once', async () => {
    const { spools } = await openCache();
    const spool = spools.create();
    const reader = readerOf(spool);
    const pending = reader.next();
    expect(await isPending(pending)).toBe(true);
    expect(spools.stats.readers).toBe(1);
    await reader.return?.();
    expect((await pending).done).toBe(true);
    expect(spools.stats.readers).toBe(0);
  });

  test('next called several times without waiting keeps the order', async () => {
    const { spools } = await openCache();
    const spool = spools.create();
    const reader = readerOf(spool);
    const calls = [reader.next(), reader.next(), reader.next()];
    void spool.write(Buffer.from('a'));
    await calls[0];
    void spool.write(Buffer.from('b'));
    void spool.finish();
    const results = await Promise.all(calls);
    expect(results.map((result) => (result.done ? 'end' : String(result.value)))).toEqual(['a', 'b', 'end']);
  });

  test('frees its bytes when it is discarded and the last reader has left', async () => {
    const { spools } = await openCache();
    const spool = spools.create();
    await writeAll(spool, pattern(10_000));
    await spool.finish();
    const reader = readerOf(spool);
    await reader.next();
    spool.discard();
    expect(spools.stats.memoryBytes).toBeGreaterThan(0);
    let length = 0;
    for (let next = await reader.next(); !next.done; next = await reader.next()) length += next.value.length;
    expect(length).toBeGreaterThan(0);
    expect(spools.stats).toMatchObject({ memoryBytes: 0, spools: 0, readers: 0 });
    expect(await rejection(readAll(spool))).toBe('overloaded');
  });

  test('a failed spool is freed once nobody reads it', async () => {
    const { spools } = await openCache();
    const spool = spools.create();
    await writeAll(spool, pattern(10_000));
    spool.fail(broken);
    expect(spools.stats).toMatchObject({ memoryBytes: 0, spools: 0 });
    expect(await readUntilError(spool)).toEqual({ bytes: Buffer.alloc(0), code: 'peer-aborted' });
  });

  test('many small spools take little more than their bytes', async () => {
    const { spools } = await openCache({ memoryBytes: 64 << 20, blockBytes: 256 * 1024 });
    for (let count = 0; count < 1000; count += 1) {
      const spool = spools.create();
      void spool.write(Buffer.alloc(100));
      void spool.write(Buffer.alloc(900));
      void spool.finish();
    }
    expect(spools.stats.memoryBytes).toBe(1_000_000);
  });

  test('memory taken while one grows is at most twice its length', async () => {
    const { spools } = await openCache({ memoryBytes: 64 << 20, blockBytes: 256 * 1024 });
    const spool = spools.create();
    for (let length = 0; length < 3_000_000; length += 1460) {
      void spool.write(Buffer.alloc(1460));
      expect(spools.stats.memoryBytes).toBeLessThanOrEqual(2 * (length + 1460) + 4096);
    }
  });

  test('1,000 readers that leave at random leave nothing behind', async () => {
    const { spools } = await openCache();
    const bytes = pattern(40_000);
    const spool = spools.create();
    const readers = Array.from({ length: 1000 }, async (_, index) => {
      const most = (index * 7919) % 60_000;
      let length = 0;
      for await (const chunk of spool.read()) {
        expect(chunk.equals(bytes.subarray(length, length + chunk.length))).toBe(true);
        length += chunk.length;
        if (length > most) return;
      }
      expect(length).toBe(bytes.length);
    });
    await writeAll(spool, bytes, 5000);
    await spool.finish();
    await Promise.all(readers);
    expect(spools.stats.readers).toBe(0);
    spool.discard();
    expect(spools.stats).toMatchObject({ memoryBytes: 0, spools: 0 });
  });

  test('close ends writers and readers with shutting-down', async () => {
    const cache = await openCache();
    const spool = cache.spools.create();
    void spool.write(Buffer.alloc(10));
    const reader = readerOf(spool);
    await reader.next();
    const waiting = reader.next().catch(codeOf);
    await cache.close();
    expect(await waiting).toBe('shutting-down');
    expect(await rejection(spool.write(Buffer.alloc(1)))).toBe('shutting-down');
    expect(() => cache.spools.create()).toThrow(GatewayError);
    expect(cache.spools.stats).toMatchObject({ memoryBytes: 0, spools: 0, readers: 0 });
  });
});
