import { systemClock, type Clock, type Observe } from '../core/index.js';
import { DiskTier, type DiskOptions } from './disk-tier.js';
import { nodeFileLayer, type FileLayer } from './file-layer.js';
import type { InstanceCache, MetaCodec } from './cached-instance.js';
import { SpooledInstanceCache } from './instance-cache.js';
import { Store } from './store.js';
import type { SpoolStore } from './store-contract.js';

export interface CacheOptions<M> {
  /** Most bytes of memory for arriving and complete instances and what is known about them. */
  readonly memoryBytes: number;
  /** Leave out: memory only. */
  readonly disk?: DiskOptions;
  /** A spool longer than this goes to disk at once; 4 MiB when left out. */
  readonly spillBytes?: number;
  /** How long a writer waits for room before whoever does not read is failed. */
  readonly stallTimeoutMs: number;
  /** Estimated bytes of memory that a meta takes; 0 when left out. */
  readonly metaBytes?: (meta: M) => number;
  /** How a meta is written down, so that the next process finds what is on disk; left out: nothing is found again. */
  readonly metaCodec?: MetaCodec<M>;
  /** Most bytes copied or read at once; 256 KiB when left out. */
  readonly blockBytes?: number;
}

export interface CacheDependencies {
  readonly observe: Observe;
  readonly clock?: Clock;
  readonly files?: FileLayer;
}

export interface Cache<M> {
  readonly instances: InstanceCache<M>;
  readonly spools: SpoolStore;
  /** Takes everything from everybody, leaves on disk what the next process will find, and unlocks the directory. */
  close(): Promise<void>;
}

/**
 * Makes the instance cache and the spool store, which share one budget of memory and one cache directory.
 *
 * The memory bound holds but for this slack: one chunk and one block for every open spool, what readers have from disk
 * (an eighth of the bound, and beyond it one block each, or two quarters of one), and what the last instances to finish
 * have as meta.
 * @throws GatewayError `cache-failed` when the directory cannot be used, or another live process has it
 */
export async function createCache<M>(options: CacheOptions<M>, deps: CacheDependencies): Promise<Cache<M>> {
  const { memoryBytes, stallTimeoutMs } = options;
  const clock = deps.clock ?? systemClock;
  const disk = options.disk && (await DiskTier.open(options.disk, deps.files ?? nodeFileLayer, clock));
  const store = new Store(
    {
      memoryBytes,
      stallTimeoutMs,
      spillBytes: options.spillBytes ?? 4 * 1024 * 1024,
      blockBytes: options.blockBytes ?? 256 * 1024,
    },
    { observe: deps.observe, clock, disk },
  );
  const instances = new SpooledInstanceCache<M>(
    store,
    {
      memoryBytes,
      diskBytes: options.disk?.bytes ?? 0,
      metaBytes: options.metaBytes ?? (() => 0),
      metaCodec: options.metaCodec,
      maxAgeMs: options.disk?.maxAgeMs,
      writeAfterMs: options.disk?.writeAfterMs,
    },
    deps.observe,
  );
  if (disk) await instances.restore(disk, clock);
  const stop = sweep(instances, options.disk, clock);
  return {
    instances,
    spools: store,
    close: () => {
      stop();
      return instances.close();
    },
  };
}

/** Instances that are too old are looked for this often. */
const SWEEP_MS = 60_000;

/** Drops what is too old, if there is an age, now and from time to time; the function returned ends it. */
function sweep<M>(
  instances: SpooledInstanceCache<M>,
  disk: DiskOptions | undefined,
  clock: Clock,
): () => void {
  if (disk?.maxAgeMs === undefined) return () => undefined;
  instances.dropExpired();
  let cancel = clock.after(SWEEP_MS, again);
  function again(): void {
    instances.dropExpired();
    cancel = clock.after(SWEEP_MS, again);
  }
  return () => {
    cancel();
  };
}
