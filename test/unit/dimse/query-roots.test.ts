import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../src/core/index.js';
import { findContexts, getContexts } from '../../../src/dimse/context-sets.js';
import { associateRequest, negotiationOf, type Negotiation } from '../../../src/dimse/negotiation.js';
import { PeerKnowledge } from '../../../src/dimse/peer-knowledge.js';
import { rootedContext } from '../../../src/dimse/query-roots.js';
import { learnRoots, requireContext } from '../../../src/dimse/root-learning.js';
import { SopClasses } from '../../../src/dimse/uids.js';

const address = { aeTitle: 'PACS', host: 'localhost', port: 104 };
const names = { address, callingAeTitle: 'GATEWAY', maxPduLength: 16_384 };
const { studyRootFind, patientRootFind } = SopClasses;

/** What comes of a C-FIND's proposal where `accepted` are accepted, and `relational` is returned for these. */
function negotiated(accepted: readonly string[], relational: readonly string[] = []): Negotiation {
  const request = associateRequest(names, findContexts());
  const contexts = request.contexts.map(({ id, abstractSyntax, transferSyntaxes: [first = ''] }) => ({
    id,
    result: accepted.includes(abstractSyntax) ? 0 : 3,
    transferSyntax: first,
  }));
  const extendedNegotiations = relational.map((sopClassUid) => ({ sopClassUid, information: Buffer.of(1) }));
  return negotiationOf(request, {
    ...request,
    kind: 'associate-accept',
    contexts,
    user: { ...request.user, extendedNegotiations },
  });
}

const knowledgeOf = (fixed = {}): PeerKnowledge =>
  new PeerKnowledge({ peer: 'main', clock: systemClock, observe: () => undefined, fixed });
const both = [studyRootFind, patientRootFind];

describe('2.1: the model of a service', () => {
  test.each([
    ['both', both, 'study'],
    ['the Study Root', [studyRootFind], 'study'],
    ['the Patient Root', [patientRootFind], 'patient'],
    ['neither', [], undefined],
  ])('of a peer that accepts %s', (_what, accepted, root) => {
    expect(rootedContext(negotiated(accepted).contexts, 'find')?.root).toBe(root);
  });

  test('Q-54: options count in the model that is used', () => {
    expect(negotiated(both, [patientRootFind]).options.relational).toBe(false);
    expect(negotiated(both, [studyRootFind]).options.relational).toBe(true);
    expect(negotiated([patientRootFind], [patientRootFind]).options.relational).toBe(true);
    expect(negotiated([patientRootFind], [studyRootFind]).options.relational).toBe(false);
  });

  test('the Patient Root is learnt, and that it is so no more; the Study Root is no news', () => {
    const knowledge = knowledgeOf();
    learnRoots(knowledge, negotiated(both), 1000);
    expect(knowledge.facts).toEqual({});
    learnRoots(knowledge, negotiated([patientRootFind]), 1000);
    expect(knowledge.get('root')).toBe('patient');
    learnRoots(knowledge, negotiated(both), 1000);
    expect(knowledge.get('root')).toBe('study');
    learnRoots(knowledge, negotiated([]), 1000);
    expect(knowledge.get('root')).toBe('study');
  });

  test('an identifier of the other model does not go out', () => {
    const knowledge = knowledgeOf();
    const peer = { name: 'main', relearnMs: 1000 };
    const association = negotiated([patientRootFind]);
    expect(() => requireContext(association, 'find', undefined, { knowledge, peer })).toThrow(
      expect.objectContaining({ code: 'peer-changed' }),
    );
    expect(knowledge.get('root')).toBe('patient');
    expect(requireContext(association, 'find', 'patient', { knowledge, peer })?.abstractSyntax).toBe(
      patientRootFind,
    );
    expect(requireContext(negotiated([]), 'find', undefined, { knowledge, peer })).toBeUndefined();
  });

  test('only the one that is configured is proposed', () => {
    const knowledge = knowledgeOf({ root: 'patient', retrieveRoot: 'study' });
    const find = findContexts(undefined, knowledge);
    expect(find.contexts.map(({ abstractSyntax }) => abstractSyntax)).toEqual([patientRootFind]);
    expect(find.extendedNegotiations?.map(({ sopClassUid }) => sopClassUid)).toEqual([patientRootFind]);
    const get = getContexts(['1.2.3'], 'plain-first', undefined, { knowledge });
    expect(get.contexts[0]?.abstractSyntax).toBe(SopClasses.studyRootGet);
    expect(get.contexts[1]?.abstractSyntax).toBe('1.2.3');
  });
});
