import { describe, expect, test } from '@jest/globals';
import { ByteBudget, GatewayError } from '../../../src/core/index.js';

describe('ByteBudget', () => {
  test('serves waiters in the order they came, however small a later one is', async () => {
    const budget = new ByteBudget(10);
    await budget.acquire(8);
    const order: string[] = [];
    const big = budget.acquire(5).then(() => order.push('big'));
    const small = budget.acquire(1).then(() => order.push('small'));
    expect(budget.tryAcquire(1)).toBe(false);
    budget.release(8);
    await Promise.all([big, small]);
    expect(order).toEqual(['big', 'small']);
    expect(budget.used).toBe(6);
  });

  test('grants a request larger than the whole budget once nothing else is held', async () => {
    const budget = new ByteBudget(10);
    await budget.acquire(4);
    const oversized = budget.acquire(50);
    expect(budget.waiting).toBe(1);
    budget.release(4);
    await oversized;
    expect(budget.used).toBe(50);
  });

  test('a waiter that gives up frees the line behind it', async () => {
    const budget = new ByteBudget(10);
    await budget.acquire(6);
    const controller = new AbortController();
    const first = budget.acquire(8, controller.signal);
    const second = budget.acquire(3);
    controller.abort();
    await expect(first).rejects.toMatchObject({ code: 'cancelled' });
    await second;
    expect(budget.used).toBe(9);
    expect(budget.waiting).toBe(0);
  });

  test('an aborted signal is refused at once with its own reason', async () => {
    const reason = new GatewayError('shutting-down', 'The gateway is stopping.');
    const refused = new ByteBudget(1).acquire(1, AbortSignal.abort(reason));
    await expect(refused).rejects.toBe(reason);
  });
});
