import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { JsonArrayReader } from '../../../src/console/json-stream.js';

function readIn(text: string, cuts: readonly number[]): unknown[] {
  const reader = new JsonArrayReader();
  const found: unknown[] = [];
  const edges = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
  for (const [index, from] of edges.entries()) {
    const to = edges[index + 1];
    if (to !== undefined) found.push(...reader.push(text.slice(from, to)));
  }
  reader.end();
  return found;
}

describe('a JSON array that comes in pieces', () => {
  test('gives each object, however it is cut', () => {
    const objects = fc.array(fc.dictionary(fc.string(), fc.jsonValue()));
    fc.assert(
      fc.property(
        objects,
        fc.array(fc.nat(), { maxLength: 20 }),
        fc.constantFrom(0, 1),
        (rows, cuts, indent) => {
          const text = JSON.stringify(rows, undefined, indent);
          expect(readIn(text, cuts)).toEqual(JSON.parse(text));
        },
      ),
    );
  });

  test('gives an object as soon as its last character is there', () => {
    const reader = new JsonArrayReader();
    expect(reader.push('[{"a":"}]"},{"b"')).toEqual([{ a: '}]' }]);
    expect(reader.push(':1}')).toEqual([{ b: 1 }]);
  });

  test.each(['', '[', '[{"a":1}', '[{"a":1},', '[{"a":"]'])(
    'that ends early (%s) is an error, never a shorter one',
    (text) => {
      const reader = new JsonArrayReader();
      reader.push(text);
      expect(() => {
        reader.end();
      }).toThrow(SyntaxError);
    },
  );
});
