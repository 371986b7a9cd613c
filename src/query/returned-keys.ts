/** Optional keys that a peer returns: of these an empty value is none, and not one that it keeps to itself. */
import { isPrivateTag, type Dataset, type Tag } from '../dicom/index.js';
import { completableTags, neverAsked, requiredKeys } from './levels.js';

/**
 * What is known to come, as the rows of a search show it. What the level below tells is never among it: archives compute
 * that, some of them later.
 *
 * @see PS3.4 C.2.2.1.3
 */
export class ReturnedKeys {
  readonly #known: Set<Tag>;

  constructor(known: Iterable<Tag> = []) {
    this.#known = new Set(known);
  }

  get size(): number {
    return this.#known.size;
  }

  has(tag: Tag): boolean {
    return this.#known.has(tag);
  }

  /** Looks at a row for those of `tags` that were not seen before; returns these. */
  see(row: Dataset, tags: Iterable<Tag>): readonly Tag[] {
    const seen = [...tags].filter((tag) => !this.#known.has(tag) && mayBeKnown(tag) && hasValue(row, tag));
    for (const tag of seen) this.#known.add(tag);
    return seen;
  }
}

/** The optional keys of studies that have a value in a row of one. */
export function returnedTags(row: Dataset): readonly Tag[] {
  const tags = [...row]
    .map(({ tag }) => tag)
    .filter((tag) => !requiredKeys.STUDY.has(tag) && !neverAsked.has(tag));
  return new ReturnedKeys().see(row, tags);
}

/** Of private attributes the tag alone does not say which they are. */
function mayBeKnown(tag: Tag): boolean {
  return !isPrivateTag(tag) && !completableTags.STUDY.includes(tag) && !completableTags.SERIES.includes(tag);
}

/** Whether the row has the attribute with something in it; blanks are nothing. */
export function hasValue(row: Dataset, tag: Tag): boolean {
  const element = row.get(tag);
  if (element === undefined || element.value.length === 0) return false;
  return !Buffer.isBuffer(element.value) || row.strings(tag).some((value) => value !== '');
}
