import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { allTransferSyntaxes } from '../../../src/dicom/index.js';
import {
  answerContexts,
  answerRoles,
  chooseTransferSyntax,
  isStorageSopClass,
} from '../../../src/dimse/storage-scp-contexts.js';

const IMPLICIT = '1.2.840.10008.1.2';
const EXPLICIT = '1.2.840.10008.1.2.1';
const DEFLATED = '1.2.840.10008.1.2.1.99';
const BIG_ENDIAN = '1.2.840.10008.1.2.2';
const JPEG = '1.2.840.10008.1.2.4.50';
const J2K = '1.2.840.10008.1.2.4.90';

describe('chooseTransferSyntax', () => {
  test.each([
    ['the only one, whatever it is', [IMPLICIT], IMPLICIT],
    ['Explicit Little Endian before Implicit', [IMPLICIT, EXPLICIT], EXPLICIT],
    ['W-42: the one compressed syntax among plain ones', [EXPLICIT, JPEG, IMPLICIT], JPEG],
    ['W-42: a compressed syntax alone', [J2K], J2K],
    [
      'of a list of abilities the plain syntax, so that nothing is recompressed',
      [JPEG, J2K, IMPLICIT, EXPLICIT],
      EXPLICIT,
    ],
    ['of several compressed ones the first proposed', [J2K, JPEG], J2K],
    ['of several compressed ones and Implicit the first compressed', [IMPLICIT, J2K, JPEG], J2K],
    ['Explicit before Deflated and Big Endian', [DEFLATED, BIG_ENDIAN, EXPLICIT], EXPLICIT],
    ['Big Endian before Implicit, in the order of the peer', [IMPLICIT, BIG_ENDIAN], BIG_ENDIAN],
    ['a known one among unknown ones', ['1.2.3', IMPLICIT], IMPLICIT],
  ])('picks %s', (_name, proposed, chosen) => {
    expect(chooseTransferSyntax(proposed)).toBe(chosen);
  });

  test('picks none when none is known', () => {
    expect(chooseTransferSyntax(['1.2.3'])).toBeUndefined();
    expect(chooseTransferSyntax([])).toBeUndefined();
  });

  test('picks what was proposed and is known, if there is any, for every proposal', () => {
    const known = allTransferSyntaxes.map(({ uid }) => uid);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...known, '1.2.3', '')), (proposed) => {
        const chosen = chooseTransferSyntax(proposed);
        const possible = proposed.filter((uid) => known.includes(uid));
        return chosen === undefined ? possible.length === 0 : possible.includes(chosen);
      }),
    );
  });
});

describe('isStorageSopClass', () => {
  test.each([
    ['1.2.840.10008.5.1.4.1.1.2', true],
    ['1.2.840.10008.5.1.4.1.1.104.1', true],
    ['1.2.840.10008.5.1.4.34.7', true],
    ['1.3.12.2.1107.5.9.1', true],
    ['1.2.840.10008.5.1.4.1.2.2.1', false],
    ['1.2.840.10008.1.20.1', false],
    ['1.2.840.10008.5.1.4.31', false],
  ])('%s: %s', (uid, expected) => {
    expect(isStorageSopClass(uid)).toBe(expected);
  });
});

describe('C-03: storage commitment', () => {
  const commitment = '1.2.840.10008.1.20.1';
  const proposal = (...transferSyntaxes: string[]) => [
    { id: 1, abstractSyntax: commitment, transferSyntaxes },
  ];
  const role = (scu: boolean, scp: boolean) => [{ sopClassUid: commitment, scu, scp }];
  const resultsOf = (roles: ReturnType<typeof role>, events = true, syntaxes = [IMPLICIT]): number[] =>
    answerContexts(proposal(...syntaxes), { storage: true, events, roles }).map(({ result }) => result);

  test('is accepted of who reports, in the SCP role or without a word of roles', () => {
    expect(resultsOf(role(false, true))).toEqual([0]);
    expect(resultsOf(role(true, true))).toEqual([0]);
    expect(resultsOf([])).toEqual([0]);
    expect(resultsOf(role(true, false))).toEqual([3]);
    expect(resultsOf([], false)).toEqual([1]);
    expect(resultsOf([], true, [JPEG])).toEqual([4]);
    const [chosen] = answerContexts(proposal(JPEG, BIG_ENDIAN, IMPLICIT, EXPLICIT), {
      storage: false,
      events: true,
    });
    expect(chosen?.transferSyntax).toBe(EXPLICIT);
  });

  test('the answer takes the SCP role alone, as far as it is proposed, and says nothing of other classes', () => {
    expect(answerRoles(role(true, true), true)).toEqual(role(false, true));
    expect(answerRoles(role(true, false), true)).toEqual(role(false, false));
    expect(answerRoles(role(false, true), false)).toEqual([]);
    expect(answerRoles([{ sopClassUid: '1.2.840.10008.5.1.4.1.1.2', scu: false, scp: true }], true)).toEqual(
      [],
    );
  });
});

describe('answerContexts', () => {
  const ct = { abstractSyntax: '1.2.840.10008.5.1.4.1.1.2', transferSyntaxes: [EXPLICIT] };
  const echo = { abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: [IMPLICIT] };

  test('R-02: C-ECHO is always accepted, instances only when they are welcome', () => {
    const proposals = [
      { id: 1, ...ct },
      { id: 3, ...echo },
    ];
    expect(answerContexts(proposals, { storage: false }).map(({ result }) => result)).toEqual([1, 0]);
    expect(answerContexts(proposals, { storage: true }).map(({ result }) => result)).toEqual([0, 0]);
  });

  test('an even or repeated id is refused, and every answer carries a transfer syntax', () => {
    const answers = answerContexts(
      [
        { id: 2, ...ct },
        { id: 3, ...ct },
        { id: 3, ...ct },
        { id: 5, abstractSyntax: ct.abstractSyntax, transferSyntaxes: [] },
      ],
      { storage: true },
    );
    expect(answers.map(({ result }) => result)).toEqual([2, 0, 2, 4]);
    expect(answers.every(({ transferSyntax }) => transferSyntax.length > 0)).toBe(true);
  });
});
