import type { Dataset } from '../dicom/index.js';
import { ReportTags as Report } from './report-tags.js';

/** A code as people read it; the code itself stands in `detail`. */
export interface WrittenCode {
  readonly text: string;
  readonly detail?: string;
}

/** The first item of a sequence of codes; `undefined` where there is none, or nothing in it. @see PS3.3 8.1 */
export function writtenCode(item: Dataset | undefined): WrittenCode | undefined {
  if (item === undefined) return undefined;
  const value =
    item.string(Report.CodeValue) ?? item.string(Report.LongCodeValue) ?? item.string(Report.UrnCodeValue);
  const scheme = item.string(Report.CodingSchemeDesignator);
  const code = [value, scheme].filter((one) => one !== undefined).join(', ');
  const text = item.string(Report.CodeMeaning) ?? value;
  if (text === undefined) return undefined;
  return { text, ...(code !== '' && { detail: code }) };
}

/** `20221231` as `2022-12-31`; anything else as it is. @see PS3.5 6.2 */
export const writtenDate = (text: string): string =>
  text.replace(/^(\d{4})\.?(\d{2})\.?(\d{2})$/, '$1-$2-$3');

/** `101530.25` as `10:15:30.25`, as far as it goes. */
export function writtenTime(text: string): string {
  if (!/^\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?$/.test(text)) return text;
  return (text.match(/^\d{2}|\d{2}(?:\.\d+)?/g) ?? [text]).join(':');
}

/** `20221231101530.5+0100` as `2022-12-31 10:15:30.5 +01:00`, as far as it goes. */
export function writtenDateTime(text: string): string {
  const [, date = '', time = '', zone = ''] =
    /^(\d{8})(\d{2,6}(?:\.\d{1,6})?)?([+-]\d{4})?$/.exec(text) ?? [];
  if (date === '') return text;
  const parts = [writtenDate(date), writtenTime(time), zone.replace(/(\d{2})$/, ':$1')];
  return parts.filter((part) => part !== '').join(' ');
}

/** Each way of writing a name, the alphabetic first: family name, comma, the others. @see PS3.5 6.2.1 */
export function writtenName(text: string): string {
  const [first = '', ...others] = text
    .split('=')
    .map((group, index) => joined(group.split('^'), index === 0 ? ', ' : ' '))
    .filter((group) => group !== '');
  return others.length > 0 ? `${first} (${others.join(', ')})` : first;
}

function joined([family = '', ...rest]: readonly string[], separator: string): string {
  const others = rest.map((part) => part.trim()).filter((part) => part !== '');
  return [family.trim(), others.join(' ')].filter((part) => part !== '').join(separator);
}
