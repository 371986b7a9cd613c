import { describe, expect, test } from '@jest/globals';
import { GivingWay, type Turn } from '../../../src/gateway/giving-way.js';
import { ManualClock } from '../cache/harness.js';

interface Scene {
  readonly clock: ManualClock;
  /** A retrieve that is asked for. */
  readonly begin: (isForPerson?: boolean) => Turn;
  readonly hurry: () => void;
  /** Whoever is about to ask for the next one. */
  readonly ask: () => Promise<{ readonly goesOn: boolean }>;
}

function setUp(fastestMs = 0): Scene {
  const clock = new ManualClock();
  const givingWay = new GivingWay(clock, () => fastestMs);
  return {
    clock,
    hurry: () => {
      givingWay.hurry();
    },
    begin: (isForPerson = true) => {
      const turn = givingWay.take(isForPerson);
      turn.begun();
      return turn;
    },
    ask: async () => {
      const next = { goesOn: false };
      void givingWay.next().then(() => {
        next.goesOn = true;
      });
      await settled();
      return next;
    },
  };
}

const settled = (): Promise<void> => new Promise(setImmediate);

/** The peer has brought it. */
const bring = (turn: Turn): void => {
  turn.heard();
  turn.ended();
};

describe('the next retrieve', () => {
  test('is asked for at once while what was asked for later is not over before what was asked for sooner', async () => {
    const { begin, ask, clock } = setUp();
    expect(await ask()).toEqual({ goesOn: true });
    const [first, second] = [begin(), begin()];
    bring(first);
    expect(await ask()).toEqual({ goesOn: true });
    second.heard();
    begin();
    expect(await ask()).toEqual({ goesOn: true });
    expect(clock.pending).toBe(0);
  });

  test('waits for one that the peer has passed over, until something of it has come', async () => {
    const { begin, ask, clock } = setUp();
    const [passed, later] = [begin(), begin()];
    bring(later);
    const next = await ask();
    expect(next.goesOn).toBe(false);
    passed.heard();
    await settled();
    expect([next.goesOn, clock.pending]).toEqual([true, 0]);
  });

  test('waits no longer for one that has failed', async () => {
    const { begin, ask, clock } = setUp();
    const [passed, later] = [begin(), begin()];
    bring(later);
    const next = await ask();
    passed.ended();
    await settled();
    expect([next.goesOn, clock.pending]).toEqual([true, 0]);
  });

  test('waits for so long as the peer needs to answer, once nothing else runs, and once for each', async () => {
    const { begin, ask, clock } = setUp(50);
    begin();
    const [later, running] = [begin(), begin()];
    running.heard();
    bring(later);
    const next = await ask();
    clock.advance(1000);
    await settled();
    expect(next.goesOn).toBe(false);
    running.ended();
    clock.advance(299);
    await settled();
    expect(next.goesOn).toBe(false);
    clock.advance(1);
    await settled();
    expect([next.goesOn, clock.pending]).toEqual([true, 0]);
    bring(begin());
    expect(await ask()).toEqual({ goesOn: true });
  });

  test('waits for two seconds at most for those that run', async () => {
    const { begin, ask, clock } = setUp();
    begin();
    const [later, running] = [begin(), begin()];
    running.heard();
    bring(later);
    const next = [await ask(), await ask()];
    clock.advance(1999);
    await settled();
    expect(next.map(({ goesOn }) => goesOn)).toEqual([false, false]);
    clock.advance(1);
    await settled();
    expect(next.map(({ goesOn }) => goesOn)).toEqual([true, true]);
    expect(clock.pending).toBe(0);
  });

  test('does not wait for one that failed to tell it was passed over, nor for one without an association', async () => {
    const { begin, ask } = setUp();
    begin();
    begin().ended();
    expect(await ask()).toEqual({ goesOn: true });
    const other = setUp();
    bring(other.begin());
    expect(await other.ask()).toEqual({ goesOn: true });
  });

  test('goes on when somebody waits for it', async () => {
    const { begin, ask, hurry, clock } = setUp();
    begin();
    bring(begin());
    const next = await ask();
    expect(next.goesOn).toBe(false);
    hurry();
    await settled();
    expect([next.goesOn, clock.pending]).toEqual([true, 0]);
  });

  test('does not wait for what nobody waits for', async () => {
    const { begin, ask } = setUp();
    begin(false);
    bring(begin());
    expect(await ask()).toEqual({ goesOn: true });
  });
});
