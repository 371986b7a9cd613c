import type { DicomJsonObject } from '../dicom/index.js';
import type { SearchRows } from './search-rows.js';

/** A page of results as far as it was read before the status line. */
export interface Page {
  readonly rows: readonly string[];
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
  readonly lookAhead: number;
}

/** Reads as far as the status line and the headers need. */
export async function readPage(
  results: AsyncGenerator<DicomJsonObject, void, undefined>,
  format: (row: DicomJsonObject) => string,
  { offset, limit, lookAhead }: Window,
): Promise<Page> {
  const rows: string[] = [];
  let skipped = 0;
  let beyond = 0;
  for (;;) {
    if (limit === undefined ? rows.length >= lookAhead : beyond >= Math.max(1, lookAhead))
      return { rows, ended: false, beyond };
    const next = await results.next();
    if (next.done) return { rows, ended: true, beyond };
    if (skipped < offset) skipped += 1;
    else if (limit !== undefined && rows.length >= limit) beyond += 1;
    else rows.push(format(next.value));
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
