import { GatewayError } from '../core/index.js';
import { isUid, Tags, type Tag, type Vr } from '../dicom/index.js';
import type { AttributePath } from './attribute-path.js';
import { decodeLiteral, decodeText } from './query-string.js';

/** One attribute to match, as the client gave it. */
export interface MatchingKey {
  /** The attribute; more than one tag is a path through sequences. */
  readonly path: readonly Tag[];
  /** Of the last tag in `path`; UN for a private attribute. */
  readonly vr: Vr;
  /** Decoded; empty asks for universal matching. A list is joined by backslashes. */
  readonly value: string;
  /**
   * The entries of a UID list or of a list of modalities (any may match), or with multiple value matching the values
   * that must all be there; else `value` alone.
   */
  readonly values: readonly string[];
}

/** Which of the optional matching behaviours the query asks for. */
export interface MatchingOptions {
  readonly emptyValueMatching: boolean;
  readonly multipleValueMatching: boolean;
}

/** How the values of a value representation are written in a query (PS3.4 C.2.2.2). */
interface ValueRule {
  readonly pattern: RegExp;
  /** Names the form in messages. */
  readonly form: string;
  /** A `+` that is not percent-encoded is a space: this is text. */
  readonly text: boolean;
}

const oneLine: ValueRule = { pattern: /^\P{Cc}*$/u, form: 'text without control characters', text: true };
/** Application entities and locations are written in the default repertoire (PS3.5 6.2). */
const asciiLine: ValueRule = {
  pattern: /^[ -~]*$/,
  form: 'ASCII text without control characters',
  text: true,
};
/** Lines, tabs and form feeds belong to these. */
const paragraphs: ValueRule = { pattern: /^[\P{Cc}\t\n\f\r]*$/u, form: oneLine.form, text: true };
const code: ValueRule = {
  pattern: /^[A-Z0-9 _*?]*$/,
  form: 'one code of capitals, digits, spaces and underscores',
  text: true,
};
const ranged: ValueRule = { pattern: /^[\d.:+-]*$/, form: 'a date or time, or a range of them', text: false };
const integer: ValueRule = { pattern: /^[+-]?\d{1,20}$/, form: 'an integer', text: false };
const decimal: ValueRule = {
  pattern: /^[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[Ee][+-]?\d{1,3})?$/,
  form: 'a number',
  text: false,
};

/** Value representations that are missing here, of bytes and sequences, cannot be matched. */
const rules: Partial<Record<Vr, ValueRule>> = {
  AE: asciiLine,
  AS: { pattern: /^\d{3}[DWMY]$/, form: 'an age such as 042Y', text: false },
  AT: { pattern: /^[0-9A-Fa-f]{8}$/, form: 'a tag', text: false },
  CS: code,
  DA: ranged,
  DS: decimal,
  DT: ranged,
  FD: decimal,
  FL: decimal,
  IS: integer,
  LO: oneLine,
  LT: paragraphs,
  PN: oneLine,
  SH: oneLine,
  SL: integer,
  SS: integer,
  ST: paragraphs,
  SV: integer,
  TM: ranged,
  UC: oneLine,
  UI: { pattern: /^/, form: 'a UID or a list of UIDs', text: false },
  UL: integer,
  UN: oneLine,
  UR: asciiLine,
  US: integer,
  UT: paragraphs,
  UV: integer,
};

const canHaveManyValues: ReadonlySet<Vr> = new Set<Vr>(['AE', 'AS', 'AT', 'CS', 'LO', 'PN', 'SH', 'UC']);
/** In these the backslash is a character like any other (PS3.5 6.2). */
const singleValued: ReadonlySet<Vr> = new Set<Vr>(['LT', 'ST', 'UR', 'UT']);
const emptyValue = '""';

/**
 * The matching key that an attribute and its still encoded value make.
 *
 * @throws GatewayError `bad-request` for a value that the attribute's value representation cannot match.
 * @see PS3.18 8.3.4.1, PS3.4 C.2.2.2
 */
export function parseMatchingKey(
  attribute: AttributePath,
  rawValue: string,
  options: MatchingOptions,
): MatchingKey {
  const { path, vr } = attribute;
  const rule = rules[vr];
  if (rule === undefined) throw refused(attribute, 'cannot be matched');
  const value = (rule.text ? decodeText : decodeLiteral)(rawValue);
  if (value === emptyValue && !options.emptyValueMatching) {
    throw refused(attribute, 'takes two double quotes only together with emptyvaluematching=true');
  }
  if (value === '' || value === emptyValue) return { path, vr, value, values: [value] };
  const values = splitValues(attribute, value, options);
  for (const one of values) {
    const valid = vr === 'UI' ? isUid(one) : rule.pattern.test(one);
    if (!valid) throw refused(attribute, `takes ${rule.form}`);
  }
  return { path, vr, value: values.join('\\'), values };
}

/**
 * A UID holds no comma, so one that came encoded separates as well; OHIF joins UIDs by backslashes and modalities by
 * encoded commas.
 */
function splitValues(attribute: AttributePath, value: string, options: MatchingOptions): readonly string[] {
  const { path, vr } = attribute;
  if (vr === 'UI' || path.at(-1) === Tags.ModalitiesInStudy) return value.split(/[,\\]/);
  if (!value.includes('\\') || singleValued.has(vr)) return [value];
  if (!options.multipleValueMatching || !canHaveManyValues.has(vr)) {
    throw refused(attribute, 'takes a single value');
  }
  if (/[*?]/.test(value)) throw refused(attribute, 'takes no wildcards in a list of values');
  return value.split('\\');
}

/** Never says the value, which may be a patient's. */
const refused = (attribute: AttributePath, why: string): GatewayError =>
  new GatewayError('bad-request', `${attribute.name} ${why}.`);
