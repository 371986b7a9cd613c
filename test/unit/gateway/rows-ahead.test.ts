import { describe, expect, test } from '@jest/globals';
import { GatewayError } from '../../../src/core/index.js';
import { RowsAhead } from '../../../src/gateway/rows-ahead.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Numbers from 1 on, which count how often they are asked for and how many are under way. */
class Numbers {
  asked = 0;
  open = 0;
  given = 0;
  readonly #until: number;

  constructor(until: number) {
    this.#until = until;
  }

  readonly source = {
    open: () => this.#rows(),
    keyOf: (row: number) => String(row),
  };

  async *#rows(): AsyncGenerator<number, void, undefined> {
    this.asked += 1;
    this.open += 1;
    try {
      for (let row = 1; row <= this.#until; row += 1) {
        this.given += 1;
        yield row;
        await Promise.resolve();
      }
    } finally {
      this.open -= 1;
    }
  }
}

async function all<T>(rows: AsyncGenerator<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const row of rows) list.push(row);
  return list;
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

describe('rows that are read ahead', () => {
  test('a reader who asks nothing else has fewer of them ahead, and the C-FIND pauses', async () => {
    const numbers = new Numbers(1000);
    const ahead = new RowsAhead(numbers.source, { holds: true });
    await turn();
    expect([numbers.given, numbers.open]).toEqual([50, 1]);
    ahead.holds = false;
    await turn();
    expect([numbers.given, numbers.open]).toEqual([500, 0]);
    ahead.close();
  });

  test('an answer for which there is room is asked for once, and nothing is held when it has come', async () => {
    const numbers = new Numbers(10);
    const ahead = new RowsAhead(numbers.source, { most: 20 });
    await turn();
    expect([numbers.given, numbers.open]).toEqual([10, 0]);
    expect(await all(ahead.read())).toEqual(upTo(10));
    expect(numbers.asked).toBe(1);
  });

  test('beyond the room the question is given up, and asked again for the rest; each row comes once', async () => {
    const numbers = new Numbers(25);
    const ahead = new RowsAhead(numbers.source, { most: 10 });
    const rows = ahead.read();
    const seen: number[] = [];
    for await (const row of rows) {
      seen.push(row);
      await turn();
      await turn();
      expect(numbers.open).toBe(0);
    }
    expect(seen).toEqual(upTo(25));
    expect(numbers.asked).toBe(3);
  });

  test('while it holds, the question is paused instead', async () => {
    const numbers = new Numbers(25);
    const ahead = new RowsAhead(numbers.source, { most: 10, holds: true });
    await turn();
    expect([numbers.given, numbers.open]).toEqual([10, 1]);
    expect(await all(ahead.read())).toEqual(upTo(25));
    expect(numbers.asked).toBe(1);
  });

  test('when it may no longer hold, what is paused is given up at once', async () => {
    const numbers = new Numbers(25);
    const ahead = new RowsAhead(numbers.source, { most: 10, holds: true });
    await turn();
    ahead.holds = false;
    await turn();
    expect(numbers.open).toBe(0);
    expect(await all(ahead.read())).toEqual(upTo(25));
  });

  test('a failure comes in its place', async () => {
    async function* rows(): AsyncGenerator<number, void, undefined> {
      yield await Promise.resolve(1);
      throw new GatewayError('peer-failed', 'broken');
    }
    const ahead = new RowsAhead({ open: rows, keyOf: String });
    const reading = ahead.read();
    expect((await reading.next()).value).toBe(1);
    await expect(reading.next()).rejects.toMatchObject({ code: 'peer-failed' });
  });

  test('no association for what is not yet wanted is no failure: it is asked again in its turn', async () => {
    let asked = 0;
    async function* rows(): AsyncGenerator<number, void, undefined> {
      asked += 1;
      if (asked === 1) throw new GatewayError('overloaded', 'no association');
      yield await Promise.resolve(1);
    }
    const ahead = new RowsAhead({ open: rows, keyOf: String });
    await turn();
    expect(await all(ahead.read())).toEqual([1]);
    async function* never(): AsyncGenerator<number, void, undefined> {
      await turn();
      if (asked > 0) throw new GatewayError('overloaded', 'no association');
      yield 1;
    }
    await expect(all(new RowsAhead({ open: never, keyOf: String }).read())).rejects.toMatchObject({
      code: 'overloaded',
    });
  });

  test('a reader that leaves ends the question', async () => {
    const numbers = new Numbers(1000);
    const ahead = new RowsAhead(numbers.source, { most: 10, holds: true });
    for await (const row of ahead.read()) if (row === 3) break;
    await turn();
    expect(numbers.open).toBe(0);
    expect(numbers.given).toBeLessThan(20);
  });
});
