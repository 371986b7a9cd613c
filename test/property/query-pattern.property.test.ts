import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Dataset, Tags } from '../../src/dicom/index.js';
import { matches } from '../../src/query/index.js';

const options = { dateTime: { upper: 'ceil', unknown: 'match', mixed: 'strict' } } as const;

test('Q-14: wildcard matching is what the textbook recursion says', () => {
  const text = fc.stringMatching(/^[ab]{1,8}$/);
  const pattern = fc.stringMatching(/^[ab?*]{1,8}$/);
  fc.assert(
    fc.property(pattern, text, (asked, stored) => {
      const row = new Dataset().setString(Tags.PatientID, stored, 'LO');
      const key = { path: [Tags.PatientID], vr: 'LO' as const, value: asked, values: [asked] };
      expect(matches(row, key, options) === 'match').toBe(recursive(asked, stored));
    }),
    { numRuns: 3000, interruptAfterTimeLimit: 5000 },
  );
});

function recursive(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  if (pattern.startsWith('*')) {
    return recursive(pattern.slice(1), text) || (text !== '' && recursive(pattern, text.slice(1)));
  }
  const isSame = text !== '' && (pattern.startsWith('?') || text.startsWith(pattern.slice(0, 1)));
  return isSame && recursive(pattern.slice(1), text.slice(1));
}
