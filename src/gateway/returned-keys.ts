import { attributeByTag, type Tag } from '../dicom/index.js';
import type { Peer } from '../dimse/index.js';

/** Keys that are remembered: facts have no longer lists. */
const MOST_KEYS = 200;

/** Learns that the peer returns these optional keys where there is a value, beside those that are known. @see rule Q-43 */
export function learnReturned(
  { knowledge }: Pick<Peer, 'knowledge'>,
  tags: readonly Tag[],
  ms: number,
): void {
  const known = knowledge.get('returnedKeys') ?? [];
  const keywords = tags.flatMap((tag) => attributeByTag(tag)?.keyword ?? []);
  const added = keywords.filter((keyword) => !known.includes(keyword));
  if (added.length > 0 && known.length < MOST_KEYS)
    knowledge.learn('returnedKeys', [...known, ...added].slice(0, MOST_KEYS), ms);
}
