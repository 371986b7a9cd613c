import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  parseBulkDataPath,
  parseFrameList,
  parseRetrieveTarget,
  retrieveUrl,
} from '../../../src/dicomweb/index.js';
import { codeOf, errorOf } from './code-of.js';

describe('retrieve targets', () => {
  test('W-01: the path names a study, a series of it, or an instance of that', () => {
    expect(parseRetrieveTarget({ study: '1.2' })).toEqual({ studyInstanceUid: '1.2' });
    expect(parseRetrieveTarget({ study: '1.2', series: '1.3' })).toEqual({
      studyInstanceUid: '1.2',
      seriesInstanceUid: '1.3',
    });
    expect(parseRetrieveTarget({ study: '1.2', series: '1.3', instance: '1.4' })).toEqual({
      studyInstanceUid: '1.2',
      seriesInstanceUid: '1.3',
      sopInstanceUid: '1.4',
    });
  });

  test('a UID with leading zeros, as archives hold them, is taken as it is', () => {
    expect(parseRetrieveTarget({ study: '1.02.3' })).toEqual({ studyInstanceUid: '1.02.3' });
  });

  test.each<[string, Record<string, string>]>([
    ['no study', {}],
    ['an empty UID', { study: '' }],
    ['letters', { study: '1.2.x' }],
    ['65 characters', { study: `1.${'2'.repeat(63)}` }],
    ['a path', { study: '1.2/../3' }],
    ['a list', { study: '1.2\\1.3' }],
    ['a bad series', { study: '1.2', series: '1..3' }],
    ['a bad instance', { study: '1.2', series: '1.3', instance: '*' }],
    ['an instance without a series', { study: '1.2', instance: '1.3' }],
  ])('W-10: %s is a client error', (_what, params) => {
    expect(codeOf(() => parseRetrieveTarget(params))).toBe('bad-request');
  });

  test('Q-41: URLs are built on the service URL, with or without its slash, down to the level that is named', () => {
    const base = 'https://pacs.example/dicomweb';
    expect(retrieveUrl(`${base}/`, { studyInstanceUid: '1.2' })).toBe(`${base}/studies/1.2`);
    expect(retrieveUrl(base, { studyInstanceUid: '1.2', seriesInstanceUid: '1.3' })).toBe(
      `${base}/studies/1.2/series/1.3`,
    );
    expect(
      retrieveUrl(base, { studyInstanceUid: '1.2', seriesInstanceUid: '1.3', sopInstanceUid: '1.4' }),
    ).toBe(`${base}/studies/1.2/series/1.3/instances/1.4`);
    expect(retrieveUrl(base, { studyInstanceUid: '1.2', sopInstanceUid: '1.4' })).toBe(`${base}/studies/1.2`);
    expect(retrieveUrl(base, {})).toBe(base);
  });
});

describe('frame lists', () => {
  test('W-03: an ascending list of numbers from 1', () => {
    expect(parseFrameList('1')).toEqual([1]);
    expect(parseFrameList('1,2,30')).toEqual([1, 2, 30]);
    expect(parseFrameList('2147483647')).toEqual([2_147_483_647]);
    expect(parseFrameList(Array.from({ length: 10_000 }, (_, index) => index + 1).join(','))).toHaveLength(
      10_000,
    );
  });

  test.each([
    '',
    '0',
    '1,0',
    '2,1',
    '1,1',
    '-1',
    '1,,2',
    ',1',
    '1,',
    '1 ,2',
    '1.5',
    '1e3',
    '0x1',
    '१',
    '2147483648',
  ])('W-10: the frame list "%s" is a client error', (text) => {
    expect(codeOf(() => parseFrameList(text))).toBe('bad-request');
  });

  test('W-10: a list of more than 10,000 frames is refused', () => {
    const text = Array.from({ length: 10_001 }, (_, index) => index + 1).join(',');
    expect(errorOf(() => parseFrameList(text)).message).toContain('10000');
  });

  test('any list that ascends comes back as it was written', () => {
    const ascending = fc.uniqueArray(fc.integer({ min: 1, max: 2 ** 31 - 1 }), {
      minLength: 1,
      maxLength: 50,
    });
    fc.assert(
      fc.property(ascending, (numbers) => {
        const sorted = numbers.toSorted((a, b) => a - b);
        expect(parseFrameList(sorted.join(','))).toEqual(sorted);
      }),
    );
  });
});

describe('bulk data paths', () => {
  test('W-04: tag, or tag/item/tag, with hexadecimal digits in any case', () => {
    expect(parseBulkDataPath(['00420011'])).toBe('00420011');
    expect(parseBulkDataPath(['7fe00010'])).toBe('7FE00010');
    expect(parseBulkDataPath(['00480105', '0', '00282000'])).toBe('00480105/0/00282000');
  });

  test.each<[string, string[]]>([
    ['no segment', []],
    ['half a path', ['00480105', '0']],
    ['a keyword', ['PixelData']],
    ['a short tag', ['0048010']],
    ['an item that is none', ['00480105', 'x', '00282000']],
    ['an item with a leading zero', ['00480105', '01', '00282000']],
    ['a huge item', ['00480105', '9999999999', '00282000']],
    ['dots', ['..', '0', '00282000']],
    ['a path deeper than 64', ['00480105', ...Array.from({ length: 65 }, () => ['0', '00480105']).flat()]],
  ])('W-10: %s is a client error', (_what, segments) => {
    expect(codeOf(() => parseBulkDataPath(segments))).toBe('bad-request');
  });
});
