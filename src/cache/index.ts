/** Holds instances within a number of bytes and lets many readers follow one arrival. */
export { createCache, type Cache, type CacheOptions } from './create-cache.js';
export { lockDirectory } from './directory-lock.js';
export type { AppendedFile, FileLayer, OpenFile } from './file-layer.js';
export { createHotBytes, type HotBytes } from './hot-bytes.js';
export type { Arrival, CachedInstance, InstanceCache } from './cached-instance.js';
export type { InstanceKey } from './instance-key.js';
export type { Lease } from './lease.js';
export type { Spool } from './spool-contract.js';
export type { SpoolStore } from './store-contract.js';
export { directoryExposure } from './directory-access.js';
