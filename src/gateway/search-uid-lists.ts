import type { Dataset, Tag } from '../dicom/index.js';
import type { Peer } from '../dimse/index.js';
import { patientIdOf } from '../query/index.js';
import { SliceRun, type Asking, type SliceReport } from './search-slices.js';

/** UIDs of one C-FIND: of 64 characters each they take 6.5 KB, which every peer is known to read. */
const MOST_UIDS = 100;

/** What is known of lists, and how it is learnt. */
export interface ListKnowledge {
  readonly knowledge: Peer['knowledge'];
  readonly relearnMs: number;
  /** UIDs of the list's key that the peer has shown before. */
  readonly shown: Set<string>;
}

const shownBy = new WeakMap<Peer['knowledge'], Map<Tag, Set<string>>>();

/** Up to two UIDs of a unique key that a peer has shown lately. */
export function shownUids(knowledge: Peer['knowledge'], key: Tag): Set<string> {
  const byKey = shownBy.get(knowledge) ?? new Map<Tag, Set<string>>();
  shownBy.set(knowledge, byKey);
  const shown = byKey.get(key) ?? new Set<string>();
  byKey.set(key, shown);
  return shown;
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
    if (this.#isTakenApart) {
      yield* this.#ask(this.#uids);
      return;
    }
    for (let at = 0; at < this.#uids.length;) {
      const isKnown = this.#known.knowledge.get('findUidLists');
      const list = this.#uids.slice(at, at + (isKnown === false ? 1 : MOST_UIDS));
      const found = yield* this.#ask(list);
      at += list.length === 1 || isKnown === true ? list.length : yield* this.#judge(list, found);
    }
  }

  /** What the answer to a list says of lists; returns of how many UIDs of it all is known then. */
  async *#judge(
    list: readonly string[],
    found: ReadonlySet<string>,
  ): AsyncGenerator<Dataset, number, undefined> {
    if (found.size === 0) {
      if (!(await this.#knowsLists())) yield* this.#oneByOne(list);
      return list.length;
    }
    if (!isFirstOnly(found, list)) {
      this.#learn(true);
      return list.length;
    }
    // The others may not be there; then asking for them alone finds nothing.
    this.#firstOnly += 1;
    if (this.#firstOnly > 1) this.#learn(false);
    return 1;
  }

  /** Asks for two that the peer has shown before, where there are such; they are not handed on. */
  async #knowsLists(): Promise<boolean> {
    const shown = [...this.#known.shown];
    if (shown.length < 2) return false;
    const { step } = this.#asking;
    // The answer is looked at, whatever else the search is by: rows that do not match are rows.
    const found = new Set<string>();
    let knows = false;
    for await (const row of new SliceRun({ ...this.#asking, uids: shown }).rows()) {
      found.add(step.uidOf(row) ?? '');
      knows = shown.every((uid) => found.has(uid));
      // Of two studies there may be thousands of instances.
      if (knows) break;
    }
    if (knows) this.#learn(true);
    // They may be gone, or do not match what else is asked for.
    else this.#known.shown.clear();
    return knows;
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

  /** By the Patient Root the gateway asks for each study of a list by itself, whatever the peer makes of lists. */
  get #isTakenApart(): boolean {
    const { step, parent, context } = this.#asking;
    if (step.level !== 'STUDY' || context.root !== undefined) return false;
    if (this.#known.knowledge.get('root') !== 'patient') return false;
    return patientIdOf(step.identifier(parent)) === undefined;
  }
}

const isFirstOnly = (found: ReadonlySet<string>, [first, ...others]: readonly string[]): boolean =>
  first !== undefined && found.has(first) && !others.some((uid) => found.has(uid));
