import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TurnBudget } from '../../../src/http/turn-budget.js';

const BUDGET = 100;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('what all responses write in one turn of the event loop', () => {
  test('is bounded, and everybody gets their turn in order', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(sizes, async (all) => {
        const turns = new TurnBudget(BUDGET);
        const written: number[] = [];
        let now = 0;
        for (const [index, bytes] of all.entries()) {
          const write = (): void => {
            written.push(index);
            now += bytes;
          };
          const later = turns.take(bytes);
          if (later) void later.then(write);
          else write();
        }
        const perTurn: number[] = [];
        while (written.length < all.length || now > 0) {
          perTurn.push(now);
          now = 0;
          await turn();
        }
        expect(written).toEqual(all.map((_, index) => index));
        // The last write of a turn may go beyond the bound; each turn but the last is full.
        for (const bytes of perTurn) expect(bytes).toBeLessThan(BUDGET + 150);
        for (const bytes of perTurn.slice(0, -1)) expect(bytes).toBeGreaterThanOrEqual(BUDGET);
      }),
    );
  });

  test('is there again in the next turn', async () => {
    const turns = new TurnBudget(BUDGET);
    expect(turns.take(BUDGET)).toBeUndefined();
    expect(turns.take(1)).toBeDefined();
    await turn();
    await turn();
    expect(turns.take(1)).toBeUndefined();
  });

  test('is nobody’s who comes later while others wait', async () => {
    const turns = new TurnBudget(BUDGET);
    const order: number[] = [];
    void turns.take(BUDGET);
    const first = turns.take(BUDGET)?.then(() => {
      order.push(1);
    });
    const second = turns.take(1)?.then(() => {
      order.push(2);
    });
    await Promise.all([first, second]);
    expect(order).toEqual([1, 2]);
  });
});
