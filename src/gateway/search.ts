import { abortReason, GatewayError, type OperationContext } from '../core/index.js';
import type { DicomJsonObject } from '../dicom/index.js';
import type { Representation, SearchRequest } from '../dicomweb/index.js';
import type { DocumentAnswer } from './answer.js';
import { datasetList, emptyList, type DatasetList } from './dataset-list.js';
import type { SearchSettings } from './ports.js';
import { readPage, warningsOf } from './search-page.js';
import { openRows, type SearchRows } from './search-rows.js';
import type { SearchSource } from './search-run.js';

/** A search's answer: a list whose rows leave as they come once the status line is known to be true. */
export interface SearchAnswer extends DocumentAnswer {
  readonly empty: boolean;
  /** Nothing was found, and no acceptable representation can say that: there is no body. @see rule Q-31 */
  readonly bodiless: boolean;
}

/** How a search is answered. */
export interface SearchAnswering {
  /** Base of the URLs in the answer. */
  readonly serviceUrl: string;
  /** What the client takes, best first. */
  readonly representations: readonly Representation[];
}

/**
 * Searches one peer.
 *
 * Up to the look-ahead nothing is sent, so that failures and the number of remaining results are told in the status
 * line and the headers; a longer answer without a limit leaves row by row, and breaks off visibly if the peer fails.
 *
 * @throws GatewayError @see rules Q-01..Q-46, and Q-63 for the levels that are walked
 */
export function search(
  source: SearchSource,
  request: SearchRequest,
  { serviceUrl, representations }: SearchAnswering,
  context: OperationContext,
): Promise<SearchAnswer> {
  return answerSearch(openRows(source, request, serviceUrl, context), request, representations, {
    settings: source.binding.search,
    context,
  });
}

/** With what and for whom a search is answered. */
export interface SearchAnsweredBy {
  readonly settings: SearchSettings;
  readonly context: OperationContext;
}

/** Answers with the page of what was found, in the first of `representations` that can say it. @throws GatewayError as `search` */
export async function answerSearch(
  found: SearchRows,
  request: SearchRequest,
  representations: readonly Representation[],
  { settings: { lookAhead, maxResults }, context }: SearchAnsweredBy,
): Promise<SearchAnswer> {
  const list = datasetList(representations);
  const limit = request.limit === undefined ? undefined : Math.min(request.limit, maxResults);
  const close = async (): Promise<void> => {
    await found.rows.return();
  };
  try {
    // At least one row, for the status line of an empty answer may be another.
    const window = { offset: request.offset, limit, lookAhead: Math.max(1, lookAhead) };
    const page = await readPage(found.rows, list.format, window);
    if (page.ended || limit !== undefined) await close();
    const more = page.ended || limit !== undefined ? undefined : found;
    const empty = page.rows.length === 0 && !more;
    const said = empty ? emptyList(representations) : list;
    found.tell?.();
    return {
      kind: 'document',
      contentType: (said ?? list).contentType,
      refused: 0,
      warnings: warningsOf(found, page),
      empty,
      bodiless: said === undefined,
      body: bodyOf(said ?? list, page.rows, more, context),
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** The list: what was held back, and then what is still coming when the status line has gone out. */
async function* bodyOf(
  list: DatasetList,
  held: readonly string[],
  coming: SearchRows | undefined,
  context: OperationContext,
): AsyncGenerator<string, void, undefined> {
  const next = (row: string): string => list.before({ lengthBytes: Buffer.byteLength(row) }) + row;
  for (const row of held) yield next(row);
  for await (const row of coming?.rows ?? noRows()) yield next(list.format(row));
  if (context.signal.aborted) throw abortReason(context.signal);
  // The headers promised a whole answer.
  if (coming?.truncated) throw new GatewayError('peer-incomplete', 'The PACS cut its answer short.');
  yield list.end();
}

function noRows(): readonly DicomJsonObject[] {
  return [];
}
