import { describe, expect, test } from '@jest/globals';
import type { Priority } from '../../../src/core/index.js';
import { mayTake, type Share } from '../../../src/dimse/pool-shares.js';
import { WaitingLine } from '../../../src/dimse/waiting-line.js';

interface Named {
  readonly name: string;
  readonly priority: Priority;
}

function lineOf(...waiters: readonly Named[]): WaitingLine<Named> {
  const line = new WaitingLine<Named>();
  for (const waiter of waiters) line.add(waiter);
  return line;
}

const bulk1: Named = { name: 'bulk 1', priority: 'bulk' };
const bulk2: Named = { name: 'bulk 2', priority: 'bulk' };
const guess1: Named = { name: 'guess 1', priority: 'prefetch' };
const person1: Named = { name: 'person 1', priority: 'interactive' };
const person2: Named = { name: 'person 2', priority: 'interactive' };

describe('the waiting line', () => {
  test('serves people before guesses before jobs, and equals in their order', () => {
    const line = lineOf(bulk1, person1, guess1, bulk2, person2);
    expect(line.inOrder()).toEqual([person1, person2, guess1, bulk1, bulk2]);
    expect(line.counts).toEqual({ interactive: 2, prefetch: 1, bulk: 2 });
  });

  test('gives up the newest of those that matter least', () => {
    const line = lineOf(bulk1, person1, guess1, bulk2, person2);
    const left: (string | undefined)[] = [];
    for (let { last } = line; last; { last } = line) {
      left.push(last.name);
      line.remove(last);
    }
    expect(left).toEqual(['bulk 2', 'bulk 1', 'guess 1', 'person 2', 'person 1']);
  });

  test('puts back before its equals, not before its betters', () => {
    const line = lineOf(person1, guess1, bulk2);
    line.addFirst(bulk1);
    expect(line.inOrder()).toEqual([person1, guess1, bulk1, bulk2]);
    expect([line.remove(bulk1), line.remove(bulk1), line.size]).toEqual([true, false, 3]);
  });
});

describe('the shares of associations', () => {
  const share = (use: Share['use'], isBackground: boolean): Share => ({ use, isBackground });
  const person = share('transfer', false);
  const job = share('transfer', true);
  const jobSearch = share('search', true);
  const limits = (associations: number, background: number, usable = associations) => ({
    associations,
    background,
    usable,
  });

  test.each<[string, readonly [Share, readonly Share[]], ReturnType<typeof limits>, boolean]>([
    ['a person may transfer on all but the one for searches', [person, [person, person]], limits(4, 1), true],
    ['and not on that', [person, [person, person, person]], limits(4, 1), false],
    ['a person may search on any', [share('search', false), [person, job, person]], limits(4, 1), true],
    ['a job may transfer', [job, [person]], limits(4, 1), true],
    ['and no more at once than configured', [job, [job]], limits(4, 1), false],
    ['two when two are configured', [job, [job]], limits(4, 2), true],
    ['never on the last for transfers, whatever is configured', [job, [job, job]], limits(4, 9), false],
    ['a person gets that one', [person, [job, job]], limits(4, 9), true],
    ['with two associations a job and people share the one for transfers', [job, []], limits(2, 1), true],
    ['with one everything shares it', [job, []], limits(1, 1), true],
    ['what the peer was seen to take counts', [job, [job]], limits(8, 4, 3), false],
    ['searches of jobs leave one association too', [jobSearch, [job, jobSearch]], limits(3, 1), false],
  ])('%s', (_what, [wanted, held], of, expected) => {
    expect(mayTake(wanted, held, of)).toBe(expected);
  });
});
