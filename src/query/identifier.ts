/** C-FIND identifiers, element by element. */
import { attributeByTag, Dataset, Tags, vrTraits, type Tag, type Vr } from '../dicom/index.js';
import type { MatchingKey } from '../dicomweb/index.js';
import { planDateTime } from './date-time.js';
import { planDateTimeValue } from './date-time-value.js';
import { asksForEmpty, isUniversal, type MatchingOptions } from './matching.js';
import { isTextVr } from './pattern.js';

/** Adds an attribute to be returned and not matched; what is there already stays. */
export function addReturnKey(identifier: Dataset, path: readonly Tag[], vr?: Vr): void {
  const [tag, ...rest] = path;
  if (tag === undefined) return;
  if (rest.length > 0) {
    // A sequence without an item is asked for as a whole; an item would select from it.
    const isWhole = identifier.has(tag) && identifier.items(tag).length === 0;
    if (!isWhole) addReturnKey(itemOf(identifier, tag), rest, vr);
  } else if (!identifier.has(tag)) identifier.setEmpty(tag, vr ?? attributeByTag(tag)?.vr ?? 'UN');
}

/** The one item of a sequence key: every path into the sequence meets in it (PS3.4 C.2.2.2.6). */
function itemOf(identifier: Dataset, tag: Tag): Dataset {
  const [existing] = identifier.items(tag);
  if (existing !== undefined) return existing;
  const item = new Dataset(
    identifier.encodingCharacterSets === undefined
      ? {}
      : { encodingCharacterSets: identifier.encodingCharacterSets },
  );
  identifier.setItems(tag, [item]);
  return item;
}

/** Adds a matching key, in a form that asks the peer for no less than it means. */
export function addMatchingKey(identifier: Dataset, key: MatchingKey, options: MatchingOptions): void {
  const value = sentValue(key, options);
  let target = identifier;
  for (const tag of key.path.slice(0, -1)) target = itemOf(target, tag);
  const last = key.path.at(-1);
  if (last === undefined) return;
  if (value === '') target.setEmpty(last, key.vr);
  else target.setString(last, value, key.vr);
}

function sentValue(key: MatchingKey, options: MatchingOptions): string {
  const { dateTime, zones } = options;
  if (isUniversal(key)) return '';
  // Of numbers in bytes none can be written so.
  if (asksForEmpty(key, options))
    return options.sendsEmptyValue === true && vrTraits(key.vr).text ? key.value : '';
  if (key.vr === 'DA') return planDateTime(key.value, '', dateTime, zones).identifierDate;
  if (key.vr === 'TM') return planDateTime('', key.value, dateTime, zones).identifierTime;
  if (key.vr === 'DT') return planDateTimeValue(key.value, dateTime, zones).identifier;
  return sentValues(key, options);
}

function sentValues(key: MatchingKey, options: MatchingOptions): string {
  const values = key.values.filter((value) => value !== '');
  if (key.vr === 'UI') return values.join('\\');
  const [first = key.value] = values;
  if (values.length <= 1) return first;
  if (options.sendsMultipleValue === true && isListOfAll(key, options)) return values.join('\\');
  // C-FIND has no list of text values otherwise: of several that must all match one will do, of alternatives none.
  return options.multipleValueMatching === true && !(isTextVr(key.vr) && /[*?]/.test(first)) ? first : '';
}

/** Modalities of studies are computed by archives, and never sure to be matched by a list. */
function isListOfAll({ path, vr }: MatchingKey, { multipleValueMatching }: MatchingOptions): boolean {
  return multipleValueMatching === true && isTextVr(vr) && path.at(-1) !== Tags.ModalitiesInStudy;
}
