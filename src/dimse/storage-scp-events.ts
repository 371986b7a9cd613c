import type { CommitmentEvents } from './contract.js';

/** How reports of storage commitment are taken that come on associations of the peers' own. */
export interface InboundEvents extends CommitmentEvents {
  /** Configured names of the peers that report under this AE title; none for a stranger. */
  peersOf(callingAeTitle: string): readonly string[];
}
