/** Holds instances within a number of bytes and lets many readers follow one arrival. */
export { createCache, type Cache, type CacheDependencies, type CacheOptions } from './create-cache.js';
export type { DiskOptions } from './disk-tier.js';
export type { FileLayer, OpenFile } from './file-layer.js';
export type {
  Arrival,
  CachedInstance,
  InstanceCache,
  InstanceCacheStats,
  InstanceInfo,
  InstanceKey,
} from './instance-cache.js';
export type { Lease } from './lease.js';
export type { Spool } from './spool.js';
export type { SpoolStore, SpoolStoreStats } from './store.js';
