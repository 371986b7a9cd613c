import { expect, test } from '@jest/globals';
import { ReplacedLately } from '../../../src/gateway/replaced-lately.js';

const instance = (
  sopInstanceUid: string,
  studyInstanceUid = '1.1',
): Parameters<ReplacedLately['since']>[1] => ({
  studyInstanceUid,
  sopInstanceUid,
});

test('what was asked for before is not what is there now, what is asked for after it is', () => {
  const replaced = new ReplacedLately();
  const before = replaced.mark;
  replaced.note('1.2');
  expect(replaced.since(before, instance('1.2'))).toBe(true);
  expect(replaced.since(before, instance('1.3'))).toBe(false);
  expect(replaced.since(replaced.mark, instance('1.2'))).toBe(false);
});

test('a study is all that is in it', () => {
  const replaced = new ReplacedLately();
  const before = replaced.mark;
  replaced.note('1.1');
  expect(replaced.since(before, instance('1.2'))).toBe(true);
  expect(replaced.since(before, instance('1.2', '1.9'))).toBe(false);
});

test('what is not remembered any more may have been anything', () => {
  const replaced = new ReplacedLately(2);
  const first = replaced.mark;
  replaced.note('1.2');
  const second = replaced.mark;
  for (const uid of ['1.3', '1.4']) replaced.note(uid);
  expect(replaced.since(first, instance('1.2'))).toBe(true);
  expect(replaced.since(first, instance('1.9'))).toBe(true);
  // What has been forgotten was before that.
  expect(replaced.since(second, instance('1.2'))).toBe(false);
  expect(replaced.since(second, instance('1.4'))).toBe(true);
});
