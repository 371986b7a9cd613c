import type { SpoolBody } from './spool.js';
import type { Evictor } from './store-contract.js';

/**
 * Makes room on disk by dropping what nobody reads; says whether anything went. Bytes in a shared file come free
 * together: who goes takes along whoever is idle there.
 */
export function evictTogether(evictor: Evictor | undefined, suits: (spool: SpoolBody) => boolean): boolean {
  const group: { of?: object | undefined } = {};
  const first = evictor?.dropIdle('disk', (other) => {
    if (!suits(other)) return false;
    group.of = other.diskGroup;
    return true;
  });
  if (!first) return false;
  const together = (other: SpoolBody): boolean => suits(other) && other.diskGroup === group.of;
  while (group.of !== undefined && evictor?.dropIdle('disk', together));
  return true;
}
