import { abortReason, GatewayError, type OperationContext } from '../core/index.js';
import type { Association } from './association.js';
import { CommandFields, type CommandSet } from './command-set.js';
import { getContexts, isPlain, type ContextOrder } from './context-sets.js';
import type { InstanceReceiver, RetrieveCompletion, RetrieveRequest } from './contract.js';
import { InstanceSink } from './instance-sink.js';
import type { DatasetSink, IncomingMessage } from './message-reader.js';
import type { AcceptedContext, NegotiatedContexts } from './negotiation.js';
import { OperationReport } from './operation-report.js';
import type { OperationDependencies } from './operation.js';
import { rootedSopClasses } from './query-roots.js';
import { requireContext } from './root-learning.js';
import { exchangeRetrieve } from './retrieve-exchange.js';
import { statusCategory } from './status.js';

export interface GetOutcome {
  readonly completion: RetrieveCompletion;
  /** The peer accepted plain and compressed contexts, so that it had something to choose from. */
  readonly orderMatters: boolean;
  /** Instances that came and were not taken; the peer counts them as failed. */
  readonly refused: number;
}

/** The peer takes C-GETs, but no presentation context of what was to come by this one. */
export class StorageRefused extends GatewayError {}

/** Runs one C-GET. @throws GatewayError @see PS3.4 C.4.3, rules W-40 to W-45 */
export function getRetrieve(
  dependencies: OperationDependencies,
  request: RetrieveRequest,
  how: { readonly receiver: InstanceReceiver; readonly order: ContextOrder },
  context: OperationContext,
): Promise<GetOutcome> {
  const { knowledge } = dependencies;
  const refused = knowledge.get('refusedTransferSyntaxes');
  const options = { refused, knowledge };
  const contextSet = getContexts(request.sopClassUids, how.order, request.transferSyntaxUids, options);
  return dependencies.pool.run({ contextSet, use: 'transfer', context }, async (association) => {
    const { accepted } = association.contexts;
    const presentation = requireContext(association, 'get', context.root, dependencies);
    const services = Object.values(rootedSopClasses.get);
    const storage = accepted.filter(({ abstractSyntax }) => !services.includes(abstractSyntax));
    const details = { peer: dependencies.peer.name };
    if (!presentation) throw new GatewayError('peer-unsupported', 'The peer does not accept C-GET.', details);
    if (storage.length === 0)
      throw new StorageRefused(
        'peer-unsupported',
        'The peer does not accept any instance by C-GET.',
        details,
      );
    learnRefused(dependencies, association.contexts);
    const get = new GetOperation(dependencies, association, how.receiver);
    const completion = await get.run(presentation, request, context);
    const plain = storage.filter(({ transferSyntaxUid }) => isPlain(transferSyntaxUid));
    return {
      completion,
      orderMatters: plain.length > 0 && plain.length < storage.length,
      refused: get.refused,
    };
  });
}

/** What one negotiation said of transfer syntaxes, added to what others did: they were about other SOP classes. */
function learnRefused({ knowledge, peer }: OperationDependencies, contexts: NegotiatedContexts): void {
  const before = knowledge.get('refusedTransferSyntaxes') ?? [];
  const taken = new Set(contexts.accepted.map(({ transferSyntaxUid }) => transferSyntaxUid));
  const all = [...new Set([...before, ...contexts.refusedTransferSyntaxes])];
  const refused = all.filter((uid) => !taken.has(uid));
  if (refused.length > 0) knowledge.learn('refusedTransferSyntaxes', refused, peer.relearnMs);
  else knowledge.forget('refusedTransferSyntaxes');
}

class GetOperation {
  readonly #dependencies: OperationDependencies;
  readonly #association: Association;
  readonly #receiver: InstanceReceiver;
  refused = 0;
  #received = 0;
  #sink: InstanceSink | undefined;
  #cancelReason: GatewayError | undefined;
  #begunAfterStop = 0;
  /** C-STORE requests that were not answered yet. */
  #receiving = 0;

  constructor(dependencies: OperationDependencies, association: Association, receiver: InstanceReceiver) {
    this.#dependencies = dependencies;
    this.#association = association;
    this.#receiver = receiver;
  }

  async run(
    presentation: AcceptedContext,
    request: RetrieveRequest,
    context: OperationContext,
  ): Promise<RetrieveCompletion> {
    const { peer, clock } = this.#dependencies;
    const report = new OperationReport({
      ...this.#dependencies,
      peer: peer.name,
      operation: 'C-GET',
      associationId: this.#association.id,
      context,
    });
    try {
      const completion = await exchangeRetrieve({
        association: this.#association,
        presentation,
        operation: 'C-GET',
        request,
        context,
        peer: peer.name,
        clock,
        received: () => this.#received,
        subOperation: (message) => {
          report.responded();
          if (request.stop?.aborted) this.#stillComing(abortReason(request.stop));
          return this.#store(message);
        },
        isReceiving: () => this.#receiving > 0,
        cancelled: (reason) => {
          this.#cancelReason = reason;
          this.#sink?.fail(reason);
        },
      });
      report.ended(completion.status, this.#received);
      return completion;
    } catch (error) {
      report.broke(error, this.#received);
      throw error;
    }
  }

  /** @throws GatewayError to abort the association of a peer that goes on although it was told to stop */
  #stillComing(reason: GatewayError): void {
    this.#begunAfterStop += 1;
    if (this.#begunAfterStop > 1) throw reason;
  }

  #store(message: IncomingMessage): DatasetSink {
    const { contextId, command, hasDataset } = message;
    const { affectedSopClassUid, affectedSopInstanceUid } = command;
    const presentation = this.#association.contexts.accepted.find(({ id }) => id === contextId);
    const isStore = command.commandField === CommandFields.cStoreRequest && hasDataset;
    if (!isStore || !affectedSopClassUid || !affectedSopInstanceUid || !presentation) {
      throw new GatewayError('peer-protocol', 'The peer sent a sub-operation that is no C-STORE.', {
        peer: this.#dependencies.peer.name,
      });
    }
    const sink = new InstanceSink({
      instance: {
        sopClassUid: affectedSopClassUid,
        sopInstanceUid: affectedSopInstanceUid,
        transferSyntaxUid: presentation.transferSyntaxUid,
      },
      receiver: (instance) => {
        if (this.#cancelReason) throw this.#cancelReason;
        return this.#receiver(instance);
      },
      respond: (status) => {
        this.#receiving -= 1;
        if (statusCategory(status) === 'failure') this.refused += 1;
        return this.#respond(contextId, command, status);
      },
      taken: () => {
        this.#received += 1;
      },
    });
    this.#sink = sink;
    this.#receiving += 1;
    return sink;
  }

  /** A response that cannot be sent is no failure of its own: the association is gone, and says why. */
  async #respond(contextId: number, request: CommandSet, status: number): Promise<void> {
    const { affectedSopClassUid, affectedSopInstanceUid, messageId } = request;
    try {
      await this.#association.send(contextId, {
        ...(affectedSopClassUid !== undefined && { affectedSopClassUid }),
        commandField: CommandFields.cStoreResponse,
        ...(messageId !== undefined && { messageIdBeingRespondedTo: messageId }),
        status,
        ...(affectedSopInstanceUid !== undefined && { affectedSopInstanceUid }),
      });
    } catch {
      // See above.
    }
  }
}
