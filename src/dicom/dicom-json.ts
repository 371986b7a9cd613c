import { isAsciiText } from './character-set-encode.js';
import type { DataElement, Dataset } from './dataset.js';
import {
  valueToJson,
  type DicomJsonElement,
  type DicomJsonObject,
  type DicomJsonValue,
  type NumericStrings,
} from './dicom-json-value.js';
import { formatTag, isGroupLength, type Tag } from './tag.js';
import { Tags } from './tags.js';

/** Command sets, file meta information and group lengths belong to an encoding, not to the dataset (J-01, Q-34, W-28). */
export function isLeftOut(tag: Tag): boolean {
  const group = tag >>> 16;
  return isGroupLength(tag) || group === 0x0000 || group === 0x0002;
}

/** What (0008,0005) says in JSON, which is UTF-8 itself (J-20). */
export const unicodeElement: DicomJsonElement = { vr: 'CS', Value: ['ISO_IR 192'] };

/** An element with this value; one that has no `Value` form keeps its bytes, as UN if its VR does not allow that. */
export function elementToJson(
  vr: string,
  values: DicomJsonValue[] | undefined,
  bytes: Buffer,
): DicomJsonElement {
  if (values === undefined) {
    const isBytes = vr.startsWith('O') || vr === 'UN';
    return { vr: isBytes ? vr : 'UN', InlineBinary: bytes.toString('base64') };
  }
  return values.length === 0 ? { vr } : { vr, Value: values };
}

function isAsciiValue(value: DicomJsonValue): boolean {
  if (typeof value === 'string') return isAsciiText(value);
  return (
    value === null ||
    typeof value === 'number' ||
    Object.values(value).every((group) => isAsciiText(String(group)))
  );
}

/** Puts the elements of `dataset` into `target`; whether all their text is ASCII. */
function addElements(target: DicomJsonObject, dataset: Dataset, numeric: NumericStrings): boolean {
  let ascii = true;
  for (const element of dataset) {
    if (isLeftOut(element.tag) || element.tag === Tags.SpecificCharacterSet) continue;
    const { json, isAscii } = toJson(element, dataset.characterSet, numeric);
    target[formatTag(element.tag)] = json;
    ascii &&= isAscii;
  }
  return ascii;
}

function toJson(
  { vr, value }: DataElement,
  characterSet: readonly string[],
  numeric: NumericStrings,
): { json: DicomJsonElement; isAscii: boolean } {
  if (Buffer.isBuffer(value)) {
    const values = valueToJson(value, vr, characterSet, numeric);
    return { json: elementToJson(vr, values, value), isAscii: values?.every(isAsciiValue) ?? true };
  }
  let isAscii = true;
  const items = value.map((item) => {
    const object: DicomJsonObject = {};
    isAscii = addElements(object, item, numeric) && isAscii;
    return object;
  });
  return { json: items.length === 0 ? { vr } : { vr, Value: items }, isAscii };
}

/**
 * A dataset in the DICOM JSON model, all of it inline.
 *
 * (0008,0005) is there exactly when some text is not ASCII, and says ISO_IR 192. Numbers that JSON does not have (NaN and
 * the infinities) keep their bytes as UN. JavaScript lists keys that look like array indices first: write the object with
 * `formatDicomJson` to have its attributes in order.
 *
 * @see PS3.18 F.2
 */
export function datasetToJson(dataset: Dataset, numeric: NumericStrings = 'numbers'): DicomJsonObject {
  const object: DicomJsonObject = {};
  if (addElements(object, dataset, numeric)) return object;
  const unicode = { [formatTag(Tags.SpecificCharacterSet)]: unicodeElement };
  return sorted({ ...object, ...unicode });
}

function sorted(object: DicomJsonObject): DicomJsonObject {
  return Object.fromEntries(Object.entries(object).sort(([left], [right]) => (left < right ? -1 : 1)));
}

function isItem(value: DicomJsonValue): value is DicomJsonObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((field) => typeof field === 'object')
  );
}

const numericVrs: ReadonlySet<string> = new Set(['IS', 'DS', 'SV', 'UV']);

function formatValue(value: DicomJsonValue, vr: string, numeric: NumericStrings): string {
  if (typeof value === 'number') {
    const text = Object.is(value, -0) ? '-0' : String(value);
    return numeric === 'strings' && numericVrs.has(vr) ? `"${text}"` : text;
  }
  return vr === 'SQ' && isItem(value) ? formatDicomJson(value, numeric) : JSON.stringify(value);
}

/** One attribute as JSON text, without its name; unlike `JSON.stringify` it keeps the sign of zero (J-09). */
export function formatElement(element: DicomJsonElement, numeric: NumericStrings = 'numbers'): string {
  const { vr, Value: values } = element;
  if (values === undefined) return JSON.stringify(element);
  return `{"vr":"${vr}","Value":[${values.map((value) => formatValue(value, vr, numeric)).join(',')}]}`;
}

/**
 * A DICOM JSON object as text with its attributes in ascending order at every level; with `strings` also the numbers of
 * IS, DS, SV and UV that it has are written as text.
 *
 * @see PS3.18 F.2.2
 */
export function formatDicomJson(object: DicomJsonObject, numeric: NumericStrings = 'numbers'): string {
  const members = Object.keys(object)
    .sort()
    .map((tag) => {
      const element = object[tag];
      return element === undefined ? '' : `"${tag}":${formatElement(element, numeric)}`;
    });
  return `{${members.join(',')}}`;
}
