import { describe, expect, test } from '@jest/globals';
import { NativeXmlReader, type DicomJsonObject, type NativeXmlLimits } from '../../../src/dicom/index.js';

const namespace = 'http://dicom.nema.org/PS3.19/models/NativeDICOM';

function read(xml: string | Buffer, limits: Partial<NativeXmlLimits> = {}): DicomJsonObject {
  const reader = new NativeXmlReader(limits);
  reader.push(Buffer.from(xml));
  return reader.end();
}

/** A document of what stands in its root. */
const model = (content: string): DicomJsonObject => read(`<NativeDicomModel>${content}</NativeDicomModel>`);
/** One attribute of what stands in it. */
const attribute = (vr: string, content: string, tag = '00189999'): unknown =>
  model(`<DicomAttribute tag="${tag}" vr="${vr}">${content}</DicomAttribute>`)[tag];
const valuesOf = (vr: string, ...texts: readonly string[]): unknown =>
  (attribute(vr, texts.map((text) => `<Value>${text}</Value>`).join('')) as { Value?: unknown }).Value;

const refusal = { name: 'GatewayError', code: 'bad-request' };
function refusalOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toMatchObject(refusal);
    return String(error);
  }
  throw new Error('it was taken');
}

const name = '<DicomAttribute tag="00100020" vr="LO"><Value number="1">A</Value></DicomAttribute>';
const expected = { '00100020': { vr: 'LO', Value: ['A'] } };

describe('a document', () => {
  test.each([
    ['without a namespace', `<NativeDicomModel xml:space="preserve">${name}</NativeDicomModel>`],
    ['with the namespace', `<NativeDicomModel xmlns="${namespace}">${name}</NativeDicomModel>`],
    [
      'with a prefix',
      `<n:NativeDicomModel xmlns:n="${namespace}">${name.replace(/<(\/?)/g, '<$1n:')}</n:NativeDicomModel>`,
    ],
  ])('X-02: is read %s', (_how, xml) => {
    expect(read(xml)).toEqual(expected);
  });

  test.each([
    ['a declaration', '<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n'],
    ['a byte order mark (J-21)', '\uFEFF'],
    ['a comment', '<!-- of <any> kind -->\n'],
  ])('is read behind %s', (_what, before) => {
    expect(read(`${before}<NativeDicomModel>\n ${name}\n<!-- x --></NativeDicomModel>\n<!-- y -->`)).toEqual(
      expected,
    );
  });

  test('is read with unknown XML attributes, tags in lower case, and the VR of the dictionary where it says none', () => {
    expect(
      model(
        '<DicomAttribute keyword="x" a="b" tag="0020000d"><Value>1.2</Value></DicomAttribute>' +
          '<DicomAttribute tag="00091001"><InlineBinary>AAA=</InlineBinary></DicomAttribute>',
      ),
    ).toEqual({
      '0020000D': { vr: 'UI', Value: ['1.2'] },
      '00091001': { vr: 'UN', InlineBinary: 'AAA=' },
    });
  });

  test('S-04, J-01: is read without command set, file meta information and group lengths, in items too', () => {
    const foreign =
      '<DicomAttribute tag="00000002" vr="UI"><Value>1.2</Value></DicomAttribute>' +
      '<DicomAttribute tag="00020010" vr="UI"><Value>1.2.840.10008.1.2.4.50</Value></DicomAttribute>' +
      '<DicomAttribute tag="00100000" vr="UL"><Value>8</Value></DicomAttribute>';
    const item = `<DicomAttribute tag="00081032" vr="SQ"><Item>${foreign}${name}</Item></DicomAttribute>`;
    expect(model(foreign + item + name)).toEqual({
      '00081032': { vr: 'SQ', Value: [expected] },
      ...expected,
    });
    // The first of a creator's block is spelled like a group length.
    const first =
      '<DicomAttribute tag="00290000" vr="UL" privateCreator="ACME"><Value>8</Value></DicomAttribute>';
    expect(model(first)).toHaveProperty('00291000', { vr: 'UL', Value: [8] });
  });

  test('of several datasets, of another kind, or that is not whole is refused', () => {
    const whole = `<NativeDicomModel>${name}</NativeDicomModel>`;
    for (const xml of [
      '',
      ' ',
      'A',
      '{}',
      '<a/>',
      '<DicomAttribute tag="00100020" vr="LO"/>',
      whole + whole,
      `${whole}x`,
      `x${whole}`,
      whole.slice(0, -1),
      whole.replace('</Value>', ''),
      whole.replace('LO"', 'LO'),
      `<NativeDicomModel xmlns="urn:other">${name}</NativeDicomModel>`,
      `<NativeDicomModel>${name.replace('<Value', '<Value xmlns="urn:other"')}</NativeDicomModel>`,
    ])
      refusalOf(() => read(xml));
  });
});

describe('values', () => {
  test('X-03: keep their white space, references and CDATA', () => {
    expect(
      valuesOf('LT', '  a\n\tb &lt;&amp;&gt;&quot;&apos;&#13;&#x1F600; <![CDATA[<x> ]]>c<!-- no -->d '),
    ).toEqual(['  a\n\tb <&>"\'\r\u{1F600} <x> cd ']);
    expect(valuesOf('LT', 'a\r\nb\rc')).toEqual(['a\nb\nc']); // XML 1.0 2.11
  });

  test('stand where their numbers say; what is missing between is empty', () => {
    const content = '<Value number="2">B</Value><Value number="4"/><Value>E</Value>';
    expect(attribute('LO', content)).toEqual({ vr: 'LO', Value: [null, 'B', null, null, 'E'] });
    const names = '<PersonName number="2"><Alphabetic><FamilyName>A</FamilyName></Alphabetic></PersonName>';
    expect(attribute('PN', names)).toEqual({ vr: 'PN', Value: [null, { Alphabetic: 'A' }] });
    expect(attribute('LO', '<Value number="1"/>')).toEqual({ vr: 'LO' });
    expect(attribute('LO', '\n')).toEqual({ vr: 'LO' });
    expect(attribute('SQ', '<Item number="1"/>')).toEqual({ vr: 'SQ', Value: [{}] });
  });

  test.each([
    ['<Value number="0">A</Value>'],
    ['<Value number="x">A</Value>'],
    ['<Value number="-1">A</Value>'],
    ['<Value number="2">A</Value><Value number="1">B</Value>'],
    ['<Value number="1">A</Value><Value number="1">B</Value>'],
  ])('numbers that do not ascend from 1 are refused: %s', (content) => {
    refusalOf(() => attribute('LO', content));
  });

  test('a number far off makes no array of that length', () => {
    expect(refusalOf(() => attribute('LO', '<Value number="999999999">A</Value>'))).toContain('elements');
    refusalOf(() => attribute('SQ', '<Item number="2"/>'));
  });

  test.each([
    ['US', ['0', '65535'], [0, 65535]],
    ['SS', ['-32768', '+1'], [-32768, 1]],
    ['UL', ['4294967295'], [4294967295]],
    ['SL', [' -2147483648 '], [-2147483648]],
    ['SV', ['-9223372036854775808', '7'], ['-9223372036854775808', 7]],
    ['UV', ['+18446744073709551615'], ['18446744073709551615']],
    ['FL', ['1.5', 'NaN', 'INF'], [1.5, NaN, Infinity]],
    [
      'FD',
      ['-1e-300', '-INF', '+INF', '-Infinity', '.5', '5.'],
      [-1e-300, -Infinity, Infinity, -Infinity, 0.5, 5],
    ],
    ['AT', ['0020000d'], ['0020000D']],
    ['DS', ['1.5', '', '-3'], [1.5, null, -3]],
    ['DS', ['1.50', '3'], ['1.50', '3']],
    ['DS', ['0.30000000000000004'], ['0.30000000000000004']],
    ['IS', ['12', '-0'], [12, -0]],
    ['IS', ['012'], ['012']],
    ['IS', ['1.5'], ['1.5']],
    ['IS', ['9007199254740993'], ['9007199254740993']],
    ['IS', ['9007199254740992'], ['9007199254740992']],
    ['DS', ['Infinity', 'NaN'], ['Infinity', 'NaN']],
  ])('X-04, J-05: of %s %j are %j', (vr, texts, values) => {
    expect(valuesOf(vr, ...texts)).toStrictEqual(values);
  });

  test.each([
    ['US', '65536'],
    ['US', '-1'],
    ['US', '1.5'],
    ['US', '0x10'],
    ['SS', '32768'],
    ['UL', 'SECRET'],
    ['SL', '1e3'],
    ['SV', '9223372036854775808'],
    ['UV', '99999999999999999999999'],
    ['FL', '1e39'],
    ['FD', '1e999'],
    ['FD', 'nan'],
    ['FD', '1'.repeat(100_000)],
    ['AT', '0020,000d'],
    ['AT', '123'],
  ])('%s cannot be %s', (vr, text) => {
    expect(refusalOf(() => valuesOf(vr, text))).toBe(`GatewayError: A value is no number of type ${vr}.`);
  });
});

describe('names, items and bytes', () => {
  test('components come to their places, whatever their order', () => {
    const content =
      '<PersonName number="1"><Ideographic><GivenName>太郎</GivenName><FamilyName>山田</FamilyName></Ideographic>' +
      '<Alphabetic><NameSuffix>Jr</NameSuffix></Alphabetic><Phonetic/></PersonName>';
    expect(attribute('PN', content)).toEqual({
      vr: 'PN',
      Value: [{ Alphabetic: '^^^^Jr', Ideographic: '山田^太郎' }],
    });
    expect(attribute('PN', '<PersonName number="1"/>')).toEqual({ vr: 'PN' });
  });

  test('a name of carets without end is read in the time that it takes to read it', () => {
    const run = '^'.repeat(2_000_000);
    const name = (text: string): string =>
      `<PersonName number="1"><Alphabetic><FamilyName>${text}</FamilyName></Alphabetic></PersonName>`;
    expect(attribute('PN', name(`${run}a`))).toEqual({ vr: 'PN', Value: [{ Alphabetic: `${run}a` }] });
    expect(attribute('PN', name(`a${run}`))).toEqual({ vr: 'PN', Value: [{ Alphabetic: 'a' }] });
  });

  test('bulk data is named by its URI, or by a UUID', () => {
    expect(attribute('OW', '<BulkData uri="../a?b&amp;c"/>')).toEqual({ vr: 'OW', BulkDataURI: '../a?b&c' });
    expect(attribute('UT', '<BulkData uuid="8757877a-e9bf"/>')).toEqual({
      vr: 'UT',
      BulkDataURI: 'urn:uuid:8757877a-e9bf',
    });
  });

  test('base64 may be broken into lines', () => {
    expect(attribute('OB', '<InlineBinary>\n AAEC\n Aw==\n</InlineBinary>')).toEqual({
      vr: 'OB',
      InlineBinary: 'AAECAw==',
    });
    expect(attribute('OB', '<InlineBinary/>')).toEqual({ vr: 'OB' });
  });

  test.each([
    ['LO', '<Item number="1"/>'],
    ['SQ', '<Value number="1">A</Value>'],
    ['PN', '<Value number="1">A</Value>'],
    ['LO', '<PersonName number="1"/>'],
    ['LO', '<InlineBinary>AAA=</InlineBinary>'],
    ['OB', '<Value number="1">1</Value>'],
    ['OB', '<InlineBinary>AAA</InlineBinary>'],
    ['OB', '<InlineBinary>A=A=</InlineBinary>'],
    ['OB', '<InlineBinary>AAA=</InlineBinary><InlineBinary>AAA=</InlineBinary>'],
    ['OB', '<BulkData/>'],
    ['OB', '<BulkData uri="a" uuid="b"/>'],
    ['OB', '<BulkData uri="a">x</BulkData>'],
    ['SQ', '<BulkData uri="a"/>'],
    ['UT', '<Value>A</Value><BulkData uri="a"/>'],
    ['UT', '<BulkData uri="a"/><Value>A</Value>'],
    ['PN', '<PersonName><Value>A</Value></PersonName>'],
    ['PN', '<PersonName><Alphabetic>A</Alphabetic></PersonName>'],
    ['PN', '<PersonName><Alphabetic><Title>A</Title></Alphabetic></PersonName>'],
    [
      'PN',
      '<PersonName><Alphabetic><FamilyName>A</FamilyName><FamilyName>B</FamilyName></Alphabetic></PersonName>',
    ],
    ['PN', '<PersonName><Phonetic><GivenName>A</GivenName></Phonetic><Phonetic/></PersonName>'],
    ['LO', '<Value>A<b>B</b></Value>'],
    ['LO', 'A'],
    ['SQ', '<Item number="1">A</Item>'],
    ['SQ', '<Item number="1"><Value>A</Value></Item>'],
    ['XX', ''],
  ])('in %s there is no %s', (vr, content) => {
    refusalOf(() => attribute(vr, content));
  });

  test('J-19: an attribute that comes twice is refused, for one of them would be lost', () => {
    refusalOf(() => model(name + name));
  });

  test.each(['FFFEE000', 'fffee00d', 'FFFEE0DD', 'FFFE0000'])('%s is no attribute', (tag) => {
    const delimiter = `<DicomAttribute tag="${tag}" vr="OB"/>`;
    refusalOf(() => model(delimiter));
    refusalOf(() =>
      model(`<DicomAttribute tag="00081032" vr="SQ"><Item>${delimiter}</Item></DicomAttribute>`),
    );
  });
});

describe('J-18: private attributes', () => {
  const named = (tag: string, creator: string, value: string): string =>
    `<DicomAttribute tag="${tag}" privateCreator="${creator}" vr="LO"><Value>${value}</Value></DicomAttribute>`;
  const reserving = (tag: string, creator: string): string =>
    `<DicomAttribute tag="${tag}" vr="LO"><Value>${creator}</Value></DicomAttribute>`;
  const text = (value: string): unknown => ({ vr: 'LO', Value: [value] });

  test('go into the block that their creator has, wherever it is reserved', () => {
    expect(
      model(named('00290001', 'ACME', 'x') + reserving('00290010', 'OTHER') + reserving('00290042', 'ACME')),
    ).toEqual({ '00290010': text('OTHER'), '00290042': text('ACME'), '00294201': text('x') });
  });

  test('have a free block reserved where there is none, each creator its own', () => {
    expect(
      model(
        reserving('00290010', 'OTHER') +
          named('00290001', 'ACME', 'x') +
          named('00290001', 'SECOND', 'y') +
          named('00310001', 'ACME', 'z'),
      ),
    ).toEqual({
      '00290010': text('OTHER'),
      '00290011': text('ACME'),
      '00291101': text('x'),
      '00290012': text('SECOND'),
      '00291201': text('y'),
      '00310010': text('ACME'),
      '00311001': text('z'),
    });
  });

  test('with a block in their tag keep it if it is their creator’s, and get another if not', () => {
    expect(
      model(
        reserving('00290010', 'ACME') +
          reserving('00290011', 'ACME') +
          named('00290001', 'ACME', 'x') +
          named('00291101', 'ACME', 'y') +
          named('00291001', 'OTHER', 'z'),
      ),
    ).toEqual({
      '00290010': text('ACME'),
      '00290011': text('ACME'),
      '00291001': text('x'),
      '00291101': text('y'),
      '00290012': text('OTHER'),
      '00291201': text('z'),
    });
  });

  test('of an item have a block of that item', () => {
    const item = `<Item number="1">${named('00290001', 'ACME', 'x')}</Item>`;
    expect(
      model(
        reserving('00290010', 'ACME') + `<DicomAttribute tag="00081032" vr="SQ">${item}</DicomAttribute>`,
      ),
    ).toEqual({
      '00290010': text('ACME'),
      '00081032': { vr: 'SQ', Value: [{ '00290010': text('ACME'), '00291001': text('x') }] },
    });
  });

  test('of as many creators as there are blocks have one each', () => {
    const many = Array.from({ length: 0xf0 }, (_, index) =>
      named('00290001', `CREATOR ${index}`, `${index}`),
    );
    const object = model(many.join(''));
    expect(Object.keys(object)).toHaveLength(2 * 0xf0);
    expect([object['002900FF'], object['0029FF01']]).toEqual([text('CREATOR 239'), text('239')]);
    refusalOf(() => model(many.join('') + named('00290001', 'ONE MORE', 'x')));
  });

  test('that come to the same place, have no room, or are not private are refused', () => {
    refusalOf(() => model(named('00290001', 'ACME', 'x') + named('00291001', 'ACME', 'y')));
    refusalOf(() => model(named('00280010', 'ACME', 'x')));
    const all = Array.from({ length: 0xf0 }, (_, index) =>
      reserving(`002900${(index + 0x10).toString(16)}`, `CREATOR ${index}`),
    ).join('');
    expect(refusalOf(() => model(all + named('00290001', 'ACME', 'x')))).toContain('too many creators');
  });
});

describe('X-05: what a document may not do', () => {
  test.each([
    ['a document type', '<!DOCTYPE NativeDicomModel>'],
    ['an external entity', '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'],
    ['a billion laughs', `<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "${'&a;'.repeat(10)}">]>`],
    ['a processing instruction', '<?xml-stylesheet href="x.xsl"?>'],
    ['another version', '<?xml version="1.1"?>'],
    ['another encoding', '<?xml version="1.0" encoding="UTF-16"?>'],
  ])('%s is refused', (_what, before) => {
    refusalOf(() => read(`${before}<NativeDicomModel>${name}</NativeDicomModel>`));
  });

  test.each([
    ['&e;'],
    ['&nbsp;'],
    ['&#0;'],
    ['&#27;'],
    ['&#xD800;'],
    ['&#xFFFFFFFFFF;'],
    ['&'],
    ['\x1B'],
    ['\0'],
    [']]>'],
  ])('the text %j is refused', (text) => {
    refusalOf(() => valuesOf('LT', text));
  });

  test('bytes that are not UTF-8 are refused, also at the end', () => {
    const bytes = Buffer.from(`<NativeDicomModel>${name}</NativeDicomModel>`);
    refusalOf(() => read(Buffer.concat([bytes.subarray(0, 60), Buffer.from([0xff]), bytes.subarray(60)])));
    refusalOf(() => read(Buffer.concat([bytes, Buffer.from([0xe5, 0xb1])])));
    refusalOf(() => read(Buffer.from(bytes.toString(), 'utf16le')));
  });

  const open = (depth: number): string =>
    '<DicomAttribute tag="00081032" vr="SQ"><Item number="1">'.repeat(depth) +
    '</Item></DicomAttribute>'.repeat(depth);

  test('sequences are nested up to the limit', () => {
    expect(model(open(64))).toHaveProperty('00081032');
    expect(refusalOf(() => model(open(65)))).toContain('64 deep');
    refusalOf(() => model(open(100_000)));
    refusalOf(() => model('<a>'.repeat(100_000)));
  });

  test.each<[string, Partial<NativeXmlLimits>, string]>([
    ['bytes', { maxBytes: 100 }, '<!-- x -->'.repeat(20)],
    ['elements', { maxElements: 50 }, '<DicomAttribute tag="00081032" vr="SQ">' + '<Item/>'.repeat(60)],
    [
      'long values',
      { maxTextLength: 50 },
      `<DicomAttribute tag="00189999" vr="UT"><Value>${'x'.repeat(60)}</Value>`,
    ],
    [
      'values in pieces',
      { maxTextLength: 50 },
      `<DicomAttribute tag="00189999" vr="UT"><Value>${'xxx<!-- -->'.repeat(20)}</Value>`,
    ],
    ['long XML attributes', { maxAttributeLength: 50 }, `<DicomAttribute tag="${'0'.repeat(60)}"/>`],
    [
      'many XML attributes',
      { maxAttributes: 10 },
      `<DicomAttribute ${Array.from({ length: 20 }, (_, index) => `a${index}=""`).join(' ')}/>`,
    ],
  ])('the limit of %s holds', (_what, limits, content) => {
    refusalOf(() => {
      new NativeXmlReader(limits).push(Buffer.from(`<NativeDicomModel>${content}`));
    });
  });

  test.each([
    ['a text', '<NativeDicomModel><DicomAttribute tag="00189999" vr="UT"><Value>'],
    ['an attribute', '<NativeDicomModel a="'],
    ['a name', '<NativeDicomModel><x'],
    ['a reference', '<NativeDicomModel>&x'],
    ['a comment', '<NativeDicomModel><!--'],
    ['CDATA', '<NativeDicomModel><![CDATA['],
    ['a document type', '<!DOCTYPE x ['],
    ['an instruction', '<?x '],
    ['a declaration', '<?xml version="'],
  ])('%s without an end is not gathered for ever', (_what, before) => {
    const reader = new NativeXmlReader({ maxTextLength: 100_000 });
    refusalOf(() => {
      reader.push(Buffer.from(before));
      for (let pushed = 0; pushed < 300_000; pushed += 1000) reader.push(Buffer.alloc(1000, 'x'));
      throw new Error('everything was gathered');
    });
  });

  test('comments and elements of any number are no memory', () => {
    const reader = new NativeXmlReader({ maxTextLength: 1000 });
    reader.push(Buffer.from('<NativeDicomModel>'));
    for (let index = 0; index < 300; index++) reader.push(Buffer.from(`<!--${'x'.repeat(900)}-->\n`));
    reader.push(Buffer.from('</NativeDicomModel>'));
    expect(reader.end()).toEqual({});
  });

  test('no refusal says what stood in the document', () => {
    for (const xml of [
      '<SECRET/>',
      '<NativeDicomModel><SECRET/>',
      '<NativeDicomModel>SECRET',
      '<NativeDicomModel>&SECRET;',
      '<NativeDicomModel></SECRET>',
      '<NativeDicomModel SECRET>',
      '<NativeDicomModel xmlns="SECRET"/>',
      '<NativeDicomModel><DicomAttribute tag="SECRET"/>',
      '<NativeDicomModel><DicomAttribute tag="00100020" vr="SECRET"/>',
      '<!DOCTYPE SECRET>',
      '<?SECRET?>',
    ])
      expect(refusalOf(() => read(xml))).not.toContain('SECRET');
  });
});
