import { formatDicomJson, type DicomJsonObject } from '../dicom/index.js';
import { sortRows } from '../query/index.js';
import type { SearchRows } from './search-rows.js';

/** A page of results as far as it was read before the status line. */
export interface Page {
  /** Its first rows, as many as the look-ahead. */
  readonly rows: readonly DicomJsonObject[];
  /** Those after them, as JSON text, which takes a third of the memory. */
  readonly later: readonly string[];
  /** The search has ended. */
  readonly ended: boolean;
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
  /** Whether results that are all there are sorted. */
  readonly sorted: boolean;
}

/**
 * Reads as far as the status line and the headers need.
 *
 * Results that are no more than the look-ahead are sorted before the page is cut, so that pages of the same search fit
 * together in whatever order the peer answers; that depends on their number alone, not on the page.
 *
 * @see rules
 */
export async function readPage(found: SearchRows, window: Window): Promise<Page> {
  const held = new Held(window);
  for (;;) {
    if (held.isEnough(found.mostBeyond)) return held.page(false);
    const next = await found.rows.next();
    if (next.done) return held.page(true, window.sorted && !found.truncated ? mostSorted(found, window) : 0);
    held.add(next.value);
  }
}

/** Of what is answered in one piece all that is held is sorted; pages must agree on it, which read as far as is counted. */
function mostSorted({ mostBeyond }: SearchRows, { offset, limit, lookAhead }: Window): number {
  return limit === undefined && offset === 0 ? lookAhead : mostBeyond;
}

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

  isEnough(mostBeyond: number): boolean {
    const { limit, lookAhead } = this.#window;
    if (limit === undefined) return this.#rows.length >= lookAhead;
    return this.#beyond >= Math.max(1, mostBeyond);
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
  page(ended: boolean, mostSorted = 0): Page {
    const { offset, limit = Number.POSITIVE_INFINITY } = this.#window;
    const rows = this.#total <= mostSorted ? sortRows(this.#all).slice(offset, offset + limit) : this.#rows;
    return { rows, later: this.#later, ended, beyond: this.#beyond };
  }
}

/** Texts for Warning headers. @see rules */
export function warningsOf(search: SearchRows, page: Page): readonly string[] {
  const warnings = [...search.warnings];
  if (page.beyond > 0) {
    const count = page.ended && !search.truncated ? `${page.beyond}` : `at least ${page.beyond}`;
    warnings.push(`There are ${count} additional results that can be requested`);
  }
  if (search.truncated)
    warnings.push('The PACS cut its answer short: there are results that it did not return');
  return warnings;
}
