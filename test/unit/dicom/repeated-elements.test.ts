import { describe, expect, test } from '@jest/globals';
import { deflateRawSync } from 'node:zlib';
import type { ByteSource } from '../../../src/core/index.js';
import {
  DatasetIndexer,
  locateElement,
  Tags,
  TransferSyntaxes,
  writeDicomJson,
  writeNativeXml,
  type DatasetIndex,
  type DicomJsonObject,
  type TransferSyntax,
} from '../../../src/dicom/index.js';
import { element, join, numbers, sequence, type Write } from '../../helpers/fixtures-element.js';

const {
  ExplicitVrLittleEndian,
  ImplicitVrLittleEndian,
  ExplicitVrBigEndian,
  DeflatedExplicitVrLittleEndian,
} = TransferSyntaxes;
const syntaxes = [
  ExplicitVrLittleEndian,
  ImplicitVrLittleEndian,
  ExplicitVrBigEndian,
  DeflatedExplicitVrLittleEndian,
];

const bytesOf = (write: Write, syntax: TransferSyntax): Buffer =>
  syntax.deflated ? deflateRawSync(write(syntax)) : write(syntax);

const sourceOf = (bytes: Buffer): ByteSource => ({
  size: bytes.length,
  async *read(start = 0, end = bytes.length) {
    yield await Promise.resolve(bytes.subarray(start, end));
  },
});

async function indexOf(write: Write, syntax: TransferSyntax, piece = 7): Promise<DatasetIndex> {
  const indexer = new DatasetIndexer(syntax);
  const bytes = bytesOf(write, syntax);
  for (let at = 0; at < bytes.length; at += piece) await indexer.push(bytes.subarray(at, at + piece));
  return indexer.end();
}

async function textOf(
  writer: typeof writeDicomJson,
  write: Write,
  syntax = ExplicitVrLittleEndian,
): Promise<string> {
  const { repeated } = await indexOf(write, syntax);
  const options = {
    bulkDataUri: (path: string) => `bulk/${path}`,
    inlineLimitBytes: 16,
    ...(repeated && { superseded: repeated.superseded }),
  };
  const chunks: Buffer[] = [];
  for await (const chunk of writer(sourceOf(bytesOf(write, syntax)), syntax, options)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const jsonOf = async (write: Write, syntax?: TransferSyntax): Promise<DicomJsonObject> =>
  JSON.parse(await textOf(writeDicomJson, write, syntax)) as DicomJsonObject;

const code = (...items: Write[]): Write => sequence(Tags.ProcedureCodeSequence, items);
const meaning = (text: string): Write => element(Tags.CodeMeaning, 'LO', text);
const id = (text: string): Write => element(Tags.PatientID, 'LO', text);

const twice = join(
  code(join(meaning('A'), meaning('B')), meaning('C')),
  code(meaning('D'), join(meaning('E'), meaning('F'), meaning('G'))),
  id('one'),
  id('two'),
  element(Tags.StudyInstanceUID, 'UI', '1.2'),
  id('three'),
);

describe('J-19: of a tag that comes twice in a dataset the last one counts', () => {
  test.each(syntaxes.map((syntax): [string, TransferSyntax] => [syntax.name, syntax]))(
    'in metadata of %s, in items too',
    async (_name, syntax) => {
      const json = await jsonOf(twice, syntax);
      expect(json['00100020']?.Value).toEqual(['three']);
      expect(json['00081032']?.Value).toEqual([
        { '00080104': { vr: 'LO', Value: ['D'] } },
        { '00080104': { vr: 'LO', Value: ['G'] } },
      ]);
      expect(Object.keys(json)).toHaveLength(3);
    },
  );

  test('in XML as in JSON', async () => {
    const xml = await textOf(writeNativeXml, twice);
    expect(xml.match(/tag="00100020"/g)).toHaveLength(1);
    expect([...xml.matchAll(/<Value number="1">([^<]+)</g)].map(([, text]) => text)).toEqual([
      'D',
      'G',
      '1.2',
      'three',
    ]);
  });

  test('in the bulk data that metadata name', async () => {
    const item = (text: string): Write => code(element(0x00091010, 'OB', text.repeat(10)));
    const write = join(
      element(0x00091010, 'OB', 'first '.repeat(10)),
      element(0x00091010, 'OB', 'last  '.repeat(10)),
      item('first '),
      item('last  '),
    );
    const json = await jsonOf(write);
    const { repeated } = await indexOf(write, ExplicitVrLittleEndian);
    const bytes = write(ExplicitVrLittleEndian);
    for (const path of ['00091010', '00081032/0/00091010']) {
      expect(JSON.stringify(json)).toContain(`"bulk/${path}"`);
      const found = await locateElement(sourceOf(bytes), ExplicitVrLittleEndian, path, repeated?.superseded);
      const [range] = found?.ranges ?? [];
      expect(bytes.toString('latin1', range?.start, range?.end)).toBe('last  '.repeat(10));
    }
  });

  test('also where the last one has no value, and what reads by an earlier one reads so', async () => {
    const json = await jsonOf(
      join(
        element(Tags.SpecificCharacterSet, 'CS', 'ISO_IR 101'),
        element(Tags.PatientName, 'PN', Buffer.from('d8', 'hex')),
        id('one'),
        element(Tags.SpecificCharacterSet, 'CS', 'ISO_IR 100'),
        id(''),
      ),
    );
    expect(json).toEqual({
      '00080005': { vr: 'CS', Value: ['ISO_IR 192'] },
      '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Ř' }] },
      '00100020': { vr: 'LO' },
    });
  });
});

describe('the index of a dataset', () => {
  test('J-19: names the tags that come again, and no others', async () => {
    const { repeated } = await indexOf(twice, ExplicitVrLittleEndian);
    expect(repeated?.tags).toEqual([Tags.CodeMeaning, Tags.ProcedureCodeSequence, Tags.PatientID]);
    expect(repeated?.superseded).toEqual([...(repeated?.superseded ?? [])].sort((a, b) => a - b));
    expect(repeated?.isPartial).toBeUndefined();
    // The same tag in two items, and one that is out of order, is there once each.
    const once = join(code(meaning('A'), meaning('B')), id('one'), element(Tags.Modality, 'CS', 'CT'));
    expect((await indexOf(once, ExplicitVrLittleEndian)).repeated).toBeUndefined();
  });

  test('J-19: notes a thousand, says when there were more, and of these the first stays', async () => {
    const many = join(...Array.from({ length: 1003 }, (_, at) => id(`${1000 + at}`)));
    const { repeated } = await indexOf(many, ExplicitVrLittleEndian);
    expect([repeated?.superseded.length, repeated?.isPartial]).toEqual([1000, true]);
    expect((await jsonOf(many))['00100020']?.Value).toEqual(['2000']);
  });

  test('knows when all has passed that comes before the pixel data, or is near the beginning', () => {
    const indexer = new DatasetIndexer(ExplicitVrLittleEndian);
    const push = (write: Write): boolean => {
      void indexer.push(write(ExplicitVrLittleEndian));
      return indexer.isHeadOver;
    };
    expect(push(join(id('one'), numbers(Tags.BitsAllocated, 'US', 8)))).toBe(false);
    expect(push(element(Tags.PixelData, 'OW', 'xx'))).toBe(true);
    const long = new DatasetIndexer(ExplicitVrLittleEndian);
    void long.push(element(0x00420011, 'OB', Buffer.alloc(1 << 17))(ExplicitVrLittleEndian));
    expect(long.isHeadOver).toBe(true);
  });
});
