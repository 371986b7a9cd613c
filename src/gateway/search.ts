import { abortReason, GatewayError, systemClock, type Clock, type OperationContext } from '../core/index.js';
import type { DicomJsonObject, NumericStrings } from '../dicom/index.js';
import type { Representation, SearchRequest } from '../dicomweb/index.js';
import type { DocumentAnswer } from './answer.js';
import { datasetList, emptyList, type DatasetList } from './dataset-list.js';
import { inOrder } from './in-order.js';
import type { PeerBinding, SearchSettings } from './ports.js';
import { readPage, warningsOf, type Page, type Window } from './search-page.js';
import { openRows, TEXT_MISSED, type SearchRows } from './search-rows.js';
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
 * Up to the look-ahead, in rows and in time, nothing is sent, so that failures and the number of remaining results are told in the status
 * line and the headers; a longer answer without a limit leaves row by row, and breaks off visibly if the peer fails.
 *
 * @throws GatewayError @see rules Q-01..Q-46, and Q-63 for the levels that are walked
 */
export async function search(
  source: SearchSource,
  request: SearchRequest,
  { serviceUrl, representations }: SearchAnswering,
  context: OperationContext,
): Promise<SearchAnswer> {
  const { binding, clock = systemClock } = source;
  return plannedAnew(async () => {
    const found = await openRows(source, request, serviceUrl, context);
    return answerSearch(found, request, representations, { binding, clock, context });
  });
}

/** What a peer can do is asked once more, and planned for, when it can do no more what was planned for. */
export async function plannedAnew<A>(ask: (isLast: boolean) => Promise<A>): Promise<A> {
  try {
    return await ask(false);
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'peer-changed') return ask(true);
    throw thrown;
  }
}

/** With what and for whom a search is answered. */
export interface SearchAnsweredBy {
  readonly binding: Pick<PeerBinding, 'search' | 'retrieve'>;
  readonly clock: Clock;
  readonly context: OperationContext;
}

/** Answers with the page of what was found, in the first of `representations` that can say it. @throws GatewayError as `search` */
export async function answerSearch(
  found: SearchRows,
  request: SearchRequest,
  representations: readonly Representation[],
  { binding: { search: settings, retrieve }, clock, context }: SearchAnsweredBy,
): Promise<SearchAnswer> {
  const limit = limitOf(request, settings);
  try {
    const window = windowOf(request, settings);
    const page = await readPage(found, window, clock);
    const isOver = page.ended || limit !== undefined;
    // What is completed now may need the association on which the search ran.
    if (isOver) await found.rows.return();
    const head = await Promise.all(page.rows.map(async (row) => found.complete(row)));
    if (context.signal.aborted) throw abortReason(context.signal);
    const hasMore = !isOver || page.later.length > 0;
    // What matches may be in what was cut off: that is no empty answer.
    if (found.truncated && head.length === 0 && !hasMore) throw nothingKnown(found);
    if (!isOver) found.foresee({ seen: page.rows.length });
    found.tell?.();
    const warnings = [...warningsOf(found, page), ...found.gaps(hasMore)];
    const rest = laterRows(page, !isOver);
    const later = inOrder(rest, retrieve.joinConcurrency, (row) => found.complete(row));
    const { numericStrings } = settings;
    const promised = { found, told: found.warnings, wasTruncated: found.truncated, numericStrings, context };
    return documentOf(representations, { head, later, hasMore, warnings, promised });
  } catch (thrown) {
    await found.close();
    throw thrown;
  }
}

function nothingKnown({ isCut, warnings }: SearchRows): GatewayError {
  if (isCut)
    return new GatewayError(
      'query-too-broad',
      'The PACS cut its answer short, and nothing of what it gave is of this page; narrow the search, by date for example.',
    );
  if (warnings.includes(TEXT_MISSED))
    return new GatewayError('query-too-broad', `${TEXT_MISSED}; narrow the search, by date for example.`);
  return new GatewayError(
    'peer-incomplete',
    'What matches may be of patients without a PatientID, whose studies the PACS cannot be asked for.',
  );
}

/** What an answer is made of. */
interface Answering {
  readonly head: readonly DicomJsonObject[];
  readonly later: AsyncGenerator<DicomJsonObject, void, undefined>;
  readonly hasMore: boolean;
  readonly warnings: readonly string[];
  readonly promised: Promised;
}

function documentOf(
  representations: readonly Representation[],
  { head, later, hasMore, warnings, promised }: Answering,
): SearchAnswer {
  const empty = head.length === 0 && !hasMore;
  const list = datasetList(representations);
  const said = empty ? emptyList(representations) : list;
  // An answer without a body says that nothing matches; that is not known while somebody is missing in it.
  const { missing } = promised.found;
  if (missing && said === undefined) throw missing;
  return {
    kind: 'document',
    contentType: (said ?? list).contentType,
    refused: 0,
    warnings,
    empty: empty && missing === undefined,
    bodiless: said === undefined,
    body: bodyOf(said ?? list, head, later, promised),
    close: () => promised.found.close(),
  };
}

function windowOf(request: SearchRequest, settings: SearchSettings): Window {
  const { lookAhead, lookAheadMs, order } = settings;
  return {
    offset: request.offset,
    limit: limitOf(request, settings),
    // At least one row, for the status line of an empty answer may be another.
    lookAhead: Math.max(1, lookAhead),
    lookAheadMs,
    sorted: order === 'sorted',
  };
}

/** A limit that nobody asked for is one all the same: a Warning says how many results remain. */
function limitOf({ limit }: SearchRequest, { maxResults, maxUnlimited }: SearchSettings): number | undefined {
  if (limit === undefined) return maxUnlimited === 0 ? undefined : maxUnlimited;
  return Math.min(limit, maxResults);
}

/** The rest of a page, and then what is still coming when the status line has gone out. */
async function* laterRows(page: Page, isComing: boolean): AsyncGenerator<DicomJsonObject, void, undefined> {
  for (const text of page.later) yield JSON.parse(text) as DicomJsonObject;
  if (isComing) yield* page.rest;
}

/** What the status line and the headers said. */
interface Promised {
  readonly found: SearchRows;
  readonly told: readonly string[];
  readonly wasTruncated: boolean;
  readonly numericStrings: NumericStrings;
  readonly context: OperationContext;
}

/** The list: what was held back, and then what comes after the status line. */
async function* bodyOf(
  list: DatasetList,
  head: readonly DicomJsonObject[],
  later: AsyncGenerator<DicomJsonObject, void, undefined>,
  promised: Promised,
): AsyncGenerator<string, void, undefined> {
  const next = (row: DicomJsonObject): string => {
    const text = list.format(row, promised.numericStrings);
    return list.before({ lengthBytes: Buffer.byteLength(text) }) + text;
  };
  for (const row of head) yield next(row);
  for await (const row of later) yield next(row);
  requireKept(promised);
  yield list.end();
}

/** @throws GatewayError where the rows turned out not to be what the status line and the headers promised */
function requireKept({ found, told, wasTruncated, context }: Promised): void {
  if (context.signal.aborted) throw abortReason(context.signal);
  if (found.truncated && !wasTruncated)
    throw new GatewayError('peer-incomplete', 'The PACS did not give all that matches.');
  if (!found.warnings.every((text) => told.includes(text)))
    throw new GatewayError('peer-incomplete', 'The PACS did not return what tells whether results match.');
}
