import type { OperationContext } from '../core/index.js';
import { Dataset, Tags } from '../dicom/index.js';
import { otherOrder, plainTransferSyntaxes, type ContextOrder } from './context-sets.js';
import type { InstanceReceiver, RetrieveCompletion, RetrieveRequest } from './contract.js';
import { getRetrieve } from './get.js';
import type { OperationDependencies } from './operation.js';
import { rareStorageSopClasses } from './storage-sop-classes.js';

/** Some sub-operations failed, and others did not. @see PS3.4 C.4.3.1.4 */
const SUB_OPERATIONS_WITH_FAILURES = 0xb000;

/**
 * C-GET from one peer. DCMTK's archive sends every instance of a SOP class in the first context that it accepted for
 * the class, and fails those that it would have to compress or decompress for it. So what fails is asked for once more
 * with the contexts the other way round; where the SOP classes are known, the order that works is the one to begin with
 * next time. Where they are not, what is left is asked for with the rare ones.
 */
export class GetRetriever {
  readonly #dependencies: OperationDependencies;

  constructor(dependencies: OperationDependencies) {
    this.#dependencies = dependencies;
  }

  /** See `Peer.retrieve`. */
  async retrieve(
    request: RetrieveRequest,
    receiver: InstanceReceiver,
    context: OperationContext,
  ): Promise<RetrieveCompletion> {
    const isNamed = request.sopClassUids.length > 0;
    const { knowledge, peer } = this.#dependencies;
    const tried = this.#orderFor(request); // may have changed when the answer is here
    const first = await this.#get(request, receiver, context, tried);
    const { completion, orderMatters, refused } = first;
    if (!isWorthAnother(completion) || refused > 0) return completion;
    const second = orderMatters
      ? await this.#again(request, completion, otherOrder(tried), { receiver, context })
      : completion;
    if (isNamed && completion.received === 0 && second.received > 0)
      knowledge.learn('contextOrder', otherOrder(tried), peer.relearnMs);
    if (isNamed || !isWorthAnother(second)) return second;
    const rare = { ...request, sopClassUids: rareStorageSopClasses };
    const plain = { ...rare, transferSyntaxUids: plainTransferSyntaxes };
    const third = await this.#again(plain, second, 'plain-first', { receiver, context });
    return isWorthAnother(third) ? this.#again(rare, third, 'plain-last', { receiver, context }) : third;
  }

  /** Asks for nothing again, whatever fails. */
  async retrieveOnce(
    request: RetrieveRequest,
    receiver: InstanceReceiver,
    context: OperationContext,
  ): Promise<RetrieveCompletion> {
    const { completion } = await this.#get(request, receiver, context, this.#orderFor(request));
    return completion;
  }

  /** With compressed contexts first, DCMTK re-encodes what has no pixels: among unknown classes there may be such. */
  #orderFor({ sopClassUids }: RetrieveRequest): ContextOrder {
    const learnt = this.#dependencies.knowledge.get('contextOrder');
    return sopClassUids.length > 0 ? (learnt ?? 'plain-first') : 'plain-first';
  }

  /** Asks for what is missing once more; the result counts everything. */
  async #again(
    request: RetrieveRequest,
    before: RetrieveCompletion,
    order: ContextOrder,
    { receiver, context }: { readonly receiver: InstanceReceiver; readonly context: OperationContext },
  ): Promise<RetrieveCompletion> {
    const again = remainder(request, before);
    if (!again) return before;
    const { completion } = await this.#get(again, receiver, context, order);
    return sum(before, completion);
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

const isWorthAnother = ({ failed, cancelled }: RetrieveCompletion): boolean => failed > 0 && !cancelled;

/** What to ask for again; undefined when that cannot be said without asking for more than failed. */
function remainder(request: RetrieveRequest, completion: RetrieveCompletion): RetrieveRequest | undefined {
  if (completion.received === 0) return { ...request, onProgress: () => undefined };
  const study = request.identifier.string(Tags.StudyInstanceUID);
  const series = request.identifier.string(Tags.SeriesInstanceUID);
  const { failedSopInstanceUids } = completion;
  if (study === undefined || series === undefined || failedSopInstanceUids.length === 0) return undefined;
  const identifier = new Dataset();
  // By the Patient Root it is the unique key above the study.
  const patient = request.identifier.string(Tags.PatientID);
  if (patient !== undefined) identifier.setString(Tags.PatientID, patient, 'LO');
  identifier
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
