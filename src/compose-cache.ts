import { createCache, type Cache, type CacheOptions } from './cache/index.js';
import type { Config } from './config/index.js';
import { systemClock, type Observe } from './core/index.js';
import { recordBytes, recordCodec, type InstanceRecord } from './gateway/index.js';

/** The cache as it is configured, with what an earlier process left. @throws GatewayError `cache-failed` */
export function openCache(config: Config, observe: Observe): Promise<Cache<InstanceRecord>> {
  const { memory, disk, stallTimeout } = config.cache;
  return createCache<InstanceRecord>(
    {
      memoryBytes: memory,
      ...(disk ? { disk: diskOptions(disk) } : {}),
      stallTimeoutMs: stallTimeout,
      metaBytes: recordBytes,
      metaCodec: recordCodec,
    },
    { observe, clock: systemClock },
  );
}

function diskOptions(disk: NonNullable<Config['cache']['disk']>): NonNullable<CacheOptions<unknown>['disk']> {
  const { directory, size, keepFree, maxAge } = disk;
  return { directory, bytes: size, keepFreeBytes: keepFree, ...(maxAge > 0 && { maxAgeMs: maxAge }) };
}
