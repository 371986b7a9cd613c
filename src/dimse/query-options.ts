import type { OperationContext, QueryOptions } from '../core/index.js';
import { findContexts } from './context-sets.js';
import { believedOptions, configuredOptions } from './find-meaning.js';
import { learnOptions } from './open-association.js';
import type { OperationDependencies } from './operation.js';

/** See `Peer.queryOptions`. */
export async function askQueryOptions(
  { peer, pool, knowledge }: OperationDependencies,
  context: OperationContext,
): Promise<QueryOptions> {
  const isOff = peer.extendedNegotiation === 'off' || knowledge.get('extendedNegotiation') === false;
  // What was accepted before has to be proposed to hold.
  if (isOff) return configuredOptions(knowledge);
  const { options, unknown } = believedOptions(knowledge);
  if (unknown.length === 0) return options;
  const lease = await pool.acquire({
    contextSet: findContexts((name) => knowledge.fixed(name) !== false, knowledge),
    use: 'search',
    context,
    suits: (association) => unknown.every((name) => association.options[name] !== undefined),
  });
  learnOptions(knowledge, lease.association, peer.relearnMs);
  lease.release();
  return knowledge.get('extendedNegotiation') === false
    ? configuredOptions(knowledge)
    : believedOptions(knowledge).options;
}
