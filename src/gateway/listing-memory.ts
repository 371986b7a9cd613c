import type { RetrieveTarget } from '../dicomweb/index.js';
import type { ListedInstance } from './listing.js';
import { targetText } from './refusals.js';

/** Instances whose names are remembered per peer, some 150 bytes each; the longest unused lists go first. */
const MOST_INSTANCES = 50_000;

interface Remembered {
  readonly list: readonly ListedInstance[];
  /** When its listing began, by the clock. */
  readonly at: number;
}

/** What studies and series were proved to consist of, as long as nothing says that this has changed. */
export class ListingMemory {
  readonly #lists = new Map<string, Remembered>();
  #instances = 0;

  get(target: RetrieveTarget): Remembered | undefined {
    const key = targetText(target);
    const remembered = this.#lists.get(key);
    if (!remembered) return undefined;
    // Moved to the end: the order is that of use.
    this.#lists.delete(key);
    this.#lists.set(key, remembered);
    return remembered;
  }

  set(target: RetrieveTarget, list: readonly ListedInstance[], at: number): void {
    this.delete(target);
    if (list.length > MOST_INSTANCES) return;
    this.#lists.set(targetText(target), { list, at });
    this.#instances += list.length;
    for (const oldest of this.#lists.keys()) {
      if (this.#instances <= MOST_INSTANCES) break;
      this.#delete(oldest);
    }
  }

  delete(target: RetrieveTarget): void {
    this.#delete(targetText(target));
  }

  /** Forgets the study and its series. */
  deleteStudy(studyInstanceUid: string): void {
    for (const key of [...this.#lists.keys()]) {
      if (key.startsWith(`${studyInstanceUid} `)) this.#delete(key);
    }
  }

  clear(): void {
    this.#lists.clear();
    this.#instances = 0;
  }

  #delete(key: string): void {
    this.#instances -= this.#lists.get(key)?.list.length ?? 0;
    this.#lists.delete(key);
  }
}
