import type { RetrieveTarget } from '../dicomweb/index.js';
import type { ListedInstance } from './listing.js';

/** Instances whose names are remembered per peer, some 150 bytes each; the longest unused lists go first. */
const MOST_INSTANCES = 50_000;

const keyOf = ({ studyInstanceUid, seriesInstanceUid = '' }: RetrieveTarget): string =>
  `${studyInstanceUid} ${seriesInstanceUid}`;

/** What studies and series were proved to consist of, as long as nothing says that this has changed. */
export class ListingMemory {
  readonly #lists = new Map<string, readonly ListedInstance[]>();
  #instances = 0;

  get(target: RetrieveTarget): readonly ListedInstance[] | undefined {
    const key = keyOf(target);
    const list = this.#lists.get(key);
    if (!list) return undefined;
    // Moved to the end: the order is that of use.
    this.#lists.delete(key);
    this.#lists.set(key, list);
    return list;
  }

  set(target: RetrieveTarget, list: readonly ListedInstance[]): void {
    this.#delete(keyOf(target));
    if (list.length > MOST_INSTANCES) return;
    this.#lists.set(keyOf(target), list);
    this.#instances += list.length;
    for (const oldest of this.#lists.keys()) {
      if (this.#instances <= MOST_INSTANCES) break;
      this.#delete(oldest);
    }
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
    this.#instances -= this.#lists.get(key)?.length ?? 0;
    this.#lists.delete(key);
  }
}
