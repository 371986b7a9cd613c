import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { KeySet } from '../../../src/core/index.js';

const uid = fc.stringMatching(/^[12](\.[0-9]{1,3}){0,3}$/);
const key = fc.oneof(
  uid,
  fc.tuple(uid, uid).map((two) => two.join(' ')),
  fc.string({ maxLength: 3 }),
);

describe('a set of keys', () => {
  test('says of every text what a Set of texts says', () => {
    fc.assert(
      fc.property(fc.array(key), fc.array(key), (added, asked) => {
        const [set, expected] = [new KeySet(), new Set<string>()];
        for (const one of added) {
          expect(set.add(one)).toBe(!expected.has(one));
          expected.add(one);
        }
        expect(set.size).toBe(expected.size);
        for (const one of [...added, ...asked]) expect(set.has(one)).toBe(expected.has(one));
      }),
    );
  });

  test('holds texts of any length and characters apart', () => {
    const set = new KeySet();
    const digits = (length: number): string => '1'.repeat(length);
    const keys = [
      '',
      '1',
      '11',
      digits(255),
      digits(256),
      digits(70_000),
      '1.2 ',
      'a',
      '\u{1f600}',
      '\ud800',
    ];
    expect(keys.map((one) => set.add(one))).toEqual(keys.map(() => true));
    expect(keys.map((one) => set.add(one))).toEqual(keys.map(() => false));
    expect([set.size, set.has(digits(254)), set.has('1.2')]).toEqual([keys.length, false, false]);
  });

  test('of 200,000 UIDs takes a few megabytes, and none of them on the heap', () => {
    const set = new KeySet();
    const before = process.memoryUsage().arrayBuffers;
    for (let number = 0; number < 200_000; number += 1)
      if (!set.add(`2.25.1234567890.${number}`)) throw new Error(`${number} was there`);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(12 * 2 ** 20);
    for (let number = 0; number < 200_000; number += 1)
      if (!set.has(`2.25.1234567890.${number}`)) throw new Error(`${number} is missing`);
    expect([set.size, set.has('2.25.1234567890.200000')]).toEqual([200_000, false]);
  });
});
