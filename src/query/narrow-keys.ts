/** Keys by which peers are known to find less than there is: they are asked without them, and the filter is exact. */
import { attributeByTag, isPrivateTag, Tags, type Tag } from '../dicom/index.js';
import type { MatchingKey } from '../dicomweb/index.js';
import { asksForEmpty, isNumericVr, isUniversal } from './matching.js';
import type { StepOptions } from './step-options.js';

type NarrowOptions = Pick<
  StepOptions,
  'trustedKeys' | 'fuzzyMatching' | 'emptyValueMatching' | 'multipleValueMatching' | 'sendsMultipleValue'
>;

/**
 * Whether a peer that matches `key` may leave out what it means: archives compare numbers as text, with the blanks and
 * zeros that somebody wrote, and one value with all the values of an attribute at once; by modalities of a study some find
 * nothing, or studies of this one alone. A key that the peer is known to
 * match as it should is none of these, nor is a list whose matching was negotiated.
 *
 * @see PS3.4 C.2.2.2.1, C.4.1.2.1
 */
export function mayFindTooLittle(key: MatchingKey, options: NarrowOptions): boolean {
  if (isUniversal(key) || asksForEmpty(key, options) || isTrusted(key, options)) return false;
  if (isNumericVr(key.vr)) return true;
  const last = key.path.at(-1) ?? 0;
  // A list of modalities is never sent, so nothing was negotiated of it.
  if (last === Tags.ModalitiesInStudy) return true;
  return mayHaveSeveral(last) && !isNegotiated(key, options);
}

function isTrusted({ path: [tag, ...within] }: MatchingKey, { trustedKeys }: NarrowOptions): boolean {
  return tag !== undefined && within.length === 0 && trustedKeys.includes(tag);
}

/** The peer said in the negotiation how it matches it. */
function isNegotiated(key: MatchingKey, options: NarrowOptions): boolean {
  const isList = options.sendsMultipleValue && options.multipleValueMatching && key.values.length > 1;
  return isList || (options.fuzzyMatching && key.vr === 'PN');
}

/** What the dictionary does not know may be anything; private creators are known. */
function mayHaveSeveral(tag: Tag): boolean {
  const info = attributeByTag(tag);
  return info === undefined ? isPrivateTag(tag) : info.vm !== '1';
}
