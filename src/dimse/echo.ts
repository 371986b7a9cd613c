import { GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import { CommandFields } from './command-set.js';
import { echoContexts } from './context-sets.js';
import type { Association } from './association.js';
import type { AskedFor } from './breaker.js';
import type { EchoReport, NegotiationReport } from './contract.js';
import { OperationReport } from './operation-report.js';
import type { OperationDependencies } from './operation.js';
import { rootedContext } from './query-roots.js';
import { exchangeOnce } from './single-exchange.js';
import { statusError, Statuses } from './status.js';
import { SopClasses } from './uids.js';

/** Runs a C-ECHO; the circuit breaker goes by for whom. @throws GatewayError @see PS3.7 9.1.5 */
export function echoPeer(
  dependencies: OperationDependencies,
  context: OperationContext,
  askedFor: AskedFor = 'request',
): Promise<EchoReport> {
  const { peer, pool, clock, knowledge } = dependencies;
  const contextSet = echoContexts(knowledge);
  return pool.run({ contextSet, use: 'search', context, askedFor }, async (association) => {
    const { contexts, peerInformation } = association;
    const presentation = contexts.find(SopClasses.verification);
    if (!presentation) {
      throw new GatewayError('peer-unsupported', 'The peer does not accept C-ECHO.', { peer: peer.name });
    }
    const report = new OperationReport({
      ...dependencies,
      peer: peer.name,
      operation: 'C-ECHO',
      associationId: association.id,
      context,
    });
    const startedAt = clock.now();
    const command = {
      affectedSopClassUid: SopClasses.verification,
      commandField: CommandFields.cEchoRequest,
    };
    const response = await exchangeOnce({ association, presentation, command, signal: context.signal }).catch(
      (error: unknown) => {
        report.broke(error);
        throw error;
      },
    );
    const status = response.status ?? Statuses.success;
    report.ended(status);
    if (status !== Statuses.success) throw statusError('C-ECHO', status, peer.name);
    return {
      status,
      durationMs: clock.now() - startedAt,
      implementationClassUid: peerInformation.implementationClassUid,
      implementationVersionName: peerInformation.implementationVersionName,
      maxPduLength: peerInformation.maxPduLength,
      services: {
        find: rootedContext(contexts, 'find') !== undefined,
        get: rootedContext(contexts, 'get') !== undefined,
        move: rootedContext(contexts, 'move') !== undefined,
        commitment: contexts.find(SopClasses.storageCommitment) !== undefined,
      },
      isPatientRoot: rootedContext(contexts, 'find')?.root === 'patient',
      ...(association.security && { security: association.security }),
      negotiated: negotiationReport(association, peer.userIdentity !== undefined),
    };
  });
}

function negotiationReport(
  { contexts, options, peerInformation, localAddress }: Association,
  isIdentified: boolean,
): NegotiationReport {
  const { asyncWindow, userIdentityResponse } = peerInformation;
  return {
    contexts: contexts.outcomes,
    options,
    ...(asyncWindow && { asyncWindow }),
    userIdentity: !isIdentified ? 'none' : userIdentityResponse ? 'confirmed' : 'sent',
    ...(localAddress !== undefined && { localAddress }),
  };
}

/** See `Peer.probeAssociations`. None of them is used for anything: that it is there is all that is asked. */
export async function probeAssociations(
  { peer, pool, clock, knowledge }: OperationDependencies,
  context: OperationContext,
): Promise<number> {
  const controller = new AbortController();
  const cancelTimer = clock.after(peer.timeouts.connectMs + peer.timeouts.associationMs, () => {
    controller.abort();
  });
  const signal = AbortSignal.any([context.signal, controller.signal]);
  const request = {
    contextSet: echoContexts(knowledge),
    use: 'search',
    context: { ...context, signal },
    mayWait: false,
  } as const;
  const wanted = await Promise.allSettled(
    Array.from({ length: peer.associations }, () => pool.acquire(request)),
  );
  cancelTimer();
  const leases = wanted.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  for (const lease of leases) lease.release();
  const [refusal] = wanted.flatMap((one) => (one.status === 'rejected' ? [toGatewayError(one.reason)] : []));
  if (leases.length === 0 && refusal) throw refusal;
  return leases.length;
}
