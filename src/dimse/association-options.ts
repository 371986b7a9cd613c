import type { Clock, Observe } from '../core/index.js';
import type { CommitmentEvents, PeerOptions } from './contract.js';
import type { ContextSet } from './negotiation.js';
import type { UserIdentity } from './user-identity.js';

/** What an association is opened with. */
export interface AssociationOptions {
  readonly id: string;
  readonly peer: PeerOptions;
  readonly contextSet: ContextSet;
  readonly observe: Observe;
  readonly clock: Clock;
  /** Who asked for it. */
  readonly requestId?: string;
  /** Takes the reports of storage commitment that come on it, whenever they come. */
  readonly events?: CommitmentEvents | undefined;
}

/** The same, with who it is opened for. */
export interface IdentifiedOptions extends AssociationOptions {
  readonly userIdentity: UserIdentity | undefined;
}
