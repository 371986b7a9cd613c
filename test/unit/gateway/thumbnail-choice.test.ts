import { describe, expect, test } from '@jest/globals';
import type { ListedInstance, ListedSeries } from '../../../src/gateway/listing.js';
import { likelyInstances, likelySeries } from '../../../src/gateway/thumbnail-choice.js';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const SR = '1.2.840.10008.5.1.4.1.1.88.11';
const STATE = '1.2.840.10008.5.1.4.1.1.11.1';
const PRIVATE = '1.3.12.2.1107.5.9.1';

const instance = (name: string, sopClassUid?: string, instanceNumber?: number): ListedInstance => ({
  studyInstanceUid: '1',
  seriesInstanceUid: '1.1',
  sopInstanceUid: name,
  sopClassUid,
  instanceNumber,
});
const named = (list: readonly ListedInstance[]): readonly string[] =>
  likelyInstances(list).map(({ sopInstanceUid }) => sopInstanceUid);

const series = (name: string, more: Partial<ListedSeries>): ListedSeries => ({
  seriesInstanceUid: name,
  instances: undefined,
  modality: undefined,
  number: undefined,
  state: {},
  ...more,
});

describe('what stands for a series', () => {
  test('the image in the middle by Instance Number, then those around it', () => {
    const list = [5, 3, 1, 2, 4].map((number) => instance(`i${number}`, CT, number));
    expect(named(list)).toEqual(['i3', 'i2', 'i4', 'i1', 'i5']);
    expect(named(list.slice(0, 2))).toEqual(['i3', 'i5']);
    expect(named([])).toEqual([]);
  });

  test('an image, where there are others', () => {
    const list = [instance('sr', SR, 1), instance('state', STATE, 2), instance('ct', CT, 9)];
    expect(named(list)).toEqual(['ct']);
  });

  test('what nothing is known of, where no image is certain; reports never', () => {
    expect(named([instance('a', SR), instance('b', undefined), instance('c', PRIVATE)])).toEqual(['b', 'c']);
    expect(named([instance('a', SR), instance('b', STATE)])).toEqual([]);
  });

  test('as the archive lists them, where it returns no numbers', () => {
    expect(named(['a', 'b', 'c'].map((name) => instance(name, CT)))).toEqual(['b', 'a', 'c']);
  });
});

describe('what stands for a study', () => {
  test('the first series by number that may hold images', () => {
    const all = [
      series('late', { number: 7, modality: 'CT' }),
      series('report', { number: 0, modality: 'SR' }),
      series('empty', { number: 1, instances: 0 }),
      series('first', { number: 2, modality: 'MR', instances: 3 }),
      series('unnumbered', {}),
      series('state', { number: 3, modality: 'PR' }),
    ];
    expect(likelySeries(all).map(({ seriesInstanceUid }) => seriesInstanceUid)).toEqual([
      'first',
      'late',
      'unnumbered',
    ]);
  });

  test('a segmentation, where there is nothing that it is of', () => {
    const all = [series('seg', { modality: 'SEG', number: 1 }), series('ct', { modality: 'CT', number: 2 })];
    const names = (of: readonly ListedSeries[]): readonly string[] =>
      likelySeries(of).map(({ seriesInstanceUid }) => seriesInstanceUid);
    expect(names(all)).toEqual(['ct', 'seg']);
    expect(names(all.slice(0, 1))).toEqual(['seg']);
  });
});
