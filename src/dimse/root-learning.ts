import { GatewayError, type QueryRoot } from '../core/index.js';
import type { PeerOptions } from './contract.js';
import type { AcceptedContext } from './negotiation.js';
import type { PeerKnowledge } from './peer-knowledge.js';
import { rootedContext, type Contexts, type RootedService } from './query-roots.js';

/** Believes what an association was accepted for; that it is the Study Root is taken for granted. */
export function learnRoots(
  knowledge: PeerKnowledge,
  { contexts }: { readonly contexts: Contexts<unknown> },
  lifeMs: number,
): void {
  const find = rootedContext(contexts, 'find')?.root;
  const believed = knowledge.get('root') ?? 'study';
  if (find === 'patient' || (find && find !== believed)) knowledge.learn('root', find, lifeMs);
  const retrieve = (rootedContext(contexts, 'get') ?? rootedContext(contexts, 'move'))?.root;
  if (retrieve === 'patient' || (retrieve && retrieve !== believedRetrieveRoot(knowledge)))
    knowledge.learn('retrieveRoot', retrieve, lifeMs);
}

/** The model to retrieve by: mostly that of searches. */
function believedRetrieveRoot(knowledge: Pick<PeerKnowledge, 'get'>): QueryRoot {
  return knowledge.get('retrieveRoot') ?? knowledge.get('root') ?? 'study';
}

/**
 * What a service goes by on an association, if its identifier was made for that model; the model is learnt otherwise.
 * Undefined where the peer refused the service.
 * @throws GatewayError `peer-changed` for an identifier of the other model
 */
export function requireContext(
  { contexts }: { readonly contexts: Contexts<AcceptedContext> },
  service: RootedService,
  made: QueryRoot | undefined,
  {
    knowledge,
    peer,
  }: { readonly knowledge: PeerKnowledge; readonly peer: Pick<PeerOptions, 'name' | 'relearnMs'> },
): AcceptedContext | undefined {
  const found = rootedContext(contexts, service);
  if (!found || found.root === (made ?? 'study')) return found?.presentation;
  learnRoots(knowledge, { contexts }, peer.relearnMs);
  throw new GatewayError('peer-changed', `The peer answers by the ${rootNames[found.root]} model now.`, {
    peer: peer.name,
    retryAfterSeconds: 1,
  });
}

/** As PS3.4 has them. */
const rootNames: Readonly<Record<QueryRoot, string>> = { study: 'Study Root', patient: 'Patient Root' };
