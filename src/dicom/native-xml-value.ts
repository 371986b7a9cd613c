import { GatewayError } from '../core/index.js';
import type { DicomJsonValue } from './dicom-json-value.js';
import { parseTag, formatTag } from './tag.js';
import { isNumberVr, maxDecimalLength } from './value-number.js';
import type { Vr } from './vr.js';

/** Numbers of a fixed size, least and greatest. */
const ranges: Partial<Record<Vr, readonly [bigint, bigint]>> = {
  SL: [-(2n ** 31n), 2n ** 31n - 1n],
  SS: [-(2n ** 15n), 2n ** 15n - 1n],
  SV: [-(2n ** 63n), 2n ** 63n - 1n],
  UL: [0n, 2n ** 32n - 1n],
  US: [0n, 2n ** 16n - 1n],
  UV: [0n, 2n ** 64n - 1n],
};

const integerText = /^[+-]?\d{1,20}$/;
const decimalText = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?$/;
/** Longer ones are not looked at: the decimal grammar takes time by the square of the length. */
const maxNumberLength = 64;

/** The words of xs:double, and those that Java writes in their place. */
const specialNumbers: Readonly<Record<string, number>> = {
  NaN: NaN,
  INF: Infinity,
  '+INF': Infinity,
  '-INF': -Infinity,
  Infinity: Infinity,
  '-Infinity': -Infinity,
};

const noNumber = (vr: Vr): GatewayError =>
  new GatewayError('bad-request', `A value is no number of type ${vr}.`);

function decimalValue(text: string, vr: Vr): number {
  const special = Object.hasOwn(specialNumbers, text) ? specialNumbers[text] : undefined;
  if (special !== undefined) return special;
  const value = decimalText.test(text) ? Number(text) : NaN;
  if (!Number.isFinite(vr === 'FL' ? Math.fround(value) : value)) throw noNumber(vr);
  return value;
}

function numberValue(text: string, vr: Vr): DicomJsonValue {
  if (text.length > maxNumberLength) throw noNumber(vr);
  if (vr === 'FL' || vr === 'FD') return decimalValue(text, vr);
  const range = ranges[vr];
  if (range === undefined) {
    const tag = parseTag(text); // AT
    if (tag === undefined) throw noNumber(vr);
    return formatTag(tag);
  }
  const value = integerText.test(text) ? BigInt(text.replace(/^\+/, '')) : undefined;
  if (value === undefined || value < range[0] || value > range[1]) throw noNumber(vr);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

/** IS and DS as a number where that is spelled just so, for what is to be stored must stay as it was written. */
function plainNumber(text: string, vr: 'IS' | 'DS'): number | undefined {
  const isNumber = text.length <= maxNumberLength && (vr === 'IS' ? integerText : decimalText).test(text);
  const value = isNumber ? Number(text) : NaN;
  const spelled = Object.is(value, -0) ? '-0' : String(value);
  // A number that is longer as text than DS may be would be written in another spelling.
  const isExact = vr === 'IS' ? Number.isSafeInteger(value) : text.length <= maxDecimalLength;
  return Number.isFinite(value) && isExact && spelled === text ? value : undefined;
}

function numericStrings(texts: readonly string[], vr: 'IS' | 'DS'): DicomJsonValue[] {
  const numbers = texts.map((text) => (text === '' ? null : plainNumber(text, vr)));
  const isPlain = (value: number | null | undefined): value is number | null => value !== undefined;
  return numbers.every(isPlain) ? numbers : texts.map((text) => text || null);
}

/**
 * The values of an attribute that is neither a sequence, a name nor bytes, as DICOM JSON has them; empty ones are `null`.
 *
 * FL and FD may be NaN or infinite, which JSON text could not say.
 *
 * @throws GatewayError `bad-request` when the VR cannot hold one of them
 */
export function valuesFromXml(texts: readonly string[], vr: Vr): DicomJsonValue[] {
  if (vr === 'IS' || vr === 'DS') return numericStrings(texts, vr);
  if (!isNumberVr(vr)) return texts.map((text) => text || null);
  return texts.map((text) => (text.trim() === '' ? null : numberValue(text.trim(), vr)));
}
