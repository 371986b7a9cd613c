import { attributeByKeyword, type AttributeInfo } from '../dicom/index.js';
import { noOptions, type FindOptions } from './extended-negotiation.js';

/** One key of an identifier; without values it matches everything and asks for the attribute. */
export interface Key {
  readonly attribute: AttributeInfo;
  readonly values: readonly string[];
}

/** The keys of an identifier by keyword. */
export type Identifier = ReadonlyMap<string, Key>;

/** dcmjs reads a zero-length number of these as 0; nobody searches by them, so they only ask for the attribute. */
const BINARY_NUMBERS = new Set(['US', 'SS', 'UL', 'SL', 'UV', 'SV', 'FL', 'FD']);

/** The keys in the elements that dcmjs made of an identifier. Sequences and private elements are not searched. */
export function readIdentifier(elements: Readonly<Record<string, unknown>>): Identifier {
  const keys = new Map<string, Key>();
  for (const [keyword, value] of Object.entries(elements)) {
    const attribute = attributeByKeyword(keyword);
    if (!attribute || attribute.vr === 'SQ') continue;
    keys.set(keyword, { attribute, values: BINARY_NUMBERS.has(attribute.vr) ? [] : textsOf(value) });
  }
  return keys;
}

/** Single values come bare and several in a list; names come as objects. */
function textsOf(value: unknown): string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.flatMap((entry) => {
    const text = textOf(entry).trim();
    return text === '' ? [] : text.split('\\');
  });
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'object' || value === null || !('Alphabetic' in value)) return '';
  return typeof value.Alphabetic === 'string' ? value.Alphabetic : '';
}

const RANGE_VRS = new Set(['DA', 'TM', 'DT']);

/** Whether what an entity has fits the key. @see PS3.4 C.2.2.2 */
export function matchesKey(
  { attribute, values }: Key,
  actual: readonly string[],
  options: FindOptions = noOptions,
): boolean {
  if (values.length === 0) return true;
  if (options.emptyValue && values[0] === '""') return actual.every((value) => value === '');
  const isThere = (wanted: string): boolean =>
    actual.some((value) => matchesValue(attribute.vr, wanted, value));
  // Lists of UIDs match any of theirs, whatever was agreed.
  return options.multipleValue && attribute.vr !== 'UI' ? values.every(isThere) : values.some(isThere);
}

/** Whether a date with its time is in the range that two ranges of the same form make; undefined when they make none. */
export function matchesPair([date, time]: readonly [Key, Key], actual: string): boolean | undefined {
  const [days = '', hours = ''] = [date.values[0], time.values[0]];
  const [from = '', to] = days.split('-');
  const [start = '', end] = hours.split('-');
  const isSameForm = (from === '') === (start === '') && (to === '') === (end === '');
  if (to === undefined || end === undefined || !isSameForm) return undefined;
  return inRange(`${from}${start}-${to}${end}`, actual);
}

function matchesValue(vr: string, wanted: string, value: string): boolean {
  if (RANGE_VRS.has(vr) && wanted.includes('-')) return inRange(wanted, value);
  if (vr === 'PN')
    return wildcard(wanted, 'i').test(value.split('=')[0] ?? '') || wildcard(wanted, 'i').test(value);
  return wanted.includes('*') || wanted.includes('?') ? wildcard(wanted, '').test(value) : wanted === value;
}

/** Both ends belong to the range; a shorter end means all that begins with it. */
function inRange(range: string, value: string): boolean {
  const [from = '', to = ''] = range.split('-');
  return value >= from && (to === '' || value.slice(0, to.length) <= to);
}

function wildcard(pattern: string, flags: string): RegExp {
  const escaped = pattern.replace(/[\\^$.+()[\]{}|]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replace(/\*+/g, '.*').replaceAll('?', '.')}$`, `s${flags}`);
}
