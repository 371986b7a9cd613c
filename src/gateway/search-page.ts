import { GatewayError, type Clock } from '../core/index.js';
import { formatDicomJson, type DicomJsonObject } from '../dicom/index.js';
import { sortRows } from '../query/index.js';
import { ENOUGH_ROWS, LookAhead } from './look-ahead.js';
import type { SearchRows } from './search-rows.js';

/** A page of results as far as it was read before the status line. */
export interface Page {
  /** Its first rows, as many as the look-ahead. */
  readonly rows: readonly DicomJsonObject[];
  /** Those after them, as JSON text, which takes a third of the memory. */
  readonly later: readonly string[];
  /** The search has ended. */
  readonly ended: boolean;
  /** What was not read. */
  readonly rest: SearchRows['rows'];
  /** Results counted beyond the page. */
  readonly beyond: number;
}

/** Results that are skipped, kept and only counted. */
export interface Window {
  readonly offset: number;
  /** Most rows of the answer; undefined = all there are. */
  readonly limit: number | undefined;
  /** Most results that are held before the status line, and sorted. */
  readonly lookAhead: number;
  /** How long after the first row of a whole answer more of them are waited for; 0 = until they are there. */
  readonly lookAheadMs: number;
  /** Whether results that are all there are sorted. */
  readonly sorted: boolean;
}

/**
 * Reads as far as the status line and the headers need.
 *
 * Results that are no more than the look-ahead are sorted before the page is cut, so that pages of the same search fit
 * together in whatever order the peer answers; that depends on their number alone, not on the page nor on time. So an
 * answer that is no page, and is not waited for to its end, is sorted if it is no more than what is always waited for.
 *
 * @see rules
 */
export async function readPage(found: SearchRows, window: Window, clock: Clock): Promise<Page> {
  const held = new Held(window);
  const ahead = new LookAhead(found.rows, clock, window.lookAheadMs);
  const rest = ahead.rest();
  try {
    for (;;) {
      const { mostBeyond } = found;
      if (held.isEnough(mostBeyond)) return { ...held.page(), ended: false, rest };
      const next = await nextOrTooMuch(ahead, held);
      if (next === 'late' || next === 'too-much') return { ...held.page(), ended: false, rest };
      if (next.done === true)
        return { ...held.page(found.truncated ? 0 : mostSorted(found, window)), ended: true, rest };
      held.add(next.value);
    }
  } finally {
    ahead.end();
  }
}

/** `too-much`: the page is there, what remains is too much to be counted, and one more result is known. */
async function nextOrTooMuch(
  ahead: LookAhead,
  held: Held,
): Promise<Awaited<ReturnType<LookAhead['next']>> | 'too-much'> {
  try {
    return await ahead.next(held.mayBeEnough);
  } catch (thrown) {
    const isTooMuch = thrown instanceof GatewayError && thrown.code === 'query-too-broad';
    if (isTooMuch && held.isBeyond) return 'too-much';
    throw thrown;
  }
}

/**
 * The results that are sorted if they are no more than these: of what is answered in one piece all that is held, however
 * long it may take; pages must agree on it, which read as far as is counted.
 */
function mostSorted({ mostBeyond }: SearchRows, { sorted, ...window }: Window): number {
  if (!sorted) return 0;
  if (!isWhole(window)) return mostBeyond;
  return window.lookAheadMs > 0 ? Math.min(window.lookAhead, ENOUGH_ROWS) : window.lookAhead;
}

/** All that there is, and no page of it. */
const isWhole = ({ offset, limit }: Pick<Window, 'offset' | 'limit'>): boolean =>
  offset === 0 && limit === undefined;

class Held {
  readonly #window: Window;
  /** Every result, as long as they are no more than the look-ahead. */
  #all: DicomJsonObject[] = [];
  readonly #rows: DicomJsonObject[] = [];
  readonly #later: string[] = [];
  #total = 0;
  #beyond = 0;

  constructor(window: Window) {
    this.#window = window;
  }

  /** Whether there is a result beyond the page. */
  get isBeyond(): boolean {
    return this.#beyond > 0;
  }

  isEnough(mostBeyond: number): boolean {
    const { limit, lookAhead } = this.#window;
    if (limit === undefined) return this.#rows.length >= lookAhead;
    return this.#beyond >= Math.max(1, mostBeyond);
  }

  /** Whether what is held will do if the next row does not come in time. The Warning of a page says what remains. */
  get mayBeEnough(): boolean {
    return isWhole(this.#window) && this.#total > ENOUGH_ROWS;
  }

  add(row: DicomJsonObject): void {
    const { offset, limit, lookAhead } = this.#window;
    this.#total += 1;
    if (this.#total <= lookAhead) this.#all.push(row);
    else this.#all = [];
    if (this.#total <= offset) return;
    if (limit !== undefined && this.#rows.length + this.#later.length >= limit) this.#beyond += 1;
    else if (this.#rows.length < lookAhead) this.#rows.push(row);
    else this.#later.push(formatDicomJson(row));
  }

  /** `mostSorted`: results are sorted if they are no more than these. */
  page(mostSorted = 0): Pick<Page, 'rows' | 'later' | 'beyond'> {
    const { offset, limit = Number.POSITIVE_INFINITY } = this.#window;
    const rows = this.#total <= mostSorted ? sortRows(this.#all).slice(offset, offset + limit) : this.#rows;
    return { rows, later: this.#later, beyond: this.#beyond };
  }
}

/** Texts for Warning headers. @see rules */
export function warningsOf(search: SearchRows, page: Page): readonly string[] {
  const warnings = [...search.warnings];
  if (page.beyond > 0) {
    const isAll = page.ended && !search.truncated && search.missing === undefined;
    const count = isAll ? `${page.beyond}` : `at least ${page.beyond}`;
    warnings.push(`There are ${count} additional results that can be requested`);
  }
  if (search.isCut) warnings.push('The PACS cut its answer short: there are results that it did not return');
  return warnings;
}
