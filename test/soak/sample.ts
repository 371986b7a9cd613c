import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Metrics } from '../bench/metrics.js';
import { usageOf } from '../bench/process.js';
import type { SoakGateway } from './gateway.js';

/** What the gateway holds at one moment. */
export interface Sample {
  readonly at: string;
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly cpuSeconds: number;
  readonly threads: number;
  /** File descriptors by what they lead to. */
  readonly descriptors: Readonly<Record<string, number>>;
  readonly timers: number;
  readonly associations: number;
  readonly inboundAssociations: number;
  readonly waiting: number;
  /** Instances that are arriving, or broke off and are still read. */
  readonly underWayBytes: number;
  readonly cacheMemoryBytes: number;
  readonly cacheDiskBytes: number;
  readonly cachedInstances: number;
  /** Files of the cache directory: the bytes and number of what instances are in. */
  readonly spoolFiles: number;
  readonly spoolFileBytes: number;
  readonly auditWaiting: number;
  /** Failures since the start that the gateway says are its own fault: `internal` and `cache-failed`. */
  readonly ownFaults: number;
  /** Log lines and audit events that were lost. */
  readonly lost: number;
}

/** What a descriptor leads to; files that were deleted and are still open hold disk that nobody sees. */
function kindOf(target: string, cacheDirectory: string): string {
  if (target.endsWith(' (deleted)')) return 'deleted files';
  if (target.startsWith(cacheDirectory)) return 'cache files';
  if (target.startsWith('/')) return 'files';
  return target.slice(0, Math.max(target.indexOf(':'), 0)) || target;
}

function descriptorsOf(pid: number, cacheDirectory: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const kind = kindOf(readlinkSync(`/proc/${pid}/fd/${descriptor}`), cacheDirectory);
      counts[kind] = (counts[kind] ?? 0) + 1;
    } catch {
      // it was closed meanwhile
    }
  }
  return counts;
}

/** Names and bytes of the files that hold instances. */
export function spoolFilesIn(directory: string): ReadonlyMap<string, number> {
  const files = new Map<string, number>();
  for (const name of readdirSync(directory)) {
    if (!/\.(?:spool|segment)$/.test(name)) continue;
    try {
      files.set(name, statSync(join(directory, name)).size);
    } catch {
      // it was deleted meanwhile
    }
  }
  return files;
}

function statusOf(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN);
}

/** Looks at the gateway from outside, and at what it says itself. */
export async function takeSample(gateway: SoakGateway): Promise<Sample> {
  const metrics = new Metrics(await gateway.metrics());
  const { pid, cacheDirectory } = gateway;
  const files = [...spoolFilesIn(cacheDirectory).values()];
  const underWay = ['arriving', 'failed'].map((state) => metrics.sum('dicomgw_spool_bytes', { state }));
  return {
    at: new Date().toISOString(),
    rssBytes: statusOf(pid, 'VmRSS') * 1024,
    heapBytes: metrics.sum('nodejs_heap_size_used_bytes'),
    externalBytes: metrics.sum('nodejs_external_memory_bytes'),
    cpuSeconds: usageOf(pid).cpuSeconds,
    threads: statusOf(pid, 'Threads'),
    descriptors: descriptorsOf(pid, cacheDirectory),
    timers: metrics.sum('nodejs_active_resources', { type: 'Timeout' }),
    associations: metrics.sum('dicomgw_associations'),
    inboundAssociations: metrics.sum('dicomgw_inbound_associations'),
    waiting: metrics.sum('dicomgw_association_waiters') + metrics.sum('dicomgw_wanted_instances'),
    underWayBytes: underWay.reduce((sum, bytes) => sum + bytes, 0),
    cacheMemoryBytes: metrics.sum('dicomgw_cache_bytes', { tier: 'memory' }),
    cacheDiskBytes: metrics.sum('dicomgw_cache_bytes', { tier: 'disk' }),
    cachedInstances: metrics.sum('dicomgw_cache_instances'),
    spoolFiles: files.length,
    spoolFileBytes: files.reduce((sum, bytes) => sum + bytes, 0),
    ownFaults: ['internal', 'cache-failed']
      .map((code) => metrics.sum('dicomgw_http_errors_total', { code }))
      .reduce((sum, count) => sum + count, 0),
    lost:
      metrics.sum('dicomgw_log_lines_dropped_total') +
      metrics.sum('dicomgw_audit_events_total', { event: 'lost' }),
    auditWaiting: metrics.sum('dicomgw_audit_events_waiting'),
  };
}
