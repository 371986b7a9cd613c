import type { Config } from './config/index.js';
import type { Observation, Observe } from './core/index.js';

type Reachable = 'up' | 'down';

/**
 * Remembers of each peer what was heard of it last: whether an association could be opened, or what is asked on one that
 * is there is answered. One that takes no more associations beside those that it has is not down for long.
 *
 * Bounded by the configured peers.
 */
export function watchReachability(
  { peers }: Pick<Config, 'peers'>,
  observe: Observe,
): [Observe, ReadonlyMap<string, Reachable>] {
  const reachable = new Map<string, Reachable>();
  const watching: Observe = (observation) => {
    observe(observation);
    if (observation.kind !== 'association' && observation.kind !== 'dimse') return;
    const said = saidBy(observation);
    if (said && Object.hasOwn(peers, observation.peer)) reachable.set(observation.peer, said);
  };
  return [watching, reachable];
}

/** What is no doing of the peer's says nothing of it. */
function saidBy(observation: Extract<Observation, { kind: 'association' | 'dimse' }>): Reachable | undefined {
  if (observation.kind === 'dimse') return observation.status === undefined ? undefined : 'up';
  const { direction, event } = observation;
  if (direction !== 'out') return undefined;
  if (event === 'opened') return 'up';
  return event === 'rejected' || event === 'failed' ? 'down' : undefined;
}
