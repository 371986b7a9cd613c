import { createCache, directoryExposure, type Cache, type CacheOptions } from './cache/index.js';
import type { Config } from './config/index.js';
import { GatewayError, systemClock, type Observe } from './core/index.js';
import { recordBytes, recordCodec, type InstanceRecord } from './gateway/index.js';

/** The cache as it is configured, with what an earlier process left. @throws GatewayError `cache-failed` */
export async function openCache(config: Config, observe: Observe): Promise<Cache<InstanceRecord>> {
  const { memory, disk, stallTimeout } = config.cache;
  if (disk) await checkExposure(disk, observe);
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

async function checkExposure(
  { directory, exposed }: NonNullable<Config['cache']['disk']>,
  observe: Observe,
): Promise<void> {
  const ways = await directoryExposure(directory);
  if (ways.length === 0) return;
  const message = `The cache directory holds images of patients, and is not the gateway's alone: ${ways.join('; ')}. It should have mode 0700.`;
  if (exposed === 'refuse') throw new GatewayError('cache-failed', message);
  observe({ kind: 'log', level: 'warn', message });
}

function diskOptions(disk: NonNullable<Config['cache']['disk']>): NonNullable<CacheOptions<unknown>['disk']> {
  const { directory, size, keepFree, maxAge, writeAfter } = disk;
  const limits = { bytes: size, keepFreeBytes: keepFree, ...(maxAge > 0 && { maxAgeMs: maxAge }) };
  return { directory, ...limits, writeAfterMs: writeAfter };
}
