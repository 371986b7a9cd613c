import { describe, expect, test } from '@jest/globals';
import { createHotBytes, type HotBytes } from '../../../src/cache/index.js';

/** Chunks in a buffer that is used again for each, as a reader lends them. */
async function* lent(text: string, size = 4): AsyncGenerator<Buffer, void, undefined> {
  const shared = Buffer.alloc(size);
  for (let at = 0; at < text.length; at += size) {
    const piece = text.slice(at, at + size);
    shared.write(piece, 'latin1');
    yield shared.subarray(0, piece.length);
    shared.fill(0);
    await Promise.resolve();
  }
}

async function readAll(chunks: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const chunk of chunks) text += chunk.toString('latin1');
  return text;
}

const ask = (hot: HotBytes, id: string, of: object, text: string): Promise<string> =>
  readAll(hot.pass({ id, of, length: text.length }, lent(text)));

describe('what is asked for again and again', () => {
  test('is kept from the second time on, as it was, though its chunks were lent', async () => {
    const hot = createHotBytes(10_000);
    const of = {};
    expect(await ask(hot, 'a', of, 'some bytes')).toBe('some bytes');
    expect(hot.get('a', of)).toBeUndefined();
    expect(await ask(hot, 'a', of, 'some bytes')).toBe('some bytes');
    expect(hot.get('a', of)?.toString()).toBe('some bytes');
    expect(hot.stats.bytes).toBeGreaterThanOrEqual(10);
  });

  test('is kept at once when it took time to make, but never more than its share', () => {
    const hot = createHotBytes(10_000);
    const of = {};
    hot.keep({ id: 'a', of }, Buffer.from('picture'));
    expect(hot.get('a', of)?.toString()).toBe('picture');
    expect(hot.get('a', {})).toBeUndefined();
    hot.keep({ id: 'b', of }, Buffer.alloc(1251));
    expect(hot.get('b', of)).toBeUndefined();
    createHotBytes(0).keep({ id: 'a', of }, Buffer.from('picture'));
  });

  test('is not given for another instance under the same name', async () => {
    const hot = createHotBytes(10_000);
    const [before, after] = [{}, {}];
    for (let n = 0; n < 2; n += 1) await ask(hot, 'a', before, 'one patient');
    expect(hot.get('a', after)).toBeUndefined();
    expect(hot.get('a', before)).toBeUndefined();
  });

  test('is not kept when it breaks off, ends early, or is longer than announced', async () => {
    const hot = createHotBytes(10_000);
    const of = {};
    await ask(hot, 'a', of, 'abc');
    const broken = async function* (): AsyncGenerator<Buffer, void, undefined> {
      yield Buffer.from('ab');
      await Promise.resolve();
      throw new Error('gone');
    };
    await expect(readAll(hot.pass({ id: 'a', of, length: 3 }, broken()))).rejects.toThrow('gone');
    await readAll(hot.pass({ id: 'a', of, length: 4 }, lent('abc')));
    await readAll(hot.pass({ id: 'a', of, length: 2 }, lent('abc')));
    for await (const chunk of hot.pass({ id: 'a', of, length: 8 }, lent('abcdefgh')))
      if (chunk.length > 0) break;
    expect(hot.get('a', of)).toBeUndefined();
    expect(hot.stats.bytes).toBe(0);
  });

  test('takes no more than its limit, the longest unused goes first, and nothing large is taken', async () => {
    const hot = createHotBytes(10_000);
    const of = {};
    const text = 'x'.repeat(1000);
    for (let n = 0; n < 30; n += 1)
      for (let again = 0; again < 2; again += 1) await ask(hot, `${n}`, of, text);
    expect(hot.stats.bytes).toBeGreaterThan(5000);
    expect(hot.stats.bytes).toBeLessThanOrEqual(10_000);
    expect(hot.get('29', of)).toBeDefined();
    expect(hot.get('0', of)).toBeUndefined();
    for (let again = 0; again < 2; again += 1) await ask(hot, 'large', of, 'x'.repeat(1300));
    expect(hot.get('large', of)).toBeUndefined();
    hot.clear();
    expect(hot.stats.bytes).toBe(0);
  });

  test('is not copied when more than can be kept was asked for in between, as when a long series is played in a loop', async () => {
    const hot = createHotBytes(10_000);
    const of = {};
    const text = 'x'.repeat(1000);
    for (let round = 0; round < 3; round += 1)
      for (let n = 0; n < 20; n += 1) await ask(hot, `${n}`, of, text);
    expect(hot.stats.bytes).toBe(0);
  });

  test('is copied once however many ask at the same time, and few at a time', async () => {
    const hot = createHotBytes(10_000);
    const of = {};
    const text = 'x'.repeat(1000);
    const names = ['a', 'b'];
    for (const id of names) await ask(hot, id, of, text);
    const open = [...names, ...names].map((id) =>
      hot.pass({ id, of, length: text.length }, lent(text))[Symbol.asyncIterator](),
    );
    // All of them are under way before the first has ended.
    for (const each of open) await each.next();
    for (const each of open) for (let next = await each.next(); !next.done;) next = await each.next();
    expect(hot.get('a', of)?.toString()).toBe(text);
    expect(hot.get('b', of)).toBeUndefined();
    await ask(hot, 'b', of, text);
    expect(hot.get('b', of)?.toString()).toBe(text);
  });

  test('is nothing where the limit is 0', async () => {
    const hot = createHotBytes(0);
    const of = {};
    for (let n = 0; n < 3; n += 1) expect(await ask(hot, 'a', of, 'abc')).toBe('abc');
    expect(hot.get('a', of)).toBeUndefined();
  });
});
