import { describe, expect, test } from '@jest/globals';
import { Semaphore } from '../../../src/core/index.js';

describe('Semaphore', () => {
  test('lets in as many as its limit, then in order, and forgives a double release', async () => {
    const semaphore = new Semaphore(1);
    const release = await semaphore.acquire();
    const order: number[] = [];
    const second = semaphore.acquire().then((next) => (order.push(2), next));
    const third = semaphore.acquire().then((next) => (order.push(3), next));
    release();
    release();
    (await second)();
    (await third)();
    expect(order).toEqual([2, 3]);
    expect(semaphore.held).toBe(0);
  });

  test('who gives up waiting does not take a place', async () => {
    const semaphore = new Semaphore(1);
    const release = await semaphore.acquire();
    const controller = new AbortController();
    const waiting = semaphore.acquire(controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    release();
    expect(semaphore.held).toBe(0);
    expect(semaphore.waiting).toBe(0);
  });
});
