import { abortReason, GatewayError, type OperationContext } from '../core/index.js';
import { formatDicomJson, type DicomJsonObject } from '../dicom/index.js';
import type { SearchRequest } from '../dicomweb/index.js';
import type { JsonAnswer } from './answer.js';
import { readPage, warningsOf } from './search-page.js';
import { openRows, type SearchRows } from './search-rows.js';
import type { SearchSource } from './search-run.js';

/** A search's answer: a JSON array whose rows leave as they come once the status line is known to be true. */
export interface SearchAnswer extends JsonAnswer {
  readonly empty: boolean;
}

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
  const found = await openRows(source, request, serviceUrl, context);
  const { lookAhead, maxResults } = source.binding.search;
  const limit = request.limit === undefined ? undefined : Math.min(request.limit, maxResults);
  const close = async (): Promise<void> => {
    await found.rows.return();
  };
  try {
    const window = { offset: request.offset, limit, lookAhead };
    const page = await readPage(found.rows, formatDicomJson, window);
    if (page.ended || limit !== undefined) await close();
    const more = page.ended || limit !== undefined ? undefined : found;
    const body = bodyOf(page.rows, more, context);
    const warnings = warningsOf(found, page);
    return { kind: 'json', refused: 0, warnings, empty: page.rows.length === 0 && !more, body, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** The array: what was held back, and then what is still coming when the status line has gone out. */
async function* bodyOf(
  held: readonly string[],
  coming: SearchRows | undefined,
  context: OperationContext,
): AsyncGenerator<string, void, undefined> {
  let separator = '[';
  for (const row of held) {
    yield separator + row;
    separator = ',\n';
  }
  for await (const row of coming?.rows ?? noRows()) {
    yield separator + formatDicomJson(row);
    separator = ',\n';
  }
  if (context.signal.aborted) throw abortReason(context.signal);
  // The headers promised a whole answer.
  if (coming?.truncated) throw new GatewayError('peer-incomplete', 'The PACS cut its answer short.');
  yield separator === '[' ? '[]' : ']';
}

function noRows(): readonly DicomJsonObject[] {
  return [];
}
