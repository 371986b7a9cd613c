import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BlockList } from '../../../src/cache/block-list.js';
import { BlockPool } from '../../../src/cache/block-pool.js';
import { FaultLayer } from './fault-layer.js';
import {
  closeCaches,
  info,
  keyOf,
  openCache,
  pattern,
  readAll,
  readerOf,
  turn,
  until,
  type TestCache,
} from './harness.js';

afterEach(closeCaches);

const KIB = 1024;
const BLOCK = 64 * KIB;

const newPool = (): BlockPool => new BlockPool(BLOCK, 4 * BLOCK);

/** A list of one full block, and a view of it as a reader has it. */
function filled(pool: BlockPool): {
  readonly blocks: BlockList;
  readonly found: NonNullable<ReturnType<BlockList['at']>>;
} {
  const blocks = new BlockList(pool);
  blocks.append(pattern(BLOCK));
  const found = blocks.at(0, BLOCK);
  if (!found) throw new Error('no bytes');
  return { blocks, found };
}

describe('the memory of a block', () => {
  test('is used again when it is dropped, and views of before are empty', () => {
    const pool = newPool();
    const { blocks, found } = filled(pool);
    blocks.clear();
    expect(pool.freeBytes).toBe(BLOCK);
    expect(found.bytes).toHaveLength(0);
    filled(pool);
    expect(pool.freeBytes).toBe(0);
    expect(found.bytes).toHaveLength(0);
  });

  test('is not used again while a reader has bytes of it', () => {
    const pool = newPool();
    const { blocks, found } = filled(pool);
    found.block.lend();
    found.block.lend();
    blocks.clear();
    found.block.handBack();
    expect(pool.freeBytes).toBe(0);
    expect(found.bytes.equals(pattern(BLOCK))).toBe(true);
    found.block.handBack();
    expect(pool.freeBytes).toBe(BLOCK);
  });

  test('is never used again where a reader may have kept bytes of it', () => {
    const pool = newPool();
    const { blocks, found } = filled(pool);
    found.block.keep();
    blocks.clear();
    expect(pool.freeBytes).toBe(0);
    expect(found.bytes.equals(pattern(BLOCK))).toBe(true);
  });

  test('is never used again when it was dropped while the disk took it', () => {
    const pool = newPool();
    const { blocks, found } = filled(pool);
    for (const block of blocks.nextToWrite(true, BLOCK)) block.writing = true;
    blocks.clear();
    expect(pool.freeBytes).toBe(0);
    expect(found.bytes.equals(pattern(BLOCK))).toBe(true);
  });

  test('is kept up to a bound', () => {
    const pool = newPool();
    const lists = Array.from({ length: 10 }, () => filled(pool).blocks);
    for (const blocks of lists) blocks.clear();
    expect(pool.freeBytes).toBe(4 * BLOCK);
  });

  test('comes from a block that was cut to its length, and the cut one has the same bytes', () => {
    const pool = newPool();
    const blocks = new BlockList(pool);
    blocks.append(pattern(BLOCK));
    const more = pattern(100, 2);
    blocks.append(more);
    expect(blocks.trim()).toBe(BLOCK - 4 * KIB + (4 * KIB - 100));
    expect(blocks.at(BLOCK, Infinity)?.bytes.equals(more)).toBe(true);
    expect(blocks.allocated).toBe(BLOCK + 100);
  });
});

describe('blocks', () => {
  const lengthsOf = (blocks: BlockList, end: number): readonly number[] => {
    const lengths: number[] = [];
    for (let at = 0; at < end;) {
      const length = blocks.at(at, end)?.bytes.length ?? end;
      lengths.push(length);
      at += length;
    }
    return lengths;
  };

  test('are made for as many bytes as are expected, and grow where more come', () => {
    const end = 2 * BLOCK + 20 * KIB;
    const [known, unknown] = [end, undefined].map((expected) => {
      const blocks = new BlockList(newPool(), { expected });
      for (let at = 0; at < end; at += 4 * KIB) blocks.append(pattern(4 * KIB, at + 1));
      return lengthsOf(blocks, end);
    });
    expect(known).toEqual([BLOCK, BLOCK, 20 * KIB]);
    expect(unknown?.slice(0, 4)).toEqual([4 * KIB, 4 * KIB, 8 * KIB, 16 * KIB]);
    const blocks = new BlockList(newPool(), { expected: 4 * KIB });
    blocks.append(pattern(BLOCK));
    expect(blocks.at(0, BLOCK)?.bytes.equals(pattern(BLOCK))).toBe(true);
  });

  test('that are waiting are written to disk in one go, also when it takes only a part at a time', async () => {
    for (const most of [Infinity, 5000]) {
      const layer = new FaultLayer();
      layer.most = most;
      const cache = await openCache({
        memoryBytes: 256 * KIB,
        blockBytes: BLOCK,
        diskBytes: 100_000_000,
        layer,
      });
      const all = [1, 2].map((seed) => pattern(3 * BLOCK + 100, seed));
      for (const [index, bytes] of all.entries()) {
        const arrival = cache.instances.begin(keyOf(String(index)), info);
        if (!arrival) throw new Error('no arrival');
        await arrival.write(bytes);
        await arrival.finish('meta');
      }
      await until(() => cache.spools.stats.bytes().complete.disk > 0 && layer.written >= 3 * BLOCK + 100);
      if (most === Infinity) expect(layer.writes).toBe(1);
      for (const [index, bytes] of all.entries()) {
        const instance = cache.instances.get(keyOf(String(index)));
        expect(instance && bytes.equals(await readAll(instance.source))).toBe(true);
      }
    }
  });
});

describe('a reader that hands on what it gets', () => {
  /** Writes an instance, whose bytes go to disk at once, and waits until they are there. */
  async function write(cache: TestCache, name: string, bytes: Buffer): Promise<void> {
    const arrival = cache.instances.begin(keyOf(name), info);
    if (!arrival) throw new Error('no arrival');
    await arrival.write(bytes);
    await arrival.finish('meta');
    await until(() => cache.spools.stats.bytes().complete.memory === 0);
  }

  test.each(['comes back for more', 'leaves'])(
    'has its bytes until it %s, wherever they went',
    async (how) => {
      const cache = await openCache({
        memoryBytes: 4096 * KIB,
        blockBytes: BLOCK,
        diskBytes: 100_000_000,
        spillBytes: 1,
      });
      const arrival = cache.instances.begin(keyOf('read'), info);
      if (!arrival) throw new Error('no arrival');
      const bytes = pattern(2 * BLOCK);
      const lease = arrival.instance.lease({ reading: cache.instances.reading() });
      const reader = readerOf(lease.lent);
      const first = reader.next();
      void arrival.write(bytes.subarray(0, BLOCK));
      const { value = Buffer.of() } = await first;
      await arrival.write(bytes.subarray(BLOCK));
      await arrival.finish('meta');
      await until(() => cache.spools.stats.bytes().complete.memory === 0);
      for (const other of [2, 3]) await write(cache, String(other), pattern(2 * BLOCK, other));
      expect(value.equals(bytes.subarray(0, BLOCK))).toBe(true);
      if (how === 'leaves') await reader.return?.();
      else await reader.next();
      for (const other of [4, 5]) await write(cache, String(other), pattern(2 * BLOCK, other));
      // A connection may still take the bytes of a reader that left; of one that came back nobody does.
      expect(value).toHaveLength(how === 'leaves' ? BLOCK : 0);
      expect(value.equals(bytes.subarray(0, value.length))).toBe(true);
      lease.release();
    },
  );
});

/** Reads as a request does that hands on what it gets, a while for each piece; resolves with whether all bytes were right. */
async function isRight(cache: TestCache, name: string, expected: Buffer, turns: number): Promise<boolean> {
  const instance = cache.instances.get(keyOf(name));
  if (!instance) return false;
  const lease = instance.lease({ reading: cache.instances.reading() });
  let at = 0;
  for await (const chunk of lease.lent.read()) {
    await turn(turns);
    if (!chunk.equals(expected.subarray(at, at + chunk.length))) return false;
    at += chunk.length;
  }
  lease.release();
  return at === expected.length;
}

test('readers of every kind get the bytes of their instance while those of others come and go', async () => {
  const lengths = fc.array(fc.tuple(fc.integer({ min: 1, max: 250 * KIB }), fc.nat(3)), {
    minLength: 4,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(lengths, fc.boolean(), async (all, onDisk) => {
      const disk = onDisk ? { diskBytes: 100_000_000 } : {};
      const cache = await openCache({ memoryBytes: 500 * KIB, blockBytes: BLOCK, ...disk });
      const readings: Promise<boolean>[] = [];
      const kept: { readonly chunk: Buffer; readonly copy: Buffer }[] = [];
      for (const [index, [length, turns]] of all.entries()) {
        const bytes = pattern(length, index + 1);
        const arrival = cache.instances.begin(keyOf(String(index)), info);
        if (!arrival) throw new Error('no arrival');
        readings.push(isRight(cache, String(index), bytes, turns));
        const keeps = (async () => {
          for await (const chunk of arrival.instance.source.read())
            kept.push({ chunk, copy: Buffer.from(chunk) });
        })();
        for (let at = 0; at < length; at += 50_000) await arrival.write(bytes.subarray(at, at + 50_000));
        await arrival.finish('meta');
        if (index % 2 === 0) await keeps;
      }
      expect(await Promise.all(readings)).not.toContain(false);
      for (const { chunk, copy } of kept) expect(chunk.equals(copy)).toBe(true);
    }),
    { numRuns: 10 },
  );
});
