import { describe, expect, test } from '@jest/globals';
import type { ByteSource } from '../../../src/core/index.js';
import {
  Dataset,
  datasetToJson,
  formatNativeXml,
  Tags,
  TransferSyntaxes,
  writeNativeXml,
  type DicomJsonElement,
  type DicomJsonObject,
  type Vr,
} from '../../../src/dicom/index.js';
import {
  element,
  encapsulated,
  join,
  numbers,
  sequence,
  type Write,
} from '../../helpers/fixtures-element.js';

const { ExplicitVrLittleEndian, ImplicitVrLittleEndian } = TransferSyntaxes;

const start =
  '<?xml version="1.0" encoding="UTF-8"?>\n' +
  '<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM" xml:space="preserve">';

/** What stands in the root element. */
function contentOf(xml: string): string {
  expect(xml.startsWith(start)).toBe(true);
  expect(xml.endsWith('</NativeDicomModel>')).toBe(true);
  return xml.slice(start.length, -'</NativeDicomModel>'.length);
}

const format = (object: DicomJsonObject): string => contentOf(formatNativeXml(object));
/** The content of one attribute without a keyword. */
const one = (value: DicomJsonElement): string =>
  format({ '00189999': value }).replace(/^<DicomAttribute tag="00189999" vr="..">|<\/DicomAttribute>$/g, '');

async function written(write: Write, syntax = ExplicitVrLittleEndian): Promise<string> {
  const bytes = write(syntax);
  const source: ByteSource = {
    size: bytes.length,
    async *read(from = 0, to = bytes.length) {
      yield await Promise.resolve(bytes.subarray(from, to));
    },
  };
  const chunks: Buffer[] = [];
  const options = { bulkDataUri: (path: string) => `bulk?a=1&b="${path}"`, inlineLimitBytes: 64 };
  for await (const chunk of writeNativeXml(source, syntax, options)) chunks.push(chunk);
  return contentOf(Buffer.concat(chunks).toString('utf8'));
}

describe('X-01: a document of the Native DICOM Model', () => {
  test('has its attributes in ascending order, with tag, VR and keyword', () => {
    expect(
      format({
        '20100010': { vr: 'ST', Value: ['STANDARD\\1,1'] },
        '0020000D': { vr: 'UI', Value: ['1.2'] },
        '00189999': { vr: 'LO', Value: ['x'] },
        '60023000': { vr: 'OW', InlineBinary: 'AAA=' },
      }),
    ).toBe(
      '<DicomAttribute tag="00189999" vr="LO"><Value number="1">x</Value></DicomAttribute>' +
        '<DicomAttribute tag="0020000D" vr="UI" keyword="StudyInstanceUID"><Value number="1">1.2</Value></DicomAttribute>' +
        '<DicomAttribute tag="20100010" vr="ST" keyword="ImageDisplayFormat"><Value number="1">STANDARD\\1,1</Value></DicomAttribute>' +
        '<DicomAttribute tag="60023000" vr="OW" keyword="OverlayData"><InlineBinary>AAA=</InlineBinary></DicomAttribute>',
    );
  });

  test('numbers values, and keeps the place of empty ones', () => {
    expect(one({ vr: 'CS', Value: ['A', null, 'B', null] })).toBe(
      '<Value number="1">A</Value><Value number="2"/><Value number="3">B</Value><Value number="4"/>',
    );
    expect(one({ vr: 'CS' })).toBe('<DicomAttribute tag="00189999" vr="CS"/>');
  });

  test('has names by group and component', () => {
    const value = [
      { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' },
      null,
      { Alphabetic: 'A^^^Dr^Jr' },
      { Phonetic: '^G^M' },
      { Alphabetic: 'A^B^C^D^E^F' },
    ];
    expect(one({ vr: 'PN', Value: value })).toBe(
      '<PersonName number="1"><Alphabetic><FamilyName>Yamada</FamilyName><GivenName>Tarou</GivenName></Alphabetic>' +
        '<Ideographic><FamilyName>山田</FamilyName><GivenName>太郎</GivenName></Ideographic>' +
        '<Phonetic><FamilyName>やまだ</FamilyName><GivenName>たろう</GivenName></Phonetic></PersonName>' +
        '<PersonName number="2"/>' +
        '<PersonName number="3"><Alphabetic><FamilyName>A</FamilyName><NamePrefix>Dr</NamePrefix>' +
        '<NameSuffix>Jr</NameSuffix></Alphabetic></PersonName>' +
        '<PersonName number="4"><Phonetic><GivenName>G</GivenName><MiddleName>M</MiddleName></Phonetic></PersonName>' +
        '<PersonName number="5"><Alphabetic><FamilyName>A</FamilyName><GivenName>B</GivenName><MiddleName>C</MiddleName>' +
        '<NamePrefix>D</NamePrefix><NameSuffix>E^F</NameSuffix></Alphabetic></PersonName>',
    );
  });

  test('numbers items, empty ones too; a sequence without any is empty', () => {
    const inner = { '00080104': { vr: 'LO', Value: ['x'] } };
    expect(
      format({
        '00081032': { vr: 'SQ', Value: [inner, {}] },
        '00081111': { vr: 'SQ' },
      }),
    ).toBe(
      '<DicomAttribute tag="00081032" vr="SQ" keyword="ProcedureCodeSequence"><Item number="1">' +
        '<DicomAttribute tag="00080104" vr="LO" keyword="CodeMeaning"><Value number="1">x</Value></DicomAttribute>' +
        '</Item><Item number="2"></Item></DicomAttribute>' +
        '<DicomAttribute tag="00081111" vr="SQ" keyword="ReferencedPerformedProcedureStepSequence"/>',
    );
  });

  test.each<[Vr, string, string]>([
    ['US', '0102ffff', '<Value number="1">513</Value><Value number="2">65535</Value>'],
    ['SS', 'ffff', '<Value number="1">-1</Value>'],
    ['UL', 'ffffffff', '<Value number="1">4294967295</Value>'],
    ['SL', 'feffffff', '<Value number="1">-2</Value>'],
    ['SV', '0000000000000080', '<Value number="1">-9223372036854775808</Value>'],
    ['UV', 'ffffffffffffffff', '<Value number="1">18446744073709551615</Value>'],
    ['FD', '0000000000000080', '<Value number="1">-0</Value>'],
    ['FL', 'cdcccc3d', '<Value number="1">0.1</Value>'],
    ['AT', '100010001000200d', '<Value number="1">00100010</Value><Value number="2">00100D20</Value>'],
    ['OB', '0001', '<InlineBinary>AAE=</InlineBinary>'],
    ['UN', 'ff00', '<InlineBinary>/wA=</InlineBinary>'],
  ])('has %s %s as %s', (vr, hex, content) => {
    const json = datasetToJson(new Dataset().setBytes(0x00189999, vr, Buffer.from(hex, 'hex')));
    expect(format(json)).toBe(`<DicomAttribute tag="00189999" vr="${vr}">${content}</DicomAttribute>`);
  });

  test('names bulk data by its URI', () => {
    expect(one({ vr: 'OW', BulkDataURI: 'https://x.example/a?b=1&c="2"' })).toBe(
      '<BulkData uri="https://x.example/a?b=1&amp;c=&quot;2&quot;"/>',
    );
  });
});

describe('J-18: private attributes', () => {
  const creator = (name: string): DicomJsonElement => ({ vr: 'LO', Value: [name] });

  test('are named by their creator and without their block, whose reservation stays', () => {
    expect(
      format({
        '00290010': creator('ACME "1" & <2>'),
        '00290011': creator('OTHER'),
        '00291001': { vr: 'LO', Value: ['x'] },
        '00291101': { vr: 'US', Value: [1] },
        '00291201': { vr: 'US', Value: [2] },
      }),
    ).toBe(
      '<DicomAttribute tag="00290010" vr="LO"><Value number="1">ACME "1" &amp; &lt;2&gt;</Value></DicomAttribute>' +
        '<DicomAttribute tag="00290011" vr="LO"><Value number="1">OTHER</Value></DicomAttribute>' +
        '<DicomAttribute tag="00290001" privateCreator="ACME &quot;1&quot; &amp; &lt;2&gt;" vr="LO"><Value number="1">x</Value></DicomAttribute>' +
        '<DicomAttribute tag="00290001" privateCreator="OTHER" vr="US"><Value number="1">1</Value></DicomAttribute>' +
        '<DicomAttribute tag="00291201" vr="US"><Value number="1">2</Value></DicomAttribute>',
    );
  });

  test('are named by their block where what reserves it is longer than a creator can be', () => {
    const long = 'A'.repeat(65);
    const xml = format({
      '00290010': creator(long),
      '00290011': creator('A'.repeat(64)),
      '00291001': { vr: 'US', Value: [1] },
      '00291102': { vr: 'US', Value: [2] },
    });
    expect(xml).toContain(`<Value number="1">${long}</Value>`);
    expect(xml).toContain('<DicomAttribute tag="00291001" vr="US">');
    expect(xml).toContain(`<DicomAttribute tag="00290002" privateCreator="${'A'.repeat(64)}" vr="US">`);
  });

  test('keep the block if their creator has several, for both may have the same element', () => {
    const xml = format({
      '00290010': creator('ACME'),
      '00290020': creator('ACME'),
      '00291001': { vr: 'US', Value: [1] },
      '00292001': { vr: 'US', Value: [2] },
    });
    expect(xml.match(/tag="\d{8}" privateCreator="ACME"/g)).toEqual([
      'tag="00290001" privateCreator="ACME"',
      'tag="00292001" privateCreator="ACME"',
    ]);
  });

  test('of an item go by the creators of that item', () => {
    const item = { '00290010': creator('INNER'), '00291002': { vr: 'US', Value: [1] } };
    const xml = format({
      '00290010': creator('OUTER'),
      '00291001': { vr: 'SQ', Value: [item, { '00291002': { vr: 'US', Value: [1] } }] },
      '00291003': { vr: 'US', Value: [2] },
    });
    expect(xml.match(/tag="0029..0[123]"(?: privateCreator="\w+")?/g)).toEqual([
      'tag="00290001" privateCreator="OUTER"',
      'tag="00290002" privateCreator="INNER"',
      'tag="00291002"',
      'tag="00290003" privateCreator="OUTER"',
    ]);
  });
});

describe('X-03: characters', () => {
  test('markup and carriage returns are escaped, other white space stays', () => {
    expect(one({ vr: 'LT', Value: ['  a<b>&"c"\r\n\td  '] })).toBe(
      '<Value number="1">  a&lt;b&gt;&amp;"c"&#13;\n\td  </Value>',
    );
  });

  test('what XML 1.0 does not have is replaced', () => {
    const forbidden = '\0\x01\x08\x0B\x0C\x0E\x1B\x1F\uFFFE\uFFFF\uD800\uDC00x\uDFFF'.replace(
      '\uD800\uDC00',
      '\uDC00\uD800',
    );
    expect(one({ vr: 'LT', Value: [forbidden] })).toBe(
      `<Value number="1">${'\uFFFD'.repeat(12)}x\uFFFD</Value>`,
    );
    expect(one({ vr: 'LT', Value: ['\x7F\x85\u2028\u{1F600}'] })).toBe(
      '<Value number="1">\x7F\x85\u2028\u{1F600}</Value>',
    );
  });

  test('in XML attributes, quotes and all white space but spaces are escaped', () => {
    expect(one({ vr: 'UT', BulkDataURI: 'a\t\r\n"\0<' })).toBe(
      '<BulkData uri="a&#9;&#13;&#10;&quot;\uFFFD&lt;"/>',
    );
  });

  test('no text begins a line with two hyphens, as the delimiter of a multipart body does', () => {
    expect(one({ vr: 'LT', Value: ['a\n--b\n-c\r\n--'] })).toBe(
      '<Value number="1">a&#10;--b\n-c&#13;&#10;--</Value>',
    );
  });
});

describe('the metadata of an instance', () => {
  test('is the document of the same attributes, in UTF-8, with (0008,0005) as in JSON (J-20)', async () => {
    const name = Buffer.from('4dfc6c6c65725e4af67267', 'hex');
    const xml = await written(
      join(
        element(Tags.SpecificCharacterSet, 'CS', 'ISO_IR 100'),
        element(Tags.StudyDate, 'DA', ''),
        sequence(Tags.ProcedureCodeSequence, [element(Tags.CodeMeaning, 'LO', 'Head'), join()]),
        element(Tags.PatientName, 'PN', name),
        numbers(Tags.Rows, 'US', 512),
        encapsulated([Buffer.alloc(10)]),
      ),
    );
    expect(xml).toBe(
      '<DicomAttribute tag="00080005" vr="CS" keyword="SpecificCharacterSet"><Value number="1">ISO_IR 192</Value></DicomAttribute>' +
        '<DicomAttribute tag="00080020" vr="DA" keyword="StudyDate"/>' +
        '<DicomAttribute tag="00081032" vr="SQ" keyword="ProcedureCodeSequence"><Item number="1">' +
        '<DicomAttribute tag="00080104" vr="LO" keyword="CodeMeaning"><Value number="1">Head</Value></DicomAttribute>' +
        '</Item><Item number="2"></Item></DicomAttribute>' +
        '<DicomAttribute tag="00100010" vr="PN" keyword="PatientName"><PersonName number="1"><Alphabetic>' +
        '<FamilyName>Müller</FamilyName><GivenName>Jörg</GivenName></Alphabetic></PersonName></DicomAttribute>' +
        '<DicomAttribute tag="00280010" vr="US" keyword="Rows"><Value number="1">512</Value></DicomAttribute>' +
        '<DicomAttribute tag="7FE00010" vr="OB" keyword="PixelData"><BulkData uri="bulk?a=1&amp;b=&quot;7FE00010&quot;"/></DicomAttribute>',
    );
  });

  test('X-04: NaN and the infinities are values', async () => {
    const xml = await written(
      join(numbers(0x00189219, 'FD', 1, NaN), numbers(0x00189220, 'FL', -Infinity, Infinity)),
    );
    expect(xml.match(/>[^<>]+</g)).toEqual(['>1<', '>NaN<', '>-INF<', '>INF<']);
  });

  test('IS and DS stay as they are spelled', async () => {
    const xml = await written(
      join(element(0x00200013, 'IS', ' 007 '), element(0x00281050, 'DS', '1.50\\+2\\\\1e2')),
    );
    expect(xml.match(/<Value number="\d"(?:\/>|>[^<]*)/g)).toEqual([
      '<Value number="1">007',
      '<Value number="1">1.50',
      '<Value number="2">+2',
      '<Value number="3"/>',
      '<Value number="4">1e2',
    ]);
  });

  test('private elements of Implicit VR go by the creators that came before', async () => {
    const xml = await written(
      join(element(0x00090010, 'LO', 'ACME'), element(0x00091001, 'UN', 'ab')),
      ImplicitVrLittleEndian,
    );
    expect(xml).toContain('<DicomAttribute tag="00090001" privateCreator="ACME" vr="UN"><InlineBinary>');
  });

  test('bulk data has the URI of its path, which has its block', async () => {
    const xml = await written(
      join(element(0x00090010, 'LO', 'ACME'), element(0x00091001, 'OB', Buffer.alloc(66))),
    );
    expect(xml).toContain(
      'privateCreator="ACME" vr="OB"><BulkData uri="bulk?a=1&amp;b=&quot;00091001&quot;"/>',
    );
  });
});
