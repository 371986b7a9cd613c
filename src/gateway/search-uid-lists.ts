import type { Dataset } from '../dicom/index.js';
import type { Peer } from '../dimse/index.js';
import { SliceRun, type Asking, type SliceReport } from './search-slices.js';

/** UIDs of one C-FIND: of 64 characters each they take 6.5 KB, which every peer is known to read. */
const MOST_UIDS = 100;

/** What is known of lists, and how it is learnt. */
export interface ListKnowledge {
  readonly knowledge: Peer['knowledge'];
  readonly relearnMs: number;
}

/**
 * Asks for a list of UIDs in pieces, and one by one where the peer does not know lists: some find nothing for a list,
 * others heed its first UID alone.
 *
 * @see rule Q-55, PS3.4 C.2.2.2.2
 */
export class UidListRun {
  readonly #asking: Asking;
  readonly #uids: readonly string[];
  readonly #known: ListKnowledge;
  readonly #runs: SliceRun[] = [];
  /** Lists of which the first UID was found, and no other. */
  #firstOnly = 0;

  constructor(asking: Asking, uids: readonly string[], known: ListKnowledge) {
    this.#asking = asking;
    this.#uids = uids;
    this.#known = known;
  }

  get report(): SliceReport {
    return {
      truncated: this.#runs.some(({ report }) => report.truncated),
      findsEmptyTimes: this.#runs.some(({ report }) => report.findsEmptyTimes),
    };
  }

  /** @throws GatewayError as `SliceRun.rows` */
  async *rows(): AsyncGenerator<Dataset, void, undefined> {
    for (let at = 0; at < this.#uids.length;) {
      const isKnown = this.#known.knowledge.get('findUidLists');
      const list = this.#uids.slice(at, at + (isKnown === false ? 1 : MOST_UIDS));
      const found = yield* this.#ask(list);
      const isTrusted = list.length === 1 || isKnown === true;
      if (!isTrusted && found.size === 0) yield* this.#oneByOne(list);
      if (!isTrusted && found.size > 0 && isFirstOnly(found, list)) {
        // The others may not be there; then asking for them alone finds nothing.
        this.#firstOnly += 1;
        if (this.#firstOnly > 1) this.#learn(false);
        at += 1;
        continue;
      }
      if (!isTrusted && found.size > 0) this.#learn(true);
      at += list.length;
    }
  }

  async *#oneByOne(list: readonly string[]): AsyncGenerator<Dataset, void, undefined> {
    for (const uid of list) if ((yield* this.#ask([uid])).size > 0) this.#learn(false);
  }

  /** Returns what was found. */
  async *#ask(uids: readonly string[]): AsyncGenerator<Dataset, ReadonlySet<string>, undefined> {
    const run = new SliceRun({ ...this.#asking, uids });
    this.#runs.push(run);
    const found = new Set<string>();
    for await (const row of run.rows()) {
      found.add(this.#asking.step.uidOf(row) ?? '');
      yield row;
    }
    return found;
  }

  #learn(knows: boolean): void {
    const { knowledge, relearnMs } = this.#known;
    knowledge.learn('findUidLists', knows, relearnMs);
  }
}

const isFirstOnly = (found: ReadonlySet<string>, [first, ...others]: readonly string[]): boolean =>
  first !== undefined && found.has(first) && !others.some((uid) => found.has(uid));
