import { GatewayError, type OperationContext } from '../core/index.js';
import type { Association } from './association.js';
import type { ContextSet } from './negotiation.js';

/** What an association is wanted for. Searches may take all of them, transfers leave one. */
export type AssociationUse = 'search' | 'transfer';

export interface AssociationRequest {
  readonly contextSet: ContextSet;
  readonly use: AssociationUse;
  readonly context: OperationContext;
  /** Not one that was used before. */
  readonly fresh?: boolean;
}

/** An association lent out. */
export interface Lease {
  readonly association: Association;
  /** It was open before, so the peer may have closed it without our having noticed. */
  readonly reused: boolean;
  /** Gives it back, to be used again if it is still good. */
  release(): void;
}

/** Whether a reused association was dead before the peer said anything to what was asked last. */
export function diedUnheard({ reused, association }: Lease, heardBefore: number, error: unknown): boolean {
  const isLost = error instanceof GatewayError && error.code === 'peer-aborted';
  return isLost && reused && !association.isOpen && association.messagesReceived === heardBefore;
}
