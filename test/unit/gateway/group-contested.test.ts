import { describe, expect, test } from '@jest/globals';
import { ContestedHere } from '../../../src/gateway/group-contested.js';

const texts = (...studies: readonly string[]): readonly string[] =>
  studies.map((text) => `a and b hold ${text} under different patients: what b holds of this is left out`);

describe('what is told of studies that members hold under different patients', () => {
  test('their UIDs, each once, of a few for all members together', () => {
    const here = new ContestedHere();
    for (const study of ['1.2', '1.3', '1.2']) here.add('a', 'b', study, false);
    expect(here.warnings).toEqual(texts('study 1.2, 1.3'));
    for (let number = 4; number < 1000; number += 1) here.add('a', 'b', `1.${number}`, false);
    expect(here.warnings).toEqual(texts('study 1.2, 1.3, 1.4, 1.5, 1.6 and other studies'));
    here.add('a', 'c', '1.2', false);
    expect(here.warnings[1]).toBe(
      'a and c hold other studies under different patients: what c holds of this is left out',
    );
  });

  test('after the headers no others, unless they left room for it', () => {
    const here = new ContestedHere();
    here.add('a', 'b', '1.2', false);
    here.add('a', 'b', '1.2', true);
    expect(() => {
      here.add('a', 'b', '1.3', true);
    }).toThrow('study 1.3');
    here.expectMore();
    expect(here.warnings).toEqual(texts('study 1.2 and perhaps others'));
    here.add('a', 'b', '1.3', true);
    expect(here.warnings).toEqual(texts('study 1.2 and perhaps others'));
    expect(() => {
      here.add('a', 'c', '1.3', true);
    }).toThrow('a and c hold study 1.3');
  });
});
