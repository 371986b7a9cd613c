/** Which studies somebody may have to do with, in terms of rows and of matching keys. */
import type { AttributeTest, Restriction, ValueTest } from '../core/index.js';
import { attributeByTag, type Dataset, type Tag, type Vr } from '../dicom/index.js';
import { levelOf, type MatchingKey, type SearchRequest } from '../dicomweb/index.js';

/** The attributes that tell whether a study is one of them. */
export const restrictionTags = ({ anyOf }: Restriction): readonly Tag[] =>
  [...new Set(anyOf.flatMap((tests) => tests.map(({ tag }) => tag)))].sort((one, other) => one - other);

/**
 * Whether what `row` says of a study lets it pass: of each test of one of the lists the attribute has a value that is told
 * there, in upper and lower case as it stands there. An attribute without a value lets nothing pass.
 */
export const passes = (row: Dataset, { anyOf }: Restriction): boolean =>
  anyOf.some((tests) => tests.every((test) => verdicts(row, test).includes(true)));

/**
 * The same of an instance that is to be stored: all values of a tested attribute are told there. Which one a peer goes by
 * where there should be one alone is not known.
 */
export const passesWholly = (instance: Dataset, { anyOf }: Restriction): boolean =>
  anyOf.some((tests) =>
    tests.every((test) => {
      const each = verdicts(instance, test);
      return each.length > 0 && !each.includes(false);
    }),
  );

/** Of each value of the attribute whether it is told in the test. */
function verdicts(row: Dataset, { tag, anyOf }: AttributeTest): readonly boolean[] {
  const vr = row.get(tag)?.vr ?? 'LO';
  return row
    .strings(tag)
    .map((value) => normalized(value, vr))
    .filter((value) => value !== '')
    .map((value) => anyOf.some((test) => passesValue(value, test, vr)));
}

const passesValue = (value: string, { text, isPrefix }: ValueTest, vr: Vr): boolean =>
  isPrefix ? value.startsWith(text.trimStart()) : value === normalized(text, vr);

/** Padding says nothing, nor do empty components at the end of a name. @see PS3.5 6.2 */
function normalized(value: string, vr: Vr): string {
  const text = value.trim().normalize('NFC');
  return vr === 'PN' ? text.replace(/[\^=\s]+$/, '') : text;
}

/** Of these a value means itself alone to every peer, and with a `*` at its end how values begin. */
const PLAIN: ReadonlySet<string> = new Set(['LO', 'SH', 'CS']);

/**
 * The request with the keys that select the studies it may find, so that the peer need not list the others. They are
 * left out where a peer may understand them otherwise: the rows are looked at all the same.
 */
export function narrowed(request: SearchRequest, { anyOf }: Restriction): SearchRequest {
  const [tests = [], ...others] = anyOf;
  // Two lists are no conjunction of keys.
  if (others.length > 0 || request.studyInstanceUid !== undefined) return request;
  const keys = tests.flatMap((test) => keyOf(test, request));
  return keys.length === 0 ? request : { ...request, matchingKeys: [...request.matchingKeys, ...keys] };
}

function keyOf({ tag, anyOf }: AttributeTest, { level, matchingKeys }: SearchRequest): MatchingKey[] {
  const vr = attributeByTag(tag)?.vr ?? 'UN';
  const [test, ...others] = anyOf;
  const isAsked = matchingKeys.some(({ path }) => path[0] === tag);
  const isOfStudies = level === 'STUDY' || ['PATIENT', 'STUDY'].includes(levelOf(tag));
  if (!test || others.length > 0 || isAsked || !isOfStudies || !PLAIN.has(vr)) return [];
  const text = test.text.trim();
  if (!/^[ -~]{1,64}$/.test(text) || /[*?\\]/.test(text)) return [];
  const value = test.isPrefix ? `${text}*` : text;
  return [{ path: [tag], vr, value, values: [value] }];
}
