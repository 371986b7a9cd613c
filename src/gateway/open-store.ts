import { GatewayError, type OperationContext } from '../core/index.js';
import { defaultCharacterSets } from '../dicom/index.js';
import { negotiate } from '../dicomweb/index.js';
import { Coercer } from './coercer.js';
import type { GatewayDependencies } from './ports.js';
import { mayStore } from './may-store.js';
import { StoreTargets, type StoreTarget } from './store-targets.js';
import { StoreSession } from './store.js';
import type { StoreCall } from './use-cases.js';

/**
 * Begins to store at `members`, of which the first one's settings count, but for the least of what they take at once.
 *
 * @throws GatewayError `method-not-allowed` where nothing is stored, `peer-unreachable` while none of them is asked for
 *   anything, `not-acceptable`
 */
export function openStore(
  members: readonly StoreTarget[],
  { peer: name, study, accept, serviceUrl, at }: StoreCall,
  {
    instances,
    spools,
    framePool,
    observe,
  }: Pick<GatewayDependencies, 'instances' | 'spools' | 'framePool' | 'observe'>,
  context: OperationContext,
): StoreSession {
  const [first] = members;
  if (first === undefined || members.some(({ binding }) => !binding.store.policy.enabled))
    throw new GatewayError('method-not-allowed', 'Nothing is stored here: the archive is read only.');
  requireOne(members);
  const [representation] = negotiate('store-response', accept);
  const { profile } = first.binding;
  // An instance goes to all of them at the same time: to none of them more at once than it can bear.
  const handedOver = Math.min(...members.map(({ binding }) => binding.store.handedOver));
  const settings = { ...first.binding.store, handedOver };
  const { coercions: rules, modifyingSystem: system } = settings.policy;
  const { characterSets = defaultCharacterSets } = profile;
  const requires = at?.requires ?? 'all';
  const told = { name, observe, context };
  return new StoreSession({
    ...told,
    settings,
    permits: (instance) => mayStore(instance, members, settings.limits, context),
    targets: new StoreTargets({ members, requires, observe, context }),
    coercer: Coercer.of({ ...told, rules, system, characterSets, limits: settings.limits }),
    instances,
    spools,
    framePool,
    study,
    serviceUrl,
    form: representation?.mediaType === 'application/dicom+xml' ? 'xml' : 'json',
  });
}

/** That nothing can be stored is known before a byte of it comes. @throws GatewayError `peer-unreachable` */
function requireOne(members: readonly StoreTarget[]): void {
  const refusals = members.flatMap(({ binding }) => binding.peer.stats.breaker.refusal ?? []);
  const [first] = refusals;
  if (first && refusals.length === members.length) throw first;
}
