import { GatewayError } from '../core/index.js';
import type { Association } from './association.js';
import { CommandFields } from './command-set.js';
import type { StoreCompletion } from './contract.js';
import { OperationReport } from './operation-report.js';
import type { OperationDependencies } from './operation.js';
import { exchangeOnce } from './single-exchange.js';
import { bytesOf, patienceWith, type StoreJob } from './store-job.js';
import type { StoreNegotiation } from './store-negotiation.js';

export interface StoreDependencies extends OperationDependencies {
  readonly negotiation: StoreNegotiation;
  /** Whether another instance will follow on the association as soon as one has been answered. */
  readonly hurries: (association: Association) => boolean;
}

/**
 * Stores one instance by C-STORE on an association.
 * @throws GatewayError when it is unknown whether the peer stored it, or whatever the source threw
 * @see PS3.7 9.1.1, rule S-12
 */
export async function storeOn(
  dependencies: StoreDependencies,
  association: Association,
  job: StoreJob,
): Promise<StoreCompletion> {
  const { request, context } = job;
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = request;
  const { peer, negotiation, hurries } = dependencies;
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
      dataset: bytesOf(job),
      patienceMs: () => patienceWith(job),
      hurries: () => request.once !== true && hurries(association),
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
