import { describe, expect, test } from '@jest/globals';
import { EarlyArrivals, type Releasable } from '../../../src/gateway/early-arrivals.js';
import type { FoundInstance } from '../../../src/gateway/want.js';

interface Arriving {
  readonly instance: FoundInstance;
  readonly finish: () => void;
  readonly fail: () => void;
}

/** An instance that arrives until it is told how to end. */
function arriving(sopInstanceUid: string): Arriving {
  const ends: { finish: () => void; fail: () => void } = { finish: () => undefined, fail: () => undefined };
  const complete = new Promise<void>((resolve, reject) => {
    ends.finish = resolve;
    ends.fail = () => {
      reject(new Error('broken off'));
    };
  });
  // Of an instance nothing else is looked at.
  // What early arrivals look at of an instance, no more.
  const instance = { key: { sopInstanceUid }, complete } as unknown as FoundInstance;
  return { instance, ...ends };
}

function setUp(): { early: EarlyArrivals<Releasable>; happened: string[] } {
  const happened: string[] = [];
  const uidOf = ({ key }: FoundInstance): string => key.sopInstanceUid;
  const early = new EarlyArrivals<Releasable>({
    begun: (instance) => ({ release: () => void happened.push(`let go of ${uidOf(instance)}`) }),
    there: (instance) => void happened.push(`there ${uidOf(instance)}`),
    failed: () => void happened.push('failed'),
  });
  return { early, happened };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('EarlyArrivals', () => {
  test('an instance is delivered once it is whole, and its row is not asked for then', async () => {
    const { early, happened } = setUp();
    const { instance, finish } = arriving('1');
    early.guest(instance);
    early.guest(instance);
    expect(happened).toEqual([]);
    finish();
    await settled();
    expect(early.claim('1')).toBe(true);
    expect(happened).toEqual(['there 1']);
    expect(await early.unclaimed()).toEqual([]);
  });

  test('its row delivers it while it is still arriving', async () => {
    const { early, happened } = setUp();
    const { instance, finish } = arriving('1');
    early.guest(instance);
    expect(early.claim('1')).toBe(true);
    expect(happened).toEqual(['there 1']);
    finish();
    await settled();
    expect(happened).toEqual(['there 1']);
  });

  test('one that breaks off before is let go of, and its row is to be asked for', async () => {
    const { early, happened } = setUp();
    const { instance, fail } = arriving('1');
    early.guest(instance);
    fail();
    await settled();
    expect(early.claim('1')).toBe(false);
    expect(happened).toEqual(['let go of 1', 'failed']);
  });

  test('those that no row has named are known when the last of them has ended', async () => {
    const { early } = setUp();
    const [whole, broken, named] = [arriving('1'), arriving('2'), arriving('3')];
    for (const { instance } of [whole, broken, named]) early.guest(instance);
    early.claim('3');
    const unclaimed = early.unclaimed();
    whole.finish();
    broken.fail();
    expect(await unclaimed).toEqual([whole.instance]);
  });
});
