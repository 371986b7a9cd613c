import { describe, expect, test } from '@jest/globals';
import { deflateRawSync } from 'node:zlib';
import type { ByteSource } from '../../../src/core/index.js';
import {
  listBulkData,
  locateElement,
  MOST_BULK_DATA,
  Tags,
  TransferSyntaxes,
  type TransferSyntax,
} from '../../../src/dicom/index.js';
import {
  element,
  encapsulated,
  join,
  numbers,
  sequence,
  type Write,
} from '../../helpers/fixtures-element.js';

const {
  ExplicitVrLittleEndian,
  ImplicitVrLittleEndian,
  ExplicitVrBigEndian,
  DeflatedExplicitVrLittleEndian,
} = TransferSyntaxes;

function sourceOf(bytes: Buffer, chunk = 1000): ByteSource {
  return {
    size: bytes.length,
    async *read(start = 0, end = bytes.length) {
      for (let at = start; at < end; at += chunk) {
        yield await Promise.resolve(bytes.subarray(at, Math.min(end, at + chunk)));
      }
    },
  };
}

/** The value at `path` as its VR and the text of its ranges. */
async function located(
  write: Write,
  path: string,
  syntax: TransferSyntax = ExplicitVrLittleEndian,
): Promise<unknown> {
  const bytes = write(syntax);
  const source = sourceOf(syntax.deflated ? deflateRawSync(bytes) : bytes);
  const found = await locateElement(source, syntax, path);
  return found && [found.vr, ...found.ranges.map(({ start, end }) => bytes.toString('latin1', start, end))];
}

const instance = join(
  element(0x00091001, 'OB', 'private.'),
  sequence(0x00480105, [
    element(0x00282000, 'OB', 'first '),
    join(element(0x00282000, 'OB', 'second'), sequence(0x00880200, [element(Tags.PixelData, 'OB', 'icon')])),
  ]),
  element(0x00480106, 'SH', 'x'),
  element(Tags.PixelData, 'OW', 'p'.repeat(600_000)),
  element(0xfffcfffc, 'OB', 'last'),
);

describe('bulk data by path (W-04, W-49)', () => {
  test.each([
    ['00091001', 'private.'],
    ['00480105/0/00282000', 'first '],
    ['00480105/1/00282000', 'second'],
    ['00480105/1/00880200/0/7FE00010', 'icon'],
    ['FFFCFFFC', 'last'],
  ])('%s is found in every uncompressed transfer syntax', async (path, value) => {
    for (const syntax of [ExplicitVrLittleEndian, ImplicitVrLittleEndian, DeflatedExplicitVrLittleEndian]) {
      expect(await located(instance, path, syntax)).toEqual([expect.any(String), value]);
    }
  });

  test.each(['00091002', '00480105/2/00282000', '00480105', '00480105/0', '00282000', ''])(
    '%j names no value',
    async (path) => {
      expect(await located(instance, path)).toBeUndefined();
    },
  );

  test('the path of pixel data finds float pixel data too', async () => {
    expect(await located(element(Tags.DoubleFloatPixelData, 'OD', '8 bytes.'), '7FE00010')).toEqual([
      'OD',
      '8 bytes.',
    ]);
  });

  test('encapsulated pixel data is its fragments without the Basic Offset Table', async () => {
    const write = encapsulated([Buffer.from('one '), Buffer.from('two ')], { offsets: [0, 12] });
    expect(await located(write, '7FE00010')).toEqual(['OB', 'one ', 'two ']);
  });

  test('an empty value is found, and is empty', async () => {
    expect(await located(element(0x00091001, 'OB', ''), '00091001')).toEqual(['OB', '']);
  });

  test('of elements with the same path it is the first, which the metadata shows', async () => {
    const write = join(element(0x00091001, 'OB', 'one '), element(0x00091001, 'OB', 'two '));
    expect(await located(write, '00091001')).toEqual(['OB', 'one ']);
  });

  test('a value in a sequence written as UN is little endian in a big endian dataset, so that nobody turns it', async () => {
    const inner = numbers(Tags.Rows, 'US', 512)(ImplicitVrLittleEndian);
    const write = sequence(0x00091010, [() => inner], undefined, 'UN');
    expect(await located(write, '00091010/0/00280010')).toEqual(['UN', '\0\x02']);
    expect(await located(numbers(Tags.Rows, 'US', 512), '00280010', ExplicitVrBigEndian)).toEqual([
      'US',
      '\x02\0',
    ]);
  });

  test('a value is known before its bytes have arrived', async () => {
    const bytes = instance(ExplicitVrLittleEndian);
    const source: ByteSource = {
      size: undefined,
      async *read(start = 0) {
        yield await Promise.resolve(bytes.subarray(start, 400));
        throw new Error('the rest has not arrived');
      },
    };
    const found = await locateElement(source, ExplicitVrLittleEndian, '7FE00010');
    expect(found?.ranges).toEqual([{ start: expect.any(Number), end: expect.any(Number) }]);
  });

  test('a malformed dataset is told', async () => {
    const cut = sourceOf(instance(ExplicitVrLittleEndian).subarray(0, 60));
    await expect(locateElement(cut, ExplicitVrLittleEndian, 'FFFCFFFC')).rejects.toMatchObject({
      code: 'malformed-dataset',
    });
  });
});

describe('all bulk data (W-05, W-49)', () => {
  const options = { inlineLimitBytes: 4 };
  const syntaxes = [
    ExplicitVrLittleEndian,
    ImplicitVrLittleEndian,
    ExplicitVrBigEndian,
    DeflatedExplicitVrLittleEndian,
  ];

  async function listed(write: Write, syntax: TransferSyntax, from = 0): Promise<unknown[]> {
    const bytes = write(syntax);
    const source = sourceOf(syntax.deflated ? deflateRawSync(bytes) : bytes);
    const values = await listBulkData(source, syntax, options, from);
    const places = values.map(async ({ path, located: at }) => {
      expect(at).toEqual(at && (await locateElement(source, syntax, path)));
      return [path, ...(at?.ranges ?? []).map(({ start, end }) => bytes.toString('latin1', start, end))];
    });
    return Promise.all(places);
  }

  test.each(syntaxes)('is found in one pass where each is by its path, in $uid', async (syntax) => {
    expect(await listed(instance, syntax)).toEqual([
      ['00091001', 'private.'],
      ['00480105/0/00282000', 'first '],
      ['00480105/1/00282000', 'second'],
      // The icon has four bytes: its metadata have them.
      ['7FE00010'],
    ]);
  });

  test('an icon in fragments is theirs, one behind the other', async () => {
    const write = join(
      sequence(0x00880200, [encapsulated([Buffer.from('one '), Buffer.from('two ')])]),
      element(0x00091001, 'OB', 'private.'),
    );
    expect(await listed(write, ExplicitVrLittleEndian)).toEqual([
      ['00880200/0/7FE00010', 'one ', 'two '],
      ['00091001', 'private.'],
    ]);
  });

  test('comes in lists of a bounded length, none of it twice', async () => {
    const count = MOST_BULK_DATA + 3;
    const items = Array.from({ length: count }, () => element(0x00282000, 'OB', 'profile.'));
    const write = sequence(0x00480105, items);
    const pathOf = (item: number): string => `00480105/${item}/00282000`;
    const bytes = sourceOf(write(ExplicitVrLittleEndian));
    const paths = async (from: number): Promise<readonly string[]> =>
      (await listBulkData(bytes, ExplicitVrLittleEndian, options, from)).map(({ path }) => path);
    const all = [...(await paths(0)), ...(await paths(MOST_BULK_DATA))];
    expect(all).toEqual(Array.from({ length: count }, (_, item) => pathOf(item)));
    expect(await paths(0)).toHaveLength(MOST_BULK_DATA);
  });
});
