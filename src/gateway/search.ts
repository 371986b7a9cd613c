import { abortReason, GatewayError, type OperationContext } from '../core/index.js';
import { formatDicomJson, type DicomJsonObject } from '../dicom/index.js';
import type { SearchRequest } from '../dicomweb/index.js';
import type { JsonAnswer } from './answer.js';
import { inOrder } from './in-order.js';
import type { SearchSettings } from './ports.js';
import { readPage, warningsOf, type Page } from './search-page.js';
import { openRows, type SearchRows } from './search-rows.js';
import type { SearchSource } from './search-run.js';

/** A search's answer: a JSON array whose rows leave as they come once the status line is known to be true. */
export interface SearchAnswer extends JsonAnswer {
  readonly empty: boolean;
}

/** Rows that tell what the peer returns of an archive; by fewer it cannot be known what the later ones will lack. */
const ENOUGH_ROWS = 100;

/**
 * Searches one peer.
 *
 * Up to the look-ahead nothing is sent, so that failures and the number of remaining results are told in the status
 * line and the headers; a longer answer without a limit leaves row by row, and breaks off visibly if the peer fails.
 *
 * @throws GatewayError @see rules Q-01..Q-46, and Q-63 for the levels that are walked
 */
export async function search(
  source: SearchSource,
  request: SearchRequest,
  serviceUrl: string,
  context: OperationContext,
): Promise<SearchAnswer> {
  const { search: settings, retrieve } = source.binding;
  const found = await openRows(source, request, serviceUrl, context);
  const limit = limitOf(request, settings);
  try {
    const { lookAhead, order } = settings;
    const window = { offset: request.offset, limit, lookAhead, sorted: order === 'sorted' };
    const page = await readPage(found, window);
    const isOver = page.ended || limit !== undefined;
    // What is completed now may need the association on which the search ran.
    if (isOver) await found.rows.return();
    const head = await Promise.all(page.rows.map(async (row) => found.complete(row)));
    if (context.signal.aborted) throw abortReason(context.signal);
    const hasMore = !isOver || page.later.length > 0;
    if (!isOver && page.rows.length < ENOUGH_ROWS) found.foresee();
    const warnings = [...warningsOf(found, page), ...found.gaps(hasMore)];
    const rest = laterRows(page, isOver ? undefined : found);
    const later = inOrder(rest, retrieve.joinConcurrency, (row) => found.complete(row));
    const body = bodyOf(head, later, { found, told: found.warnings, wasTruncated: found.truncated, context });
    const close = (): Promise<void> => found.close();
    return { kind: 'json', refused: 0, warnings, empty: head.length === 0 && !hasMore, body, close };
  } catch (thrown) {
    await found.close();
    throw thrown;
  }
}

/** A limit that nobody asked for is one all the same: a Warning says how many results remain. */
function limitOf({ limit }: SearchRequest, { maxResults, maxUnlimited }: SearchSettings): number | undefined {
  if (limit === undefined) return maxUnlimited === 0 ? undefined : maxUnlimited;
  return Math.min(limit, maxResults);
}

/** The rest of a page, and then what is still coming when the status line has gone out. */
async function* laterRows(
  page: Page,
  coming: SearchRows | undefined,
): AsyncGenerator<DicomJsonObject, void, undefined> {
  for (const text of page.later) yield JSON.parse(text) as DicomJsonObject;
  if (coming) yield* coming.rows;
}

/** What the status line and the headers said. */
interface Promised {
  readonly found: SearchRows;
  readonly told: readonly string[];
  readonly wasTruncated: boolean;
  readonly context: OperationContext;
}

/** The array: what was held back, and then what comes after the status line. */
async function* bodyOf(
  head: readonly DicomJsonObject[],
  later: AsyncGenerator<DicomJsonObject, void, undefined>,
  promised: Promised,
): AsyncGenerator<string, void, undefined> {
  let separator = '[';
  for (const row of head) {
    yield separator + formatDicomJson(row);
    separator = ',\n';
  }
  for await (const row of later) {
    yield separator + formatDicomJson(row);
    separator = ',\n';
  }
  requireKept(promised);
  yield separator === '[' ? '[]' : ']';
}

/** @throws GatewayError where the rows turned out not to be what the status line and the headers promised */
function requireKept({ found, told, wasTruncated, context }: Promised): void {
  if (context.signal.aborted) throw abortReason(context.signal);
  if (found.truncated && !wasTruncated)
    throw new GatewayError('peer-incomplete', 'The PACS cut its answer short.');
  if (!found.warnings.every((text) => told.includes(text)))
    throw new GatewayError('peer-incomplete', 'The PACS did not return what tells whether results match.');
}
