import { isLeftOut } from './dicom-json.js';
import type { Tag } from './tag.js';

/** Of how many elements it is noted that they come again; the rest of them keep their first place. */
const maxSuperseded = 1000;
/** Which are named; each once. */
const maxNamed = 20;
/** Attributes of the datasets that are open at one time; no dataset with more is read as metadata. */
const maxOpen = 100_000;

/** Elements whose tag comes again in the same dataset or item, which PS3.5 7.1 forbids. */
export interface RepeatedElements {
  /** Where the headers of those begin that come again later, in ascending order. */
  readonly superseded: readonly number[];
  /** The first of their tags. */
  readonly tags: readonly Tag[];
  /** There were more than are noted. */
  readonly isPartial?: true;
}

/** The attributes of one dataset or item so far. */
class Level {
  readonly #tags: Tag[] = [];
  readonly #offsets: number[] = [];
  #highest = -1;
  /** Only where tags do not ascend, which they nearly always do. */
  #latest: Map<Tag, number> | undefined;

  get size(): number {
    return this.#latest?.size ?? this.#tags.length;
  }

  /** Where the same tag was before. */
  add(tag: Tag, offset: number): number | undefined {
    if (tag > this.#highest && this.#latest === undefined) {
      this.#highest = tag;
      this.#tags.push(tag);
      this.#offsets.push(offset);
      return undefined;
    }
    this.#latest ??= new Map(this.#tags.map((one, at) => [one, this.#offsets[at] ?? 0]));
    const before = this.#latest.get(tag);
    this.#latest.set(tag, offset);
    return before;
  }

  clear(): void {
    this.#tags.length = 0;
    this.#offsets.length = 0;
    this.#highest = -1;
    this.#latest = undefined;
  }
}

/** Notes which elements come again while a dataset passes, in memory for its open attributes. @see rule J-19 */
export class RepetitionIndexer {
  /** By depth, each used again for the next item. */
  readonly #levels = [new Level()];
  readonly #superseded: number[] = [];
  readonly #tags = new Set<Tag>();
  #depth = 0;
  #open = 0;
  #isPartial = false;

  element(tag: Tag, headerOffset: number): void {
    const level = this.#levels[this.#depth];
    if (level === undefined || this.#open > maxOpen || isLeftOut(tag)) return;
    const { size } = level;
    const before = level.add(tag, headerOffset);
    this.#open += level.size - size;
    if (before === undefined) return;
    if (this.#tags.size < maxNamed) this.#tags.add(tag);
    if (this.#superseded.length < maxSuperseded) this.#superseded.push(before);
    else this.#isPartial = true;
  }

  beginItem(): void {
    this.#depth += 1;
    this.#levels[this.#depth] ??= new Level();
  }

  endItem(): void {
    const level = this.#levels[this.#depth];
    this.#open -= level?.size ?? 0;
    level?.clear();
    this.#depth -= 1;
  }

  /** Undefined when all tags were unique so far. */
  finish(): RepeatedElements | undefined {
    if (this.#tags.size === 0) return undefined;
    const found = {
      superseded: [...this.#superseded].sort((one, other) => one - other),
      tags: [...this.#tags],
    };
    return this.#isPartial ? { ...found, isPartial: true } : found;
  }
}
