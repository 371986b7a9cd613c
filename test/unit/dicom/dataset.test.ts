import { describe, expect, test } from '@jest/globals';
import { Dataset, decodeDataset, encodeDataset, Tags, TransferSyntaxes } from '../../../src/dicom/index.js';

const { ExplicitVrLittleEndian: explicitLittle, ImplicitVrLittleEndian: implicitLittle } = TransferSyntaxes;
const tagsOf = (dataset: Dataset): number[] => Array.from(dataset, ({ tag }) => tag);
const reread = (dataset: Dataset): Dataset =>
  decodeDataset(encodeDataset(dataset, explicitLittle), explicitLittle);

describe('a dataset in memory', () => {
  test('is walked in ascending order of tags, however it was filled', () => {
    const dataset = new Dataset()
      .setString(Tags.StudyInstanceUID, '1.2')
      .setString(Tags.PatientID, 'A')
      .setString(0xfffcfffc, 'x', 'LO')
      .setString(Tags.Modality, 'CT');
    expect(tagsOf(dataset)).toEqual([Tags.Modality, Tags.PatientID, Tags.StudyInstanceUID, 0xfffcfffc]);
  });

  test('gives values without padding, and nothing for absent and empty ones', () => {
    const dataset = new Dataset()
      .setBytes(Tags.StudyInstanceUID, 'UI', Buffer.from('1.2.3\0'))
      .setBytes(Tags.PatientID, 'LO', Buffer.from(' A \\ B '))
      .setBytes(Tags.PatientComments, 'LT', Buffer.from(' a\\b '))
      .setEmpty(Tags.StudyDate);
    expect(dataset.string(Tags.StudyInstanceUID)).toBe('1.2.3');
    expect(dataset.strings(Tags.PatientID)).toEqual(['A', 'B']);
    expect(dataset.string(Tags.PatientComments)).toBe(' a\\b');
    expect(dataset.string(Tags.StudyDate)).toBeUndefined();
    expect(dataset.strings(Tags.StudyDate)).toEqual([]);
    expect(dataset.strings(Tags.StudyTime)).toEqual([]);
    expect(dataset.has(Tags.StudyDate)).toBe(true);
  });

  test('keeps empty values among several', () => {
    const dataset = new Dataset().setString(Tags.ModalitiesInStudy, ['CT', '', 'MR']);
    expect(dataset.strings(Tags.ModalitiesInStudy)).toEqual(['CT', '', 'MR']);
  });

  test('reads and sets binary numbers and tags as text', () => {
    const dataset = new Dataset().setString(Tags.Rows, '512').setString(0x00080001, '7', 'SS');
    dataset.setString(0x00280009, ['00181063', '00181065'], 'AT');
    expect(dataset.get(Tags.Rows)).toEqual({ tag: Tags.Rows, vr: 'US', value: Buffer.from([0, 2]) });
    expect(dataset.integer(Tags.Rows)).toBe(512);
    expect(dataset.strings(0x00280009)).toEqual(['00181063', '00181065']);
  });

  test.each([
    ['IS', ' 12 ', 12],
    ['IS', '1.5', undefined],
    ['IS', 'N/A', undefined],
    ['IS', '', undefined],
    ['DS', '-7', -7],
  ] as const)('integer of %s %j is %s', (vr, text, value) => {
    expect(new Dataset().setString(Tags.SeriesNumber, text, vr).integer(Tags.SeriesNumber)).toBe(value);
  });

  test.each([
    ['US', '65536'],
    ['US', '1.5'],
    ['US', 'x'],
    ['UV', '-1'],
    ['AT', '0018'],
    ['FD', 'NaN'],
    ['OB', 'x'],
    ['SQ', 'x'],
  ] as const)('a %s does not take %j', (vr, text) => {
    expect(() => new Dataset().setString(Tags.Rows, text, vr)).toThrow(
      expect.objectContaining({ code: 'bad-request' }),
    );
  });

  test('Q-55: a list of UIDs keeps every value, whatever its length', () => {
    const uids = Array.from({ length: 100 }, (_, index) => `1.2.840.113619.2.55.3.2831868886.${index}`);
    const dataset = new Dataset().setString(Tags.StudyInstanceUID, uids);
    expect(reread(dataset).strings(Tags.StudyInstanceUID)).toEqual(uids);
  });

  test('text that was set beside text that came in reads as meant, both before and after encoding', () => {
    const latin = new Dataset()
      .setString(Tags.SpecificCharacterSet, 'ISO_IR 100')
      .setBytes(Tags.PatientName, 'PN', Buffer.from('4ae972f46d65', 'hex'));
    expect(latin.string(Tags.PatientName)).toBe('Jérôme');
    latin.setString(Tags.StudyDescription, '山田');
    expect(latin.string(Tags.PatientName)).toBe('Jérôme');
    expect(latin.characterSet).toEqual(['ISO_IR 192']);
    const again = reread(latin);
    expect(again.string(Tags.PatientName)).toBe('Jérôme');
    expect(again.string(Tags.StudyDescription)).toBe('山田');
  });

  test('items read in the character set of their own, else of what encloses them', () => {
    const code = (): Dataset => new Dataset().setString(Tags.CodeMeaning, 'Schädel');
    const dataset = new Dataset()
      .setString(Tags.PatientID, 'A')
      .setItems(Tags.ProcedureCodeSequence, [code(), code()]);
    const [first] = reread(dataset).items(Tags.ProcedureCodeSequence);
    expect(first?.characterSet).toEqual(['ISO_IR 100']);
    expect(first?.string(Tags.CodeMeaning)).toBe('Schädel');
    expect(dataset.items(Tags.PatientID)).toEqual([]);
  });

  test('delete takes an element away, and with it a declared character set', () => {
    const dataset = new Dataset({ fallbackCharacterSet: ['ISO_IR 101'] })
      .setString(Tags.SpecificCharacterSet, 'ISO_IR 100')
      .setString(Tags.PatientID, 'A');
    expect(dataset.characterSet).toEqual(['ISO_IR 100']);
    expect(dataset.delete(Tags.SpecificCharacterSet)).toBe(true);
    expect(dataset.delete(Tags.SpecificCharacterSet)).toBe(false);
    expect(dataset.characterSet).toEqual(['ISO_IR 101']);
    expect(dataset.size).toBe(1);
  });
});

describe('writing a dataset', () => {
  test('Q-51: an ASCII identifier declares no character set', () => {
    const dataset = new Dataset()
      .setString(Tags.SpecificCharacterSet, 'ISO_IR 100')
      .setString(Tags.PatientName, 'Doe^J*');
    expect(tagsOf(reread(dataset))).toEqual([Tags.PatientName]);
  });

  test('Q-51: a value that needs it brings the smallest character set of the peer', () => {
    const dataset = new Dataset({ encodingCharacterSets: ['ISO_IR 144', 'ISO_IR 192'] });
    dataset.setString(Tags.PatientName, 'Люк*').setString(Tags.StudyInstanceUID, '');
    const again = reread(dataset);
    expect(again.string(Tags.SpecificCharacterSet)).toBe('ISO_IR 144');
    expect(again.get(Tags.PatientName)?.value).toEqual(Buffer.from('bbeeda2a', 'hex'));
    expect(tagsOf(again)).toEqual([Tags.SpecificCharacterSet, Tags.PatientName, Tags.StudyInstanceUID]);
  });

  test('Q-51: (0008,0005) set empty is a return key and stays one', () => {
    const again = reread(new Dataset().setEmpty(Tags.SpecificCharacterSet).setEmpty(Tags.PatientName));
    expect(again.get(Tags.SpecificCharacterSet)?.value).toEqual(Buffer.alloc(0));
  });

  test('Q-51: no character set of the peer holds the value', () => {
    const dataset = new Dataset({ encodingCharacterSets: ['ISO_IR 100'] }).setString(
      Tags.PatientName,
      '山田',
    );
    expect(() => encodeDataset(dataset, explicitLittle)).toThrow(
      expect.objectContaining({ code: 'bad-request' }),
    );
  });

  test('text that came in by ISO 2022 goes out byte for byte', () => {
    const name = Buffer.from('1b2442 3b33 1b2842'.replaceAll(' ', ''), 'hex');
    const dataset = new Dataset()
      .setString(Tags.SpecificCharacterSet, '\\ISO 2022 IR 87')
      .setBytes(Tags.PatientName, 'PN', name);
    const again = reread(dataset);
    expect(again.get(Tags.PatientName)?.value).toEqual(name);
    expect(again.string(Tags.PatientName)).toBe('山');
  });

  test('text read by a fallback is declared when it goes out', () => {
    const dataset = new Dataset({ fallbackCharacterSet: ['ISO_IR 101'] });
    dataset.setBytes(Tags.PatientName, 'PN', Buffer.from('d8', 'hex'));
    const again = reread(dataset);
    expect(again.string(Tags.PatientName)).toBe('Ř');
  });

  test('items put together from datasets of different character sets all read as meant', () => {
    const item = (term: string, bytes: string): Dataset =>
      new Dataset({ fallbackCharacterSet: [term] }).setBytes(
        Tags.CodeMeaning,
        'LO',
        Buffer.from(bytes, 'hex'),
      );
    const dataset = new Dataset().setItems(Tags.ProcedureCodeSequence, [
      item('ISO_IR 100', 'e9'),
      item('ISO_IR 101', 'd8'),
    ]);
    const [first, second] = reread(dataset).items(Tags.ProcedureCodeSequence);
    expect(first?.string(Tags.CodeMeaning)).toBe('é');
    expect(second?.string(Tags.CodeMeaning)).toBe('Ř');
  });

  test('Q-52: odd values are padded, UIDs by NUL and text by a space', () => {
    const dataset = new Dataset().setString(Tags.PatientID, 'ABC').setString(Tags.StudyInstanceUID, '1.2.3');
    expect(encodeDataset(dataset, implicitLittle).toString('latin1')).toBe(
      '\x10\x00\x20\x00\x04\x00\x00\x00ABC \x20\x00\x0D\x00\x06\x00\x00\x001.2.3\x00',
    );
  });

  test('W-24: a value beyond the 16 bit length of its VR is written as UN', () => {
    const uids = '1.2.3\\'.repeat(20_000);
    const dataset = new Dataset().setString(Tags.StudyInstanceUID, uids);
    expect(encodeDataset(dataset, explicitLittle).toString('latin1', 4, 6)).toBe('UN');
    expect(reread(dataset).strings(Tags.StudyInstanceUID)).toHaveLength(20_001);
  });

  test('group lengths are left out', () => {
    const dataset = new Dataset().setString(0x00080000, '10', 'UL').setString(Tags.Modality, 'CT');
    expect(tagsOf(reread(dataset))).toEqual([Tags.Modality]);
  });

  test('nothing is written in a compressed transfer syntax', () => {
    expect(() => encodeDataset(new Dataset(), TransferSyntaxes.DeflatedExplicitVrLittleEndian)).toThrow(
      expect.objectContaining({ code: 'internal' }),
    );
  });
});
