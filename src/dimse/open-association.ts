import { toGatewayError } from '../core/index.js';
import type { AssociationOptions } from './association-options.js';
import { Association } from './association.js';
import { mayBeProposal, withoutNegotiation } from './negotiation.js';
import type { FactName } from './peer-facts.js';
import type { PeerKnowledge } from './peer-knowledge.js';
import { learnRoots } from './root-learning.js';

export interface OpenOptions extends AssociationOptions {
  readonly knowledge: PeerKnowledge;
  /** What is open with the peer meanwhile. */
  readonly others: readonly Association[];
}

/**
 * Opens an association, and learns which models the peer offers and what comes of the extended negotiation. Some old acceptors reject, abort or hang up
 * on the item: then it is tried once more without, and if that was the reason it is left out from then on. Peers
 * that stop break off as well: who does it proposes it a second time first.
 *
 * @throws GatewayError see `Association.open`
 */
export async function openAssociation(options: OpenOptions, signal: AbortSignal): Promise<Association> {
  const association = await negotiate(options, signal);
  learnRoots(options.knowledge, association, options.peer.relearnMs);
  return association;
}

async function negotiate(asked: OpenOptions, signal: AbortSignal): Promise<Association> {
  // An association keeps its options: with the others among them each would keep all that were there before it.
  const { others, knowledge, ...options } = asked;
  const { contextSet, peer } = options;
  const bears = peer.extendedNegotiation === 'off' ? false : knowledge.get('extendedNegotiation');
  const plain = { ...options, contextSet: withoutNegotiation(contextSet) };
  if (bears === false || !contextSet.extendedNegotiations) return Association.open(plain, signal);
  const meanwhile = { others, knowledge };
  const first = await propose(options, meanwhile, signal);
  const last = first === 'aborted' ? await propose(options, meanwhile, signal) : first;
  if (typeof last === 'object') return last;
  const association = await Association.open(plain, signal);
  knowledge.learn('extendedNegotiation', false, peer.relearnMs);
  return association;
}

/** An association with options proposed, or how the peer refused one that it may bear without. */
async function propose(
  options: AssociationOptions,
  { others, knowledge }: Pick<OpenOptions, 'others' | 'knowledge'>,
  signal: AbortSignal,
): Promise<Association | 'aborted' | 'rejected'> {
  const { peer } = options;
  try {
    const association = await Association.open(options, signal);
    knowledge.learn('extendedNegotiation', true, peer.relearnMs);
    learnOptions(knowledge, association, peer.relearnMs);
    return association;
  } catch (thrown) {
    const error = toGatewayError(thrown);
    // Where it bears the item it has as many associations as it takes.
    const isBorne = knowledge.get('extendedNegotiation') === true;
    const isTooMany = others.some((other) => isBorne || Object.keys(other.options).length > 0);
    if (signal.aborted || isTooMany || !mayBeProposal(error)) throw thrown;
    return error.code === 'peer-aborted' ? 'aborted' : 'rejected';
  }
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
