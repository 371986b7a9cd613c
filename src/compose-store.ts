import { coercionRules } from './compose-coercions.js';
import type { Config, PeerConfig } from './config/index.js';
import type { GroupBinding, StorePolicy } from './gateway/index.js';

/** What may be stored at a peer. */
export function storePolicy(config: Config, { readOnly }: PeerConfig): StorePolicy {
  const { store, dimse } = config;
  const { allow, deny = [] } = store.sopClasses;
  return {
    enabled: store.enabled && !readOnly,
    allowedSopClasses: allow,
    deniedSopClasses: deny,
    coercions: coercionRules(config),
    modifyingSystem: dimse.aeTitle,
  };
}

/** On how many associations instances go to a peer at once. */
export const storeAssociations = ({ store }: Config, { storeParallel }: PeerConfig): number =>
  storeParallel ?? store.parallel;

/** Most bytes of a store request. */
export const storeRequestBytes = ({ http, store }: Config): number =>
  Math.min(http.maxBodyBytes, store.maxRequestBytes ?? Infinity);

/** Which members of a group get what is stored. */
export const groupStore = (store: Config['groups'][string]['store']): GroupBinding['store'] =>
  typeof store === 'string'
    ? { members: [store], requires: 'all' }
    : store && { members: store.members, requires: store.require };
