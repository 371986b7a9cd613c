import { describe, expect, test } from '@jest/globals';
import { inOrder } from '../../../src/gateway/in-order.js';

async function* numbers(last: number): AsyncGenerator<number, void, undefined> {
  for (let number = 1; number <= last; number += 1) yield await Promise.resolve(number);
}

async function all<T>(rows: AsyncGenerator<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const row of rows) list.push(row);
  return list;
}

describe('work on rows in their order', () => {
  test('results come in order whatever ends first, with no more under way than the window', async () => {
    let running = 0;
    let most = 0;
    const work = async (row: number): Promise<string> => {
      most = Math.max(most, (running += 1));
      for (let turns = 10 - row; turns > 0; turns -= 1) await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return `r${row}`;
    };
    expect(await all(inOrder(numbers(9), 3, work))).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8, 9].map((row) => `r${row}`),
    );
    expect(most).toBe(3);
  });

  test('a row does not wait for those behind it', async () => {
    async function* slow(): AsyncGenerator<number, void, undefined> {
      yield 1;
      await new Promise(() => undefined);
    }
    const rows = inOrder(slow(), 5, (row) => row);
    expect(await rows.next()).toEqual({ done: false, value: 1 });
  });

  test('failures of the rows and of the work come in their place, and a reader that leaves ends the rows', async () => {
    async function* broken(): AsyncGenerator<number, void, undefined> {
      yield await Promise.resolve(1);
      throw new Error('rows');
    }
    const failing = inOrder(broken(), 5, (row) => row);
    await failing.next();
    await expect(failing.next()).rejects.toThrow('rows');
    const work = (row: number): Promise<number> =>
      row === 2 ? Promise.reject(new Error('work')) : Promise.resolve(row);
    const half = inOrder(numbers(5), 2, work);
    expect((await half.next()).value).toBe(1);
    await expect(half.next()).rejects.toThrow('work');
    let isEnded = false;
    async function* watched(): AsyncGenerator<number, void, undefined> {
      try {
        yield* numbers(100);
      } finally {
        isEnded = true;
      }
    }
    for await (const row of inOrder(watched(), 2, (one) => one)) if (row === 3) break;
    expect(isEnded).toBe(true);
  });
});
