import { crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { combineCrc32, ZipWriter } from '../../../src/dicomweb/index.js';
import { unzip, zipEntries, type ReadAt } from '../../helpers/zip-reader.js';
import { codeOf } from './code-of.js';

const file = fc.record({
  name: fc.stringMatching(/^[0-9]{1,5}\/[0-9.]{1,8}[0-9]\.dcm$/),
  body: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  isKnown: fc.boolean(),
});

describe('an archive', () => {
  test('holds every file as it was given, in order, its checksum before it where it was known', () => {
    fc.assert(
      fc.property(fc.array(file, { maxLength: 8 }), (files) => {
        const zip = new ZipWriter();
        const pieces = files.flatMap(({ name, body, isKnown }) => {
          const known = isKnown ? { bytes: body.length, crc32: crc32(body) } : undefined;
          const before = zip.begin({ name, known });
          zip.count(body.subarray(0, 7));
          zip.count(body.subarray(7));
          return [before, body, zip.endFile()];
        });
        const entries = unzip(Buffer.concat([...pieces, ...zip.end()]));
        expect(entries.map(({ name, body, described }) => ({ name, body, isKnown: !described }))).toEqual(
          files,
        );
      }),
    );
  });

  test('that breaks off anywhere is none', () => {
    const zip = new ZipWriter();
    const body = Buffer.from('some bytes');
    const pieces = ['1/1.dcm', '1/2.dcm'].flatMap((name) => {
      const before = zip.begin({ name });
      zip.count(body);
      return [before, body, zip.endFile()];
    });
    const whole = Buffer.concat([...pieces, ...zip.end()]);
    expect(unzip(whole)).toHaveLength(2);
    for (let length = 0; length < whole.length; length += 1)
      expect(() => unzip(whole.subarray(0, length))).toThrow('no whole archive');
  });

  test.each([
    '../1.dcm',
    '/1.dcm',
    '1//2.dcm',
    '1/../2.dcm',
    '1/./2',
    'C:1.dcm',
    '1\\2.dcm',
    '',
    '1/',
    'ä.dcm',
    '1\n',
  ])('R-06: takes no name that leads elsewhere: %j', (name) => {
    expect(codeOf(() => new ZipWriter().begin({ name }))).toBe('internal');
  });

  test('does not go on with a file that is not what was announced', () => {
    const body = Buffer.from('as announced');
    for (const known of [
      { bytes: body.length, crc32: crc32(body) + 1 },
      { bytes: body.length + 1, crc32: crc32(body) },
    ]) {
      const zip = new ZipWriter();
      zip.begin({ name: '1.dcm', known });
      zip.count(body);
      expect(codeOf(() => zip.endFile())).toBe('cache-failed');
    }
  });
});

/** An archive of zeros of which only what is not zero is kept. */
class Sparse {
  readonly #pieces: { readonly at: number; readonly bytes: Buffer }[] = [];
  size = 0;

  readonly read: ReadAt = (start, end) => {
    const result = Buffer.alloc(end - start);
    for (const { at, bytes } of this.#near(start)) {
      if (at >= end || at + bytes.length <= start) continue;
      bytes.copy(result, Math.max(at - start, 0), Math.max(start - at, 0));
    }
    return result;
  };

  put(bytes: Buffer): void {
    if (bytes.length > 0) this.#pieces.push({ at: this.size, bytes });
    this.size += bytes.length;
  }

  /** Pieces from shortly before `start` on; they are in order. */
  #near(start: number): readonly { readonly at: number; readonly bytes: Buffer }[] {
    let [low, high] = [0, this.#pieces.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#pieces[middle]?.at ?? 0) > start) high = middle;
      else low = middle + 1;
    }
    return this.#pieces.slice(Math.max(low - 2, 0), low + 3);
  }
}

const GIB = 2 ** 30;
const zeros = Buffer.alloc(64 * 2 ** 20);

interface Making {
  readonly zip: ZipWriter;
  readonly archive: Sparse;
}

function addZeros({ zip, archive }: Making, name: string, bytes: number, known?: number): void {
  archive.put(zip.begin({ name, known: known === undefined ? undefined : { bytes, crc32: known } }));
  for (let rest = bytes; rest > 0; rest -= zeros.length) {
    const chunk = zeros.subarray(0, Math.min(rest, zeros.length));
    zip.count(chunk);
    archive.size += chunk.length;
  }
  archive.put(zip.endFile());
}

describe('zip64', () => {
  test('more than 65,535 files are all found', () => {
    const zip = new ZipWriter();
    const archive = new Sparse();
    const count = 70_000;
    for (let index = 0; index < count; index += 1) addZeros({ zip, archive }, `1.2/3.${index}.dcm`, 1);
    let pieces = 0;
    for (const piece of zip.end()) {
      expect(piece.length).toBeLessThan(66_000);
      archive.put(piece);
      pieces += 1;
    }
    expect(pieces).toBeGreaterThan(50);
    const entries = zipEntries(archive.read, archive.size);
    expect(entries).toHaveLength(count);
    expect(entries.at(-1)).toMatchObject({ name: `1.2/3.${count - 1}.dcm`, bytes: 1 });
  });

  test('a file of more than 4 GiB, one behind it, and lengths just at the bound are told in 64 bits', () => {
    const zip = new ZipWriter();
    const archive = new Sparse();
    const large = 4 * GIB + 3;
    addZeros({ zip, archive }, '1/1.dcm', large);
    addZeros({ zip, archive }, '1/2.dcm', 5);
    let checksum = 0;
    for (let rest = 4 * GIB - 1; rest > 0; rest -= zeros.length)
      checksum = crc32(zeros.subarray(0, Math.min(rest, zeros.length)), checksum);
    addZeros({ zip, archive }, '1/3.dcm', 4 * GIB - 1, checksum);
    for (const piece of zip.end()) archive.put(piece);
    expect(zipEntries(archive.read, archive.size)).toMatchObject([
      { name: '1/1.dcm', bytes: large, described: true },
      { name: '1/2.dcm', bytes: 5 },
      { name: '1/3.dcm', bytes: 4 * GIB - 1, described: false },
    ]);
  });
});

test('the checksum of two runs of bytes follows from those of each', () => {
  const bytes = fc.uint8Array({ maxLength: 2000 }).map((one) => Buffer.from(one));
  fc.assert(
    fc.property(bytes, bytes, (first, second) => {
      expect(combineCrc32(crc32(first), crc32(second), second.length)).toBe(
        crc32(Buffer.concat([first, second])),
      );
    }),
  );
  let checksum = crc32(Buffer.from('head'));
  for (let rest = 3 * GIB; rest > 0; rest -= zeros.length) checksum = crc32(zeros, checksum);
  let behind = 0;
  for (let rest = 3 * GIB; rest > 0; rest -= zeros.length) behind = crc32(zeros, behind);
  expect(combineCrc32(crc32(Buffer.from('head')), behind, 3 * GIB)).toBe(checksum);
});
