import { expect, test } from '@jest/globals';
import { LazySet } from '../../../src/core/index.js';

test('is a set, also after it was empty and while it is gone through', () => {
  const set = new LazySet<string>();
  expect([set.size, [...set], set.has('a'), set.delete('a')]).toEqual([0, [], false, false]);
  for (const item of ['a', 'b', 'a', 'c']) set.add(item);
  expect([set.size, [...set], set.has('b')]).toEqual([3, ['a', 'b', 'c'], true]);
  const seen: string[] = [];
  for (const item of set) {
    set.delete(item);
    seen.push(item);
  }
  expect([seen, set.size, [...set]]).toEqual([['a', 'b', 'c'], 0, []]);
  set.add('d');
  expect([...set]).toEqual(['d']);
  set.clear();
  expect([set.size, [...set]]).toEqual([0, []]);
});
