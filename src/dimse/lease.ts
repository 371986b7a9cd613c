import { GatewayError, type OperationContext } from '../core/index.js';
import type { Association } from './association.js';
import type { AskedFor } from './breaker.js';
import type { ContextSet } from './negotiation.js';

/** What an association is wanted for. Searches may take all of them, transfers leave one. */
export type AssociationUse = 'search' | 'transfer';

export interface AssociationRequest {
  readonly contextSet: ContextSet;
  readonly use: AssociationUse;
  readonly context: OperationContext;
  /** Whether one that is open already would do, beside being open for the same; any would when left out. */
  readonly suits?: (association: Association) => boolean;
  /** Not one that was used before. */
  readonly fresh?: boolean;
  /** False: when the peer takes no more, the request fails at once in place of waiting for another one to end. */
  readonly mayWait?: boolean;
  /** For whom it is, by which the circuit breaker goes; a request when left out. */
  readonly askedFor?: AskedFor;
}

/** An association lent out. */
export interface Lease {
  readonly association: Association;
  /** It was open before, so the peer may have closed it without our having noticed. */
  readonly reused: boolean;
  /** Gives it back, to be used again if it is still good; `error` is what the operation ended in, if in any. */
  release(error?: unknown): void;
}

/** Whether a reused association was dead before the peer said anything to what was asked last. */
export function diedUnheard(
  { reused, association }: Pick<Lease, 'reused' | 'association'>,
  heardBefore: number,
  error: unknown,
): boolean {
  const isLost = error instanceof GatewayError && error.code === 'peer-aborted';
  return isLost && reused && !association.isOpen && association.heard.messages === heardBefore;
}

/** Runs an operation on what was lent, and gives it back. */
export async function runOn<T>(
  lease: Lease,
  operation: (association: Association) => Promise<T>,
): Promise<T> {
  try {
    const result = await operation(lease.association);
    lease.release();
    return result;
  } catch (error) {
    lease.release(error);
    throw error;
  }
}
