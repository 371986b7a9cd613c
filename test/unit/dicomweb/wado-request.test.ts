import { describe, expect, test } from '@jest/globals';
import { parseAccept, parseWado, type WadoRequest } from '../../../src/dicomweb/index.js';
import { codeOf } from './code-of.js';

const named = 'requestType=WADO&studyUID=1.2.3&seriesUID=1.2.4&objectUID=1.2.5';
const wado = (more: string, accept?: string): WadoRequest =>
  parseWado(more === '' ? named : `${named}&${more}`, parseAccept(accept));
const target = { studyInstanceUid: '1.2.3', seriesInstanceUid: '1.2.4', sopInstanceUid: '1.2.5' };
const typesOf = (request: WadoRequest): readonly string[] =>
  request.kind === 'file'
    ? ['application/dicom']
    : request.accept.map(({ type, subtype }) => `${type}/${subtype}`);

describe('WADO-URI', () => {
  test('U-01, U-02: three UIDs alone ask for a picture of what the client takes', () => {
    expect(wado('')).toMatchObject({ kind: 'rendered', target, picture: {}, warnings: [] });
    expect(typesOf(wado('', '*/*'))).toEqual(['*/*']);
  });

  test.each([
    '',
    'requestType=WADO',
    named.replace('requestType=WADO&', ''),
    named.replace('WADO', 'wado'),
    named.replace('requestType', 'requesttype'),
    named.replace('studyUID=1.2.3&', ''),
    named.replace('seriesUID=1.2.4&', ''),
    named.replace('&objectUID=1.2.5', ''),
    named.replace('1.2.5', ''),
    named.replace('1.2.5', '1.2.x'),
    named.replace('1.2.5', '1.2.5,1.2.6'),
    named.replace('1.2.3', '1..3'),
    `${named}&objectUID=1.2.5`,
    `${named}&requestType=WADO`,
  ])('U-01: %s is refused', (query) => {
    expect(codeOf(() => parseWado(query, parseAccept(undefined)))).toBe('bad-request');
  });

  test.each<[string, string | undefined, readonly string[]]>([
    ['contentType=application/dicom', undefined, ['application/dicom']],
    ['contentType=application%2Fdicom', 'image/jpeg', ['application/dicom']],
    ['contentType=APPLICATION/DICOM', undefined, ['application/dicom']],
    // What OHIF sends.
    [
      'contentType=application/dicom&transferSyntax=*',
      'multipart/related; type=application/octet-stream; transfer-syntax=*',
      ['application/dicom'],
    ],
    ['contentType=image/jpeg', undefined, ['image/jpeg']],
    ['contentType=image/png,image/jpeg', '*/*', ['image/png', 'image/jpeg']],
    ['contentType=image/png,%20image/jpeg', '*/*', ['image/png', 'image/jpeg']],
    ['contentType=text/html', '*/*', ['text/html']],
    ['', 'application/dicom', ['application/dicom']],
    ['', 'application/dicom, */*;q=0.5', ['application/dicom']],
    ['', 'application/dicom;q=0.5, */*', ['application/dicom', '*/*']],
    ['', 'application/dicom, image/png;q=0', ['application/dicom']],
    ['', 'application/dicom, text/css, image/avif;q=0.1', ['application/dicom']],
    ['', 'application/dicom, application/*;q=0.1', ['application/dicom']],
    ['contentType=image/png', 'application/dicom, image/png', ['image/png']],
    ['', 'image/avif,image/webp,*/*;q=0.8', ['image/avif', 'image/webp', '*/*']],
    ['', 'application/dicom;q=0, */*', ['application/dicom', '*/*']],
  ])('U-02: %s with Accept %s asks for %j', (query, accept, types) => {
    expect(typesOf(wado(query, accept))).toEqual(types);
  });

  test.each([
    'contentType=',
    'contentType=image/jpeg;q=0.5',
    'contentType=application/dicom;transfer-syntax=*',
    'contentType=image/*',
    'contentType=*/*',
    'contentType=jpeg',
    'contentType=application/dicom,image/jpeg',
    'contentType=image/jpeg,',
  ])('U-02: %s is refused', (query) => {
    expect(codeOf(() => wado(query))).toBe('bad-request');
  });

  test.each([
    'application/dicom, image/png',
    'image/*;q=0.5, application/dicom',
    'text/html, application/dicom;q=0.1',
    'application/pdf, application/dicom',
  ])('H-06: a file and pictures at once are refused: %s', (accept) => {
    expect(codeOf(() => wado('', accept))).toBe('bad-request');
  });

  test('U-04: a file is in Explicit VR Little Endian, in the syntax that is named, or as it is stored', () => {
    const file = 'contentType=application/dicom';
    expect(wado(file)).toMatchObject({ kind: 'file', target });
    const syntaxesOf = (more: string): readonly unknown[] =>
      wado(file + more).accept.map(({ parameters, q }) => [parameters.get('transfer-syntax'), q]);
    expect(syntaxesOf('')).toEqual([
      ['1.2.840.10008.1.2.1', 1],
      [undefined, 0.5],
    ]);
    for (const transferSyntax of ['*', '1.2.840.10008.1.2.4.90'])
      expect(syntaxesOf(`&transferSyntax=${transferSyntax}`)).toEqual([[transferSyntax, 1]]);
    for (const value of ['', 'x', '1.2,1.3', '**'])
      expect(codeOf(() => wado(`${file}&transferSyntax=${value}`))).toBe('bad-request');
    expect(codeOf(() => wado('transferSyntax=*'))).toBe('bad-request');
    expect(codeOf(() => wado('contentType=image/jpeg&transferSyntax=*'))).toBe('bad-request');
  });

  test('U-05: nothing is anonymised by half', () => {
    for (const type of ['application/dicom', 'image/jpeg']) {
      expect(codeOf(() => wado(`contentType=${type}&anonymize=yes`))).toBe('not-implemented');
      for (const value of ['', 'no', 'Yes'])
        expect(codeOf(() => wado(`contentType=${type}&anonymize=${value}`))).toBe('bad-request');
    }
  });

  test.each([
    ['annotation=patient', { annotation: ['patient'] }],
    ['imageAnnotation=technique,patient', { annotation: ['patient', 'technique'] }],
    ['imageQuality=55', { quality: 55 }],
    ['rows=100', { viewport: { height: 100 } }],
    ['columns=100', { viewport: { width: 100 } }],
    ['rows=100&columns=200', { viewport: { width: 200, height: 100 } }],
    [
      'region=0.25,.5,0.75,1',
      { viewport: { region: { unit: 'fractions', x: 0.25, y: 0.5, width: 0.5, height: 0.5 } } },
    ],
    [
      'region=0,0,1,1&columns=10',
      { viewport: { width: 10, region: { unit: 'fractions', x: 0, y: 0, width: 1, height: 1 } } },
    ],
    ['windowCenter=-40&windowWidth=80.5', { window: { center: -40, width: 80.5, shape: 'linear' } }],
  ])('U-06, U-07: %s', (query, picture) => {
    expect(wado(query)).toMatchObject({ kind: 'rendered', picture, warnings: [] });
    expect(wado(query)).toHaveProperty('picture', picture);
  });

  test('U-07: one frame', () => {
    expect(wado('frameNumber=7')).toMatchObject({ frame: 7 });
    expect(wado('')).not.toHaveProperty('frame');
  });

  test.each([
    'annotation=',
    'annotation=patient&imageAnnotation=patient',
    'imageQuality=0',
    'imageQuality=101',
    'imageQuality=',
    'rows=0',
    'rows=-1',
    'rows=1.5',
    'columns=',
    'columns=70000',
    'frameNumber=0',
    'frameNumber=1,2',
    'frameNumber=',
    'frameNumber=99999999999',
    'region=0,0,1',
    'region=0,0,1,1,1',
    'region=0,0,0,1',
    'region=0.5,0,0.5,1',
    'region=0.6,0,0.5,1',
    'region=0,0,1,1.1',
    'region=-0.1,0,1,1',
    'region=0,0,a,1',
    'windowCenter=40',
    'windowWidth=400',
    'windowCenter=40&windowWidth=0',
    'windowCenter=&windowWidth=400',
    'windowCenter=4\\5&windowWidth=400',
  ])('U-06, U-07: %s is refused', (query) => {
    expect(codeOf(() => wado(query))).toBe('bad-request');
  });

  test.each([
    'annotation=patient',
    'imageAnnotation=patient',
    'frameNumber=1',
    'imageQuality=90',
    'rows=10',
    'columns=10',
    'region=0,0,1,1',
    'windowCenter=40&windowWidth=400',
    'presentationSeriesUID=1.2&presentationUID=1.3',
  ])('U-09: %s does not go with a file', (query) => {
    expect(codeOf(() => wado(`contentType=application/dicom&${query}`))).toBe('bad-request');
    expect(codeOf(() => wado(query, 'application/dicom'))).toBe('bad-request');
  });

  test('U-08: a presentation state is named by series and instance, and decides window and region', () => {
    const state = 'presentationSeriesUID=1.2.7&presentationUID=1.2.8';
    expect(wado(state)).toMatchObject({
      presentation: { seriesInstanceUid: '1.2.7', sopInstanceUid: '1.2.8' },
    });
    expect(wado(`${state}&rows=10`)).toMatchObject({ picture: { viewport: { height: 10 } } });
    for (const query of [
      'presentationSeriesUID=1.2.7',
      'presentationUID=1.2.8',
      'presentationSeriesUID=1.2.7&presentationUID=x',
      `${state}&windowCenter=1&windowWidth=2`,
      `${state}&region=0,0,1,1`,
    ])
      expect(codeOf(() => wado(query))).toBe('bad-request');
  });

  test('H-02: what is not known is passed over with a warning', () => {
    expect(wado('dummy=1').warnings).toEqual(['Parameters that are not known here were ignored: dummy.']);
    expect(wado('contentType=application/dicom&dummy=1').warnings).toHaveLength(1);
  });
});
