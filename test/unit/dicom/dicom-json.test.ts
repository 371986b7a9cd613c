import { describe, expect, test } from '@jest/globals';
import {
  Dataset,
  datasetToJson,
  formatDicomJson,
  Tags,
  type DicomJsonElement,
  type Vr,
} from '../../../src/dicom/index.js';

const tag = 0x00189999;
const jsonOf = (vr: Vr, value: Buffer | string): DicomJsonElement | undefined => {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
  return datasetToJson(new Dataset().setBytes(tag, vr, bytes))['00189999'];
};
const doubles = (...values: number[]): Buffer => Buffer.from(new Float64Array(values).buffer);
const floats = (...values: number[]): Buffer => Buffer.from(new Float32Array(values).buffer);

describe('attributes of a DICOM JSON object', () => {
  test('J-01: names are upper-case hexadecimal in ascending order, also where JavaScript would order them otherwise', () => {
    const item = new Dataset().setString(0x30060026, 'Organ').setString(Tags.PatientID, 'A');
    const dataset = new Dataset()
      .setString(0x0020000d, '1.2')
      .setString(0x20100010, 'STANDARD', 'ST')
      .setString(0x0008103e, 'x')
      .setItems(Tags.ProcedureCodeSequence, [item]);
    expect(formatDicomJson(datasetToJson(dataset))).toBe(
      '{"00081032":{"vr":"SQ","Value":[{"00100020":{"vr":"LO","Value":["A"]},"30060026":{"vr":"LO","Value":["Organ"]}}]},' +
        '"0008103E":{"vr":"LO","Value":["x"]},"0020000D":{"vr":"UI","Value":["1.2"]},' +
        '"20100010":{"vr":"ST","Value":["STANDARD"]}}',
    );
  });

  test('J-01, Q-34, W-28: command sets, file meta information and group lengths are left out', () => {
    const dataset = new Dataset()
      .setString(Tags.MessageID, '1', 'US')
      .setString(Tags.TransferSyntaxUID, '1.2')
      .setString(0x00080000, '10', 'UL')
      .setString(0x00090000, '10', 'UL')
      .setString(Tags.Modality, 'CT');
    expect(Object.keys(datasetToJson(dataset))).toEqual(['00080060']);
  });

  test.each<[Vr, string]>([
    ['LO', ''],
    ['LO', ' '],
    ['PN', '=='],
    ['PN', '^^^^'],
    ['IS', ''],
    ['US', ''],
    ['OB', ''],
    ['UN', ''],
  ])('J-02: an empty %s (%j) is its VR alone', (vr, value) => {
    expect(jsonOf(vr, value)).toEqual({ vr });
  });

  test('J-03: empty values among several are null, empty items are empty objects, an empty sequence is its VR', () => {
    expect(jsonOf('LO', 'A\\\\B')).toEqual({ vr: 'LO', Value: ['A', null, 'B'] });
    expect(jsonOf('LO', 'A\\')).toEqual({ vr: 'LO', Value: ['A', null] });
    expect(jsonOf('IS', '1\\\\2')).toEqual({ vr: 'IS', Value: [1, null, 2] });
    expect(jsonOf('PN', 'A\\\\B')?.Value).toEqual([{ Alphabetic: 'A' }, null, { Alphabetic: 'B' }]);
    const dataset = new Dataset().setItems(0x00081032, [new Dataset()]).setItems(0x00081111, []);
    expect(formatDicomJson(datasetToJson(dataset))).toBe(
      '{"00081032":{"vr":"SQ","Value":[{}]},"00081111":{"vr":"SQ"}}',
    );
  });

  test.each<[Vr, string, unknown[]]>([
    ['US', '0102ffff', [513, 65535]],
    ['SS', 'ffff', [-1]],
    ['UL', 'ffffffff', [4294967295]],
    ['SL', 'feffffff', [-2]],
    ['FD', '000000000000f83f', [1.5]],
    ['AT', '180063101800651f', ['00181063', '00181F65']],
    ['SV', 'ffffffffffffffff', [-1]],
    ['UV', 'ffffffffffffffff', ['18446744073709551615']],
    ['SV', '01000000000020000100000000000000', ['9007199254740993', '1']],
  ])('J-04, J-05: binary %s %s', (vr, hex, values) => {
    expect(jsonOf(vr, Buffer.from(hex, 'hex'))).toEqual({ vr, Value: values });
  });

  test.each<[Vr]>([['OB'], ['OD'], ['OF'], ['OL'], ['OV'], ['OW'], ['UN']])(
    'J-04, J-11: %s is one base64 string',
    (vr) => {
      expect(jsonOf(vr, '\\\x00\x01\xFF')).toEqual({ vr, InlineBinary: 'XAAB/w==' });
    },
  );

  test.each<[Vr, string, unknown[]]>([
    ['IS', ' 12 \\-3', [12, -3]],
    ['IS', '007', [7]],
    ['IS', '9007199254740993', ['9007199254740993']],
    ['DS', '1.50\\1e2\\.5\\5.\\+2', [1.5, 100, 0.5, 5, 2]],
    ['DS', '0.1000000000000001', [0.1000000000000001]],
    ['DS', '1.23456789012345678', ['1.23456789012345678']],
    ['DS', '123456789012345678', ['123456789012345678']],
    ['DS', '1\\12345678901234567', ['1', '12345678901234567']],
    ['DS', '0.000\\0e9', [0, 0]],
    ['DS', '1e400', ['1e400']],
  ])('J-05: %s %j is a number only if it is exactly that number', (vr, text, values) => {
    expect(jsonOf(vr, text)).toEqual({ vr, Value: values });
  });

  test.each<[Vr, Buffer | string, unknown[]]>([
    ['IS', ' 007 \\\\-3', ['007', null, '-3']],
    ['DS', '1.50\\1e2', ['1.50', '1e2']],
    ['SV', Buffer.from('ffffffffffffffff', 'hex'), ['-1']],
    ['UV', Buffer.from('0100000000000000', 'hex'), ['1']],
    ['US', Buffer.from('ffff', 'hex'), [65535]],
    ['FD', doubles(1.5), [1.5]],
  ])('J-05: %s is text as it is spelled where numeric strings are to stay strings', (vr, value, values) => {
    const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
    const item = new Dataset().setBytes(tag, vr, bytes);
    const dataset = new Dataset().setBytes(tag, vr, bytes).setItems(Tags.ProcedureCodeSequence, [item]);
    const json = datasetToJson(dataset, 'strings');
    const element = { vr, Value: values };
    expect(json).toEqual({ '00189999': element, '00081032': { vr: 'SQ', Value: [{ '00189999': element }] } });
    expect(JSON.parse(formatDicomJson(json, 'strings'))).toEqual(json);
  });

  test('J-05: numbers that the gateway itself puts into IS, DS, SV and UV are written as text as well', () => {
    const object = { '00201206': { vr: 'IS', Value: [12, null] }, '00081197': { vr: 'US', Value: [272] } };
    const item = { '00081199': { vr: 'SQ', Value: [object] } };
    expect(formatDicomJson(item, 'strings')).toBe(
      '{"00081199":{"vr":"SQ","Value":[{"00081197":{"vr":"US","Value":[272]},"00201206":{"vr":"IS","Value":["12",null]}}]}}',
    );
    expect(formatDicomJson(item)).toContain('[12,null]');
  });

  test.each<[Vr, string]>([
    ['IS', '1,5'],
    ['IS', 'N/A'],
    ['IS', '1.0'],
    ['DS', '1,5'],
    ['DS', '.'],
    ['DS', 'NaN'],
    ['DS', 'Infinity'],
    ['DS', '0x10'],
  ])('J-06: the %s %j that is none stays the string it is', (vr, text) => {
    expect(jsonOf(vr, text)).toEqual({ vr, Value: [text] });
  });

  test('J-06: a megabyte of digits that is no number costs no time', () => {
    const text = `${'1'.repeat(1_000_000)}x`;
    expect(jsonOf('DS', text)).toEqual({ vr: 'DS', Value: [text] });
  });

  test('J-07: NaN and the infinities keep their bytes', () => {
    const bytes = doubles(1, NaN, -Infinity);
    expect(jsonOf('FD', bytes)).toEqual({ vr: 'UN', InlineBinary: bytes.toString('base64') });
  });

  test('numbers of the wrong length keep their bytes', () => {
    expect(jsonOf('US', '\x01\x02\x03')).toEqual({ vr: 'UN', InlineBinary: 'AQID' });
  });

  test('J-08: a float is the shortest decimal that reads back as the same float', () => {
    expect(jsonOf('FL', floats(0.1, 14.878605, 16777216, 1e-30))?.Value).toEqual([
      0.1, 14.878605, 16777216, 1e-30,
    ]);
    for (const value of new Float32Array([1 / 3, 3.4028234e38, 1.17549435e-38, 123456.79])) {
      expect(Math.fround(Number(jsonOf('FL', floats(value))?.Value?.[0]))).toBe(value);
    }
  });

  test('J-09: minus zero and large numbers are written as they are', () => {
    const dataset = new Dataset().setBytes(tag, 'FD', doubles(-0, 1e21));
    expect(formatDicomJson(datasetToJson(dataset))).toBe('{"00189999":{"vr":"FD","Value":[-0,1e+21]}}');
  });

  test.each([
    ['Doe^John^^Dr ', { Alphabetic: 'Doe^John^^Dr' }],
    ['A=B=C', { Alphabetic: 'A', Ideographic: 'B', Phonetic: 'C' }],
    ['=B', { Ideographic: 'B' }],
    ['A==C ', { Alphabetic: 'A', Phonetic: 'C' }],
    ['A=B=C=D', { Alphabetic: 'A', Ideographic: 'B', Phonetic: 'C=D' }],
  ])('J-13: the name %j', (text, name) => {
    expect(jsonOf('PN', text)).toEqual({ vr: 'PN', Value: [name] });
  });

  test.each<[Vr, string, string[]]>([
    ['LT', ' a\\b ', [' a\\b']],
    ['ST', ' a\\b\r\n ', [' a\\b\r\n']],
    ['UT', ' a\\b ', [' a\\b']],
    ['UR', 'http://x/?a\\b ', ['http://x/?a\\b']],
    ['UC', ' a\\b ', [' a', 'b']],
    ['UI', '1.2\0', ['1.2']],
    ['CS', ' A \\ B ', ['A', 'B']],
    ['DA', '20240101 ', ['20240101']],
    ['TM', ' 1200', ['1200']],
    ['LO', ' a b ', ['a b']],
  ])('J-15, Q-48: padding of %s %j', (vr, text, values) => {
    expect(jsonOf(vr, text)).toEqual({ vr, Value: values });
  });

  test('J-16: control characters are escaped', () => {
    const dataset = new Dataset().setBytes(tag, 'LT', Buffer.from('a\f"\t\x01'));
    expect(formatDicomJson(datasetToJson(dataset))).toContain('"a\\f\\"\\t\\u0001"');
  });

  test('J-20, Q-35: (0008,0005) says ISO_IR 192 when some text is not ASCII, in items too, and is dropped else', () => {
    const ascii = new Dataset()
      .setString(Tags.SpecificCharacterSet, 'ISO_IR 100')
      .setString(Tags.PatientID, 'A');
    expect(Object.keys(datasetToJson(ascii))).toEqual(['00100020']);
    const item = new Dataset({ fallbackCharacterSet: ['ISO_IR 101'] })
      .setString(Tags.SpecificCharacterSet, 'ISO_IR 100')
      .setBytes(Tags.CodeMeaning, 'LO', Buffer.from('e9', 'hex'));
    const dataset = new Dataset().setItems(Tags.ProcedureCodeSequence, [item]);
    expect(datasetToJson(dataset)).toEqual({
      '00080005': { vr: 'CS', Value: ['ISO_IR 192'] },
      '00081032': { vr: 'SQ', Value: [{ '00080104': { vr: 'LO', Value: ['é'] } }] },
    });
    const name = new Dataset().setString(Tags.PatientName, 'Jérôme');
    expect(datasetToJson(name)['00080005']?.Value).toEqual(['ISO_IR 192']);
  });
});
