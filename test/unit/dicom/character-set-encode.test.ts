import { describe, expect, test } from '@jest/globals';
import { decodeText, encodeText, preferredCharacterSets, unencodable } from '../../../src/dicom/index.js';

describe('the smallest character set that holds a text (Q-51)', () => {
  test('ASCII declares nothing', () => {
    expect(encodeText('Doe^John\\Roe')).toEqual({
      bytes: Buffer.from('Doe^John\\Roe'),
      characterSet: undefined,
    });
  });

  test.each([
    ['Jérôme', 'ISO_IR 100', '4ae972f46d65'],
    ['山田', 'ISO_IR 192', 'e5b1b1e794b0'],
  ])('%s goes to %s when the peer lists nothing', (text, characterSet, hex) => {
    expect(encodeText(text)).toEqual({ bytes: Buffer.from(hex, 'hex'), characterSet });
  });

  test.each([
    ['ISO_IR 100', 'Äneas'],
    ['ISO_IR 101', 'Dvořák'],
    ['ISO_IR 109', 'Ħal'],
    ['ISO_IR 110', 'Rīga'],
    ['ISO_IR 144', 'Люкceмбypг'],
    ['ISO_IR 127', 'قباني'],
    ['ISO_IR 126', 'Διονυσιος'],
    ['ISO_IR 138', 'שרון'],
    ['ISO_IR 148', 'Işık'],
    ['ISO_IR 166', 'สมชาย'],
    ['ISO_IR 203', 'Œuvre €'],
    ['ISO_IR 13', 'ﾔﾏﾀﾞ^ﾀﾛｳ'],
    ['ISO 2022 IR 100', 'Äneas'],
    ['ISO_IR 192', '山田 😀'],
    ['GB18030', '王小东'],
    ['GBK', '王小东'],
  ])('%s is written so that it reads back', (term, text) => {
    const { bytes, characterSet } = encodeText(text, [term]);
    expect(characterSet).toBe(term);
    expect(decodeText(bytes, [term], 'PN')).toBe(text);
  });

  test('candidates are tried in their order, and those that cannot be written are passed over', () => {
    expect(encodeText('Люк', ['ISO_IR 100', 'ISO 2022 IR 87', 'ISO_IR 144', 'ISO_IR 192']).characterSet).toBe(
      'ISO_IR 144',
    );
  });

  test('what a peer answered in comes before everything, the smaller before the larger', () => {
    expect(preferredCharacterSets([])).toEqual(['ISO_IR 100', 'ISO_IR 192']);
    const seen = ['ISO_IR 192', 'GB18030', '\\ISO 2022 IR 149', 'ISO_IR 144', 'ISO 2022 IR 87'];
    expect(preferredCharacterSets(seen)).toEqual([
      'ISO_IR 144',
      '\\ISO 2022 IR 87',
      '\\ISO 2022 IR 149',
      'GB18030',
      'ISO_IR 192',
      'ISO_IR 100',
    ]);
    expect(preferredCharacterSets(['ISO_IR 101'])).toEqual(['ISO_IR 101', 'ISO_IR 100', 'ISO_IR 192']);
  });

  test('no name in Greek or Russian alone is expected in a set of ideographs, though that has the letters', () => {
    for (const text of ['Люк', 'Διονυσιος'])
      for (const terms of ['\\ISO 2022 IR 87', '\\ISO 2022 IR 149', '\\ISO 2022 IR 58'])
        expect([text, terms, unencodable(text, terms).size]).toEqual([text, terms, new Set(text).size]);
    expect(unencodable('Люк', 'ISO 2022 IR 144\\ISO 2022 IR 87').size).toBe(0);
    expect(unencodable('山田', '\\ISO 2022 IR 87').size).toBe(0);
  });

  test('the yen sign is not written as 5CH, where it would split the value', () => {
    expect(encodeText('1¥2', ['ISO_IR 13', 'ISO_IR 100']).characterSet).toBe('ISO_IR 100');
  });

  test.each(['山田', 'a\x1B$B'])('what no candidate holds is the client’s error: %j', (text) => {
    expect(() => encodeText(text, ['ISO_IR 100'])).toThrow(expect.objectContaining({ code: 'bad-request' }));
  });
});
