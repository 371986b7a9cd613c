import { GatewayError } from '../core/index.js';
import type { RetrieveCompletion } from '../dimse/index.js';
import type { PeerBinding } from './ports.js';

/** How a retrieve of several instances ended. */
export type Outcome = {
  /** The gateway itself gave it up, because nobody waited for it any more. */
  readonly gaveUp: boolean;
} & (
  | { readonly kind: 'completed'; readonly completion: RetrieveCompletion }
  | { readonly kind: 'failed'; readonly error: GatewayError }
);

/** Whether it was about the instance, and not about the connection or the peer as a whole. */
export const isRefusal = (outcome: Outcome): boolean =>
  outcome.kind === 'completed'
    ? !outcome.completion.cancelled
    : outcome.error.code === 'peer-failed' || outcome.error.code === 'peer-unsupported';

/** The error of an instance that was asked for and did not come. */
export function notDelivered(binding: PeerBinding, completion: RetrieveCompletion): GatewayError {
  const status = completion.status.toString(16).toUpperCase().padStart(4, '0');
  return new GatewayError(
    'peer-incomplete',
    `The PACS lists this instance but did not deliver it (status ${status}, ${completion.failed} failed).`,
    { peer: binding.peer.name, dimseStatus: completion.status },
  );
}

/** The error of what came while the study became another patient's, was corrected, or was deleted and sent again. */
export function overtaken(peer: string): GatewayError {
  const message = 'The study was changed at the PACS while it was being fetched. Ask for it again.';
  return new GatewayError('peer-incomplete', message, { peer });
}
