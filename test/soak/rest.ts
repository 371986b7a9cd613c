/** What must be given back when nobody asks for anything any more. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { DISK_BYTES, MEMORY_BYTES, type SoakGateway } from './gateway.js';
import { spoolFilesIn, takeSample, type Sample } from './sample.js';

/** Idle associations, idle clients and the longest time-outs are over long before. */
const LONGEST_MS = 60_000;
/** Segments and the journal are kept open, 256 of them at most: the only descriptors that may differ from rest to rest. */
const MOST_CACHE_FILES = 260;

/** What a gateway holds that should hold nothing, in words. */
function heldBy(sample: Sample): readonly string[] {
  const nothing: readonly (readonly [what: string, count: number])[] = [
    ['associations', sample.associations],
    ['inbound associations', sample.inboundAssociations],
    ['requests or instances that wait', sample.waiting],
    ['bytes of instances that arrive or broke off', sample.underWayBytes],
    ['files that are deleted and open', sample.descriptors['deleted files'] ?? 0],
    ['audit events that wait', sample.auditWaiting],
  ];
  return nothing.filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`);
}

const socketsOf = ({ descriptors }: Sample): number => descriptors['socket'] ?? 0;

/** Descriptors other than those of the cache. */
export const descriptorsOf = ({ descriptors }: Sample): number =>
  Object.entries(descriptors).reduce((sum, [kind, count]) => sum + (kind === 'cache files' ? 0 : count), 0);

/** A gateway at rest, and what it did not give back. */
export interface Rest {
  readonly sample: Sample;
  readonly leaks: readonly string[];
}

/**
 * Waits until the gateway, which nobody asks for anything, holds nothing but its cache, and no more descriptors than at
 * `before`; after a minute tells what it still holds.
 */
export async function waitForRest(gateway: SoakGateway, before?: Sample): Promise<Rest> {
  const deadline = Date.now() + LONGEST_MS;
  for (;;) {
    const sample = await takeSample(gateway);
    const leaks = [...heldBy(sample), ...more(sample, before)];
    if (leaks.length === 0 || Date.now() > deadline)
      return { sample, leaks: [...leaks, ...beyond(sample), ...admitted(sample)] };
    await after(500);
  }
}

/** What the gateway says of itself that it should not have to say. */
const admitted = ({ ownFaults, lost }: Sample): readonly string[] => [
  ...(ownFaults > 0 ? [`${ownFaults} requests failed by a fault of the gateway itself`] : []),
  ...(lost > 0 ? [`${lost} log lines or audit events were lost`] : []),
];

/** Descriptors beyond those of an earlier rest. */
function more(sample: Sample, before: Sample | undefined): readonly string[] {
  if (!before) return [];
  const [now, then] = [descriptorsOf(sample), descriptorsOf(before)];
  const told = [
    ...(socketsOf(sample) > socketsOf(before)
      ? [`${socketsOf(sample)} sockets, ${socketsOf(before)} before`]
      : []),
    ...(now > then ? [`${now} file descriptors, ${then} before`] : []),
  ];
  return told;
}

/** Limits that hold at any time. */
export function beyond(sample: Sample): readonly string[] {
  const cacheFiles = sample.descriptors['cache files'] ?? 0;
  return [
    ...(cacheFiles > MOST_CACHE_FILES ? [`${cacheFiles} files of the cache are open`] : []),
    ...(sample.cacheDiskBytes > DISK_BYTES ? [`${sample.cacheDiskBytes} bytes of cache on disk`] : []),
    ...(sample.cacheMemoryBytes > MEMORY_BYTES
      ? [`${sample.cacheMemoryBytes} bytes of cache in memory`]
      : []),
  ];
}

/**
 * Restarts the gateway in order and looks whether it finds every file in its directory again, each an instance: one that it
 * deletes at the start was held by nothing; the journal is kept in `evidence`. Then purges the cache, after which there must be no file.
 */
export async function checkCacheFiles(gateway: SoakGateway, evidence: string): Promise<readonly string[]> {
  await gateway.stop();
  const files = spoolFilesIn(gateway.cacheDirectory);
  copyFileSync(join(gateway.cacheDirectory, 'journal'), join(evidence, 'journal'));
  await gateway.start();
  const found = await takeSample(gateway);
  const kept = spoolFilesIn(gateway.cacheDirectory);
  const orphans = [...files].filter(([name]) => !kept.has(name));
  await gateway.purge();
  const purged = await waitForRest(gateway);
  return [
    ...(orphans.length > 0
      ? [`${orphans.length} of ${files.size} cache files belonged to nothing: ${orphans.join('; ')}`]
      : []),
    ...(found.cachedInstances !== kept.size
      ? [`${found.cachedInstances} instances were found again in ${kept.size} files`]
      : []),
    ...(purged.sample.cachedInstances + purged.sample.cacheDiskBytes > 0
      ? [`${purged.sample.cachedInstances} instances and ${purged.sample.cacheDiskBytes} bytes after a purge`]
      : []),
    ...(purged.sample.spoolFiles > 0 ? [`${purged.sample.spoolFiles} cache files after a purge`] : []),
  ];
}
