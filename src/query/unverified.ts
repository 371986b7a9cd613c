/** What is said of keys of which the rows of a peer do not tell whether they match. */
import { attributeByTag, type Tag } from '../dicom/index.js';
import { namesOf } from './completion.js';
import { requiredKeys } from './levels.js';
import type { SearchPlan } from './plan.js';

/** Texts for `Warning` headers that name attributes by which rows were kept unchecked. */
export function unverifiedWarnings(
  tags: Iterable<Tag>,
  plan: Pick<SearchPlan, 'emptyKeys'>,
): readonly string[] {
  const unverified = [...new Set(tags)];
  const names = unverified.filter(isName);
  const others = unverified.filter((tag) => !isName(tag));
  const texts = [
    ...(others.length > 0 ? [unknownMatch(others, 'or returned it empty or unreadable')] : []),
    ...(names.length > 0
      ? [unknownMatch(names, 'or returned it empty, unreadable or unlike what was asked for')]
      : []),
  ];
  return unverified.some((tag) => plan.emptyKeys.has(tag)) ? [...texts, emptyByWhatCame] : texts;
}

const unknownMatch = (tags: readonly Tag[], how: string): string =>
  `It is not known whether ${namesOf(tags)} matches in some results, which are listed all the same: the archive did not return it, ${how}`;

const emptyByWhatCame =
  'The emptyvaluematching parameter is not supported by the archive. Empty Value Matching has been performed on what it returned.';

const isName = (tag: Tag): boolean => attributeByTag(tag)?.vr === 'PN';

/** The keys of a search that a peer may pass over: what it returns tells whether it did. @see PS3.4 C.2.2.1.3 */
export function optionalKeys({ steps }: Pick<SearchPlan, 'steps'>): readonly Tag[] {
  return steps.flatMap(({ level, constrained }) =>
    [...constrained].filter((tag) => !requiredKeys[level].has(tag)),
  );
}

/** The person names that a search is by: what a peer makes of them shows in its rows alone. */
export function nameKeys({ steps }: Pick<SearchPlan, 'steps'>): readonly Tag[] {
  return steps.flatMap(({ constrained }) => [...constrained].filter(isName));
}
