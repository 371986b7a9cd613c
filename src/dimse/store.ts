import { GatewayError, type OperationContext } from '../core/index.js';
import type { Association } from './association.js';
import { CommandFields } from './command-set.js';
import { proposes } from './context-sets.js';
import type { StoreCompletion, StoreRequest } from './contract.js';
import { OperationReport } from './operation-report.js';
import type { OperationDependencies } from './operation.js';
import { exchangeOnce } from './single-exchange.js';
import type { StoreNegotiation } from './store-negotiation.js';

export interface StoreDependencies extends OperationDependencies {
  readonly negotiation: StoreNegotiation;
}

/**
 * Stores one instance by C-STORE. Where a reused association turns out to be dead it is sent again on a new one: under
 * the same UID it is the same instance.
 * @throws GatewayError when it is unknown whether the peer stored it, or whatever the source threw
 * @see PS3.7 9.1.1, rules S-12, S-14
 */
export async function storeInstance(
  dependencies: StoreDependencies,
  request: StoreRequest,
  context: OperationContext,
): Promise<StoreCompletion> {
  const { negotiation, pool } = dependencies;
  const refusal = negotiation.refusal(request);
  if (refusal) return refusal;
  const suits = (association: Association): boolean => proposes(association.contextSet, request);
  let isPulled = false;
  async function* bytes(): AsyncGenerator<Buffer> {
    isPulled = true;
    yield* request.bytes;
  }
  return pool.run(
    { contextSet: negotiation.contextsFor(request), suits, use: 'transfer', context },
    (association) => storeOn(association, dependencies, { ...request, bytes: bytes() }, context),
    () => !isPulled || request.once !== true,
  );
}

async function storeOn(
  association: Association,
  dependencies: StoreDependencies,
  request: StoreRequest,
  context: OperationContext,
): Promise<StoreCompletion> {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, bytes } = request;
  const { peer, negotiation } = dependencies;
  const presentation = association.contexts.find(sopClassUid, transferSyntaxUid);
  if (!presentation) return negotiation.refused(request, association.contexts);
  const report = new OperationReport({
    ...dependencies,
    peer: peer.name,
    operation: 'C-STORE',
    associationId: association.id,
    context,
  });
  try {
    const { status } = await exchangeOnce({
      association,
      presentation,
      command: {
        affectedSopClassUid: sopClassUid,
        commandField: CommandFields.cStoreRequest,
        priority: 0,
        affectedSopInstanceUid: sopInstanceUid,
      },
      dataset: bytes,
      signal: context.signal,
    });
    if (status === undefined) {
      throw new GatewayError('peer-protocol', 'The peer answered a C-STORE without a status.', {
        peer: peer.name,
      });
    }
    report.ended(status);
    return { status };
  } catch (error) {
    report.broke(error);
    throw error;
  }
}
