import type { OperationContext } from '../core/index.js';
import type { DicomJsonObject } from '../dicom/index.js';
import { retrieveUrl, type SearchRequest } from '../dicomweb/index.js';
import { unverifiedWarning } from '../query/index.js';
import { planFor } from './search-plan.js';
import { SearchRun, type SearchSource } from './search-run.js';

/** The results of a search as they come, before a page is cut out of them. */
export interface SearchRows {
  /** Each as DICOM JSON, with every attribute that the answer must hold. */
  readonly rows: AsyncGenerator<DicomJsonObject, void, undefined>;
  /** A peer ended its answer without everything that matches; true at the latest when `rows` has ended. */
  readonly truncated: boolean;
  /** Texts for Warning headers, as far as they are known from the rows that were taken. */
  readonly warnings: readonly string[];
}

/** Opens a search of one peer. @throws GatewayError when the request cannot be asked of this peer */
export async function openRows(
  source: SearchSource,
  request: SearchRequest,
  serviceUrl: string,
  context: OperationContext,
): Promise<SearchRows> {
  const plan = await planFor(source.binding, request, context);
  const run = new SearchRun(source, plan, context);
  const toRows = async function* (): AsyncGenerator<DicomJsonObject, void, undefined> {
    for await (const match of run.matches())
      yield plan.project(match, (target) => retrieveUrl(serviceUrl, target));
  };
  return {
    rows: toRows(),
    get truncated() {
      return run.truncated;
    },
    get warnings() {
      const unverified = run.unverified.size > 0 ? [unverifiedWarning([...run.unverified])] : [];
      return [...plan.warnings, ...unverified];
    },
  };
}
