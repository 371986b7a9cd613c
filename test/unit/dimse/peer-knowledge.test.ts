import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Observation } from '../../../src/core/index.js';
import type { PeerFacts } from '../../../src/dimse/peer-facts.js';
import { PeerKnowledge } from '../../../src/dimse/peer-knowledge.js';

let now = 0;
let observations: Observation[];

const knowledge = (known?: PeerFacts): PeerKnowledge =>
  new PeerKnowledge({
    peer: 'main',
    clock: { now: () => now, after: () => () => undefined },
    observe: (observation) => observations.push(observation),
    known,
  });

beforeEach(() => {
  now = 1000;
  observations = [];
});

describe('what was learnt of a peer', () => {
  test('is believed until it expires', () => {
    const subject = knowledge();
    expect(subject.get('uidList')).toBeUndefined();
    subject.learn('uidList', 1, 5000);
    now += 4999;
    expect(subject.get('uidList')).toBe(1);
    now += 1;
    expect(subject.get('uidList')).toBeUndefined();
    expect(subject.facts).toEqual({});
  });

  test('is told when it is new, not each time that it is confirmed', () => {
    const subject = knowledge();
    for (const limit of [3, 3, 2]) subject.learn('associations', limit, 5000);
    expect(observations).toEqual([
      { kind: 'learnt', peer: 'main', fact: 'associations', value: '3', forMs: 5000 },
      { kind: 'learnt', peer: 'main', fact: 'associations', value: '2', forMs: 5000 },
    ]);
  });

  test('can be written down, and is believed by the next process for as long as it still holds', () => {
    const subject = knowledge();
    subject.learn('getRefused', true, 60_000);
    subject.learn('refusedTransferSyntaxes', ['1.2.840.10008.1.2.5'], 600_000);
    const written = JSON.stringify(subject.facts);
    now = 50; // another process has another clock
    const next = knowledge(JSON.parse(written) as PeerFacts);
    expect(next.get('getRefused')).toBe(true);
    expect(next.get('refusedTransferSyntaxes')).toEqual(['1.2.840.10008.1.2.5']);
    now += 60_000;
    expect(next.get('getRefused')).toBeUndefined();
    expect(Object.keys(next.facts)).toEqual(['refusedTransferSyntaxes']);
  });

  test('that turned out to be wrong is forgotten', () => {
    const subject = knowledge();
    subject.learn('associations', 1, 5000);
    subject.forget('associations');
    expect(subject.facts).toEqual({});
  });
});
