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
  test.each(['flat', 'hierarchical'] as const)('in its %s shape names all its instances', (shape) => {
    const request = parse(commitmentJson(wanted, shape));
    expect(request.shape).toBe(shape);
    expect(request.references.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(
      wanted.map(({ sopInstanceUid }) => sopInstanceUid),
    );
  });

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
