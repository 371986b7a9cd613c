import { GatewayError } from '../core/index.js';
import { Tags, type Tag } from '../dicom/index.js';
import { isLevelless, levelOf, type AttributeLevel, type SearchLevel } from './attribute-level.js';
import {
  looksLikeAttribute,
  parseAttributePath,
  privateCreatorOf,
  type AttributePath,
} from './attribute-path.js';
import { ignoredWarnings } from './ignored-parameters.js';
import { isIdentifierTag, parseIncludeFields, type IncludeFields } from './include-field.js';
import { parseMatchingKey, type MatchingKey, type MatchingOptions } from './matching-key.js';
import { decodeLiteral, splitQuery, type QueryParameter } from './query-string.js';
import { requireUid } from './resource.js';

/** A search as the client asked for it, checked against the grammar of PS3.18. */
export interface SearchRequest extends MatchingOptions, IncludeFields {
  readonly level: SearchLevel;
  /** From the URL's path. */
  readonly studyInstanceUid?: string;
  /** From the URL's path. */
  readonly seriesInstanceUid?: string;
  readonly matchingKeys: readonly MatchingKey[];
  /** The most results to return. */
  readonly limit?: number;
  /** How many results to leave out first. */
  readonly offset: number;
  readonly fuzzyMatching: boolean;
  /** `+hhmm` or `-hhmm`: the zone of the dates and times in the matching keys. */
  readonly timezoneOffset?: string;
  /** Texts for `Warning` headers. */
  readonly warnings: readonly string[];
  /** The `accept` parameter, decoded. */
  readonly accept?: string;
}

/** The study and series in the URL's path, as they stand there. */
export interface SearchPath {
  readonly study?: string;
  readonly series?: string;
}

interface Scope {
  readonly level: SearchLevel;
  readonly studyInstanceUid?: string;
  readonly seriesInstanceUid?: string;
}

/** A query by what its parameters are; all values still encoded. */
interface Sorted {
  /** Those that may stand once, by name. */
  readonly options: ReadonlyMap<string, string>;
  readonly includeFields: readonly string[];
  readonly attributes: readonly QueryParameter[];
  /** Neither of these. */
  readonly unknown: readonly QueryParameter[];
}

interface NamedKey {
  readonly attribute: AttributePath;
  readonly key: MatchingKey;
}

interface Attributes {
  readonly keys: readonly NamedKey[];
  readonly timezoneOffset?: string;
}

const optionNames: ReadonlySet<string> = new Set([
  'accept',
  'charset',
  'emptyvaluematching',
  'fuzzymatching',
  'limit',
  'multiplevaluematching',
  'offset',
]);

/** PS3.18 8.3.4.4 and 8.3.4.6 give the wording. */
const warningTexts = {
  multiple:
    'The multiplevaluematching parameter is not supported. Multiple Value Matching has not been performed.',
  characterSet: 'SpecificCharacterSet is not matched: a query is always UTF-8.',
} as const;

/**
 * The search that a URL asks for: `params` from its path, `rawQuery` undecoded and without the question mark.
 *
 * Dates and times are checked for their characters alone.
 *
 * @throws GatewayError `bad-request`; its message names the attribute or parameter but never a value.
 * @see PS3.18 8.3.4, 10.6.1
 */
export function parseSearch(level: SearchLevel, params: SearchPath, rawQuery: string): SearchRequest {
  const scope = parseScope(level, params);
  const { options, includeFields, attributes, unknown } = sortParameters(splitQuery(rawQuery));
  const matching: MatchingOptions = {
    emptyValueMatching: parseFlag(options, 'emptyvaluematching'),
    multipleValueMatching: parseFlag(options, 'multiplevaluematching'),
  };
  const fuzzyMatching = parseFlag(options, 'fuzzymatching');
  const { keys, timezoneOffset } = parseAttributes(attributes, matching);
  const creators = new Set(keys.filter(({ key }) => key.value !== '').map(({ key }) => key.path.join('.')));
  for (const { attribute } of keys) requirePrivateCreator(attribute, creators);
  const matchingKeys = keys.filter((named) => isMatchedIn(scope, named)).map(({ key }) => key);
  const limit = parseCount(options, 'limit');
  const accept = options.get('accept');
  return {
    ...scope,
    matchingKeys,
    ...parseIncludeFields(includeFields, level, (field) => {
      requirePrivateCreator(field, creators);
    }),
    ...(limit === undefined ? {} : { limit }),
    offset: parseCount(options, 'offset') ?? 0,
    fuzzyMatching,
    ...matching,
    ...(timezoneOffset === undefined ? {} : { timezoneOffset }),
    warnings: [
      // Names are never filtered more strictly than the peer does, so a list of them cannot be either.
      ...(matchingKeys.some((key) => key.vr === 'PN' && key.values.length > 1)
        ? [warningTexts.multiple]
        : []),
      ...ignoredWarnings(unknown),
      ...(keys.some(({ key }) => key.path[0] === Tags.SpecificCharacterSet)
        ? [warningTexts.characterSet]
        : []),
    ],
    ...(accept === undefined ? {} : { accept: decodeLiteral(accept) }),
  };
}

function parseScope(level: SearchLevel, { study, series }: SearchPath): Scope {
  return {
    level,
    ...(study === undefined ? {} : { studyInstanceUid: requireUid(study, 'Study Instance UID') }),
    ...(series === undefined ? {} : { seriesInstanceUid: requireUid(series, 'Series Instance UID') }),
  };
}

function sortParameters(parameters: readonly QueryParameter[]): Sorted {
  const options = new Map<string, string>();
  const includeFields: string[] = [];
  const attributes: QueryParameter[] = [];
  const unknown: QueryParameter[] = [];
  for (const parameter of parameters) {
    const { name, rawValue } = parameter;
    if (name === 'includefield') includeFields.push(rawValue);
    else if (optionNames.has(name)) {
      if (options.has(name)) throw new GatewayError('bad-request', `The parameter "${name}" is given twice.`);
      options.set(name, rawValue);
    } else if (looksLikeAttribute(name)) attributes.push(parameter);
    else unknown.push(parameter);
  }
  return { options, includeFields, attributes, unknown };
}

function parseFlag(options: ReadonlyMap<string, string>, name: string): boolean {
  const text = decodeLiteral(options.get(name) ?? 'false');
  if (text !== 'true' && text !== 'false') {
    throw new GatewayError('bad-request', `The parameter "${name}" takes true or false.`);
  }
  return text === 'true';
}

function parseCount(options: ReadonlyMap<string, string>, name: string): number | undefined {
  const raw = options.get(name);
  if (raw === undefined) return undefined;
  const text = decodeLiteral(raw);
  if (!/^\d+$/.test(text))
    throw new GatewayError('bad-request', `The parameter "${name}" takes an unsigned integer.`);
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}

function parseAttributes(parameters: readonly QueryParameter[], options: MatchingOptions): Attributes {
  const keys: NamedKey[] = [];
  const seen = new Set<string>();
  let timezoneOffset: string | undefined;
  for (const { name, rawValue } of parameters) {
    const attribute = parseAttributePath(name);
    const path = attribute.path.join('.');
    if (seen.has(path)) throw new GatewayError('bad-request', `${attribute.name} is given twice.`);
    seen.add(path);
    requireMatchable(attribute, rawValue);
    if (path === String(Tags.TimezoneOffsetFromUTC)) timezoneOffset = parseTimezone(rawValue);
    else keys.push({ attribute, key: parseMatchingKey(attribute, rawValue, options) });
  }
  return { keys, ...(timezoneOffset === undefined ? {} : { timezoneOffset }) };
}

/** What the gateway writes itself, and what no C-FIND may be asked for. */
const unaskable: ReadonlySet<Tag> = new Set<Tag>([
  Tags.RetrieveAETitle,
  Tags.InstanceAvailability,
  Tags.RetrieveURL,
]);

function requireMatchable(attribute: AttributePath, rawValue: string): void {
  const isUnaskable = attribute.path.length === 1 && unaskable.has(attribute.path[0]) && rawValue !== '';
  const isPublicUnknown = !attribute.known && !isLevelless(attribute.path.at(-1) ?? 0);
  const [first] = attribute.path;
  if (
    isUnaskable ||
    isPublicUnknown ||
    !attribute.path.every(isIdentifierTag) ||
    first === Tags.QueryRetrieveLevel
  ) {
    throw new GatewayError('bad-request', `${attribute.name} cannot be matched.`);
  }
}

/** A `+` may come as a space where a form decoded it on the way (DT-33). */
function parseTimezone(rawValue: string): string {
  const text = decodeLiteral(rawValue).replace(/^ /, '+');
  const [, sign, hours = '', minutes = ''] = /^([+-])(\d\d)([0-5]\d)$/.exec(text) ?? [];
  const total = Number(hours) * 60 + Number(minutes);
  if (sign === undefined || total > (sign === '-' ? 720 : 840)) {
    throw new GatewayError('bad-request', 'TimezoneOffsetFromUTC takes an offset from -1200 to +1400.');
  }
  return text;
}

/** @see PS3.18 8.3.4.1 */
function requirePrivateCreator(attribute: AttributePath, creators: ReadonlySet<string>): void {
  const missing = attribute.path.some((tag, index) => {
    const creator = privateCreatorOf(tag);
    return creator !== undefined && !creators.has([...attribute.path.slice(0, index), creator].join('.'));
  });
  if (missing) {
    throw new GatewayError('bad-request', `${attribute.name} needs its Private Creator as a matching key.`);
  }
}

/**
 * Whether the key is to be matched; false for one that says again what the URL's path says.
 *
 * @throws GatewayError `bad-request` when the resource cannot be searched by an attribute of that level.
 * @see PS3.18 10.6.1.2.3
 */
function isMatchedIn(scope: Scope, { attribute, key }: NamedKey): boolean {
  const [first] = attribute.path;
  if (first === Tags.SpecificCharacterSet || (key.path.length === 1 && unaskable.has(first))) return false;
  if (isLevelless(first) || levelsOf(scope).includes(levelOf(first))) return true;
  const fixed = first === Tags.StudyInstanceUID ? scope.studyInstanceUid : scope.seriesInstanceUid;
  const repeats = first === Tags.StudyInstanceUID || first === Tags.SeriesInstanceUID;
  if (repeats && fixed !== undefined && key.value === fixed) return false;
  throw new GatewayError('bad-request', `${attribute.name} is no matching key of this resource.`);
}

/** What the path does not fix, down to what is returned. */
function levelsOf({ level, studyInstanceUid, seriesInstanceUid }: Scope): readonly AttributeLevel[] {
  const upper: readonly AttributeLevel[] = studyInstanceUid === undefined ? ['PATIENT', 'STUDY'] : [];
  if (level === 'STUDY') return upper;
  const middle: readonly AttributeLevel[] = seriesInstanceUid === undefined ? [...upper, 'SERIES'] : upper;
  return level === 'SERIES' ? middle : [...middle, 'IMAGE'];
}
