import { describe, expect, test } from '@jest/globals';
import { getContexts, storeContexts } from '../../../src/dimse/context-sets.js';
import { associateRequest, NegotiatedContexts, rejectionError } from '../../../src/dimse/negotiation.js';
import { encodePdu } from '../../../src/dimse/pdu.js';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const explicitLittle = '1.2.840.10008.1.2.1';
const jpeg2000Lossless = '1.2.840.10008.1.2.4.90';
const address = { aeTitle: 'PACS', host: 'localhost', port: 104 };
const names = { address, callingAeTitle: 'GATEWAY', maxPduLength: 16_384 };

describe('presentation contexts of a C-GET', () => {
  test('W-42: one for each SOP class and transfer syntax where there is room', () => {
    const { contexts } = getContexts([CT], 'plain-first');
    expect(contexts.slice(2).every(({ transferSyntaxes }) => transferSyntaxes.length === 1)).toBe(true);
    expect(contexts[2]).toEqual({ abstractSyntax: CT, transferSyntaxes: [explicitLittle] });
    expect(contexts.flatMap(({ transferSyntaxes }) => transferSyntaxes)).toContain('1.2.840.10008.1.2.4.201');
  });

  test('W-41: role selection for every SOP class, and never more than 128 contexts', () => {
    for (const count of [1, 3, 4, 20, 63, 64, 127, 300]) {
      const sopClassUids = Array.from({ length: count }, (_, index) => `${CT}.${index}`);
      const { contexts, roles = [] } = getContexts(sopClassUids, 'plain-first');
      const proposed = new Set(contexts.map(({ abstractSyntax }) => abstractSyntax));
      expect(contexts.length).toBeLessThanOrEqual(128);
      expect(proposed.size).toBe(2 + Math.min(count, 126));
      expect(roles.every(({ sopClassUid, scp }) => scp && proposed.has(sopClassUid))).toBe(true);
    }
  });

  test('with many SOP classes the last context of each has several compressed syntaxes, as few as DCMTK takes', () => {
    const { contexts } = getContexts([], 'plain-first');
    const ct = contexts.filter(({ abstractSyntax }) => abstractSyntax === CT);
    expect(ct[0]?.transferSyntaxes).toEqual([explicitLittle]);
    expect(ct.at(-1)?.transferSyntaxes).toContain(jpeg2000Lossless);
    expect(Math.max(...contexts.map(({ transferSyntaxes }) => transferSyntaxes.length))).toBeLessThanOrEqual(
      16,
    );
    expect(encodePdu(associateRequest(names, getContexts([], 'plain-first'))).length).toBeLessThan(32_768);
  });

  test('the other order proposes the compressed syntaxes first, and leaves the order of the others', () => {
    const syntaxesOf = (sopClassUid: string, order: 'plain-first' | 'plain-last'): unknown =>
      getContexts([sopClassUid], order)
        .contexts.slice(2)
        .map(({ transferSyntaxes }) => transferSyntaxes[0]);
    expect(getContexts([CT], 'plain-last').contexts.at(2)?.transferSyntaxes).not.toEqual([explicitLittle]);
    const keyObjectSelection = '1.2.840.10008.5.1.4.1.1.88.59';
    expect(syntaxesOf(keyObjectSelection, 'plain-last')).toEqual(
      syntaxesOf(keyObjectSelection, 'plain-first'),
    );
  });

  test('with many SOP classes what the peer refuses gives way to what it may take, and is still proposed', () => {
    const alone = (refused: readonly string[]): readonly string[] =>
      getContexts([], 'plain-first', undefined, { refused })
        .contexts.filter(({ abstractSyntax }) => abstractSyntax === CT)
        .flatMap(({ transferSyntaxes }) => (transferSyntaxes.length === 1 ? transferSyntaxes : []));
    const [first = '', second = ''] = alone([]);
    expect(alone([second])).not.toContain(second);
    expect(alone([second])).toHaveLength(alone([]).length);
    expect(alone([second])[0]).toBe(first);
    const { contexts } = getContexts([CT], 'plain-first', undefined, { refused: [second] });
    expect(contexts.at(-1)).toEqual({ abstractSyntax: CT, transferSyntaxes: [second] });
  });

  test('syntaxes that the caller names are the only ones', () => {
    const { contexts } = getContexts([CT], 'plain-first', [jpeg2000Lossless]);
    expect(contexts.slice(2)).toEqual([{ abstractSyntax: CT, transferSyntaxes: [jpeg2000Lossless] }]);
  });
});

describe('the answer to an A-ASSOCIATE-RQ', () => {
  const request = associateRequest(
    names,
    storeContexts([{ sopClassUid: CT, transferSyntaxUid: jpeg2000Lossless }]),
  );
  const user = { maxPduLength: 0, implementationClassUid: '1.2', roles: [], extendedNegotiations: [] };
  const answer = (contexts: { id: number; result: number; transferSyntax: string }[]): NegotiatedContexts =>
    new NegotiatedContexts(request, { ...request, kind: 'associate-accept', contexts, user });

  test('is kept by SOP class and transfer syntax', () => {
    const negotiated = answer([
      { id: 1, result: 4, transferSyntax: '' },
      { id: 3, result: 0, transferSyntax: explicitLittle },
    ]);
    expect(negotiated.find(CT, jpeg2000Lossless)).toBeUndefined();
    expect(negotiated.find(CT)).toMatchObject({ id: 3, transferSyntaxUid: explicitLittle });
    expect(negotiated.refusal(CT)).toBe(4);
  });

  test.each([
    ['a context that was not proposed', { id: 5, result: 0, transferSyntax: explicitLittle }],
    ['a transfer syntax that was not proposed', { id: 1, result: 0, transferSyntax: '1.2.3' }],
  ])('is a protocol error with %s', (_, context) => {
    expect(() => answer([context])).toThrow(expect.objectContaining({ code: 'peer-protocol' }));
  });

  test('a rejection is said in words, and told apart by whether it may pass', () => {
    const reject = { kind: 'associate-reject', result: 1, source: 1, reason: 3 } as const;
    expect(rejectionError(reject, 'main')).toMatchObject({
      code: 'peer-rejected',
      message: expect.stringContaining('calling AE title'),
    });
    expect(rejectionError({ ...reject, result: 2, source: 3, reason: 2 }, 'main')).toMatchObject({
      code: 'peer-busy',
      retryAfterSeconds: expect.any(Number),
    });
  });
});
