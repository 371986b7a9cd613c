import { expect, test } from '@jest/globals';
import { GatewayError } from '../../../src/core/index.js';
import { Union } from '../../../src/gateway/union-turn.js';

const refusal = new GatewayError('peer-failed', 'no');

test('each has its turn when all before it have had theirs, in whatever order they end', async () => {
  const union = new Union();
  const turns = [union.turn(), union.turn(), union.turn()];
  const began: number[] = [];
  const begun = turns.map((turn, index) => turn.begin().then(() => began.push(index)));
  turns[1]?.end();
  await begun[0];
  await Promise.resolve();
  expect(began).toEqual([0]);
  turns[0]?.end();
  await Promise.all(begun);
  expect(began).toEqual([0, 1, 2]);
});

test('an instance is taken once; what one leaves another may take, and what nobody takes is lost', () => {
  const union = new Union();
  const [a, b] = [union.turn(), union.turn()];
  a.leave('1', refusal);
  a.leave('2', refusal);
  expect([a.take('3'), b.take('3'), b.take('1'), a.take('1')]).toEqual([true, false, true, false]);
  expect(union.lost).toEqual([refusal]);
});
