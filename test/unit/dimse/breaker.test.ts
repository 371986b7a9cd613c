import { beforeEach, describe, expect, test } from '@jest/globals';
import { GatewayError, type GatewayErrorCode, type Observation } from '../../../src/core/index.js';
import { CircuitBreaker, type Attempt } from '../../../src/dimse/breaker.js';
import { openingSign, operationSign, saysFull } from '../../../src/dimse/peer-sign.js';
import { ManualClock } from '../cache/harness.js';

const down = new GatewayError('peer-unreachable', 'The peer could not be reached.');
const broke = new GatewayError('peer-aborted', 'The peer aborted the association.');

let clock: ManualClock;
let probes: number;
let probe: () => Promise<unknown>;
let refused: GatewayError[];
let observations: Observation[];

function breaker(failures = 3): CircuitBreaker {
  return new CircuitBreaker({
    peer: 'main',
    failures,
    openForMs: 15_000,
    observe: (observation) => observations.push(observation),
    clock,
    probe: () => {
      probes += 1;
      return probe();
    },
    opened: (refusal) => refused.push(refusal),
  });
}

function fail(subject: CircuitBreaker, times: number): void {
  for (let count = 0; count < times; count += 1) subject.admit().ended('gone', down);
}

beforeEach(() => {
  clock = new ManualClock();
  clock.advance(1000);
  probes = 0;
  probe = () => Promise.resolve();
  refused = [];
  observations = [];
});

describe('the circuit breaker', () => {
  test('opens after so many failures in a row, and refuses at once with when to come back', () => {
    const subject = breaker();
    fail(subject, 2);
    expect([subject.state, subject.lastError]).toEqual(['closed', down.message]);
    fail(subject, 1);
    expect(subject.state).toBe('open');
    clock.advance(3000);
    expect(() => subject.admit()).toThrow(
      expect.objectContaining({
        code: 'peer-unreachable',
        peer: 'main',
        retryAfterSeconds: 12,
        message: expect.stringMatching(/tries again in 12 s.*could not be reached/),
      }),
    );
  });

  test('refuses who waits when it opens, and says so once', () => {
    fail(breaker(), 3);
    expect(refused).toHaveLength(1);
    expect(observations).toEqual([{ kind: 'breaker', peer: 'main', event: 'opened', detail: down.message }]);
  });

  test('any answer in between begins the count anew', () => {
    const subject = breaker();
    fail(subject, 2);
    subject.admit().ended('alive');
    fail(subject, 2);
    expect(subject.state).toBe('closed');
  });

  test('what says nothing of the peer does not count, either way', () => {
    const subject = breaker();
    fail(subject, 2);
    for (let count = 0; count < 10; count += 1) subject.admit().ended('none', down);
    expect(subject.state).toBe('closed');
    fail(subject, 1);
    expect(subject.state).toBe('open');
  });

  test('afterwards one request tries the peer, and the others are still refused', () => {
    const subject = breaker();
    fail(subject, 3);
    clock.advance(15_000);
    expect(subject.state).toBe('half-open');
    const trial = subject.admit();
    expect(() => subject.admit()).toThrow(/right now/);
    trial.ended('alive');
    expect([subject.state, subject.lastError]).toEqual(['closed', undefined]);
    expect(observations.at(-1)).toEqual({ kind: 'breaker', peer: 'main', event: 'closed' });
  });

  test('the first sign of life ends the trial, however long what is tried goes on', () => {
    const subject = breaker();
    fail(subject, 3);
    clock.advance(15_000);
    const trial = subject.admit();
    trial.heard();
    expect([subject.state, subject.lastError]).toEqual(['closed', undefined]);
    const next = subject.admit();
    trial.ended('gone', down);
    next.ended('alive');
    expect(subject.state).toBe('closed');
    // Of what is no trial, and of what is over, nothing is to be learnt before its end.
    fail(subject, 3);
    next.heard();
    trial.heard();
    expect(subject.state).toBe('open');
  });

  describe('a trial that is silent once it has its association', () => {
    const halfOpen = (): { readonly subject: CircuitBreaker; readonly trial: Attempt } => {
      const subject = breaker();
      fail(subject, 3);
      clock.advance(15_000);
      const trial = subject.admit();
      trial.begun();
      return { subject, trial };
    };

    test('is helped by a C-ECHO, whose answer lets others in', () => {
      const { subject, trial } = halfOpen();
      expect(() => subject.admit()).toThrow(/right now/);
      probe = () => {
        subject.admit('breaker').ended('alive');
        return Promise.resolve();
      };
      clock.advance(2000);
      expect([probes, subject.state]).toEqual([1, 'closed']);
      subject.admit().ended('alive');
      trial.ended('gone', down);
      expect(subject.state).toBe('closed');
    });

    test('keeps others out while that is not answered either, and is asked beside again', async () => {
      const { subject, trial } = halfOpen();
      probe = () => {
        subject.admit('breaker').ended('gone', down);
        return Promise.reject(down);
      };
      for (let count = 1; count <= 3; count += 1) {
        clock.advance(2000);
        await new Promise(setImmediate);
        expect([probes, subject.state]).toEqual([count, 'half-open']);
      }
      expect(() => subject.admit()).toThrow(/right now/);
      trial.ended('gone', down);
      expect([subject.state, clock.pending]).toEqual(['open', 0]);
    });

    test('needs none when it is heard or ends before', () => {
      halfOpen().trial.heard();
      halfOpen().trial.ended('none');
      clock.advance(2000);
      expect([probes, clock.pending]).toEqual([0, 0]);
    });
  });

  test('a trial that fails opens it for as long again', () => {
    const subject = breaker();
    fail(subject, 3);
    clock.advance(15_000);
    fail(subject, 1);
    clock.advance(14_999);
    expect(subject.state).toBe('open');
    expect(observations).toHaveLength(1);
    clock.advance(1);
    expect(subject.state).toBe('half-open');
  });

  test('a trial that is cancelled leaves the next request to try', () => {
    const subject = breaker();
    fail(subject, 3);
    clock.advance(15_000);
    subject.admit().ended('none');
    subject.admit().ended('alive');
    expect(subject.state).toBe('closed');
  });

  test('what was under way when it opened does not open it for longer', () => {
    const subject = breaker();
    const slow = subject.admit();
    fail(subject, 3);
    clock.advance(14_000);
    slow.ended('gone', down);
    clock.advance(1000);
    expect(subject.state).toBe('half-open');
  });

  test('an operator asks whether it is back at any time, which closes it, and keeps it open for no longer when it is not', () => {
    const subject = breaker();
    fail(subject, 3);
    clock.advance(14_000);
    subject.admit('operator').ended('gone', down);
    expect(() => subject.admit()).toThrow(/tries again in 1 s/);
    clock.advance(1000);
    const trial = subject.admit();
    subject.admit('operator').ended('gone', down);
    // The trial of the breaker is still under way.
    expect(() => subject.admit()).toThrow(/right now/);
    subject.admit('operator').ended('alive');
    expect(subject.state).toBe('closed');
    trial.ended('none');
    subject.admit().ended('alive');
  });

  test('what one instance may have caused opens nothing while the peer answers a C-ECHO', async () => {
    const subject = breaker();
    probe = () => {
      subject.admit('breaker').ended('alive');
      return Promise.resolve();
    };
    for (let count = 0; count < 3; count += 1) subject.admit().ended('suspect', broke);
    await Promise.resolve();
    expect([probes, subject.state, subject.lastError]).toEqual([1, 'closed', undefined]);
  });

  test('it opens when the C-ECHO breaks off as well', () => {
    const subject = breaker();
    probe = () => {
      subject.admit('breaker').ended('suspect', broke);
      return Promise.reject(broke);
    };
    for (let count = 0; count < 3; count += 1) subject.admit().ended('suspect', broke);
    expect([probes, subject.state]).toEqual([1, 'open']);
  });

  test('never opens where the limit is 0', () => {
    const subject = breaker(0);
    fail(subject, 1000);
    expect(subject.state).toBe('closed');
  });
});

describe('what an error says of the peer', () => {
  const error = (code: GatewayErrorCode): GatewayError => new GatewayError(code, 'It failed.');

  test.each<[GatewayErrorCode, string]>([
    ['peer-unreachable', 'gone'],
    ['peer-aborted', 'gone'],
    ['peer-busy', 'alive'],
    ['peer-rejected', 'alive'],
    ['cancelled', 'none'],
    ['shutting-down', 'none'],
    ['overloaded', 'none'],
  ])('an association that cannot be opened for %s: %s', (code, sign) => {
    expect(openingSign(error(code), false)).toBe(sign);
  });

  test('a peer that was heard on another association is there', () => {
    expect(openingSign(error('peer-unreachable'), true)).toBe('none');
  });

  test.each<[GatewayErrorCode, boolean, boolean]>([
    ['peer-busy', false, true],
    ['peer-aborted', false, true],
    ['peer-unreachable', true, true],
    ['peer-unreachable', false, false],
    ['peer-rejected', true, false],
    ['cancelled', true, false],
  ])(
    'one association more that ends in %s, the others heard: %s, shows a full peer: %s',
    (code, heard, full) => {
      expect(saysFull(error(code), heard)).toBe(full);
    },
  );

  test.each<[GatewayErrorCode, boolean, string]>([
    ['peer-timeout', false, 'gone'],
    ['peer-timeout', true, 'suspect'],
    ['peer-aborted', false, 'suspect'],
    ['peer-failed', true, 'alive'],
    ['peer-unsupported', false, 'alive'],
    ['cancelled', true, 'none'],
    ['shutting-down', true, 'none'],
    ['internal', true, 'none'],
  ])('an operation that ends in %s, heard before: %s, is a sign of %s', (code, heard, sign) => {
    expect(operationSign(error(code), heard)).toBe(sign);
  });

  test('an operation that ended well shows the peer alive if it said anything', () => {
    expect([operationSign(undefined, true), operationSign(undefined, false)]).toEqual(['alive', 'none']);
    expect(operationSign(new TypeError('of a source'), true)).toBe('none');
  });
});
