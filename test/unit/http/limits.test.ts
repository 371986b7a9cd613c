import { describe, expect, test } from '@jest/globals';
import { BodyPace } from '../../../src/http/body-pace.js';
import { RateLimit } from '../../../src/http/rate-limit.js';

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'counted',
    (error: unknown) => (error as { code?: string }).code,
  );

describe('a rate limit', () => {
  test('holds for each client apart, and says when to come back', async () => {
    const limit = new RateLimit({ requests: 2, withinMs: 3_600_000, message: 'too much' });
    const codes: unknown[] = [];
    for (const client of ['a', 'a', 'b', 'a', 'b', 'b']) codes.push(await codeOf(limit.count(client)));
    expect(codes).toEqual(['counted', 'counted', 'counted', 'rate-limited', 'counted', 'rate-limited']);
    await expect(limit.requireBelow('a')).rejects.toMatchObject({ retryAfterSeconds: expect.any(Number) });
    expect(await codeOf(limit.requireBelow('c'))).toBe('counted');
  });

  test('of 0 is none', async () => {
    const limit = new RateLimit({ requests: 0, withinMs: 1000, message: 'too much' });
    for (let count = 0; count < 1000; count += 1) await limit.count('a');
    expect(await codeOf(limit.count('a'))).toBe('counted');
  });

  test('tells so many clients apart and no more: the others share one', async () => {
    const limit = new RateLimit({ requests: 2, withinMs: 3_600_000, message: 'too much' });
    for (let count = 0; count < 20_000; count += 1) await limit.count(`client ${count}`);
    expect(await codeOf(limit.count('new 1'))).toBe('counted');
    expect(await codeOf(limit.count('new 2'))).toBe('counted');
    expect(await codeOf(limit.count('new 3'))).toBe('rate-limited');
    expect(await codeOf(limit.count('client 7'))).toBe('counted');
  });
});

describe('the pace of a body', () => {
  const pace = (): BodyPace => new BodyPace({ bodyTimeoutMs: 1000, minBodyRate: 100 });

  test('is too slow when a byte comes now and then', () => {
    const slow = pace();
    expect(() => {
      for (let count = 0; count < 3; count += 1) slow.took(500, 1);
    }).toThrow('too slowly');
  });

  test('does not become so by what came before', () => {
    const slow = pace();
    slow.took(1000, 1_000_000);
    expect(() => {
      slow.took(1000, 1);
    }).toThrow('too slowly');
  });

  test('is enough where it is enough, and where none is asked', () => {
    const enough = pace();
    for (let count = 0; count < 10; count += 1) enough.took(500, 50);
    const any = new BodyPace({ bodyTimeoutMs: 1000, minBodyRate: 0 });
    for (let count = 0; count < 10; count += 1) any.took(900, 0);
    expect(enough).toBeDefined();
  });
});
