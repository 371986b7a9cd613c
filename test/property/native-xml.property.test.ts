import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  formatNativeXml,
  NativeXmlReader,
  type DicomJsonElement,
  type DicomJsonObject,
  type DicomJsonValue,
} from '../../src/dicom/index.js';
import { byteVrs, dicomJsonObject, elementOf, valueVrs } from '../helpers/dicom-json-arbitrary.js';
import { parseTree, schemaProblems } from '../helpers/native-xml-tree.js';

const seed = 20_260_101;

/** Feeds a document in pieces of so many bytes, or of random ones. */
function read(xml: string | Buffer, pieces: readonly number[] = []): DicomJsonObject {
  const bytes = Buffer.from(xml);
  const reader = new NativeXmlReader();
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const length = pieces.length === 0 ? bytes.length : (pieces[index % pieces.length] ?? 1);
    reader.push(bytes.subarray(at, at + length));
    at += length;
  }
  return reader.end();
}

/** What XML 1.0 has no character for. @see XML 1.0 2.2 */
function isChar(code: number): boolean {
  if (code === 0x9 || code === 0xa || code === 0xd) return true;
  return (code >= 0x20 && code <= 0xd7ff) || (code >= 0xe000 && code <= 0xfffd) || code >= 0x10000;
}

const inXml = (text: string): string =>
  Array.from(text, (character) => (isChar(character.codePointAt(0) ?? 0) ? character : '\uFFFD')).join('');

/** The object with every text as XML can hold it. */
function valueInXml(value: DicomJsonValue): DicomJsonValue {
  if (typeof value === 'string') return inXml(value);
  if (value === null || typeof value === 'number') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]: [string, string | DicomJsonElement]) => [
      key,
      typeof inner === 'string' ? inXml(inner) : elementInXml(inner),
    ]),
  );
}

function elementInXml(element: DicomJsonElement): DicomJsonElement {
  return element.Value === undefined ? element : { ...element, Value: element.Value.map(valueInXml) };
}

const objectInXml = (object: DicomJsonObject): DicomJsonObject =>
  Object.fromEntries(Object.entries(object).map(([tag, element]) => [tag, elementInXml(element)]));

describe('X-06: what is written as Native XML reads back as the same object', () => {
  test.each([...valueVrs, ...byteVrs])('of VR %s', (vr) => {
    fc.assert(
      fc.property(elementOf(vr), (element) => {
        expect(read(formatNativeXml({ '00189999': element }))).toStrictEqual({
          '00189999': elementInXml(element),
        });
      }),
      { seed, numRuns: 300 },
    );
  });

  test('of every VR, nested, with private blocks, in pieces of any length; and keeps to the schema', () => {
    const pieces = fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 5 });
    fc.assert(
      fc.property(dicomJsonObject, pieces, (object, lengths) => {
        const xml = formatNativeXml(object);
        expect(read(xml, lengths)).toStrictEqual(objectInXml(object));
        expect(schemaProblems(parseTree(xml))).toEqual([]);
        expect(xml).not.toMatch(/[\r]|\n--/);
      }),
      { seed, numRuns: 800, interruptAfterTimeLimit: 10_000 },
    );
  });
});

describe('what is no document of the model', () => {
  const hostile = fc.constantFrom(
    ...[
      '<',
      '>',
      '/>',
      '&',
      '&lt;',
      '&#0;',
      '&#x110000;',
      '&x;',
      ']]>',
      '<![CDATA[',
      '<!--',
      '-->',
      '--',
      '"',
    ],
    ...[
      '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
      '<?x y?>',
      '<?xml version="1.1"?>',
      '\0',
      '\uFFFF',
    ],
    ...[
      '<Value number="1">',
      '</Value>',
      '<Item number="9">',
      '<PersonName/>',
      '<InlineBinary>',
      '<BulkData uri=""/>',
    ],
    ...[
      '<DicomAttribute tag="00100010" vr="PN">',
      '</DicomAttribute>',
      ' vr="SQ"',
      ' xmlns=""',
      ' xmlns:a="b"',
      '\uFEFF',
    ],
  );
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    remove: fc.nat(30),
    insert: fc.oneof(
      hostile.map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
    ),
  });

  test('X-05: any bytes give an object or a refusal without a value in it, nothing else', () => {
    const secret = 'SECRET';
    fc.assert(
      fc.property(dicomJsonObject, fc.array(edit, { maxLength: 3 }), (object, edits) => {
        let bytes = Buffer.from(formatNativeXml({ ...object, '00100020': { vr: 'LO', Value: [secret] } }));
        for (const { at, remove, insert } of edits) {
          const from = Math.floor(at * bytes.length);
          bytes = Buffer.concat([bytes.subarray(0, from), insert, bytes.subarray(from + remove)]);
        }
        try {
          expect(typeof read(bytes)).toBe('object');
        } catch (error) {
          expect(error).toMatchObject({ name: 'GatewayError', code: 'bad-request' });
          expect(String(error)).not.toContain(secret);
        }
      }),
      { seed, numRuns: 20_000, interruptAfterTimeLimit: 3000 },
    );
  });
});
