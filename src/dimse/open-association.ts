import { toGatewayError } from '../core/index.js';
import { Association, type AssociationOptions } from './association.js';
import { mayBeProposal, withoutNegotiation } from './negotiation.js';
import type { FactName } from './peer-facts.js';
import type { PeerKnowledge } from './peer-knowledge.js';

export interface OpenOptions extends AssociationOptions {
  readonly knowledge: PeerKnowledge;
  /** The peer has no other association with us, so that it cannot have too many. */
  readonly isAlone: boolean;
}

/**
 * Opens an association, and learns what comes of the extended negotiation. Some old acceptors reject, abort or hang up
 * on the item: then it is tried once more without, and if that was the reason it is left out from then on.
 *
 * @throws GatewayError see `Association.open`
 */
export async function openAssociation(options: OpenOptions, signal: AbortSignal): Promise<Association> {
  const { contextSet, peer, knowledge, isAlone } = options;
  const bears = peer.extendedNegotiation === 'off' ? false : knowledge.get('extendedNegotiation');
  const plain = { ...options, contextSet: withoutNegotiation(contextSet) };
  if (bears === false || !contextSet.extendedNegotiations) return Association.open(plain, signal);
  try {
    const association = await Association.open(options, signal);
    knowledge.learn('extendedNegotiation', true, peer.relearnMs);
    learnOptions(knowledge, association, peer.relearnMs);
    return association;
  } catch (thrown) {
    const isTooMany = bears === true && !isAlone;
    if (signal.aborted || isTooMany || !mayBeProposal(toGatewayError(thrown))) throw thrown;
  }
  const association = await Association.open(plain, signal);
  knowledge.learn('extendedNegotiation', false, peer.relearnMs);
  return association;
}

/** Believes what an association was negotiated for. */
export function learnOptions(
  knowledge: PeerKnowledge,
  { options }: Pick<Association, 'options'>,
  lifeMs: number,
): void {
  for (const [name, value] of Object.entries(options)) {
    // Entries lose the type of their names.
    knowledge.learn(name as FactName & keyof typeof options, value, lifeMs);
  }
}
