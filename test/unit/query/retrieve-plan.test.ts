import { describe, expect, test } from '@jest/globals';
import { Tags, type Dataset } from '../../../src/dicom/index.js';
import { listingIdentifier, retrieveIdentifier } from '../../../src/query/index.js';
import { codeOf } from './code-of.js';

const values = (identifier: Dataset): Record<string, readonly string[]> =>
  Object.fromEntries([...identifier].map(({ tag }) => [tag.toString(16), identifier.strings(tag)]));

describe('retrieve identifiers', () => {
  test('W-40: hold the unique keys down to the level and nothing else', () => {
    const study = { studyInstanceUid: '1.2' };
    const series = { ...study, seriesInstanceUid: '1.3' };
    const all = [study, series, { ...series, sopInstanceUid: '1.4' }].map((target) =>
      retrieveIdentifier(target),
    );
    expect(all.map(({ level }) => level)).toEqual(['STUDY', 'SERIES', 'IMAGE']);
    expect(all.map(({ identifier }) => values(identifier))).toEqual([
      { '80052': ['STUDY'], '20000d': ['1.2'] },
      { '80052': ['SERIES'], '20000d': ['1.2'], '20000e': ['1.3'] },
      { '80052': ['IMAGE'], '80018': ['1.4'], '20000d': ['1.2'], '20000e': ['1.3'] },
    ]);
  });

  test('W-40: instances of a series are a list at the IMAGE level', () => {
    const uids = Array.from({ length: 50 }, (_, index) => `1.2.3.${index}`);
    const { level, identifier } = retrieveIdentifier(
      { studyInstanceUid: '1.2', seriesInstanceUid: '1.3' },
      uids,
    );
    expect(level).toBe('IMAGE');
    expect(identifier.strings(Tags.SOPInstanceUID)).toEqual(uids);
  });

  test('W-40: an empty list never becomes a retrieve of everything', () => {
    expect(codeOf(() => retrieveIdentifier({ studyInstanceUid: '1.2', seriesInstanceUid: '1.3' }, []))).toBe(
      'internal',
    );
    expect(codeOf(() => retrieveIdentifier({ studyInstanceUid: '1.2' }, ['1.4']))).toBe('internal');
  });
});

describe('listing identifiers', () => {
  test('Q-50: name what is above, ask for the counts and UIDs of the level', () => {
    const study = listingIdentifier('STUDY', { studyInstanceUid: '1.2' });
    expect(study.string(Tags.StudyInstanceUID)).toBe('1.2');
    for (const tag of [Tags.NumberOfStudyRelatedInstances, Tags.PatientName, Tags.IssuerOfPatientID]) {
      expect(study.has(tag)).toBe(true);
    }
    const series = listingIdentifier('SERIES', { studyInstanceUid: '1.2' });
    expect(series.has(Tags.SeriesInstanceUID) && series.has(Tags.NumberOfSeriesRelatedInstances)).toBe(true);
    const image = listingIdentifier('IMAGE', { studyInstanceUid: '1.2', seriesInstanceUid: '1.3' });
    for (const tag of [Tags.SOPInstanceUID, Tags.SOPClassUID, Tags.AvailableTransferSyntaxUID]) {
      expect(image.get(tag)?.value).toHaveLength(0);
    }
  });

  test('Q-50: a listing below nothing is refused', () => {
    expect(codeOf(() => listingIdentifier('IMAGE', { studyInstanceUid: '1.2' }))).toBe('internal');
  });
});
