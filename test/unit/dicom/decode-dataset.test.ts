import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GatewayError } from '../../../src/core/index.js';
import {
  Dataset,
  decodeDataset,
  encodeDataset,
  Tags,
  TransferSyntaxes,
  vrTraits,
  type TransferSyntax,
  type Vr,
} from '../../../src/dicom/index.js';
import {
  element,
  encapsulated,
  join,
  numbers,
  rawElement,
  sequence,
  type Write,
} from '../../helpers/fixtures-element.js';

const { ExplicitVrLittleEndian, ImplicitVrLittleEndian, ExplicitVrBigEndian } = TransferSyntaxes;
const uncompressed = [ImplicitVrLittleEndian, ExplicitVrLittleEndian, ExplicitVrBigEndian];
const pairs = uncompressed.map((syntax): [string, TransferSyntax] => [syntax.name, syntax]);

/** A dataset as plain values, to compare. */
function plain(dataset: Dataset): unknown[] {
  return Array.from(dataset, ({ tag, vr, value }) => [
    tag,
    vr,
    Buffer.isBuffer(value) ? value.toString('hex') : value.map(plain),
  ]);
}

/** Known to the dictionary, so that Implicit VR keeps their VR. */
const attributes: [number, Vr][] = [
  [Tags.PatientID, 'LO'],
  [Tags.StudyInstanceUID, 'UI'],
  [Tags.Rows, 'US'],
  [0x00091002, 'UN'],
  [0x00189219, 'SS'],
  [0x0018602c, 'FD'],
  [0x00280009, 'AT'],
  [0x00282000, 'OB'],
];

const datasets = fc.letrec<{ dataset: Dataset }>((tie) => ({
  dataset: fc
    .tuple(
      fc.uniqueArray(fc.tuple(fc.constantFrom(...attributes), fc.uint8Array({ maxLength: 3 })), {
        selector: ([[tag]]) => tag,
      }),
      fc.option(fc.array(tie('dataset'), { maxLength: 3 }), { nil: undefined }),
    )
    .map(([elements, items]) => {
      const dataset = new Dataset();
      for (const [[tag, vr], values] of elements) {
        const { unit, text } = vrTraits(vr);
        const size = vr === 'AT' ? 4 : Math.max(2, unit);
        const bytes = Buffer.alloc(values.length * size);
        values.forEach((value, index) =>
          bytes.fill(text ? 0x41 + (value % 26) : value, index * size, (index + 1) * size),
        );
        dataset.setBytes(tag, vr, bytes);
      }
      if (items !== undefined) dataset.setItems(Tags.ProcedureCodeSequence, items);
      return dataset;
    }),
})).dataset;

describe('reading a whole dataset', () => {
  test.each(pairs)('what is written in %s reads back the same', (_name, syntax) => {
    fc.assert(
      fc.property(datasets, (dataset) => {
        expect(plain(decodeDataset(encodeDataset(dataset, syntax), syntax))).toEqual(plain(dataset));
      }),
      { interruptAfterTimeLimit: 1500 },
    );
  });

  test.each(pairs)('any bytes in %s are a dataset or a malformed one', (_name, syntax) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          plain(decodeDataset(Buffer.from(bytes), syntax));
        } catch (error) {
          expect(error).toBeInstanceOf(GatewayError);
          expect(error).toMatchObject({ code: 'malformed-dataset' });
        }
      }),
      { interruptAfterTimeLimit: 1500 },
    );
  });

  test('values are little endian whatever the dataset is', () => {
    const bytes = numbers(Tags.Rows, 'US', 512)({ vr: 'explicit', byteOrder: 'big' });
    const dataset = decodeDataset(bytes, ExplicitVrBigEndian);
    expect(dataset.integer(Tags.Rows)).toBe(512);
    expect(dataset.get(Tags.Rows)?.value).toEqual(Buffer.from([0, 2]));
  });

  test('the bytes may be used again: two rows read through one buffer stay two patients', () => {
    const buffer = Buffer.alloc(12);
    const rows = ['A1', 'B2'].map((id) => {
      element(Tags.PatientID, 'LO', id)({ vr: 'explicit', byteOrder: 'little' }).copy(buffer);
      return decodeDataset(buffer.subarray(0, 10), ExplicitVrLittleEndian);
    });
    expect(rows.map((row) => row.string(Tags.PatientID))).toEqual(['A1', 'B2']);
  });

  test('Q-35: text without a declared character set reads by the fallback of the peer, in items too', () => {
    const bytes = join(
      element(Tags.PatientName, 'PN', Buffer.from('d8', 'hex')),
      sequence(Tags.ProcedureCodeSequence, [element(Tags.CodeMeaning, 'LO', Buffer.from('d8', 'hex'))]),
    )({ vr: 'explicit', byteOrder: 'little' });
    const dataset = decodeDataset(bytes, ExplicitVrLittleEndian, { fallbackCharacterSet: 'ISO_IR 101' });
    expect(dataset.string(Tags.PatientName)).toBe('Ř');
    expect(dataset.items(Tags.ProcedureCodeSequence)[0]?.string(Tags.CodeMeaning)).toBe('Ř');
    expect(decodeDataset(bytes, ExplicitVrLittleEndian).string(Tags.PatientName)).toBe('\uFFFD');
  });

  test('J-17: "US or SS" goes by Pixel Representation in Implicit VR, by the header in Explicit VR', () => {
    const write = join(
      numbers(Tags.PixelRepresentation, 'US', 1),
      numbers(Tags.SmallestImagePixelValue, 'SS', -5),
    );
    const implicit = decodeDataset(write({ vr: 'implicit', byteOrder: 'little' }), ImplicitVrLittleEndian);
    expect(implicit.integer(Tags.SmallestImagePixelValue)).toBe(-5);
    const asWritten = join(
      numbers(Tags.PixelRepresentation, 'US', 1),
      numbers(Tags.SmallestImagePixelValue, 'US', 5),
    );
    const explicit = decodeDataset(
      asWritten({ vr: 'explicit', byteOrder: 'little' }),
      ExplicitVrLittleEndian,
    );
    expect(explicit.get(Tags.SmallestImagePixelValue)?.vr).toBe('US');
  });

  test('J-17: UN is what the dictionary says, and stays UN where nobody knows', () => {
    const bytes = join(
      element(Tags.PatientID, 'UN', 'A1'),
      rawElement(Tags.ProcedureCodeSequence, 'UN', Buffer.alloc(4)),
      element(0x00091001, 'UN', 'x'),
    )({ vr: 'explicit', byteOrder: 'little' });
    const dataset = decodeDataset(bytes, ExplicitVrLittleEndian);
    expect(Array.from(dataset, ({ vr }) => vr)).toEqual(['UN', 'UN', 'LO']);
    expect(dataset.string(Tags.PatientID)).toBe('A1');
  });

  test('J-17: a UN of undefined length is a sequence in Implicit VR Little Endian', () => {
    const inner = element(Tags.CodeMeaning, 'LO', 'Head')({ vr: 'implicit', byteOrder: 'little' });
    const bytes = sequence(
      0x00091010,
      [() => inner],
      undefined,
      'UN',
    )({ vr: 'explicit', byteOrder: 'little' });
    const [item] = decodeDataset(bytes, ExplicitVrLittleEndian).items(0x00091010);
    expect(item?.string(Tags.CodeMeaning)).toBe('Head');
  });

  test('J-19: of a tag that comes twice the last one wins', () => {
    const write = join(element(Tags.PatientID, 'LO', 'A1'), element(Tags.PatientID, 'LO', 'B2'));
    const bytes = write({ vr: 'explicit', byteOrder: 'little' });
    expect(decodeDataset(bytes, ExplicitVrLittleEndian).strings(Tags.PatientID)).toEqual(['B2']);
  });

  test('J-19: whoever decodes is told which tags come again, in a row with sequences and in one without', () => {
    const twice = join(element(Tags.PatientID, 'LO', 'A1'), element(Tags.PatientID, 'LO', 'B2'));
    const again = sequence(0x00091010, [twice, element(Tags.PatientID, 'LO', 'C3')]);
    const told = (write: Write): unknown[] => {
      const tags: unknown[] = [];
      const onRepeated = (tag: number): unknown => tags.push(tag);
      decodeDataset(write({ vr: 'explicit', byteOrder: 'little' }), ExplicitVrLittleEndian, { onRepeated });
      return tags;
    };
    expect(told(twice)).toEqual([Tags.PatientID]);
    expect(told(join(again, again))).toEqual([Tags.PatientID, 0x00091010, Tags.PatientID]);
    expect(told(element(Tags.PatientID, 'LO', 'A1'))).toEqual([]);
  });

  test('J-19: nesting beyond the limit is malformed, not a crash', () => {
    let write = element(Tags.CodeMeaning, 'LO', 'Head');
    for (let depth = 0; depth < 1000; depth++)
      write = ((inner) => sequence(Tags.ProcedureCodeSequence, [inner]))(write);
    const bytes = write({ vr: 'explicit', byteOrder: 'little' });
    expect(() => decodeDataset(bytes, ExplicitVrLittleEndian)).toThrow(
      expect.objectContaining({ code: 'malformed-dataset' }),
    );
  });

  test('encapsulated pixel data is left out', () => {
    const bytes = join(
      element(Tags.PatientID, 'LO', 'A1'),
      encapsulated([Buffer.alloc(4)]),
    )({ vr: 'explicit', byteOrder: 'little' });
    expect(decodeDataset(bytes, ExplicitVrLittleEndian).has(Tags.PixelData)).toBe(false);
  });
});

describe('short flat datasets, which are read without the events of the reader', () => {
  /** Any limit given makes the reader read. */
  const byReader = { limits: { maxDepth: 64 } };
  const outcome = (
    bytes: Buffer,
    syntax: TransferSyntax,
    options: Parameters<typeof decodeDataset>[2],
  ): unknown => {
    try {
      return plain(decodeDataset(bytes, syntax, options));
    } catch (error) {
      return error instanceof GatewayError ? error.code : error;
    }
  };

  test.each(pairs)(
    'are in %s what the reader makes of them, whole, cut short and with other bytes behind',
    (_name, syntax) => {
      fc.assert(
        fc.property(datasets, fc.nat(20), fc.uint8Array({ maxLength: 12 }), (dataset, cut, behind) => {
          const whole = encodeDataset(dataset, syntax);
          const bytes = [
            whole,
            whole.subarray(0, -cut),
            Buffer.concat([whole, behind]),
            Buffer.concat([whole, Buffer.alloc(cut)]),
          ];
          for (const input of bytes)
            expect(outcome(input, syntax, {})).toEqual(outcome(input, syntax, byReader));
        }),
        { interruptAfterTimeLimit: 1500 },
      );
    },
  );

  test('Pixel Representation decides in them as well', () => {
    const write = join(
      numbers(Tags.PixelRepresentation, 'US', 1),
      numbers(Tags.SmallestImagePixelValue, 'SS', -5),
    );
    const bytes = write({ vr: 'implicit', byteOrder: 'little' });
    expect(outcome(bytes, ImplicitVrLittleEndian, {})).toEqual(
      outcome(bytes, ImplicitVrLittleEndian, byReader),
    );
  });
});
