import { describe, expect, test } from '@jest/globals';
import { attributeByKeyword } from '../../../src/dicom/index.js';
import { matchesKey, readIdentifier } from '../../../src/demo/identifier.js';

interface Case {
  readonly keyword: string;
  readonly values: readonly string[];
  readonly actual: readonly string[];
}

function matches({ keyword, values, actual }: Case): boolean {
  const attribute = attributeByKeyword(keyword);
  if (!attribute) throw new RangeError(keyword);
  return matchesKey({ attribute, values }, actual);
}

describe('readIdentifier', () => {
  test('takes values bare, in lists, as numbers and as names', () => {
    const keys = readIdentifier({
      StudyInstanceUID: ['1.2', '1.3'],
      SOPInstanceUID: '1.4\\1.5 ',
      SeriesNumber: 7,
      PatientName: [{ Alphabetic: 'DEMO^*' }],
      StudyDate: undefined,
      AccessionNumber: '',
    });
    expect(Object.fromEntries([...keys].map(([keyword, { values }]) => [keyword, values]))).toEqual({
      StudyInstanceUID: ['1.2', '1.3'],
      SOPInstanceUID: ['1.4', '1.5'],
      SeriesNumber: ['7'],
      PatientName: ['DEMO^*'],
      StudyDate: [],
      AccessionNumber: [],
    });
  });

  test('passes over sequences and what the dictionary does not know', () => {
    expect(readIdentifier({ ReferencedStudySequence: [{}], '00091001': 'x' }).size).toBe(0);
  });
});

describe('matchesKey', () => {
  test.each([
    ['universal', 'PatientID', [], ['A'], true],
    ['single value', 'PatientID', ['A'], ['A'], true],
    ['single value, other', 'PatientID', ['A'], ['B'], false],
    ['single value, none there', 'PatientID', ['A'], [], false],
    ['wildcard', 'PatientID', ['D*-?'], ['DEMO-1'], true],
    ['wildcard with nothing to match', 'PatientID', ['*'], [''], true],
    ['wildcard that is no expression', 'PatientID', ['(.*'], ['DEMO'], false],
    ['names whatever their case', 'PatientName', ['demo^c*'], ['DEMO^CT'], true],
    ['names in another group', 'PatientName', ['*磁*'], ['DEMO^MR=演示^磁共振'], true],
    ['list of UIDs', 'StudyInstanceUID', ['1.2', '1.3'], ['1.3'], true],
    ['list of UIDs, none of them', 'StudyInstanceUID', ['1.2', '1.3'], ['1.23'], false],
    ['any of several values', 'ModalitiesInStudy', ['SR'], ['CT', 'SR'], true],
    ['range', 'StudyDate', ['20240101-20240131'], ['20240115'], true],
    ['range, its last day', 'StudyDate', ['20240101-20240115'], ['20240115'], true],
    ['range, after it', 'StudyDate', ['20240101-20240114'], ['20240115'], false],
    ['range, open at its start', 'StudyDate', ['-20240114'], ['20231231'], true],
    ['range, open at its end', 'StudyDate', ['20240116-'], ['20240115'], false],
    ['range of times, to the end of a minute', 'StudyTime', ['0900-0930'], ['093012.5'], true],
  ] as const)('%s', (...[, keyword, values, actual, expected]) => {
    expect(matches({ keyword, values, actual })).toBe(expected);
  });
});
