import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseAccept } from '../../../src/dicomweb/index.js';
import { parseMediaType } from '../../../src/dicomweb/media-type.js';
import { codeOf } from './code-of.js';

/** As `type/subtype;parameter=value… q`. */
const summary = (header: string | undefined, parameter?: string): string[] =>
  parseAccept(header, parameter).map(({ type, subtype, parameters, q, source }) =>
    [
      `${type}/${subtype}`,
      ...[...parameters].map(([name, value]) => `${name}=${value}`),
      ...(q === 1 ? [] : [`q=${q}`]),
      ...(source === 'header' ? [] : ['(parameter)']),
    ].join(' '),
  );

describe('parseAccept', () => {
  test.each<[string, string | undefined, string[]]>([
    ['no header is anything (H-04)', undefined, ['*/*']],
    ['an empty header is no header: dicomweb-client stores with one', '', ['*/*']],
    ['QIDO of OHIF', 'application/dicom+json', ['application/dicom+json']],
    [
      'QIDO of Slicer',
      'application/dicom+json, application/json',
      ['application/dicom+json', 'application/json'],
    ],
    [
      'an older OHIF',
      'application/dicom+json, multipart/related; type=application/octet-stream; transfer-syntax=*',
      ['application/dicom+json', 'multipart/related type=application/octet-stream transfer-syntax=*'],
    ],
    [
      'unquoted type (H-10), as cornerstone sends it',
      'multipart/related; type=application/octet-stream; transfer-syntax=*',
      ['multipart/related type=application/octet-stream transfer-syntax=*'],
    ],
    [
      'quoted type and transfer syntax (H-10)',
      'multipart/related; type="application/octet-stream"; transfer-syntax="*"',
      ['multipart/related type=application/octet-stream transfer-syntax=*'],
    ],
    [
      'Weasis, without spaces',
      'multipart/related;type="application/dicom";transfer-syntax=*',
      ['multipart/related type=application/dicom transfer-syntax=*'],
    ],
    ['Python', 'multipart/related; type="*/*"', ['multipart/related type=*/*']],
    [
      'single quotes, as knopkem writes them',
      "multipart/related; type='application/dicom'",
      ['multipart/related type=application/dicom'],
    ],
    [
      'the transfer syntax within the quotes of the type, as Orthanc writes it',
      'multipart/related; type="image/jls; transfer-syntax=1.2.840.10008.1.2.4.80"',
      ['multipart/related type=image/jls transfer-syntax=1.2.840.10008.1.2.4.80'],
    ],
    [
      "Java's HttpURLConnection",
      'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2',
      ['text/html', 'image/gif', 'image/jpeg', '*/* q=0.2', '*/* q=0.2'],
    ],
    [
      'a browser',
      'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8',
      ['text/html', 'application/xhtml+xml', 'application/xml q=0.9', 'image/avif', '*/* q=0.8'],
    ],
    ['any case', 'MULTIPART/Related; TYPE="Image/JLS"; Q=0.5', ['multipart/related type=image/jls q=0.5']],
    ['a comma within quotes', 'a/b; c="d,e;f", g/h', ['a/b c=d,e;f', 'g/h']],
    ['an escaped quote', 'a/b; c="d\\"e"', ['a/b c=d"e']],
    ['empty entries and parameters', ', a/b;, ;c/d , e/f; ;g=h,', ['a/b', 'e/f g=h']],
    [
      'q of 0, 0.000, 1, 1.000',
      'a/a;q=0, b/b;q=0.000, c/c;q=1, d/d;q=1.000',
      ['a/a q=0', 'b/b q=0', 'c/c', 'd/d'],
    ],
  ])('reads %s', (_what, header, expected) => {
    expect(summary(header)).toEqual(expected);
  });

  test.each([
    'nonsense',
    'a/b/c',
    'a b/c',
    'application/dicom; transfer-syntax',
    'application/dicom; transfer-syntax:*',
    'application/dicom; =x',
    'application/dicom; q=x',
    'application/dicom; q=1.5',
    'application/dicom; q=-1',
    'application/dicom; q=',
  ])('H-09: the entry %s is ignored, its neighbour is not', (entry) => {
    expect(summary(`${entry}, application/json`)).toContain('application/json');
    expect(parseAccept(`application/json, ${entry}`)).toHaveLength(1);
  });

  test.each(['application/dicom; type="x', 'application/dicom; type=x"y'])(
    'H-09: the entry %s, whose quotes do not end, is ignored with what is in them',
    (entry) => {
      expect(summary(`application/json, ${entry}, text/plain`)).toEqual(['application/json']);
    },
  );

  test('W-22: an entry with a duplicate parameter is ignored', () => {
    expect(
      summary(
        'application/dicom; transfer-syntax=1.2; transfer-syntax=*, application/dicom; transfer-syntax=1.3',
      ),
    ).toEqual(['application/dicom transfer-syntax=1.3']);
  });

  test('H-05: the accept parameter comes before the header and holds no wildcards', () => {
    expect(summary('*/*', 'application/dicom+json')).toEqual(['application/dicom+json (parameter)', '*/*']);
    expect(summary(undefined, 'image/jpeg, */*, image/*;q=0.5')).toEqual(['image/jpeg (parameter)', '*/*']);
    expect(summary('a/b', 'multipart/related; type="image/jls"; transfer-syntax=*')).toEqual([
      'multipart/related type=image/jls transfer-syntax=* (parameter)',
      'a/b',
    ]);
  });

  test('H-05: a plus after a separator of the parameter is a space that a form encoded, any other is a plus', () => {
    expect(
      summary('a/b', 'application/dicom+json,+multipart/related;+type=image/jls;+transfer-syntax=*'),
    ).toEqual([
      'application/dicom+json (parameter)',
      'multipart/related type=image/jls transfer-syntax=* (parameter)',
      'a/b',
    ]);
  });

  test('what is written is what is read', () => {
    const token = fc.stringMatching(/^[a-z0-9+.-]{1,12}$/);
    const range = fc.record({
      type: token,
      subtype: token,
      value: fc.stringMatching(/^[ -~]{0,20}$/),
      q: fc.nat(1000),
    });
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 5 }), (ranges) => {
        const header = ranges
          .map(
            ({ type, subtype, value, q }) =>
              `${type}/${subtype};x="${value.replace(/["\\]/g, '\\$&')}";q=${q / 1000}`,
          )
          .join(' , ');
        expect(parseAccept(header)).toEqual(
          ranges.map(({ type, subtype, value, q }) => ({
            type,
            subtype,
            parameters: new Map([['x', value]]),
            q: q / 1000,
            source: 'header',
          })),
        );
      }),
    );
  });

  test('whatever comes is read or ignored', () => {
    const soup = fc.string({
      unit: fc.constantFrom('a', '/', ';', ',', '=', '"', '\\', ' ', '*', "'", 'q', 'type', '1'),
    });
    fc.assert(
      fc.property(soup, (text) => {
        for (const range of parseAccept(text, text)) {
          expect(range.q).toBeGreaterThanOrEqual(0);
          expect(range.q).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});

test('R-03: more than 64 entries are refused', () => {
  const entries = (count: number): string => Array.from({ length: count }, () => '*/*').join(',');
  expect(parseAccept(entries(64))).toHaveLength(64);
  expect(codeOf(() => parseAccept(entries(65)))).toBe('bad-request');
  expect(codeOf(() => parseAccept(undefined, entries(65)))).toBe('bad-request');
});

test('a media type without a subtype is none', () => {
  expect(parseMediaType('application')).toBeUndefined();
  expect(parseMediaType('application/dicom')?.subtype).toBe('dicom');
});
