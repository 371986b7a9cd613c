import type { ListedInstance } from './listing.js';

/**
 * The instances of a series by how far they lie from one of them, without that one: in the order of their Instance
 * Numbers where all have one, else in that of the list. Of two that are as far away the later one comes first.
 */
export function nearestFirst(
  list: readonly ListedInstance[],
  sopInstanceUid: string,
): readonly ListedInstance[] {
  const hasNumbers = list.every(({ instanceNumber }) => instanceNumber !== undefined);
  const shown = hasNumbers
    ? [...list].sort((a, b) => (a.instanceNumber ?? 0) - (b.instanceNumber ?? 0))
    : list;
  const at = shown.findIndex((listed) => listed.sopInstanceUid === sopInstanceUid);
  if (at < 0) return shown;
  const ordered: ListedInstance[] = [];
  for (let distance = 1; ordered.length < shown.length - 1; distance += 1) {
    for (const index of [at + distance, at - distance]) {
      const listed = shown[index];
      if (listed) ordered.push(listed);
    }
  }
  return ordered;
}
