import { isNumberVr, formatNumber, readNumbers, shortestFloat } from './value-number.js';
import { textValues, trimTrailing, trimValue } from './value-text.js';
import { vrTraits, type Vr } from './vr.js';

/** How IS, DS, SV and UV stand in JSON: as numbers where these say the same, or always as text (J-05). */
export type NumericStrings = 'numbers' | 'strings';

/** The component groups of a person name; empty ones are left out. */
export interface DicomJsonName {
  Alphabetic?: string;
  Ideographic?: string;
  Phonetic?: string;
}

/** What a `Value` array holds; `null` stands for an empty value among others. */
export type DicomJsonValue = string | number | null | DicomJsonName | DicomJsonObject;

/** An attribute of the DICOM JSON model: at most one of the three besides `vr`. */
export interface DicomJsonElement {
  vr: string;
  Value?: DicomJsonValue[];
  InlineBinary?: string;
  BulkDataURI?: string;
}

/** A dataset of the DICOM JSON model: attributes by eight upper-case hexadecimal digits. @see PS3.18 F.2 */
export type DicomJsonObject = Record<string, DicomJsonElement>;

const decimalText = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,4}))?$/;
/** PS3.5 6.2 allows 16 characters. What is far longer is no number, and would only cost time to find that out. */
const maxNumberLength = 64;
/** As many digits as every double keeps. */
const exactDigits = 15;

/** A decimal as sign, digits without zeros at either end, and the power of ten of the first digit. */
function canonicalDecimal(text: string): string | undefined {
  const match = decimalText.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const all = whole + fraction;
  if (all === '') return undefined;
  const digits = all.replace(/^0+/, '');
  if (digits === '') return '0';
  const power = whole.length - (all.length - digits.length) + Number(exponent);
  return `${sign === '-' ? '-' : ''}${trimTrailing(digits, '0')}e${power}`;
}

/** IS and DS as the number they spell, `undefined` when a JSON number would be another one (J-05, J-06). */
function exactNumber(text: string, vr: Vr): number | undefined {
  if (text.length > maxNumberLength) return undefined;
  if (vr === 'IS') {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const canonical = canonicalDecimal(text);
  if (canonical === undefined) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value)) return undefined;
  if (text.length <= exactDigits && !/[eE]/.test(text)) return value;
  return canonicalDecimal(String(value)) === canonical ? value : undefined;
}

function nullIfEmpty(text: string): string | null {
  return text === '' ? null : text;
}

/** One attribute is all numbers or all strings, so that no reader has to look at every value. */
function numericStrings(texts: readonly string[], vr: Vr): DicomJsonValue[] {
  const values: DicomJsonValue[] = [];
  for (const text of texts) {
    const value = text === '' ? null : exactNumber(text, vr);
    if (value === undefined) return texts.map(nullIfEmpty);
    values.push(value);
  }
  return values;
}

/** `null` when all groups are empty; carets around nothing say nothing. */
function personName(text: string): DicomJsonName | null {
  const [alphabetic, ideographic, ...phonetic] = text
    .split('=')
    .map((group) => (/^[\^ ]*$/.test(group) ? '' : trimValue(group, 'UT')));
  const name: DicomJsonName = {};
  if (alphabetic) name.Alphabetic = alphabetic;
  if (ideographic) name.Ideographic = ideographic;
  // A fourth group is an error of the writer; it is shown rather than lost.
  if (phonetic.some((group) => group !== '')) name.Phonetic = phonetic.join('=');
  return Object.keys(name).length === 0 ? null : name;
}

function textToJson(texts: readonly string[], vr: Vr, numeric: NumericStrings): DicomJsonValue[] {
  if (vr === 'PN') {
    const names = texts.map(personName);
    return names.length === 1 && names[0] === null ? [] : names;
  }
  const isNumeric = numeric === 'numbers' && (vr === 'IS' || vr === 'DS');
  return isNumeric ? numericStrings(texts, vr) : texts.map(nullIfEmpty);
}

function jsonNumber(value: number | bigint, vr: Vr): DicomJsonValue {
  if (vr === 'AT' || typeof value === 'bigint') return formatNumber(value, vr);
  return vr === 'FL' ? shortestFloat(value) : value;
}

function numbersToJson(bytes: Buffer, vr: Vr, numeric: NumericStrings): DicomJsonValue[] | undefined {
  const numbers = readNumbers(bytes, vr);
  if (numbers?.every((number) => typeof number === 'bigint' || Number.isFinite(number)) !== true)
    return undefined;
  const isSafe = (number: number | bigint): boolean => Number.isSafeInteger(Number(number));
  const isLong = vr === 'SV' || vr === 'UV';
  if (isLong && numeric === 'numbers' && numbers.every(isSafe)) return numbers.map(Number);
  return numbers.map((number) => jsonNumber(number, vr));
}

/**
 * The values of a value field for a `Value` array: `[]` when it is empty, `undefined` when it has no such form, which are
 * the VRs of bytes, NaN and the infinities, and numbers of the wrong length.
 */
export function valueToJson(
  bytes: Buffer,
  vr: Vr,
  characterSet: readonly string[],
  numeric: NumericStrings = 'numbers',
): DicomJsonValue[] | undefined {
  if (bytes.length === 0) return [];
  if (vrTraits(vr).text) return textToJson(textValues(bytes, characterSet, vr), vr, numeric);
  return isNumberVr(vr) ? numbersToJson(bytes, vr, numeric) : undefined;
}

/** As `valueToJson`, with what XML can say besides: IS and DS as they are spelled, NaN and the infinities. */
export function valueToXml(
  bytes: Buffer,
  vr: Vr,
  characterSet: readonly string[],
): DicomJsonValue[] | undefined {
  if (vr === 'IS' || vr === 'DS') return textValues(bytes, characterSet, vr).map(nullIfEmpty);
  if (vr === 'FL' || vr === 'FD') return readNumbers(bytes, vr)?.map((number) => jsonNumber(number, vr));
  return valueToJson(bytes, vr, characterSet);
}
