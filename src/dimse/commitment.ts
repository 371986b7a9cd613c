import { GatewayError, type OperationContext } from '../core/index.js';
import type { Association } from './association.js';
import { CommandFields } from './command-set.js';
import { encodeCommitmentRequest } from './commitment-codec.js';
import { commitmentContexts } from './context-sets.js';
import type { CommitmentRequest } from './contract.js';
import { OperationReport } from './operation-report.js';
import type { OperationDependencies } from './operation.js';
import { exchangeOnce } from './single-exchange.js';
import { statusCategory, statusError } from './status.js';
import { SopClasses, STORAGE_COMMITMENT_INSTANCE } from './uids.js';

/** Request Storage Commitment. @see PS3.4 table J.3-1 */
const ACTION_TYPE = 1;

/**
 * Asks for storage commitment by N-ACTION. The association is then idle and waits for the report, until its time is over
 * or others need its place.
 * @throws GatewayError `peer-unsupported`, or why it is not known whether the peer has taken the request
 * @see PS3.4 J.3.2, PS3.7 10.1.4, rule C-03
 */
export function requestCommitment(
  dependencies: OperationDependencies,
  request: CommitmentRequest,
  context: OperationContext,
): Promise<void> {
  const { peer, pool } = dependencies;
  const contextSet = commitmentContexts(peer.commitmentIdleMs);
  return pool.run({ contextSet, use: 'transfer', context }, (association) =>
    requestOn(association, dependencies, request, context),
  );
}

async function requestOn(
  association: Association,
  dependencies: OperationDependencies,
  request: CommitmentRequest,
  context: OperationContext,
): Promise<void> {
  const peer = dependencies.peer.name;
  const presentation = association.contexts.find(SopClasses.storageCommitment);
  if (!presentation) {
    throw new GatewayError('peer-unsupported', 'The peer does not accept storage commitment.', { peer });
  }
  const report = new OperationReport({
    ...dependencies,
    peer,
    operation: 'N-ACTION',
    associationId: association.id,
    context,
  });
  try {
    const { status } = await exchangeOnce({
      association,
      presentation,
      command: {
        requestedSopClassUid: SopClasses.storageCommitment,
        commandField: CommandFields.nActionRequest,
        requestedSopInstanceUid: STORAGE_COMMITMENT_INSTANCE,
        actionTypeId: ACTION_TYPE,
      },
      dataset: encodeCommitmentRequest(request, presentation.transferSyntaxUid),
      signal: context.signal,
    });
    if (status === undefined) {
      throw new GatewayError('peer-protocol', 'The peer answered an N-ACTION without a status.', { peer });
    }
    if (!['success', 'warning'].includes(statusCategory(status))) throw statusError('N-ACTION', status, peer);
    report.ended(status);
  } catch (error) {
    report.broke(error);
    throw error;
  }
}
