import { describe, expect, test } from '@jest/globals';
import { parseSearch } from '../../../src/dicomweb/index.js';
import { GatewayError } from '../../../src/core/index.js';

const refused = { code: 'bad-request' } as const;
type Read = string | readonly string[] | typeof refused;

/** The values that the instance search reads from one parameter, or that it refuses it. */
function read(name: string, raw: string): Read {
  try {
    const [key] = parseSearch('IMAGE', {}, `${name}=${raw}`).matchingKeys;
    return key === undefined ? [] : key.values.length === 1 ? (key.values[0] ?? '') : key.values;
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'bad-request') throw error;
    return refused;
  }
}

/** One attribute for each way in which values are written. */
const attributes = {
  text: 'PatientID',
  name: 'PatientName',
  lines: 'ImageComments',
  location: 'CodingSchemeURL',
  uid: 'SOPInstanceUID',
  code: 'Modality',
  codes: 'ModalitiesInStudy',
  date: 'StudyDate',
  integer: 'InstanceNumber',
  decimal: 'SliceThickness',
  private: '00230010',
} as const;
type Kind = keyof typeof attributes;

/** How a raw value reads in each; what is not named reads as `rest`. */
interface Row {
  readonly raw: string;
  readonly rest: Read;
  readonly but?: Partial<Record<Kind, Read>>;
}

const asText = (value: string): Partial<Record<Kind, Read>> => ({
  text: value,
  name: value,
  lines: value,
  location: value,
  private: value,
});

/** What stands between two letters or digits, raw, encoded, encoded twice. */
const matrix: readonly Row[] = [
  // The comma separates UIDs and modalities alone, encoded or not.
  { raw: '1,2', rest: refused, but: { ...asText('1,2'), uid: ['1', '2'], codes: ['1', '2'] } },
  { raw: '1%2C2', rest: refused, but: { ...asText('1,2'), uid: ['1', '2'], codes: ['1', '2'] } },
  { raw: '1%2c2', rest: refused, but: { ...asText('1,2'), uid: ['1', '2'], codes: ['1', '2'] } },
  { raw: '1%252C2', rest: refused, but: asText('1%2C2') },
  // The backslash separates values, which one attribute does not have; in text of one value it is a character.
  {
    raw: '1\\2',
    rest: refused,
    but: { lines: '1\\2', location: '1\\2', uid: ['1', '2'], codes: ['1', '2'] },
  },
  {
    raw: '1%5C2',
    rest: refused,
    but: { lines: '1\\2', location: '1\\2', uid: ['1', '2'], codes: ['1', '2'] },
  },
  { raw: '1%255C2', rest: refused, but: asText('1%5C2') },
  { raw: '1^2', rest: refused, but: asText('1^2') },
  { raw: '1%5E2', rest: refused, but: asText('1^2') },
  { raw: '1%255E2', rest: refused, but: asText('1%5E2') },
  { raw: '1=2', rest: refused, but: asText('1=2') },
  { raw: '1%3D2', rest: refused, but: asText('1=2') },
  { raw: '1%253D2', rest: refused, but: asText('1%3D2') },
  { raw: '1*2', rest: refused, but: { ...asText('1*2'), code: '1*2', codes: '1*2' } },
  { raw: '1%2A2', rest: refused, but: { ...asText('1*2'), code: '1*2', codes: '1*2' } },
  { raw: '1%252A2', rest: refused, but: asText('1%2A2') },
  { raw: '1?2', rest: refused, but: { ...asText('1?2'), code: '1?2', codes: '1?2' } },
  { raw: '1%3F2', rest: refused, but: { ...asText('1?2'), code: '1?2', codes: '1?2' } },
  // A plus is a space in text, and itself where text has no place.
  { raw: '1+2', rest: refused, but: { ...asText('1 2'), code: '1 2', codes: '1 2', date: '1+2' } },
  { raw: '1%202', rest: refused, but: { ...asText('1 2'), code: '1 2', codes: '1 2' } },
  { raw: '1%2B2', rest: refused, but: { ...asText('1+2'), date: '1+2' } },
  { raw: '1%252B2', rest: refused, but: asText('1%2B2') },
  { raw: '1%262', rest: refused, but: asText('1&2') },
  { raw: '1%232', rest: refused, but: asText('1#2') },
  { raw: '1%252', rest: refused, but: asText('1%2') },
  // UTF-8
  { raw: '%C3%A9', rest: refused, but: { text: 'é', name: 'é', lines: 'é', private: 'é' } },
  { raw: '%E5%B1%B1', rest: refused, but: { text: '山', name: '山', lines: '山', private: '山' } },
  { raw: '%F0%9F%98%80', rest: refused, but: { text: '😀', name: '😀', lines: '😀', private: '😀' } },
  {
    raw: 'e%CC%81',
    rest: refused,
    but: { text: 'e\u0301', name: 'e\u0301', lines: 'e\u0301', private: 'e\u0301' },
  },
  { raw: '%25C3%25A9', rest: refused, but: asText('%C3%A9') },
  // No UTF-8: overlong, surrogates, beyond Unicode, cut off, stray, Latin-1
  ...['%C0%AF', '%E0%80%AF', '%ED%A0%80', '%F4%90%80%80', '%C3', '%C3%28', '%A9', '%FE', '%E9t%E9'].map(
    (raw) => ({ raw, rest: refused }),
  ),
  // No percent-encoding
  ...['%', '1%', '%4', '%G1', '%u00e9', '%%41'].map((raw) => ({ raw, rest: refused })),
  // Control characters
  ...['%00', '1%002', '%1B%24B', '%08', '%7F', '%C2%85', '%C2%80'].map((raw) => ({ raw, rest: refused })),
  { raw: '1%0D%0A2', rest: refused, but: { lines: '1\r\n2' } },
  { raw: '1%0A2', rest: refused, but: { lines: '1\n2' } },
  { raw: '1%092', rest: refused, but: { lines: '1\t2' } },
  // Nothing is universal matching, with the equals sign or without.
  { raw: '', rest: '' },
  // Two double quotes ask for empty values, which needs a parameter of its own.
  { raw: '%22%22', rest: refused },
  { raw: '%22', rest: refused, but: asText('"') },
];

describe('AS-3, Q-12 to Q-14: the percent-encoding matrix', () => {
  test.each(matrix.map((row) => [row.raw, row] as const))('%s', (raw, { rest, but = {} }) => {
    const expected = Object.fromEntries(
      Object.keys(attributes).map((kind) => [kind, but[kind as Kind] ?? rest]),
    );
    const found = Object.fromEntries(
      Object.entries(attributes).map(([kind, name]) => [kind, read(name, raw)]),
    );
    expect(found).toEqual(expected);
  });
});

/** The code of the error, or undefined for a search. */
function codeOf(query: string): string | undefined {
  try {
    parseSearch('STUDY', {}, query);
    return undefined;
  } catch (error) {
    if (error instanceof GatewayError) return error.code;
    throw error;
  }
}

const ok = true;
const no = false;

/** Every parameter that is no attribute, and names of attributes: what is a search, and what a client's error. */
const parameters: readonly (readonly [rule: string, query: string, valid: boolean])[] = [
  ['Q-10', 'PatientID=1', ok],
  ['Q-10', '00100020=1', ok],
  ['Q-10', '0020000d=1.2', ok],
  ['Q-10', '%50atientID=1', ok],
  ['Q-10', 'patientID=1', no],
  ['Q-10', '(0010,0010)=1', no],
  ['Q-10', '%280010%2C0010%29=1', no],
  ['Q-10', '0010,0010=1', no],
  ['Q-10', '(7fe0,0010)=', no],
  ['Q-10', 'fffe,e000=1', no],
  ['Q-10', '[00100010]=1', no],
  ['Q-10', '(0010,1002).(0010,0020)=1', no],
  ['Q-10', 'PATIENTID=1', no],
  ['Q-10', 'patientid=1', no],
  ['Q-10', 'Patient ID=1', no],
  ['Q-10', 'PatientID%00=1', no],
  ['Q-10', '0010002=1', no],
  ['Q-10', '0010,0020=1', no],
  ['Q-10', '001000200=1', no],
  ['Q-10', '0010002G=1', no],
  ['Q-10', '00101999=1', no],
  ['Q-10', 'FFFEE000=1', no],
  ['Q-10', 'FFFCFFFC=1', no],
  ['Q-11', 'OtherPatientIDsSequence.00100020=1', ok],
  ['Q-11', '00101002.PatientID=1', ok],
  ['Q-11', 'OtherPatientIDsSequence.FFFEE000=1', no],
  ['Q-11', 'OtherPatientIDsSequence..PatientID=1', no],
  ['Q-11', 'OtherPatientIDsSequence%2EPatientID=1', ok],
  ['Q-11', 'OtherPatientIDsSequence=', no],
  ['Q-11', 'PatientID.PatientID=1', no],
  ['Q-11', 'OtherPatientIDsSequence.IssuerOfPatientIDQualifiersSequence.UniversalEntityID=1', ok],
  ['Q-11', `${'OtherPatientIDsSequence.'.repeat(63)}PatientID=1`, ok],
  ['Q-11', `${'OtherPatientIDsSequence.'.repeat(64)}PatientID=1`, no],
  ['Q-12', 'PatientID=1&PatientID=1', no],
  ['Q-12', 'PatientID=1&%50atientID=2', no],
  ['Q-12', 'OtherPatientIDsSequence.PatientID=1&00101002.00100020=2', no],
  ['Q-17', '00230010=A&00231001=1', ok],
  ['Q-17', '00231001=1', no],
  ['Q-17', '00101002.00230010=A&00101002.00231001=1', ok],
  ['Q-17', '00101002.00230010=A&00231001=1', no],
  ['Q-17', '00230001=A', no],
  ['Q-17', '00230100=A', no],
  ['Q-17', '00230010=A&00231001.00100020=1', no],
  ['Q-18', 'includefield=all', ok],
  ['Q-18', 'includefield=PatientAge,00101020&includefield=PatientWeight', ok],
  ['Q-18', 'includefield=PatientAge%2C00101020', ok],
  ['Q-18', 'includefield=PatientAge%252C00101020', no],
  ['Q-18', 'includefield=all,all', no],
  ['Q-18', 'includefield=PatientAge,all', no],
  ['Q-18', 'includefield=*', no],
  ['Q-18', 'includefield=Patient*', no],
  ['Q-18', 'includefield=patientAge', no],
  ['Q-18', 'includefield=00231001', no],
  ['Q-18', 'includefield=OtherPatientIDsSequence.PatientID', ok],
  ['Q-20', 'fuzzymatching=true', ok],
  ['Q-20', 'fuzzymatching=True', no],
  ['Q-20', 'fuzzymatching=%74rue', ok],
  ['Q-20', 'fuzzymatching', no],
  ['Q-21', 'emptyvaluematching=true&PatientID=%22%22', ok],
  ['Q-21', 'emptyvaluematching=false&PatientID=%22%22', no],
  ['Q-22', 'multiplevaluematching=true&PatientID=1%5C2', ok],
  ['Q-22', 'multiplevaluematching=false&PatientID=1%5C2', no],
  ['Q-22', 'multiplevaluematching=true&PatientID=1%5C2*', no],
  ['Q-23', 'limit=0', ok],
  ['Q-23', 'limit=18446744073709551616', ok],
  ['Q-23', 'limit=-0', no],
  ['Q-23', 'limit=1%2C000', no],
  ['Q-23', 'limit=1&limit=2', no],
  ['Q-23', 'offset=%30', ok],
  ['Q-23', 'offset=', no],
  ['Q-28', 'TimezoneOffsetFromUTC=%2B0200', ok],
  ['Q-28', 'TimezoneOffsetFromUTC=-0200', ok],
  ['Q-28', 'TimezoneOffsetFromUTC=0200', no],
  ['Q-28', 'OtherPatientIDsSequence.TimezoneOffsetFromUTC=%2B0200', ok],
  ['Q-40', 'InstanceAvailability=ONLINE', no],
  ['Q-40', 'InstanceAvailability=', ok],
  ['Q-41', 'RetrieveURL=http://x', no],
  ['Q-34', 'RetrieveAETitle=A', no],
  ['H-02', '_=1&orderby=x&count', ok],
  ['H-05', 'accept=application/dicom%2Bjson', ok],
  ['H-05', 'accept=a/b&accept=a/b', no],
  ['H-12', 'charset=utf-8', ok],
  ['H-12', 'charset=utf-8&charset=utf-8', no],
];

describe('the grammar of every parameter, as it must and must not be', () => {
  test.each(parameters)('%s: %s is a search: %s', (_rule, query, valid) => {
    const code = codeOf(query);
    expect(code).toBe(valid ? undefined : 'bad-request');
  });

  test('R-03: 1,000 parameters and 64 Ki characters are the most', () => {
    const many = (count: number): string =>
      Array.from({ length: count }, (_, index) => `p${index}=`).join('&');
    expect(codeOf(many(1_000))).toBeUndefined();
    expect(codeOf(many(1_001))).toBe('bad-request');
    const long = (length: number): string => `PatientID=${'x'.repeat(length - 10)}`;
    expect(codeOf(long(65_536))).toBeUndefined();
    expect(codeOf(long(65_537))).toBe('bad-request');
    expect(codeOf(`includefield=${'PatientID,'.repeat(6_500)}`)).toBeUndefined();
  });
});

describe('Q-18: a sequence as a whole and parts of it', () => {
  const fields = (query: string): readonly (readonly number[])[] =>
    parseSearch('STUDY', {}, query).includeFields;

  test('who asks for the whole asks for no part, in whatever order', () => {
    const whole = [[0x00101002]];
    expect(fields('includefield=OtherPatientIDsSequence,OtherPatientIDsSequence.PatientID')).toEqual(whole);
    expect(fields('includefield=OtherPatientIDsSequence.PatientID&includefield=00101002')).toEqual(whole);
  });

  test('parts stay parts', () => {
    expect(fields('includefield=00101002.PatientID,00101002.IssuerOfPatientID')).toHaveLength(2);
  });

  test('what no identifier can hold is left out', () => {
    expect(fields('includefield=00230001,00230100,00080000,PatientAge')).toEqual([[0x00101010]]);
    expect(parseSearch('IMAGE', {}, 'includefield=FFFEE000,FFFCFFFC,FFFEE00D').includeFields).toEqual([]);
  });
});
