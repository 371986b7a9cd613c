import { describe, expect, test } from '@jest/globals';
import { parseStoreContentType } from '../../../src/dicomweb/index.js';
import { codeOf, errorOf } from './code-of.js';

describe('the Content-Type of a store request', () => {
  test.each([
    [
      'multipart/related; type="application/dicom"; boundary="0ba364c0-ca15-9501-898b-213194d46857"',
      '0ba364c0-ca15-9501-898b-213194d46857',
    ],
    ['multipart/related;type="application/dicom";boundary=weasis', 'weasis'],
    ['multipart/related; type=application/dicom; boundary=abc', 'abc'],
    ['Multipart/Related; Boundary=AbC; Type="Application/DICOM"', 'AbC'],
    ["multipart/related; type='application/dicom'; boundary='x y'", 'x y'],
    ['multipart/related;start="<a@b>";transfer-syntax=1.2;type="application/dicom"; boundary=b-1', 'b-1'],
    ['multipart/related; type="application/dicom; transfer-syntax=1.2.840.10008.1.2.4.50"; boundary=b', 'b'],
    ['multipart/related; boundary="a;b,c=d\\"e"', 'a;b,c=d"e'],
    [`multipart/related; type="application/dicom"; boundary=${'b'.repeat(256)}`, 'b'.repeat(256)],
  ])('S-02, S-03: %s', (header, boundary) => {
    expect(parseStoreContentType(header)).toEqual({ kind: 'multipart', form: 'part10', boundary });
  });

  test('S-02: a single instance may come bare', () => {
    expect(parseStoreContentType('application/dicom')).toEqual({ kind: 'single', form: 'part10' });
    expect(parseStoreContentType('Application/DICOM; transfer-syntax=1.2.840.10008.1.2.1')).toMatchObject({
      kind: 'single',
    });
  });

  test.each([
    ['multipart/related; type="application/dicom+json"; boundary=b', 'multipart', 'json'],
    ['multipart/related; type="application/dicom+xml"; boundary=b', 'multipart', 'xml'],
    ['application/dicom+json', 'single', 'json'],
    ['application/dicom+json; charset=utf-8', 'single', 'json'],
    ['application/json', 'single', 'json'],
    ['application/dicom+xml', 'single', 'xml'],
  ])('S-02, J-21: %s', (header, kind, form) => {
    expect(parseStoreContentType(header)).toMatchObject({ kind, form });
  });

  test.each([
    undefined,
    '',
    'text/plain',
    'multipart/form-data; boundary=x',
    'multipart/related; type="image/jpeg"; boundary=x',
    'application',
    'multipart/related; type="application/dicom"; boundary="unterminated',
    'multipart/related; boundary=a; boundary=b',
  ])('S-02: %s is an unsupported media type, and the answer lists what is taken', (header) => {
    const error = errorOf(() => parseStoreContentType(header));
    expect(error.code).toBe('unsupported-media-type');
    expect(error.message).toContain('multipart/related; type="application/dicom"');
  });

  test.each([
    'multipart/related; type="application/dicom"',
    'multipart/related; type="application/dicom"; boundary=""',
    'multipart/related; type="application/dicom"; boundary="ends in space "',
    'multipart/related; type="application/dicom"; boundary="b\u00e9"',
    'multipart/related; type="application/dicom"; boundary="a\r\nb"',
    `multipart/related; type="application/dicom"; boundary=${'b'.repeat(257)}`,
  ])('S-03: %s has no usable boundary', (header) => {
    expect(codeOf(() => parseStoreContentType(header))).toBe('bad-request');
  });
});
