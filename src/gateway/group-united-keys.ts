import { Tags, type Tag } from '../dicom/index.js';
import type { MatchingKey, SearchRequest } from '../dicomweb/index.js';
import { namesOf } from '../query/index.js';

const counts: ReadonlySet<Tag | undefined> = new Set([
  Tags.NumberOfStudyRelatedSeries,
  Tags.NumberOfStudyRelatedInstances,
  Tags.NumberOfSeriesRelatedInstances,
]);
const lists: ReadonlySet<Tag | undefined> = new Set([Tags.ModalitiesInStudy, Tags.SOPClassesInStudy]);

/**
 * What a search of a group has to warn of: keys by which each member matches its own part alone, and which are something else of
 * all parts together. To find by the latter all that the members hold would have to be put together and counted.
 */
export function unitedKeyWarnings({
  matchingKeys,
  multipleValueMatching,
}: Pick<SearchRequest, 'matchingKeys' | 'multipleValueMatching'>): readonly string[] {
  const isUnited = ({ path: [tag], value, values }: MatchingKey): boolean =>
    value !== '' && (counts.has(tag) || (lists.has(tag) && multipleValueMatching && values.length > 1));
  const tags = matchingKeys.filter(isUnited).flatMap(({ path: [tag] }) => tag ?? []);
  if (tags.length === 0) return [];
  return [
    `Each member was asked for ${namesOf(tags)} of what it holds itself: what several hold in part may be missing, or shown with another value`,
  ];
}
