import type { Association } from './association.js';

/** Orthanc gives up a message whose first byte came more than a second before its rest. */
const MOST_AHEAD_MS = 500;

/** How long an association may wait for its next use: what is configured, but for one on which a message has begun. */
export function idleMsOf({ contextSet, isAhead }: Association, configuredMs: number): number {
  const idleMs = contextSet.idleMs ?? configuredMs;
  return isAhead ? Math.min(idleMs, MOST_AHEAD_MS) : idleMs;
}
