import { describe, expect, test } from '@jest/globals';
import { Dataset, Tags, type Tag } from '../../../src/dicom/index.js';
import {
  agree,
  compareStudies,
  isStill,
  mergeStates,
  seriesState,
  studyState,
} from '../../../src/gateway/study-state.js';

const row = (values: Readonly<Partial<Record<keyof typeof Tags, string>>>): Dataset => {
  const dataset = new Dataset();
  for (const [name, value] of Object.entries(values)) {
    const tag: Tag = Tags[name as keyof typeof Tags];
    if (value === '') dataset.setEmpty(tag);
    else dataset.setString(tag, value);
  }
  return dataset;
};
const state = (values: Parameters<typeof row>[0]): ReturnType<typeof studyState> => studyState(row(values));
const P1 = { PatientID: 'P1', PatientName: 'ONE^A', NumberOfStudyRelatedInstances: '3' } as const;

describe('what is remembered of a study', () => {
  test('holds no value of the patient', () => {
    expect(JSON.stringify(state(P1))).not.toMatch(/P1|ONE/);
  });

  test.each([
    ['another patient id', { PatientID: 'P2' }, 'changed'],
    ['an id taken away', { PatientID: '' }, 'changed'],
    ['a name that is not returned', { PatientID: 'P1' }, 'same'],
    ['padding', { PatientID: 'P1 ' }, 'same'],
    ['fewer instances', { NumberOfStudyRelatedInstances: '2' }, 'changed'],
    ['more instances', { NumberOfStudyRelatedInstances: '4' }, 'grown'],
    ['no count', { NumberOfStudyRelatedInstances: '' }, 'same'],
    ['more instances of another patient', { PatientID: 'P2', NumberOfStudyRelatedInstances: '4' }, 'changed'],
  ] as const)('tells %s', (_what, now, outcome) => {
    expect(compareStudies(state(P1), state(now))).toBe(outcome);
  });

  test('does not lose what one answer left out', () => {
    const merged = mergeStates(state(P1), state({ PatientID: 'P1' }));
    expect(agree(merged.identity, state({ PatientName: 'TWO^B' }).identity)).toBe(false);
    expect(compareStudies(merged, state({ NumberOfStudyRelatedInstances: '2' }))).toBe('changed');
  });
});

describe('bytes that began to come when something was said', () => {
  const before = { study: state(P1), series: seriesState(row({ Modality: 'CT' })), life: 1 };

  test.each([
    [
      'are the same when more has come',
      { ...before, study: state({ ...P1, NumberOfStudyRelatedInstances: '4' }) },
      true,
    ],
    ['are the same when the series was not asked for', { ...before, series: undefined }, true],
    ['are another patient’s', { ...before, study: state({ PatientID: 'P2' }) }, false],
    [
      'are of a series that was corrected',
      { ...before, series: seriesState(row({ Modality: 'MR' })) },
      false,
    ],
    ['are of a study that had gone since', { ...before, life: 2 }, false],
  ])('%s', (_what, now, still) => {
    expect(isStill(before, now)).toBe(still);
  });
});
