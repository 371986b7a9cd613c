import { describe, expect, test } from '@jest/globals';
import { bareCodes, isCutInRun } from '../../../src/dicom/index.js';

const KANJI = '\\ISO 2022 IR 87';

describe('Q-51: patterns by the codes of a set alone', () => {
  test('have wildcards in place of escape sequences', () => {
    expect(bareCodes('*山田*', KANJI)).toBe('*;3ED*');
    expect(bareCodes('山田^太*', KANJI)).toBe('*;3ED*^*B@*');
    expect(bareCodes('Yamada=山?', KANJI)).toBe('Yamada=*;3*');
    expect(bareCodes('*ﾔﾏ山*', 'ISO_IR 13\\ISO 2022 IR 87')).toBe('*ÔÏ*;3*');
    expect(bareCodes('*길*', '\\ISO 2022 IR 149')).toBe('*±æ*');
  });

  test('and of codes that would be read as wildcards or delimiters', () => {
    // 30 2A, between 30 29 and 30 2B.
    expect(bareCodes('逢葵茜', KANJI)).toBe('*0)0*0+*');
    for (const one of '亜唖姶葵茜悪握渥旭葦芦鯵梓圧斡扱鞍杏以伊位依偉囲夷委威尉惟意慰易椅')
      expect(bareCodes(`*${one}*`, KANJI)).not.toMatch(/[\\^=?]/);
  });

  test('are none where the set lacks a character', () => {
    expect(bareCodes('*길*', KANJI)).toBeUndefined();
    expect(bareCodes('*山*', 'NONE\\SUCH')).toBeUndefined();
  });

  test('are needed where a wildcard stands beside what code extension writes', () => {
    expect(isCutInRun('*山田*', KANJI)).toBe(true);
    expect(isCutInRun('山田^*', KANJI)).toBe(false);
    expect(isCutInRun('*山*', 'ISO_IR 192')).toBe(false);
  });
});
