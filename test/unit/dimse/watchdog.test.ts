import { describe, expect, test } from '@jest/globals';
import type { Clock } from '../../../src/core/index.js';
import { Watchdog, type Expiry } from '../../../src/dimse/watchdog.js';

/** Time that goes on when told. */
class ManualClock implements Clock {
  time = 1000;
  readonly timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  now(): number {
    return this.time;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.time + ms, callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const [next] = [...this.timers].filter(({ at }) => at <= end).sort((left, right) => left.at - right.at);
      if (!next) break;
      this.timers.delete(next);
      this.time = next.at;
      next.callback();
    }
    this.time = end;
  }
}

function start(timeouts: { firstResponseMs: number; betweenResponsesMs: number; totalMs: number }) {
  const clock = new ManualClock();
  const heard = { at: 0 };
  const expired: Expiry[] = [];
  const watchdog = new Watchdog({
    clock,
    timeouts,
    lastHeard: () => heard.at,
    expired: (expiry) => expired.push(expiry),
  });
  return { clock, heard, expired, watchdog };
}

describe('the time-outs of an operation', () => {
  test('the first answer may come later by what is said so, and nothing else', () => {
    const { clock, expired, watchdog } = start({ firstResponseMs: 100, betweenResponsesMs: 30, totalMs: 0 });
    watchdog.watch(1000);
    clock.advance(1099);
    expect(expired).toEqual([]);
    clock.advance(1);
    expect(expired).toEqual(['first-response']);
  });

  test('silence counts from the end of the request to the first answer, then from answer to answer', () => {
    const { clock, heard, expired, watchdog } = start({
      firstResponseMs: 100,
      betweenResponsesMs: 30,
      totalMs: 0,
    });
    clock.advance(500);
    watchdog.watch();
    clock.advance(99);
    expect(expired).toEqual([]);
    heard.at = clock.now();
    clock.advance(29);
    heard.at = clock.now();
    clock.advance(29);
    expect(expired).toEqual([]);
    clock.advance(31);
    expect(expired).toEqual(['between-responses']);
    expect(clock.timers.size).toBe(0);
  });

  test('no answer at all is told apart', () => {
    const { clock, expired, watchdog } = start({ firstResponseMs: 100, betweenResponsesMs: 300, totalMs: 0 });
    watchdog.watch();
    clock.advance(100);
    expect(expired).toEqual(['first-response']);
  });

  test('sub-operations that come elsewhere count as a sign of life, time that we hold them up does not count', () => {
    const { clock, expired, watchdog } = start({ firstResponseMs: 50, betweenResponsesMs: 50, totalMs: 0 });
    watchdog.watch();
    clock.advance(40);
    watchdog.touch();
    clock.advance(40);
    const release = watchdog.hold();
    clock.advance(400);
    release();
    clock.advance(49);
    expect(expired).toEqual([]);
    clock.advance(51);
    expect(expired).toEqual(['between-responses']);
  });

  test('0 switches a limit off', () => {
    const { clock, expired, watchdog } = start({ firstResponseMs: 0, betweenResponsesMs: 0, totalMs: 0 });
    watchdog.watch();
    clock.advance(1e9);
    expect(expired).toEqual([]);
    expect(clock.timers.size).toBe(0);
  });

  test('the total counts from the beginning, and nothing counts after the end', () => {
    const ran = start({ firstResponseMs: 0, betweenResponsesMs: 0, totalMs: 100 });
    ran.clock.advance(100);
    expect(ran.expired).toEqual(['total']);
    const stopped = start({ firstResponseMs: 10, betweenResponsesMs: 10, totalMs: 10 });
    stopped.watchdog.watch();
    stopped.watchdog.stop();
    stopped.clock.advance(100);
    expect(stopped.expired).toEqual([]);
  });
});
