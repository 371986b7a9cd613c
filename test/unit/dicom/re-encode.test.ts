import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import {
  Tags,
  toExplicitLittleEndian,
  toImplicitLittleEndian,
  TransferSyntaxes,
  type TransferSyntax,
} from '../../../src/dicom/index.js';
import {
  collect,
  EBE,
  element,
  ELE,
  encapsulated,
  header,
  ILE,
  item,
  sequence,
  stream,
  u32,
  UNDEFINED,
  us,
} from './dataset-bytes.js';

const malformed = expect.objectContaining({ code: 'malformed-dataset' });

async function expectReencoded(from: TransferSyntax, input: Buffer, output: Buffer): Promise<void> {
  for (const sizes of [[1], [3, 1], [1 << 20]]) {
    const made = await collect(toExplicitLittleEndian(stream(input, sizes), from));
    expect(made.toString('hex')).toBe(output.toString('hex'));
  }
}

describe('W-23: from Implicit VR Little Endian', () => {
  test('elements get the VR of the dictionary, unknown and private ones UN, pixel data OW', async () => {
    const row = (syntax: TransferSyntax): Buffer =>
      Buffer.concat([
        element(Tags.PatientID, 'LO', 'ID', syntax),
        element(0x00090010, 'LO', 'CREATOR ', syntax),
        element(0x00091001, 'UN', 'what', syntax),
        element(0x00080000 + 0xfffe, 'UN', 'odd1', syntax),
        element(Tags.Rows, 'US', us(7), syntax),
        element(Tags.PixelData, 'OW', Buffer.of(1, 2, 3, 4), syntax),
      ]);
    await expectReencoded(ILE, row(ILE), row(ELE));
  });

  test('"US or SS" goes by Pixel Representation, of the item or else of what encloses it', async () => {
    const smallest = (syntax: TransferSyntax, vr: string): Buffer =>
      element(Tags.SmallestImagePixelValue, vr, us(0xfffe), syntax);
    const representation = (syntax: TransferSyntax, value: number): Buffer =>
      element(Tags.PixelRepresentation, 'US', us(value), syntax);
    const dataset = (syntax: TransferSyntax, signed: string): Buffer =>
      Buffer.concat([
        smallest(syntax, 'US'),
        representation(syntax, 1),
        smallest(syntax, signed),
        element(Tags.Rows, 'US', us(1), syntax),
        sequence(
          Tags.ModalityLUTSequence,
          [
            item(smallest(syntax, signed), 'undefined', syntax),
            item(Buffer.concat([representation(syntax, 0), smallest(syntax, 'US')]), 'undefined', syntax),
          ],
          'undefined',
          syntax,
        ),
        smallest(syntax, signed),
      ]);
    await expectReencoded(ILE, dataset(ILE, ''), dataset(ELE, 'SS'));
  });

  test('sequences get undefined length, group lengths go, odd values get the pad of their VR', async () => {
    const input = Buffer.concat([
      element(0x00080000, '', u32(99), ILE),
      sequence(0x00081115, [item(element(Tags.PatientID, '', 'ODD', ILE), 'defined', ILE)], 'defined', ILE),
      element(Tags.StudyInstanceUID, '', '1.2', ILE),
    ]);
    const output = Buffer.concat([
      sequence(0x00081115, [item(element(Tags.PatientID, 'LO', 'ODD '), 'undefined')], 'undefined'),
      element(Tags.StudyInstanceUID, 'UI', '1.2\0'),
    ]);
    await expectReencoded(ILE, input, output);
  });

  test('a private sequence of undefined length becomes SQ', async () => {
    const made = (syntax: TransferSyntax): Buffer =>
      sequence(
        0x00091001,
        [item(element(Tags.PatientID, 'LO', 'ID', syntax), 'undefined', syntax)],
        'undefined',
        syntax,
      );
    await expectReencoded(ILE, made(ILE), made(ELE));
  });

  test('W-24: a value too long for the 16 bit length of its VR becomes UN', async () => {
    for (const [length, vr] of [
      [65534, 'LO'],
      [65535, 'UN'],
      [65536, 'UN'],
    ] as const) {
      const value = Buffer.alloc(length, 'x');
      const padded = Buffer.concat([value, Buffer.alloc(length % 2)]);
      const made = await collect(
        toExplicitLittleEndian(stream(element(Tags.PatientID, '', value, ILE)), ILE),
      );
      expect(made.equals(element(Tags.PatientID, vr, padded))).toBe(true);
    }
  });

  test('zeros after the end go, a missing sequence delimiter of pixel data comes', async () => {
    const id = (syntax: TransferSyntax): Buffer => element(Tags.PatientID, 'LO', 'ID', syntax);
    await expectReencoded(ILE, Buffer.concat([id(ILE), Buffer.alloc(9)]), id(ELE));
    const pixels = encapsulated([], [Buffer.of(1, 2, 3)], false);
    const implicit = Buffer.concat([pixels.subarray(0, 4), pixels.subarray(8)]);
    await expectReencoded(ILE, implicit, encapsulated([], [Buffer.of(1, 2, 3, 0)]));
  });

  test('a dataset cut short is malformed, not a shorter one', async () => {
    const cut = element(Tags.PixelData, '', Buffer.alloc(100), ILE).subarray(0, 50);
    await expect(collect(toExplicitLittleEndian(stream(cut), ILE))).rejects.toEqual(malformed);
  });
});

describe('W-23: from Explicit VR Big Endian', () => {
  const numbers = [
    ['US', 2],
    ['SS', 2],
    ['OW', 2],
    ['AT', 2],
    ['UL', 4],
    ['SL', 4],
    ['FL', 4],
    ['OF', 4],
    ['OL', 4],
    ['FD', 8],
    ['OD', 8],
    ['OV', 8],
    ['SV', 8],
    ['UV', 8],
    ['OB', 1],
    ['UN', 1],
    ['LO', 1],
  ] as const;

  test('values are turned round by their VR, across any chunk edge', async () => {
    const little = Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex');
    for (const [vr, unit] of numbers) {
      const big = Buffer.from(little);
      if (unit === 2) big.swap16();
      if (unit === 4) big.swap32();
      if (unit === 8) big.swap64();
      await expectReencoded(EBE, element(0x00091001, vr, big, EBE), element(0x00091001, vr, little));
    }
  });

  test('bytes that fill no number stay', async () => {
    const input = element(0x00091001, 'UL', Buffer.of(1, 2, 3, 4, 5, 6), EBE);
    await expectReencoded(EBE, input, element(0x00091001, 'UL', Buffer.of(4, 3, 2, 1, 5, 6)));
  });

  test('UN of undefined length stays as it is: its content is implicit little endian already', async () => {
    const content = Buffer.concat([
      item(
        sequence(0x00091002, [item(element(Tags.Rows, '', us(7), ILE), 'undefined', ILE)], 'undefined', ILE),
        'undefined',
        ILE,
      ),
      header(Tags.SequenceDelimitationItem, '', 0, ILE),
    ]);
    const made = (syntax: TransferSyntax): Buffer =>
      Buffer.concat([
        header(0x00091001, 'UN', UNDEFINED, syntax),
        content,
        element(Tags.Rows, 'US', us(7, syntax), syntax),
      ]);
    await expectReencoded(EBE, made(EBE), made(ELE));
  });

  test('long pixel data passes in chunks', async () => {
    const little = Buffer.alloc(300_000, 'abcdefg');
    const big = Buffer.from(little).swap16();
    const made = await collect(
      toExplicitLittleEndian(stream(element(Tags.PixelData, 'OW', big, EBE), [65_521]), EBE),
    );
    expect(made.equals(element(Tags.PixelData, 'OW', little))).toBe(true);
  });
});

test('what is explicit and little endian already passes untouched, a deflated dataset after inflating', async () => {
  const bytes = Buffer.concat([
    element(0x00080000, 'UL', u32(99)),
    sequence(0x00081115, [item(element(Tags.PatientID, 'LO', 'ODD'))]),
    Buffer.alloc(9),
  ]);
  await expectReencoded(ELE, bytes, bytes);
  await expectReencoded(TransferSyntaxes.JpegBaseline, bytes, bytes);
  await expectReencoded(TransferSyntaxes.DeflatedExplicitVrLittleEndian, deflateRawSync(bytes), bytes);
});

describe('S-12: to Implicit VR Little Endian', () => {
  const dataset = (syntax: TransferSyntax, lengths: 'defined' | 'undefined'): Buffer => {
    const rows = element(Tags.Rows, 'US', us(1, syntax), syntax);
    return Buffer.concat([
      element(0x00080000 + 5, 'CS', 'ISO_IR 100', syntax),
      element(Tags.PatientID, 'LO', 'ID', syntax),
      sequence(Tags.ModalityLUTSequence, [item(rows, lengths, syntax)], lengths, syntax),
      element(Tags.PixelData, 'OB', Buffer.of(1, 2, 3, 4), syntax),
    ]);
  };

  test.each([
    ['Explicit VR Little Endian', ELE],
    ['Explicit VR Big Endian', EBE],
  ])('from %s, with undefined lengths', async (_name, from) => {
    for (const sizes of [[1], [3, 1], [1 << 20]])
      for (const lengths of ['defined', 'undefined'] as const) {
        const made = await collect(toImplicitLittleEndian(stream(dataset(from, lengths), sizes), from));
        expect(made.toString('hex')).toBe(dataset(ILE, 'undefined').toString('hex'));
      }
  });

  test('not of encapsulated pixels', async () => {
    const bytes = encapsulated([], [Buffer.of(1, 2)]);
    await expect(collect(toImplicitLittleEndian(stream(bytes, [100]), ELE))).rejects.toEqual(malformed);
  });
});
