import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Clock } from '../../../src/core/index.js';
import type { PeerOptions } from '../../../src/dimse/index.js';
import { PeerKnowledge } from '../../../src/dimse/peer-knowledge.js';
import { PoolLimit } from '../../../src/dimse/pool-limit.js';

class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  now(): number {
    return this.#now;
  }
  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
  pass(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers])
      if (timer.at <= this.#now && this.#timers.delete(timer)) timer.callback();
  }
}

let clock: ManualClock;
let raised: number;
let limit: PoolLimit;

beforeEach(() => {
  clock = new ManualClock();
  raised = 0;
  limit = new PoolLimit({
    // What it uses of a peer, no more.
    peer: { associations: 4, relearnMs: 100_000 } as PeerOptions,
    knowledge: new PeerKnowledge({ peer: 'main', clock, observe: () => undefined }),
    clock,
    raised: () => (raised += 1),
  });
});

describe('the limit of a pool', () => {
  test('is what is configured until the peer refuses more, and again after a moment', () => {
    expect([limit.told, limit.usable]).toEqual([4, 4]);
    limit.learnTold(2);
    expect([limit.told, limit.usable]).toEqual([2, 2]);
    clock.pass(1_999);
    expect([limit.usable, raised]).toEqual([2, 0]);
    clock.pass(1);
    expect([limit.usable, raised]).toEqual([4, 1]);
  });

  test('is believed twice as long each time that the peer confirms it, within bounds', () => {
    const lives = [2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 100_000, 100_000];
    for (const life of lives) {
      limit.learnTold(2);
      limit.learnTold(2); // several at once are one refusal
      clock.pass(life - 1);
      expect(limit.usable).toBe(2);
      clock.pass(1);
      expect(limit.usable).toBe(4);
    }
    limit.reached(3);
    limit.learnTold(3);
    clock.pass(2_000);
    expect(limit.usable).toBe(4);
  });

  test('of a peer that is slow is not what the peer said', () => {
    limit.learnSlow(1);
    expect([limit.told, limit.usable]).toEqual([4, 1]);
    clock.pass(30_000);
    expect([limit.usable, raised]).toEqual([4, 1]);
  });

  test('that was none is forgotten', () => {
    limit.learnTold(1);
    limit.forget();
    expect(limit.usable).toBe(4);
  });

  test('leaves no timer behind', () => {
    limit.learnTold(1);
    limit.learnSlow(1);
    limit.close();
    clock.pass(1_000_000);
    expect(raised).toBe(0);
  });
});
