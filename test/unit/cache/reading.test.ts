import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LentMemory } from '../../../src/cache/lent-memory.js';
import type { CachedInstance } from '../../../src/cache/index.js';
import type { Lease } from '../../../src/cache/lease.js';
import type { Reading } from '../../../src/cache/reading.js';
import { FaultLayer } from './fault-layer.js';
import {
  closeCaches,
  info,
  keyOf,
  openCache,
  pattern,
  readAll,
  readerOf,
  rejection,
  turn,
  until,
  writeAll,
  type TestCache,
} from './harness.js';

afterEach(closeCaches);

const MEMORY = 1024 * 1024;
const BLOCK = 4096;
/** What is handed on comes in pieces of so much, as long as there is memory. */
const PIECE = 4 * BLOCK;
/** Beyond a piece and a part of a block a reading has no more than one piece that it reads ahead. */
const MOST_LENT = 2 * (PIECE + BLOCK);

interface Disk {
  readonly cache: TestCache;
  readonly layer: FaultLayer;
  readonly instances: readonly CachedInstance<string>[];
  readonly bytes: readonly Buffer[];
}

/** Instances of these lengths, every byte of which is on disk alone. */
async function onDisk(...lengths: readonly number[]): Promise<Disk> {
  const layer = new FaultLayer();
  const cache = await openCache({ memoryBytes: MEMORY, diskBytes: 100_000_000, spillBytes: 1, layer });
  const bytes = lengths.map((length, index) => pattern(length, index + 1));
  const instances: CachedInstance<string>[] = [];
  for (const [index, content] of bytes.entries()) {
    const arrival = cache.instances.begin(keyOf(String(index)), info);
    if (!arrival) throw new Error('no arrival');
    await writeAll(arrival, content);
    await arrival.finish('meta');
    instances.push(arrival.instance);
  }
  const own = lengths.length * 1024;
  await until(() => cache.spools.stats.memoryBytes === own);
  return { cache, layer, instances, bytes };
}

const leaseOf = (instance: CachedInstance<string> | undefined, reading: Reading): Lease => {
  if (!instance) throw new Error('no instance');
  return instance.lease({ reading });
};

describe('a request that hands on instances from disk', () => {
  test('gets exactly their bytes, whatever their lengths', async () => {
    const lengths = fc.array(fc.oneof(fc.integer({ min: 2, max: 100_000 }), fc.constant(PIECE)), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(lengths, async (all) => {
        const { cache, instances, bytes } = await onDisk(...all);
        const before = cache.spools.stats.memoryBytes;
        const reading = cache.instances.reading();
        const leases = instances.map((instance) => leaseOf(instance, reading));
        for (const [index, lease] of leases.entries()) {
          let at = 0;
          for await (const chunk of lease.lent.read()) {
            await turn(1);
            expect(cache.spools.stats.memoryBytes - before).toBeLessThanOrEqual(MOST_LENT);
            expect(chunk.equals(bytes[index]?.subarray(at, at + chunk.length) ?? Buffer.of())).toBe(true);
            at += chunk.length;
          }
          expect(at).toBe(all[index]);
          lease.release();
        }
        reading.close();
        expect(cache.spools.stats.memoryBytes).toBe(before);
        await closeCaches();
      }),
      { numRuns: 15 },
    );
  });

  test('has the next piece read while it looks at one, also that of the next instance', async () => {
    const { cache, layer, instances } = await onDisk(PIECE + 10, 20);
    const reading = cache.instances.reading();
    const [first, second] = instances.map((instance) => leaseOf(instance, reading));
    if (!first || !second) throw new Error('no leases');
    layer.reads = [];
    const reader = readerOf(first.lent);
    await reader.next();
    await until(() => layer.reads.length > 1);
    await turn();
    expect(layer.reads.map(({ length }) => length)).toEqual([PIECE, 10]);
    await reader.next();
    await until(() => layer.reads.length > 2);
    expect(layer.reads.map(({ length }) => length)).toEqual([PIECE, 10, 20]);
    await reader.next();
    expect(await readAll(second.lent)).toHaveLength(20);
    expect(layer.reads).toHaveLength(3);
    reading.close();
  });

  test('reads nothing ahead when memory is short', async () => {
    const { cache, layer, instances } = await onDisk(PIECE * 3);
    layer.hang();
    const filler = cache.spools.create();
    const filled = rejection(filler.write(pattern(MEMORY + 1))); // in memory until the disk takes it
    const reading = cache.instances.reading();
    layer.reads = [];
    const reader = readerOf(leaseOf(instances[0], reading).lent);
    await reader.next();
    await turn();
    expect(layer.reads).toHaveLength(1);
    layer.resume();
    expect(await filled).toBeUndefined();
    reading.close();
  });

  test('uses a buffer again only for itself, and only once it has come back', async () => {
    const { cache, instances, bytes } = await onDisk(PIECE * 6, PIECE * 6);
    const readings = instances.map(() => cache.instances.reading());
    const readers = readings.map((reading, index) => readerOf(leaseOf(instances[index], reading).lent));
    const buffers = readers.map(() => new Set<ArrayBufferLike>());
    const held: Buffer[] = [];
    for (let piece = 0; piece < 6; piece += 1) {
      for (const [index, reader] of readers.entries()) {
        const chunk = (await reader.next()).value ?? Buffer.of();
        held[index] = chunk;
        buffers[index]?.add(chunk.buffer);
        await turn(2);
        for (const [whose, view] of held.entries()) {
          const at = (whose <= index ? piece : piece - 1) * PIECE;
          expect(view.equals(bytes[whose]?.subarray(at, at + PIECE) ?? Buffer.of())).toBe(true);
        }
      }
    }
    const [one, other] = buffers;
    expect(one?.size).toBe(2);
    expect([...(one ?? [])].some((buffer) => other?.has(buffer))).toBe(false);
    for (const reading of readings) reading.close();
  });

  test('who keeps what it gets has it for ever: no buffer of a plain reader is used again', async () => {
    const { cache, instances, bytes } = await onDisk(PIECE * 4);
    const reading = cache.instances.reading();
    const lease = leaseOf(instances[0], reading);
    const chunks: Buffer[] = [];
    for await (const chunk of lease.source.read()) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(bytes[0] ?? Buffer.of())).toBe(true);
    reading.close();
  });
});

describe('a request that does not need what it has', () => {
  test('has no memory while it waits for the PACS with all that is there behind it', async () => {
    const { cache, instances } = await onDisk(PIECE * 3, PIECE * 3, 5000);
    const before = cache.spools.stats.memoryBytes;
    const reading = cache.instances.reading();
    const [first, second] = instances.slice(0, 2).map((instance) => leaseOf(instance, reading));
    if (!first || !second) throw new Error('no leases');
    await readAll(first.lent);
    first.release();
    expect(cache.spools.stats.memoryBytes).toBeGreaterThan(before);
    await readAll(second.lent);
    second.release();
    expect(cache.spools.stats.memoryBytes).toBe(before);
    expect(await readAll(leaseOf(instances[2], reading).lent)).toHaveLength(5000);
    reading.close();
  });

  test('lets go of what was read ahead of an instance that it reads in another way', async () => {
    const { cache, instances, bytes } = await onDisk(100, 5000);
    const before = cache.spools.stats.memoryBytes;
    const reading = cache.instances.reading();
    const [first, second] = instances.map((instance) => leaseOf(instance, reading));
    if (!first || !second) throw new Error('no leases');
    await readAll(first.lent);
    await turn();
    expect(cache.spools.stats.memoryBytes - before).toBeGreaterThanOrEqual(5000);
    const read = await readAll(second.source);
    expect(read.equals(bytes[1] ?? Buffer.of())).toBe(true);
    expect(cache.spools.stats.memoryBytes - before).toBeLessThan(5000);
    reading.close();
  });
});

describe('a request that leaves', () => {
  test.each(['while it looks at a piece', 'while one is read'])('%s frees all that it had', async (when) => {
    const { cache, layer, instances } = await onDisk(PIECE * 3, 5000);
    const before = cache.spools.stats.memoryBytes;
    const reading = cache.instances.reading();
    const [first, second] = instances.map((instance) => leaseOf(instance, reading));
    const reader = readerOf(first?.lent ?? { size: 0, read: () => ({ [Symbol.asyncIterator]: never }) });
    await reader.next();
    let go: () => void = () => undefined;
    if (when === 'while one is read') {
      layer.readsWaitFor = new Promise<void>((resolve) => (go = resolve));
      await reader.next();
      void reader.next();
    }
    await reader.return?.();
    first?.release();
    second?.release();
    reading.close();
    go();
    await turn();
    await until(() => cache.spools.stats.memoryBytes === before);
    expect(cache.spools.stats.readers).toBe(0);
  });

  test('before the instance that was read ahead for it frees that too', async () => {
    const { cache, instances } = await onDisk(100, 5000);
    const before = cache.spools.stats.memoryBytes;
    const reading = cache.instances.reading();
    const [first, second] = instances.map((instance) => leaseOf(instance, reading));
    if (!first || !second) throw new Error('no leases');
    await readAll(first.lent);
    await turn();
    expect(cache.spools.stats.memoryBytes).toBeGreaterThan(before);
    reading.close();
    first.release();
    second.release();
    await until(() => cache.spools.stats.memoryBytes === before);
  });
});

describe('a failure of the disk in what is read ahead', () => {
  test('is seen by who gets there, after the bytes before it', async () => {
    const { cache, layer, instances } = await onDisk(PIECE * 2);
    layer.readFails = (position) => position >= PIECE;
    const reading = cache.instances.reading();
    const reader = readerOf(leaseOf(instances[0], reading).lent);
    expect((await reader.next()).value).toHaveLength(PIECE);
    await turn();
    expect(cache.instances.get(keyOf('0'))).toBe(instances[0]);
    expect(await rejection(reader.next())).toBe('cache-failed');
    expect(cache.instances.get(keyOf('0'))).toBeUndefined();
    reading.close();
  });

  test('is seen by nobody when who it was for has left', async () => {
    const { cache, layer, instances, bytes } = await onDisk(100, 5000);
    layer.readFails = (position) => position === 0 && layer.reads.length > 1;
    layer.reads = [];
    const reading = cache.instances.reading();
    const [first, second] = instances.map((instance) => leaseOf(instance, reading));
    if (!first || !second) throw new Error('no leases');
    await readAll(first.lent);
    await turn();
    expect(layer.reads).toHaveLength(2);
    first.release();
    second.release();
    reading.close();
    layer.readFails = () => false;
    expect(cache.instances.get(keyOf('1'))).toBe(instances[1]);
    expect((await readAll(instances[1]?.source ?? never())).equals(bytes[1] ?? Buffer.of())).toBe(true);
  });
});

describe('the memory that readers have from disk', () => {
  test('is never so much that another reader’s share grows, however much is lent', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 * MEMORY }),
        fc.integer({ min: 1, max: 8 * BLOCK }),
        (used, more) => {
          const memory = new LentMemory(MEMORY, BLOCK);
          memory.used = used;
          const { readBytes, lentBytes } = memory;
          const ahead = memory.mayReadAhead(lentBytes);
          if (ahead) expect(used + lentBytes).toBeLessThanOrEqual(MEMORY / 16);
          if (lentBytes > BLOCK) expect(used + lentBytes).toBeLessThanOrEqual(MEMORY / 8);
          memory.used += more;
          expect(memory.readBytes).toBeLessThanOrEqual(readBytes);
          expect(memory.lentBytes).toBeLessThanOrEqual(lentBytes);
          if (memory.mayReadAhead(lentBytes)) expect(ahead).toBe(true);
        },
      ),
    );
  });
});

function never(): never {
  throw new Error('there is nothing to read');
}
