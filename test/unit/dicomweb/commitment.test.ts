import { describe, expect, test } from '@jest/globals';
import { GatewayError } from '../../../src/core/index.js';
import { parseDicomJson } from '../../../src/dicom/index.js';
import { commitmentResponse, parseCommitmentRequest } from '../../../src/dicomweb/index.js';
import { instanceItem, commitmentJson, type Wanted } from '../../helpers/commitment.js';

const parse = (object: unknown, most = 10) =>
  parseCommitmentRequest(parseDicomJson(Buffer.from(JSON.stringify(object)))[0] ?? {}, most);
const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'none';
  } catch (error) {
    return error instanceof GatewayError ? error.code : 'other';
  }
};

const wanted: readonly Wanted[] = [
  { study: '1.1', series: '1.1.1', sopInstanceUid: '1.1.1.1' },
  { study: '1.1', series: '1.1.1', sopInstanceUid: '1.1.1.2' },
  { study: '1.1', series: '1.1.2', sopInstanceUid: '1.1.2.1' },
  { study: '1.2', series: '1.2.1', sopInstanceUid: '1.2.1.1' },
];

describe('C-01: a request', () => {
  test.each(['flat', 'hierarchical', 'by-series'] as const)(
    'in its %s shape names all its instances',
    (shape) => {
      const request = parse(commitmentJson(wanted, shape));
      expect(request.shape).toBe(shape);
      expect(request.references.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(
        wanted.map(({ sopInstanceUid }) => sopInstanceUid),
      );
    },
  );

  test.each([
    ['nothing', {}],
    ['an empty sequence', { '00081199': { vr: 'SQ' } }],
    ['both shapes', { ...commitmentJson(wanted, 'flat'), ...commitmentJson(wanted, 'hierarchical') }],
    ['no SOP class', { '00081199': { vr: 'SQ', Value: [{ '00081155': { vr: 'UI', Value: ['1.2'] } }] } }],
    ['what is no UID', { '00081199': { vr: 'SQ', Value: [instanceItem('1.2\\1.3')] } }],
    [
      'two classes of an instance',
      { '00081199': { vr: 'SQ', Value: [instanceItem('1.2'), instanceItem('1.2', '1.9')] } },
    ],
    ['a study alone', { '00081110': { vr: 'SQ', Value: [{ '0020000D': { vr: 'UI', Value: ['1.2'] } }] } }],
    ['text for a sequence', { '00081199': { vr: 'LO', Value: ['1.2'] } }],
  ])('with %s is a bad request', (_name, object) => {
    expect(codeOf(() => parse(object))).toBe('bad-request');
  });

  const sequence = (tag: string, ...Value: object[]) => ({ [tag]: { vr: 'SQ', Value } });
  const uid = (tag: string, value: string) => ({ [tag]: { vr: 'UI', Value: [value] } });
  const [study, series] = [uid('0020000D', '1.1'), uid('0020000E', '1.1.1')];
  const inSeries = (...items: object[]): object =>
    sequence('00081110', { ...study, ...sequence('00081115', ...items) });
  const named = sequence('00081199', instanceItem('1.2'));
  const byClass = (item: object): object => inSeries({ ...series, ...sequence('00081112', item) });

  test.each<[string, object]>([
    [
      'ReferencedSeriesSequence is missing or empty in item 2 of ReferencedStudySequence.',
      sequence('00081110', { ...study, ...sequence('00081115', { ...series, ...named }) }, study),
    ],
    [
      'StudyInstanceUID is missing or not one UID in item 1 of ReferencedStudySequence.',
      sequence('00081110', series),
    ],
    [
      'SeriesInstanceUID is missing or not one UID in item 2 of ReferencedSeriesSequence in item 1 of ReferencedStudySequence.',
      inSeries({ ...series, ...named }, named),
    ],
    [
      'There must be either ReferencedInstancesBySOPClassSequence or ReferencedSOPSequence in item 1 of ReferencedSeriesSequence in item 1 of ReferencedStudySequence.',
      inSeries(series),
    ],
    [
      'There must be either ReferencedInstancesBySOPClassSequence or ReferencedSOPSequence in item 1 of ReferencedSeriesSequence in item 1 of ReferencedStudySequence.',
      inSeries({ ...series, ...named, ...sequence('00081112', uid('00081150', '1.9')) }),
    ],
    [
      'ReferencedInstanceSequence is missing or empty in item 1 of ReferencedInstancesBySOPClassSequence in item 1 of ReferencedSeriesSequence in item 1 of ReferencedStudySequence.',
      byClass(uid('00081150', '1.9')),
    ],
    [
      'ReferencedSOPClassUID is missing or not one UID in item 1 of ReferencedSOPSequence.',
      sequence('00081199', uid('00081155', '1.2')),
    ],
    ['ReferencedSOPSequence is no sequence in the request.', { '00081199': { vr: 'LO', Value: ['1.2'] } }],
  ])('that is none is told what is wrong, and where: %s', (message, object) => {
    expect(() => parse(object)).toThrow(message);
  });

  test('of which one series groups its instances by class and another does not is hierarchical', () => {
    const other = sequence('00081112', {
      ...uid('00081150', '1.9'),
      ...sequence('0008114A', uid('00081155', '1.3')),
    });
    const request = parse(inSeries({ ...series, ...named }, { ...series, ...other }));
    expect(request.shape).toBe('hierarchical');
    expect(request.references.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(['1.2', '1.3']);
  });

  test('has a bound', () => {
    expect(codeOf(() => parse(commitmentJson(wanted, 'hierarchical'), 3))).toBe('payload-too-large');
  });
});

describe('C-04: the result keeps the shape of the request', () => {
  test('flat', () => {
    const response = commitmentResponse(parse(commitmentJson(wanted, 'flat')), [0, 0x0112, 0]);
    const withReason = (uid: string, reason: number) => ({
      ...instanceItem(uid),
      '00081197': { vr: 'US', Value: [reason] },
    });
    expect(response).toEqual({
      '00081199': { vr: 'SQ', Value: [instanceItem('1.1.1.1'), instanceItem('1.1.2.1')] },
      // Of the last one nothing is known.
      '00081198': { vr: 'SQ', Value: [withReason('1.1.1.2', 0x0112), withReason('1.2.1.1', 0x0110)] },
    });
  });

  test('by series', () => {
    const request = parse(commitmentJson(wanted, 'by-series'));
    expect(commitmentResponse(request, [0, 0, 0, 0])).toEqual(commitmentJson(wanted, 'by-series'));
    const response = commitmentResponse(request, [0, 0x0213, 0, 0]);
    expect(response['00081110']).toEqual(
      commitmentJson(
        wanted.filter((_one, index) => index !== 1),
        'by-series',
      )['00081110'],
    );
    expect(JSON.stringify(response['0008119B'])).toContain('"00081197":{"vr":"US","Value":[531]}');
  });

  test('hierarchical', () => {
    const request = parse(commitmentJson(wanted, 'hierarchical'));
    expect(commitmentResponse(request, [0, 0, 0, 0])).toEqual(commitmentJson(wanted, 'hierarchical'));
    const response = commitmentResponse(request, [0, 0x0213, 0, 0]);
    const committed = wanted.filter((_one, index) => index !== 1);
    expect(response['00081110']).toEqual(commitmentJson(committed, 'hierarchical')['00081110']);
    expect(JSON.stringify(response['0008119B'])).toBe(
      JSON.stringify(commitmentJson(wanted.slice(1, 2), 'hierarchical')['00081110']).replace(
        '"1.1.1.2"]}',
        '"1.1.1.2"]},"00081197":{"vr":"US","Value":[531]}',
      ),
    );
  });
});
