import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BitJoiner } from '../../../src/dicom/index.js';

/** The bits of `bytes`, lowest first. */
const bitsOf = (bytes: Uint8Array): number[] =>
  Array.from(bytes).flatMap((byte) => Array.from({ length: 8 }, (_, bit) => (byte >> bit) & 1));

test('W-30: frames of single bits follow each other whatever their length', () => {
  const frame = fc
    .uint8Array({ minLength: 1, maxLength: 6 })
    .chain((bytes) =>
      fc.record({ bytes: fc.constant(bytes), bits: fc.integer({ min: 1, max: bytes.length * 8 }) }),
    );
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 6 }), (frames) => {
      const joiner = new BitJoiner();
      const joined = Buffer.concat([
        ...frames.map(({ bytes, bits }) => joiner.push(bytes, bits)),
        joiner.end(),
      ]);
      const expected = frames.flatMap(({ bytes, bits }) => bitsOf(bytes).slice(0, bits));
      expect(bitsOf(joined).slice(0, expected.length)).toEqual(expected);
      expect(joined).toHaveLength(Math.ceil(expected.length / 8));
      expect(bitsOf(joined).slice(expected.length)).not.toContain(1);
    }),
    { seed: 20_260_101, numRuns: 500 },
  );
});
