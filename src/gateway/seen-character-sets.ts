import { Tags, type Dataset } from '../dicom/index.js';
import type { Peer } from '../dimse/index.js';

/** Values of (0008,0005) that are kept of a peer; text is asked for in as many of them as hold it. */
export const MOST_SETS = 16;
/** How long they are believed: what an archive holds does not change its character set. */
const BELIEVED_MS = 30 * 24 * 3_600_000;
/** As facts may have them. */
const CHARACTER_SET = /^[A-Z0-9_ \\]{1,64}$/;

/** Learns in which character sets a peer answers, so that values are sent to it in one of them. @see rule Q-51 */
export class SeenCharacterSets {
  readonly #knowledge: Peer['knowledge'];
  readonly #seen = new Set<string>();

  constructor({ knowledge }: Pick<Peer, 'knowledge'>) {
    this.#knowledge = knowledge;
  }

  /** Looks at a row of an answer; one in ASCII tells nothing. */
  see(row: Dataset): void {
    if (!row.has(Tags.SpecificCharacterSet) || this.#seen.size >= MOST_SETS) return;
    const terms = row.strings(Tags.SpecificCharacterSet).join('\\');
    if (this.#seen.has(terms)) return;
    this.#seen.add(terms);
    if (!CHARACTER_SET.test(terms) || terms === 'ISO_IR 6') return;
    const known = this.#knowledge.get('characterSets') ?? [];
    const value = known.includes(terms) ? known : [terms, ...known].slice(0, MOST_SETS);
    this.#knowledge.learn('characterSets', value, BELIEVED_MS);
  }
}
