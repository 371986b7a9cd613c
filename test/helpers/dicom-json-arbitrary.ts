import fc from 'fast-check';
import type { DicomJsonElement, DicomJsonObject, DicomJsonValue } from '../../src/dicom/index.js';

/** Characters that a writer must take care of, beside all others. */
const awkward = fc.constantFrom(
  ...[
    '<',
    '>',
    '&',
    '"',
    "'",
    ']]>',
    '\0',
    '\x08',
    '\t',
    '\n',
    '\n--',
    '\f',
    '\r',
    '\r\n',
    '\x1B',
    '\x7F',
    '\x85',
  ],
  ...[
    '\u2028',
    '\uD800',
    '\uDFFF',
    '\uFFFD',
    '\uFFFE',
    '\uFFFF',
    '\u{1F600}',
    '\\',
    ' ',
    '<!--',
    '<?',
    '&amp;',
  ],
);
const text = fc
  .array(fc.oneof(fc.string({ unit: 'binary', maxLength: 6 }), awkward), { minLength: 1, maxLength: 5 })
  .map((pieces) => pieces.join(''))
  .filter((value) => value !== '');
const longText = fc.tuple(text, fc.nat(200)).map(([value, times]) => value.repeat(times + 1));

/** Several values, empty ones among them; a single empty one is none. */
const several = (value: fc.Arbitrary<DicomJsonValue>): fc.Arbitrary<DicomJsonValue[]> =>
  fc
    .array(fc.option(value, { nil: null, freq: 6 }), { maxLength: 4 })
    .filter((values) => values.length !== 1 || values[0] !== null);

const withValues = (vr: string, values: fc.Arbitrary<DicomJsonValue[]>): fc.Arbitrary<DicomJsonElement> =>
  values.map((all) => (all.length === 0 ? { vr } : { vr, Value: all }));

const component = text.map((value) => value.replace(/[\^=]/g, '')).filter((value) => value !== '');
const group = fc
  .array(fc.option(component, { nil: '' }), { minLength: 1, maxLength: 5 })
  .map((components) => components.join('^').replace(/\^+$/, ''))
  .filter((value) => value !== '');
const name = fc
  .record({ Alphabetic: group, Ideographic: group, Phonetic: group }, { requiredKeys: [] })
  .filter((groups) => Object.keys(groups).length > 0);

const integer = (min: number, max: number): fc.Arbitrary<DicomJsonValue> => fc.integer({ min, max });
const big = (min: bigint, max: bigint): fc.Arbitrary<DicomJsonValue> =>
  fc
    .bigInt({ min, max })
    .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()));
const tag = fc.nat(0xffffffff).map((value) => value.toString(16).toUpperCase().padStart(8, '0'));
const noNumber = fc.constantFrom('1,5', 'N/A', '1.50', '+2', '007', '1e2', '.5');

/** A number that fits into a DS. */
const decimal = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .map((value) => Number(value.toPrecision(6)))
  .filter((value) => Number.isFinite(value) && String(value).length <= 16);
const special = fc.constantFrom(-0, NaN, Infinity, -Infinity);

const values: Readonly<Record<string, fc.Arbitrary<DicomJsonValue[]>>> = {
  ...Object.fromEntries(
    ['AE', 'AS', 'CS', 'DA', 'DT', 'LO', 'SH', 'TM', 'UC', 'UI'].map((vr) => [vr, several(text)]),
  ),
  ...Object.fromEntries(
    ['LT', 'ST', 'UR', 'UT'].map((vr) => [vr, fc.array(fc.oneof(text, longText), { maxLength: 1 })]),
  ),
  PN: several(name),
  AT: several(tag),
  DS: fc.oneof(
    several(fc.oneof(fc.constantFrom(-0, 1e21, 1e-7), decimal)),
    fc.array(noNumber, { minLength: 1, maxLength: 3 }),
  ),
  IS: fc.oneof(several(fc.maxSafeInteger()), fc.array(noNumber, { minLength: 1, maxLength: 3 })),
  FD: several(fc.oneof(special, fc.double())),
  FL: several(fc.oneof(special, fc.float())),
  SL: several(integer(-(2 ** 31), 2 ** 31 - 1)),
  SS: several(integer(-(2 ** 15), 2 ** 15 - 1)),
  SV: several(big(-(2n ** 63n), 2n ** 63n - 1n)),
  UL: several(integer(0, 2 ** 32 - 1)),
  US: several(integer(0, 2 ** 16 - 1)),
  UV: several(big(0n, 2n ** 64n - 1n)),
};

/** Every VR with values, in the form in which the gateway writes them. */
export const valueVrs = Object.keys(values);
/** Every VR of bytes. */
export const byteVrs = ['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'UN'] as const;

const bytes = (vr: string): fc.Arbitrary<DicomJsonElement> =>
  fc
    .uint8Array({ maxLength: 40 })
    .map((value) =>
      value.length === 0 ? { vr } : { vr, InlineBinary: Buffer.from(value).toString('base64') },
    );
const bulkData = (vr: string): fc.Arbitrary<DicomJsonElement> =>
  fc.webUrl({ withQueryParameters: true }).map((uri) => ({ vr, BulkDataURI: uri }));

/** An attribute of this VR, which is not SQ. */
export function elementOf(vr: string): fc.Arbitrary<DicomJsonElement> {
  const valued = values[vr];
  if (valued === undefined) return fc.oneof(bytes(vr), bulkData(vr));
  return fc.oneof({ arbitrary: withValues(vr, valued), weight: 9 }, { arbitrary: bulkData(vr), weight: 1 });
}

const leaf = fc.constantFrom(...valueVrs, ...byteVrs).chain(elementOf);
const creator = fc.oneof(fc.constantFrom('ACME', 'ACME 2'), text);

const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0');

/** A private group: some blocks, of one creator or of several, what stands in them, and what stands in none. */
function privateGroup(element: fc.Arbitrary<DicomJsonElement>): fc.Arbitrary<DicomJsonObject> {
  const block = fc.record({
    at: fc.integer({ min: 0x10, max: 0xff }),
    creator,
    elements: fc.dictionary(fc.nat(0xff).map(String), element, { maxKeys: 3 }),
  });
  return fc
    .record({
      group: fc.nat(0x7ff).map((value) => (value * 2 + 9) << 16),
      blocks: fc.uniqueArray(block, { selector: ({ at }) => at, maxLength: 4 }),
      unreserved: fc.dictionary(fc.nat(0xff).map(String), element, { maxKeys: 1 }),
    })
    .map(({ group: base, blocks, unreserved }) => {
      const object: DicomJsonObject = {};
      const unclaimed = blocks.some(({ at }) => at === 0x77) ? {} : unreserved;
      for (const [low, one] of Object.entries(unclaimed))
        object[hex((base | 0x7700 | Number(low)) >>> 0)] = one;
      for (const { at, creator: by, elements } of blocks) {
        object[hex((base | at) >>> 0)] = { vr: 'LO', Value: [by] };
        for (const [low, one] of Object.entries(elements))
          object[hex((base | (at << 8) | Number(low)) >>> 0)] = one;
      }
      return object;
    });
}

/** Tags of even groups, at random; some are in the dictionary, none is a group length. */
const publicTag = fc.oneof(
  fc.constantFrom('00080005', '00080018', '00100010', '0020000D', '30060026', '60003000', '7FE00010'),
  fc
    .tuple(fc.nat(0x7ff0), fc.integer({ min: 1, max: 0xffff }))
    .map(([half, low]) => hex((((half + 4) << 17) | low) >>> 0)),
);

/** Datasets of every VR, with nested sequences and private blocks, in the form in which the gateway writes them. */
export const dicomJsonObject: fc.Arbitrary<DicomJsonObject> = fc.letrec<{
  dataset: DicomJsonObject;
  element: DicomJsonElement;
}>((tie) => ({
  element: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'sequences' },
    { arbitrary: leaf, weight: 8 },
    {
      arbitrary: fc
        .array(tie('dataset'), { maxLength: 3, depthIdentifier: 'sequences' })
        .map((items) => (items.length === 0 ? { vr: 'SQ' } : { vr: 'SQ', Value: items })),
      weight: 2,
    },
  ),
  dataset: fc
    .tuple(
      fc.dictionary(publicTag, tie('element'), { maxKeys: 5 }),
      fc.option(privateGroup(tie('element')), { nil: {}, freq: 2 }),
    )
    .map(([publics, privates]) => ({ ...publics, ...privates })),
})).dataset;
