import type { Clock, Observe } from '../core/index.js';
import type { PeerOptions } from './contract.js';
import type { PeerKnowledge } from './peer-knowledge.js';
import type { AssociationPool } from './pool.js';

/** What every operation on a peer stands on. */
export interface OperationDependencies {
  readonly peer: PeerOptions;
  readonly pool: AssociationPool;
  readonly knowledge: PeerKnowledge;
  readonly observe: Observe;
  readonly clock: Clock;
}
