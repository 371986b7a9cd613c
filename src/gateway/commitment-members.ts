import type { GatewayError, OperationContext } from '../core/index.js';
import { toGatewayError } from '../core/index.js';
import type { CommitmentPayload, CommitmentReference } from '../dicomweb/index.js';
import type { Peer } from '../dimse/index.js';
import type { Commitments, CommitmentStatus } from './commitments.js';
import type { StoreAt } from './ports.js';

/** Those who are asked to commit themselves: a peer, or the members at which a group stores. */
export interface CommitmentMembers {
  readonly peers: readonly Peer[];
  /** Whether what is committed must be so at all of them. */
  readonly requires: StoreAt['requires'];
}

type Done = Extract<CommitmentStatus, { readonly state: 'done' }>;

/** Of an instance that a member was not asked for. @see PS3.3 C.14.1.1 */
const PROCESSING_FAILURE = 0x0110;

/**
 * Asks each of the members. Where those that must take the request do not, none is waited for, and the Transaction UID may be
 * used again.
 * @throws GatewayError as `Commitments.request`
 */
export async function requestOfMembers(
  commitments: Commitments,
  { peers, requires }: CommitmentMembers,
  { transactionUid, payload }: { readonly transactionUid: string; readonly payload: CommitmentPayload },
  context: OperationContext,
): Promise<CommitmentStatus> {
  const outcomes = await Promise.allSettled(
    peers.map((peer) => commitments.request(peer, transactionUid, payload, context)),
  );
  const { statuses, errors } = sorted(outcomes);
  const inUse = errors.find(({ code }) => code === 'conflict');
  const isEnough = requires === 'all' ? errors.length === 0 : statuses.length > 0 && !inUse;
  const [error] = inUse ? [inUse] : errors;
  if (error && !isEnough) {
    const taken = peers.filter((_peer, index) => outcomes[index]?.status === 'fulfilled');
    for (const { name } of taken) await commitments.withdraw(name, transactionUid);
    throw error;
  }
  return together(statuses, requires);
}

/**
 * Where such a request stands.
 * @throws GatewayError as `Commitments.status`: of any of them where all must have committed, else where no other is left
 */
export async function statusOfMembers(
  commitments: Commitments,
  { peers, requires }: CommitmentMembers,
  transactionUid: string,
): Promise<CommitmentStatus> {
  const outcomes = await Promise.allSettled(
    peers.map(({ name }) => commitments.status(name, transactionUid)),
  );
  const { statuses, errors } = sorted(outcomes);
  // One that has not taken the request knows nothing of it.
  const error = errors.find(({ code }) => code !== 'not-found') ?? errors[0];
  if (error && (requires === 'all' || statuses.length === 0)) throw error;
  return together(statuses, requires);
}

function sorted(outcomes: readonly PromiseSettledResult<CommitmentStatus>[]): {
  readonly statuses: readonly CommitmentStatus[];
  readonly errors: readonly GatewayError[];
} {
  return {
    statuses: outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : [])),
    errors: outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [toGatewayError(outcome.reason)] : [],
    ),
  };
}

/** One status of all: the result once no report can change it. */
function together(
  statuses: readonly CommitmentStatus[],
  requires: CommitmentMembers['requires'],
): CommitmentStatus {
  const done = statuses.flatMap((status) => (status.state === 'done' ? [status] : []));
  const waits = statuses.flatMap((status) => (status.state === 'pending' ? [status.retryAfterSeconds] : []));
  const [first, ...others] = done;
  const result = first && merged(first, others, requires);
  const isCertain = requires === 'any' && result?.reasons.every((reason) => reason === 0) === true;
  if (result && (waits.length === 0 || isCertain)) return result;
  return { state: 'pending', retryAfterSeconds: Math.max(...waits) };
}

function merged(first: Done, others: readonly Done[], requires: CommitmentMembers['requires']): Done {
  const readers = [first, ...others].map(reasonsIn);
  const reasons = first.payload.references.map((reference) => {
    const said = readers.map((reasonOf) => reasonOf(reference));
    const failure = said.find((reason) => reason !== 0) ?? 0;
    return requires === 'any' && said.includes(0) ? 0 : failure;
  });
  return { ...first, reasons };
}

/** What one of them says of an instance. */
function reasonsIn({ payload, reasons }: Done): (reference: CommitmentReference) => number {
  const known = new Map(
    payload.references.map(({ sopInstanceUid }, index) => [sopInstanceUid, reasons[index]]),
  );
  return ({ sopInstanceUid }) => known.get(sopInstanceUid) ?? PROCESSING_FAILURE;
}
