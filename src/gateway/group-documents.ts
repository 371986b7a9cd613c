import type { OperationContext } from '../core/index.js';
import type { Member } from './group.js';
import type { ListedInstance } from './listing.js';
import { MetadataMemory, type DocumentOf, type WholeDocument } from './metadata-memory.js';
import { currentListing } from './relist.js';

type List = readonly ListedInstance[];

/** What a document of a group is of. */
export interface SharedDocument extends Omit<DocumentOf, 'list'> {
  /** Who hold its study, in the order of the group. */
  readonly members: readonly Member[];
}

/** Metadata of what several members hold in part, as they were sent last. */
export class GroupDocuments {
  readonly #memory: MetadataMemory;
  /** What stands for the lists of all members together, by the first of them. */
  readonly #unions = new WeakMap<List, { readonly lists: readonly List[]; readonly union: List }>();

  constructor(limitBytes: number) {
    this.#memory = new MetadataMemory(limitBytes);
  }

  /** The document, if no member says that something has changed since. To be used after `locate`. */
  async get(of: SharedDocument, context: OperationContext): Promise<WholeDocument | undefined> {
    if (this.#listOf(of) === undefined) return undefined;
    try {
      await Promise.all(of.members.map((member) => currentListing(member, of.target, context)));
      const list = this.#listOf(of);
      const whole = list && this.#memory.get({ ...of, list });
      if (whole) await checkAfter(of, whole, context);
      return this.#listOf(of) === list ? whole : undefined;
    } catch {
      return undefined; // who lists it now sees the failure
    }
  }

  /** Passes the document on; keeps it when its end comes next, and `madeOf` says of which list of each member it is. */
  async *pass(
    chunks: AsyncIterable<Buffer | string>,
    of: SharedDocument,
    madeOf: () => readonly (List | undefined)[] | undefined,
  ): AsyncGenerator<Buffer | string, void, undefined> {
    const tee = this.#memory.tee(chunks);
    for await (const chunk of tee) {
      // Before the last chunk leaves the tee still has what it kept.
      const made = madeOf();
      const isNow = made && of.members.every(({ watch }, at) => watch.listing(of.target) === made[at]);
      const list = isNow ? this.#listOf(of) : undefined;
      const [{ deps } = {}] = of.members;
      if (list && deps) this.#memory.keep(tee, { ...of, list }, deps.instances.latestOrdinal);
      yield chunk;
    }
  }

  /** Lets go of the documents of a study, or of all. */
  drop(studyInstanceUid?: string): void {
    this.#memory.drop(studyInstanceUid);
  }

  /** The same value as long as every member's list is the same; undefined when one of them is not known. */
  #listOf({ members, target }: SharedDocument): List | undefined {
    const lists = members.map(({ watch }) => watch.listing(target));
    if (!lists.every((list) => list !== undefined)) return undefined;
    const [first] = lists;
    if (first === undefined) return undefined;
    const known = this.#unions.get(first);
    const isSame =
      known?.lists.length === lists.length && known.lists.every((list, at) => list === lists[at]);
    if (known && isSame) return known.union;
    const union: List = [];
    this.#unions.set(first, { lists, union });
    return union;
  }
}

/** Every member was asked whose it is since the last of what the document is made of had come. @throws GatewayError */
async function checkAfter(
  { members, target }: SharedDocument,
  { after }: WholeDocument,
  context: OperationContext,
): Promise<void> {
  await Promise.all(members.map(({ watch }) => watch.checkAfter(target.studyInstanceUid, after, context)));
}
