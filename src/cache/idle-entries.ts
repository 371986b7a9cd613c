import { LRUCache } from 'lru-cache';
import type { Entry } from './entry.js';

/** Where the bytes of an entry are; those that are in memory with a copy on disk are in memory. */
export type Tier = 'memory' | 'disk';

/**
 * Complete entries that nobody reads or holds, by when they were used. Eviction is the store's doing; should the estimate
 * of `bytes` differ from its figures, `evict` leaves nothing behind.
 */
export function idleEntries<M>(
  tier: Tier,
  bytes: number,
  evict: (entry: Entry<M>) => void,
): LRUCache<string, Entry<M>> {
  return new LRUCache<string, Entry<M>>({
    maxSize: Math.max(1, bytes),
    sizeCalculation: ({ spool }) => Math.max(1, tier === 'memory' ? spool.memoryBytes : spool.length),
    disposeAfter: (entry, _id, reason) => {
      if (reason === 'evict') evict(entry);
    },
  });
}
