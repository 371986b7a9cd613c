import { describe, expect, test } from '@jest/globals';
import { cancelWhenDeserted, cancelWhenHastened } from '../../../src/gateway/batch-cancel.js';
import { Want, type Asker, type FoundInstance } from '../../../src/gateway/want.js';
import { ManualClock } from '../cache/harness.js';

const asker = (): Asker => ({ arrived: () => undefined, failed: () => undefined });

function setUp(): {
  readonly want: Want;
  readonly clock: ManualClock;
  readonly signal: AbortSignal;
  readonly ended: () => void;
} {
  const want = new Want(
    { studyInstanceUid: '1', seriesInstanceUid: '1.1', sopInstanceUid: '1.1.1', sopClassUid: undefined },
    'main',
    'request',
  );
  want.state = 'requested';
  const clock = new ManualClock();
  const controller = new AbortController();
  const ended = cancelWhenDeserted([want], controller, clock, 1000);
  return { want, clock, signal: controller.signal, ended };
}

describe('a retrieve that nobody waits for', () => {
  test('goes on for the whole of its time after the last who came back has left', () => {
    const { want, clock, signal } = setUp();
    want.join(asker()).release();
    clock.advance(900);
    want.join(asker()).release();
    clock.advance(900);
    expect(signal.aborted).toBe(false);
    clock.advance(100);
    expect(signal.aborted).toBe(true);
  });

  test('goes on while somebody reads it to whom another retrieve has brought it', () => {
    const { want, clock, signal } = setUp();
    const instance = { isHeld: true };
    // Nothing else of it is looked at here.
    want.arrived(instance as FoundInstance);
    want.join(asker()).release();
    clock.advance(5000);
    expect(signal.aborted).toBe(false);
    instance.isHeld = false;
    clock.advance(1000);
    expect(signal.aborted).toBe(true);
  });

  test('has one timer however many come and leave, and none when it has ended', () => {
    const { want, clock, signal, ended } = setUp();
    for (let n = 0; n < 10; n += 1) want.join(asker()).release();
    expect(clock.pending).toBe(1);
    ended();
    expect(clock.pending).toBe(0);
    want.join(asker()).release();
    clock.advance(2000);
    expect([clock.pending, signal.aborted]).toEqual([0, false]);
  });
});

describe('a background retrieve of what a person has come to wait for', () => {
  test('is given up while it waits for an association', () => {
    const { want } = setUp();
    const controller = new AbortController();
    cancelWhenHastened([want], controller);
    want.onHastened();
    expect(controller.signal.aborted).toBe(true);
  });

  test('goes on once the peer has been asked, though nothing has come', () => {
    const { want } = setUp();
    const controller = new AbortController();
    cancelWhenHastened([want], controller)();
    want.onHastened();
    expect([want.state, controller.signal.aborted]).toEqual(['requested', false]);
  });
});
