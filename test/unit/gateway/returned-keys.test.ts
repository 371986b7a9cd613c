import { expect, test } from '@jest/globals';
import { systemClock } from '../../../src/core/index.js';
import { attributeByTag } from '../../../src/dicom/index.js';
import { readPeerFacts } from '../../../src/dimse/peer-facts.js';
import { PeerKnowledge } from '../../../src/dimse/peer-knowledge.js';
import { learnReturned } from '../../../src/gateway/returned-keys.js';

test('Q-43: no more keys are remembered than can be written down and read again', () => {
  const knowledge = new PeerKnowledge({ peer: 'main', clock: systemClock, observe: () => undefined });
  const tags = Array.from({ length: 0x4000 }, (_, at) => 0x00180000 + at).filter((tag) =>
    attributeByTag(tag),
  );
  expect(tags.length).toBeGreaterThan(200);
  for (let at = 0; at < tags.length; at += 7) learnReturned({ knowledge }, tags.slice(at, at + 7), 60_000);
  const { facts } = knowledge;
  expect(readPeerFacts(facts)).toEqual(facts);
  expect(knowledge.get('returnedKeys')).toHaveLength(200);
});
