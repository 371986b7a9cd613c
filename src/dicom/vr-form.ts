import type { Vr } from './vr.js';

interface Form {
  /** Characters of one value, of PN of one component group. */
  readonly most: number;
  readonly pattern?: RegExp;
}

/** What values of text can be given by hand. @see PS3.5 Table 6.2-1 */
const forms: Partial<Readonly<Record<Vr, Form>>> = {
  AE: { most: 16, pattern: /^[ -[\]-~]*$/ },
  AS: { most: 4, pattern: /^\d{3}[DWMY]$/ },
  CS: { most: 16, pattern: /^[A-Z0-9 _]*$/ },
  DA: { most: 8, pattern: /^\d{8}$/ },
  DS: { most: 16, pattern: /^ *[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)? *$/ },
  DT: { most: 26, pattern: /^\d{4,14}(?:\.\d{1,6})?(?:[+-]\d{4})?$/ },
  IS: { most: 12, pattern: /^ *[+-]?\d+ *$/ },
  LO: { most: 64 },
  LT: { most: 10_240 },
  PN: { most: 64 },
  SH: { most: 16 },
  ST: { most: 1024 },
  TM: { most: 14, pattern: /^\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?$/ },
  UC: { most: Infinity },
  UT: { most: Infinity },
};
/** Their backslash is a character like others. */
const single: ReadonlySet<Vr> = new Set<Vr>(['LT', 'ST', 'UT']);
// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const control = /[\x00-\x08\x0B\x0E-\x1F\x7F]/;

/**
 * Whether `vr` is one of text and `text`, in which backslashes stand between values, has the form and length that it
 * wants; an empty one always.
 *
 * @see PS3.5 Table 6.2-1
 */
export function fitsVr(text: string, vr: Vr): boolean {
  const form = forms[vr];
  if (form === undefined || control.test(text)) return false;
  const values = single.has(vr) ? [text] : text.split('\\');
  return values.every((value) => {
    const parts = vr === 'PN' ? value.split('=') : [value];
    const isShort = parts.length <= 3 && parts.every((part) => Array.from(part).length <= form.most);
    return isShort && (value === '' || form.pattern === undefined || form.pattern.test(value));
  });
}
