import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Observation } from '../../../src/core/index.js';
import type { PeerFacts } from '../../../src/dimse/peer-facts.js';
import { PeerKnowledge, type KnowledgeOptions } from '../../../src/dimse/peer-knowledge.js';

let now = 0;
let observations: Observation[];

const knowledge = (known?: PeerFacts, more: Partial<KnowledgeOptions> = {}): PeerKnowledge =>
  new PeerKnowledge({
    peer: 'main',
    clock: { now: () => now, after: () => () => undefined },
    observe: (observation) => observations.push(observation),
    known,
    ...more,
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

  test('gives way to what is configured, and is not learnt then', () => {
    const subject = knowledge(undefined, {
      fixed: { findCap: 500, literalWildcard: false, fuzzy: undefined },
    });
    subject.learn('findCap', 20, 5000);
    subject.learn('fuzzy', true, 5000);
    expect([subject.get('findCap'), subject.get('literalWildcard'), subject.get('fuzzy')]).toEqual([
      500,
      false,
      true,
    ]);
    expect(Object.keys(subject.facts)).toEqual(['fuzzy']);
  });

  test('of what is taken for granted anyhow is no news', () => {
    const subject = knowledge();
    subject.learn('fuzzy', false, 5000);
    subject.learn('extendedNegotiation', true, 5000);
    expect(observations).toEqual([]);
    subject.learn('fuzzy', true, 5000);
    expect(observations).toEqual([expect.objectContaining({ fact: 'fuzzy', value: 'true' })]);
  });

  test('by another process is believed where it holds for longer, and for no longer than configured', () => {
    const subject = knowledge(undefined, { mostMs: 60_000 });
    subject.learn('uidList', 1, 30_000);
    subject.learn('findCap', 10, 90_000);
    const expires = new Date(Date.now() + 3_600_000).toISOString();
    subject.believe({ uidList: { value: 5, expires }, findCap: { value: 20, expires } });
    expect([subject.get('uidList'), subject.get('findCap')]).toEqual([5, 10]);
    now += 60_000;
    expect(subject.get('uidList')).toBeUndefined();
  });

  test('is worth writing down when it is new, or holds for notably longer', () => {
    const subject = knowledge();
    let told = 0;
    subject.onChange(() => {
      told += 1;
    });
    const counts = [0, 50, 150, 0].map((later) => {
      now += later;
      subject.learn('uidList', 1, 1000);
      return told;
    });
    expect(counts).toEqual([1, 1, 2, 2]);
    subject.forget('uidList');
    subject.forget('uidList');
    expect(told).toBe(3);
  });

  test('that was found out beside it in this process is believed and written down', () => {
    const subject = knowledge();
    let told = 0;
    subject.onChange(() => {
      told += 1;
    });
    const expires = new Date(Date.now() + 3_600_000).toISOString();
    subject.adopt({ findCap: { value: 20, expires } });
    expect([subject.get('findCap'), told]).toEqual([20, 1]);
  });
});
