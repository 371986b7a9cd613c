import { describe, expect, test } from '@jest/globals';
import { deflateRawSync } from 'node:zlib';
import type { ByteSource } from '../../../src/core/index.js';
import { documentMediaType, locateDocument, TransferSyntaxes } from '../../../src/dicom/index.js';
import { element, join, numbers, sequence, type Write } from '../../helpers/fixtures-element.js';

const {
  ExplicitVrLittleEndian,
  ImplicitVrLittleEndian,
  ExplicitVrBigEndian,
  DeflatedExplicitVrLittleEndian,
} = TransferSyntaxes;

const sourceOf = (bytes: Buffer): ByteSource => ({
  size: bytes.length,
  async *read(start = 0, end = bytes.length) {
    yield await Promise.resolve(bytes.subarray(start, end));
  },
});

async function found(write: Write, syntax = ExplicitVrLittleEndian): Promise<unknown> {
  const bytes = write(syntax);
  const document = await locateDocument(sourceOf(syntax.deflated ? deflateRawSync(bytes) : bytes), syntax);
  return (
    document && [
      document.mediaType,
      bytes.subarray(document.range.start, document.range.end).toString('latin1'),
    ]
  );
}

const document = (value: string, type?: string, bytes?: number): Write =>
  join(
    element(0x0020000d, 'UI', '1.2'),
    element(0x00420011, 'OB', value),
    ...(type === undefined ? [] : [element(0x00420012, 'LO', type)]),
    ...(bytes === undefined ? [] : [numbers(0x00420015, 'UL', bytes)]),
  );

describe('an encapsulated document (PS3.3 C.24.2)', () => {
  test('is found with its type in every uncompressed transfer syntax', async () => {
    for (const syntax of [
      ExplicitVrLittleEndian,
      ImplicitVrLittleEndian,
      ExplicitVrBigEndian,
      DeflatedExplicitVrLittleEndian,
    ])
      expect(await found(document('%PDF-1.7.', 'application/pdf', 9), syntax)).toEqual([
        'application/pdf',
        '%PDF-1.7.',
      ]);
  });

  test.each([
    ['the length says that the last byte is padding', document('solid\0', 'model/stl', 5), 'solid'],
    ['the length says that it is not', document('solid\0', 'model/stl', 6), 'solid\0'],
    ['of a text without a length a NUL at the end is padding', document('<a />\0', 'text/xml'), '<a />'],
    ['of another document it is not', document('solid\0', 'model/stl'), 'solid\0'],
    ['a length that cannot be is not believed', document('123456', 'model/stl', 3), '123456'],
    ['an empty one', document('', 'text/xml'), ''],
  ])('%s', async (_what, write, value) => {
    expect(await found(write)).toEqual([expect.any(String), value]);
  });

  test('what names no type is bytes, and what carries none has none', async () => {
    expect(await found(document('any'))).toEqual(['application/octet-stream', 'any\0']);
    expect(await found(element(0x00420010, 'ST', 'title'))).toBeUndefined();
    const inner = sequence(0x00400260, [document('inner', 'text/xml')]);
    expect(await found(inner)).toBeUndefined();
  });
});

test.each([
  ['application/pdf', 'application/pdf'],
  [' Application/PDF ', 'application/pdf'],
  ['text/XML; charset=utf-8', 'text/xml'],
  ['application/vnd.ms-excel.sheet+xml', 'application/vnd.ms-excel.sheet+xml'],
  ['text/html\r\nSet-Cookie: a=b', 'application/octet-stream'],
  ['text/html\0', 'application/octet-stream'],
  ['text', 'application/octet-stream'],
  ['text/*', 'application/octet-stream'],
  ['*/*', 'application/octet-stream'],
  ['text/a b', 'application/octet-stream'],
  ['text/a/b', 'application/octet-stream'],
  ['tëxt/a', 'application/octet-stream'],
  [`text/${'a'.repeat(64)}`, 'application/octet-stream'],
  ['', 'application/octet-stream'],
])('R-06: %j stands in a header as %s', (text, type) => {
  expect(documentMediaType(text)).toBe(type);
});
