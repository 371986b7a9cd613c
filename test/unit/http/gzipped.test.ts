import { createGunzip, gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { gzipped, takesGzip } from '../../../src/http/gzipped.js';

/** What is read of `chunks` until `enough` says so. */
async function readUntil(
  chunks: AsyncGenerator<Buffer, void, undefined>,
  enough: (text: string) => boolean,
): Promise<string> {
  const gunzip = createGunzip();
  let text = '';
  gunzip.on('data', (piece: Buffer) => (text += piece.toString()));
  while (!enough(text)) {
    const next = await chunks.next();
    if (next.done) break;
    await new Promise((resolve) => gunzip.write(next.value, resolve));
  }
  return text;
}

describe('H-17: a body that is compressed as it comes', () => {
  test('is the same when it is read', async () => {
    const pieces = Array.from({ length: 2000 }, (_, index) => `{"row":${index}},`);
    const chunks: Buffer[] = [];
    const source = async function* (): AsyncGenerator<string, void, undefined> {
      for (const piece of pieces) {
        await Promise.resolve();
        yield piece;
      }
    };
    for await (const chunk of gzipped(source())) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    expect(gunzipSync(body).toString()).toBe(pieces.join(''));
    expect(body.length).toBeLessThan(pieces.join('').length / 2);
  });

  test('gives the first piece while the second is still awaited', async () => {
    let give: () => void = () => undefined;
    const second = new Promise<void>((resolve) => (give = resolve));
    const source = async function* (): AsyncGenerator<string, void, undefined> {
      yield 'first';
      await second;
      yield 'second';
    };
    const chunks = gzipped(source());
    expect(await readUntil(chunks, (text) => text.includes('first'))).toBe('first');
    give();
    for (;;) if ((await chunks.next()).done) break;
  });

  test('is never whole where its pieces end with an error', async () => {
    const source = async function* (): AsyncGenerator<string, void, undefined> {
      await Promise.resolve();
      yield 'first';
      throw new Error('broken off');
    };
    const chunks: Buffer[] = [];
    const read = async (): Promise<void> => {
      for await (const chunk of gzipped(source())) chunks.push(chunk);
    };
    await expect(read()).rejects.toThrow('broken off');
    expect(() => gunzipSync(Buffer.concat(chunks))).toThrow();
  });

  test('asks for no more when nobody reads it, and ends what it is made of', async () => {
    let given = 0;
    let ended: () => void = () => undefined;
    const end = new Promise<void>((resolve) => (ended = resolve));
    const source = async function* (): AsyncGenerator<Buffer, void, undefined> {
      try {
        for (;;) {
          given += 1;
          await Promise.resolve();
          // Of the kind that does not get smaller.
          yield Buffer.from(Array.from({ length: 8192 }, (_, at) => (at * given * 7919) % 251));
        }
      } finally {
        ended();
      }
    };
    const chunks = gzipped(source());
    await chunks.next();
    await chunks.return();
    await end;
    expect(given).toBeLessThan(100);
  });
});

test.each([
  [undefined, false],
  ['gzip', true],
  ['br, gzip;q=0.5', true],
  ['*', true],
  ['gzip;q=0', false],
  ['*, gzip;q=0', false],
  ['*;q=0, gzip', true],
  ['br', false],
])('H-17: Accept-Encoding %s', (header, takes) => {
  expect(takesGzip(header)).toBe(takes);
});
