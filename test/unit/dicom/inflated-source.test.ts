import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import type { ByteSource } from '../../../src/core/index.js';
import { InflatedSource } from '../../../src/dicom/index.js';

const plain = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7 + (at >> 8)) & 255));

/** A deflated source, and how often it was read from its beginning. */
function deflated(): {
  readonly source: ByteSource;
  readonly opened: () => number;
  readonly left: () => number;
} {
  const bytes = deflateRawSync(plain);
  let [opened, left] = [0, 0];
  const source: ByteSource = {
    size: bytes.length,
    // eslint-disable-next-line @typescript-eslint/require-await -- sources are read by promises, also of bytes that are there
    read: async function* () {
      opened += 1;
      try {
        for (let at = 0; at < bytes.length; at += 1000) yield Buffer.from(bytes.subarray(at, at + 1000));
      } finally {
        left += 1;
      }
    },
  };
  return { source, opened: () => opened, left: () => left };
}

async function read(from: ByteSource, start?: number, end?: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of from.read(start, end)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

describe('a deflated source that is read in order', () => {
  test('is inflated once, whatever is left out between', async () => {
    const { source, opened, left } = deflated();
    const inflated = new InflatedSource(source);
    for (const [start, end] of [
      [0, 10],
      [10, 11],
      [500, 500],
      [70_000, 200_000],
      [200_001, 250_000],
      [299_999, undefined],
    ] as const)
      expect((await read(inflated, start, end)).equals(plain.subarray(start, end))).toBe(true);
    expect(opened()).toBe(1);
    await inflated.close();
    expect(left()).toBe(1);
  });

  test('begins anew for what lies before, and gives back what it held', async () => {
    const { source, opened, left } = deflated();
    const inflated = new InflatedSource(source);
    expect((await read(inflated, 100_000, 100_010)).equals(plain.subarray(100_000, 100_010))).toBe(true);
    expect((await read(inflated, 99_999, 100_001)).equals(plain.subarray(99_999, 100_001))).toBe(true);
    expect([opened(), left()]).toEqual([2, 1]);
    expect((await read(inflated)).equals(plain)).toBe(true);
  });

  test('goes on behind what was left in the middle', async () => {
    const { source, opened } = deflated();
    const inflated = new InflatedSource(source);
    for await (const chunk of inflated.read(0, 200_000)) if (chunk.length > 0) break;
    expect((await read(inflated, 200_000, 200_020)).equals(plain.subarray(200_000, 200_020))).toBe(true);
    expect(opened()).toBe(1);
  });

  test('gives nobody the bytes of another place: two readings that wait at a time both fail', async () => {
    const { source } = deflated();
    const inflated = new InflatedSource(source);
    const readings = await Promise.allSettled([read(inflated, 0, 10), read(inflated, 0, 10)]);
    for (const reading of readings)
      expect(reading).toMatchObject({ status: 'rejected', reason: { code: 'internal' } });
    expect((await read(inflated, 5, 20)).equals(plain.subarray(5, 20))).toBe(true);
  });

  test('gives nobody the bytes of another place: of two readings the first one fails', async () => {
    const { source } = deflated();
    const inflated = new InflatedSource(source);
    const first = inflated.read(0, 200_000);
    await first.next();
    expect((await read(inflated, 250_000, 250_010)).equals(plain.subarray(250_000, 250_010))).toBe(true);
    await expect(first.next()).rejects.toMatchObject({ code: 'internal' });
  });
});
