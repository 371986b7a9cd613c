import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { asTheyCome } from '../../../src/gateway/as-they-come.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Gives `values`, waits for `gate`, and tells what was asked of it. */
class Source<T> {
  asked = 0;
  isLeft = false;
  readonly #values: Iterable<T>;
  readonly #gate: Promise<unknown>;

  constructor(values: Iterable<T>, gate: Promise<unknown> = Promise.resolve()) {
    this.#values = values;
    this.#gate = gate;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      for (const value of this.#values) {
        this.asked += 1;
        yield value;
      }
      await this.#gate;
    } finally {
      this.isLeft = true;
    }
  }
}

describe('what several sources give', () => {
  test('is everything of each, in its order', async () => {
    const all: string[] = [];
    for await (const value of asTheyCome([
      new Source(['a1', 'a2', 'a3']),
      new Source([]),
      new Source(['b1', 'b2']),
    ]))
      all.push(value);
    expect(all.filter((value) => value.startsWith('a'))).toEqual(['a1', 'a2', 'a3']);
    expect(all.filter((value) => value.startsWith('b'))).toEqual(['b1', 'b2']);
  });

  test('is held until the reader comes back: no source is asked for more meanwhile', async () => {
    const [one, two] = [new Source([1, 2, 3]), new Source([11, 12, 13])];
    const rows = asTheyCome([one, two]);
    await rows.next();
    await turn();
    expect([one.asked, two.asked]).toEqual([1, 1]);
    await rows.next();
    await turn();
    expect(one.asked + two.asked).toBe(3);
    await rows.return();
    await turn();
    expect([one.isLeft, two.isLeft]).toEqual([true, true]);
  });

  test('fails when one of them does, and the others are left', async () => {
    const broken = new Source(['b'], Promise.reject(new Error('broken')));
    const other = new Source(['o1', 'o2', 'o3', 'o4'], new Promise(() => undefined));
    const read = async (): Promise<void> => {
      for await (const value of asTheyCome([broken, other])) expect(value).toMatch(/[bo]/);
    };
    await expect(read()).rejects.toThrow('broken');
  });

  test('is not kept in memory while one of them is quiet', async () => {
    setFlagsFromString('--expose_gc');
    const collect = runInNewContext('gc') as () => void;
    const passed: WeakRef<object>[] = [];
    const values = function* (): Generator<object> {
      for (let number = 0; number < 1000; number += 1) {
        const value = { number };
        passed.push(new WeakRef(value));
        yield value;
      }
    };
    const quiet = new Source<object>([], new Promise(() => undefined));
    const rows = asTheyCome([new Source(values()), quiet]);
    for (let number = 0; number < 1000; number += 1) await rows.next();
    await turn();
    collect();
    expect(passed.filter((one) => one.deref() !== undefined).length).toBeLessThan(10);
    void rows.return();
  });
});
