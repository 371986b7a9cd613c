import { describe, expect, test } from '@jest/globals';
import { isImageClass, mayBeImage, readAttributes, Tags, transferSyntax } from '../../../src/dicom/index.js';
import { ctSlice, syntaxes, type Fixture } from '../../helpers/fixtures.js';

const wanted = new Set([Tags.PatientName, Tags.InstanceNumber, Tags.Rows, Tags.BitsAllocated]);

function sourceOf({ dataset }: Fixture): {
  size: number;
  read: (start?: number) => AsyncIterable<Buffer>;
  furthest: number;
} {
  const source = {
    size: dataset.length,
    furthest: 0,
    async *read(start = 0): AsyncGenerator<Buffer, void, undefined> {
      for (let at = start; at < dataset.length; at += 100) {
        source.furthest = Math.max(source.furthest, at);
        // Lent: the next piece overwrites it.
        const lent = Buffer.from(dataset.subarray(at, at + 100));
        yield lent;
        lent.fill(0);
        await Promise.resolve();
      }
    },
  };
  return source;
}

describe('attributes of an instance', () => {
  test.each(Object.entries(syntaxes).filter(([name]) => /little|big|deflated/i.test(name)))(
    'are read from %s, and no others',
    async (_name, transferSyntaxUid) => {
      const fixture = ctSlice({ transferSyntaxUid, rows: 64, columns: 64 });
      const source = sourceOf(fixture);
      const syntax = transferSyntax(transferSyntaxUid);
      if (!syntax) throw new Error('not known');
      const found = await readAttributes(source, syntax, wanted);
      expect([found.string(Tags.Rows), found.string(Tags.BitsAllocated)]).toEqual(['64', '16']);
      expect(found.string(Tags.PatientName)).toBeDefined();
      expect(found.has(Tags.StudyDate)).toBe(false);
      if (!syntax.deflated) expect(source.furthest).toBeLessThan(source.size - 64 * 64 * 2 + 200);
    },
  );
});

describe('SOP classes', () => {
  test.each(['1', '2', '4.1', '7.4', '77.1.6', '66.4', '481.2'])('%s is of images', (end) => {
    expect(isImageClass(`1.2.840.10008.5.1.4.1.1.${end}`)).toBe(true);
    expect(mayBeImage(`1.2.840.10008.5.1.4.1.1.${end}`)).toBe(true);
  });

  test.each(['4.2', '11.1', '66', '77.1.1.1', '77.1.4.1', '88.11', '104.1', '481.3', '9.1.1', '22'])(
    '%s is not of still images for certain',
    (end) => {
      expect(isImageClass(`1.2.840.10008.5.1.4.1.1.${end}`)).toBe(false);
      expect(mayBeImage(`1.2.840.10008.5.1.4.1.1.${end}`)).toBe(false);
    },
  );

  test('of a private one, or none, it is not known', () => {
    expect([isImageClass('1.3.12.2.1107.5.9.1'), mayBeImage('1.3.12.2.1107.5.9.1')]).toEqual([false, true]);
    expect(mayBeImage(undefined)).toBe(true);
  });
});
