import { setMaxListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { hashPassword, parsePasswordHash, Passwords } from '../../../src/access/passwords.js';

const { signal } = new AbortController();
setMaxListeners(0, signal);

describe('passwords', () => {
  test('are right and wrong; what was right is known for a minute without another look', async () => {
    let now = 0;
    const passwords = new Passwords([{ name: 'anna', password: await hashPassword('secret') }], () => now);
    expect(await passwords.isRight('anna', 'wrong', signal)).toBe(false);
    expect(await passwords.isRight('bert', 'secret', signal)).toBe(false);
    expect(await passwords.isRight('anna', 'secret', signal)).toBe(true);
    const before = process.hrtime.bigint();
    for (let count = 0; count < 1000; count += 1)
      expect(await passwords.isRight('anna', 'secret', signal)).toBe(true);
    // A thousand looks would take minutes.
    expect(Number(process.hrtime.bigint() - before) / 1e9).toBeLessThan(20);
    now = 61_000;
    expect(await passwords.isRight('anna', 'secret', signal)).toBe(true);
    expect(await passwords.isRight('anna', 'Secret', signal)).toBe(false);
  });

  test('are looked at a few at once, some wait, and the others are told to come again', async () => {
    const passwords = new Passwords([], () => 0);
    const controller = new AbortController();
    setMaxListeners(0, controller.signal);
    const asked = Array.from({ length: 100 }, (_, index) =>
      passwords.isRight('anna', `wrong ${index}`, controller.signal).then(
        () => 'looked at',
        (error: unknown) => (error as { code?: string }).code,
      ),
    );
    const early = await asked.at(-1);
    controller.abort();
    const all = await Promise.all(asked);
    expect(early).toBe('overloaded');
    expect(all.filter((one) => one === 'overloaded')).toHaveLength(100 - 52);
    expect(all.slice(0, 2)).toEqual(['looked at', 'looked at']);
    expect(all.slice(2, 52).every((one) => one === 'cancelled' || one === 'looked at')).toBe(true);
  });

  test('that are nothing, or too long, get no hash', async () => {
    await expect(hashPassword('')).rejects.toThrow('1 to 1024 bytes');
    await expect(hashPassword('x'.repeat(1025))).rejects.toThrow('1 to 1024 bytes');
  });

  const rest = `${'A'.repeat(22)}:${'A'.repeat(43)}`;
  test.each([
    'secret',
    '',
    `scrypt:15000:8:5:${rest}`,
    `scrypt:1024:8:5:${rest}`,
    // 2 GiB.
    `scrypt:2097152:8:5:${rest}`,
    `scrypt:131072:32:5:${rest}`,
    `scrypt:16384:8:17:${rest}`,
    `scrypt:16384:0:1:${rest}`,
    `scrypt:16384:8:5:${'A'.repeat(21)}:${'A'.repeat(43)}`,
  ])('%s is no hash', (text) => {
    expect(parsePasswordHash(text)).toBeUndefined();
    expect(() => new Passwords([{ name: 'anna', password: text }], () => 0)).toThrow('The password of anna');
  });
});
