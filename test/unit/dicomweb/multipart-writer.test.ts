import { describe, expect, test } from '@jest/globals';
import { MultipartWriter, newBoundary } from '../../../src/dicomweb/index.js';
import { codeOf } from './code-of.js';

describe('MultipartWriter', () => {
  test('H-10, H-11: the body begins with the boundary, spells Content-Type so, and ends with the closing delimiter', () => {
    const writer = new MultipartWriter('application/dicom', 'b-1');
    expect(writer.contentType).toBe('multipart/related; type="application/dicom"; boundary=b-1');
    const body = Buffer.concat([
      writer.part({ contentType: 'application/dicom; transfer-syntax=1.2.840.10008.1.2.1' }),
      Buffer.from('one'),
      writer.part({ contentType: 'application/dicom', contentLocation: 'https://h/x', contentLength: 3 }),
      Buffer.from('two'),
      writer.end(),
    ]);
    expect(body.toString('latin1')).toBe(
      '--b-1\r\nContent-Type: application/dicom; transfer-syntax=1.2.840.10008.1.2.1\r\n\r\none' +
        '\r\n--b-1\r\nContent-Type: application/dicom\r\nContent-Location: https://h/x\r\nContent-Length: 3\r\n\r\ntwo' +
        '\r\n--b-1--\r\n',
    );
  });

  test('a body without parts is its closing delimiter alone', () => {
    expect(new MultipartWriter('application/dicom', 'b').end().toString()).toBe('--b--\r\n');
  });

  test('R-06: a value with a line break never gets into a header', () => {
    const writer = new MultipartWriter('application/dicom', 'b');
    expect(codeOf(() => writer.part({ contentType: 'a/b\r\nX: y' }))).toBe('internal');
    expect(codeOf(() => writer.part({ contentType: 'a/b', contentLocation: 'x\ny' }))).toBe('internal');
    expect(codeOf(() => new MultipartWriter('a"b', 'b'))).toBe('internal');
    expect(codeOf(() => new MultipartWriter('a/b', 'b c'))).toBe('internal');
    expect(codeOf(() => new MultipartWriter('a/b', 'b'.repeat(71)))).toBe('internal');
  });

  test('H-11: a boundary has at most 70 characters, none of which needs quotes', () => {
    expect(newBoundary(() => 'a"b\r\n1-')).toBe('part-ab1-');
    const long = newBoundary(() => 'x'.repeat(500));
    expect(long).toHaveLength(70);
    expect(new MultipartWriter('a/b', long).contentType).toContain(long);
  });
});
