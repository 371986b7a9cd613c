import type { OperationContext } from '../core/index.js';
import { Dataset, Tags } from '../dicom/index.js';
import { otherOrder, type ContextOrder } from './context-sets.js';
import type { InstanceReceiver, RetrieveCompletion, RetrieveRequest } from './contract.js';
import { getRetrieve } from './get.js';
import type { OperationDependencies } from './operation.js';

/** Some sub-operations failed, and others did not. @see PS3.4 C.4.3.1.4 */
const SUB_OPERATIONS_WITH_FAILURES = 0xb000;

/**
 * C-GET from one peer. DCMTK's archive sends every instance of a SOP class in the first context that it accepted for
 * the class, and fails those that it would have to compress or decompress for it. So what fails is asked for once more
 * with the contexts the other way round, and the order that works is the one to begin with next time.
 */
export class GetRetriever {
  readonly #dependencies: OperationDependencies;
  #order: ContextOrder = 'plain-first';

  constructor(dependencies: OperationDependencies) {
    this.#dependencies = dependencies;
  }

  /** See `Peer.retrieve`. */
  async retrieve(
    request: RetrieveRequest,
    receiver: InstanceReceiver,
    context: OperationContext,
  ): Promise<RetrieveCompletion> {
    const first = await this.#get(request, receiver, context, this.#order);
    const { completion, orderMatters, refused } = first;
    if (completion.failed === 0 || completion.cancelled || !orderMatters || refused > 0) return completion;
    const again = remainder(request, completion);
    if (!again) return completion;
    const order = otherOrder(this.#order);
    const second = await this.#get(again, receiver, context, order);
    if (completion.received === 0 && second.completion.received > 0) this.#order = order;
    return sum(completion, second.completion);
  }

  #get(
    request: RetrieveRequest,
    receiver: InstanceReceiver,
    context: OperationContext,
    order: ContextOrder,
  ): ReturnType<typeof getRetrieve> {
    return getRetrieve(this.#dependencies, request, { receiver, order }, context);
  }
}

/** What to ask for again; undefined when that cannot be said without asking for more than failed. */
function remainder(request: RetrieveRequest, completion: RetrieveCompletion): RetrieveRequest | undefined {
  if (completion.received === 0) return { ...request, onProgress: () => undefined };
  const study = request.identifier.string(Tags.StudyInstanceUID);
  const series = request.identifier.string(Tags.SeriesInstanceUID);
  const { failedSopInstanceUids } = completion;
  if (study === undefined || series === undefined || failedSopInstanceUids.length === 0) return undefined;
  const identifier = new Dataset()
    .setString(Tags.StudyInstanceUID, study)
    .setString(Tags.SeriesInstanceUID, series)
    .setString(Tags.SOPInstanceUID, failedSopInstanceUids);
  return { ...request, level: 'IMAGE', identifier, onProgress: () => undefined };
}

/** Both retrieves as one: what failed in the first was asked for in the second. */
function sum(first: RetrieveCompletion, second: RetrieveCompletion): RetrieveCompletion {
  const received = first.received + second.received;
  const isMixed = second.failed > 0 && received > 0;
  return {
    status: isMixed ? SUB_OPERATIONS_WITH_FAILURES : second.status,
    completed: first.completed + second.completed,
    failed: second.failed,
    warning: first.warning + second.warning,
    received,
    failedSopInstanceUids: second.failedSopInstanceUids,
    cancelled: second.cancelled,
  };
}
