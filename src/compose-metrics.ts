import type { Cache, HotBytes } from './cache/index.js';
import type { Peer, StorageScp } from './dimse/index.js';
import type { Commitments, Gateway, InstanceRecord } from './gateway/index.js';
import type { Telemetry } from './telemetry/index.js';
import type { FramePool } from './transcode/index.js';

const samplesOf = (
  peer: string,
  label: string,
  values: Readonly<Record<string, number>>,
): { labels: Record<string, string>; value: number }[] =>
  Object.entries(values).map(([name, value]) => ({ labels: { peer, [label]: name }, value }));

/** The parts that are asked. */
export interface Watched {
  readonly cache: Cache<InstanceRecord>;
  readonly hotFrames: HotBytes;
  readonly hotPictures: HotBytes;
  readonly framePool: FramePool;
  readonly peers: ReadonlyMap<string, Peer>;
  readonly storageScp: StorageScp | undefined;
  readonly gateway: Gateway;
  readonly commitments: Commitments | undefined;
}

/** Lets the metrics read what is only known when asked for. */
export function watch(telemetry: Telemetry, parts: Watched): void {
  const { cache, hotFrames, hotPictures, framePool, peers, storageScp, gateway } = parts;
  for (const [name, peer] of peers) {
    telemetry.collect('associations', () => samplesOf(name, 'state', peer.stats.associations));
    telemetry.collect('association_limit', () => [
      { labels: { peer: name }, value: peer.stats.associationLimit },
    ]);
    telemetry.collect('association_waiters', () => samplesOf(name, 'priority', peer.stats.waitingBy));
    telemetry.collect('wanted_instances', () => samplesOf(name, 'priority', gateway.stats(name).wanted));
    telemetry.collect('metadata_bytes', () => [
      { labels: { peer: name }, value: gateway.stats(name).metadataBytes },
    ]);
    telemetry.collect('breaker_state', () => {
      const states = { closed: 0, open: 0, 'half-open': 0, [peer.stats.breaker.state]: 1 };
      return samplesOf(name, 'state', states);
    });
  }
  telemetry.collect('commitments_kept', () =>
    Object.entries(parts.commitments?.counts ?? {}).map(([state, value]) => ({ labels: { state }, value })),
  );
  telemetry.collect('hot_frame_bytes', () => hotFrames.stats.bytes);
  telemetry.collect('hot_picture_bytes', () => hotPictures.stats.bytes);
  telemetry.collect('frames_in_work', () => [
    { labels: { state: 'working' }, value: framePool.stats.working },
    { labels: { state: 'waiting' }, value: framePool.stats.waiting },
  ]);
  telemetry.collect('cache_instances', () => cache.instances.stats.entries);
  telemetry.collect('inbound_associations', () => storageScp?.stats.associations ?? 0);
  const byTier = (memory: number, disk: number): { labels: { tier: string }; value: number }[] => [
    { labels: { tier: 'memory' }, value: memory },
    { labels: { tier: 'disk' }, value: disk },
  ];
  telemetry.collect('cache_bytes', () =>
    byTier(cache.spools.stats.memoryBytes, cache.spools.stats.diskBytes),
  );
  telemetry.collect('spool_bytes', () => {
    const { open, complete, failed } = cache.spools.stats.bytes();
    return Object.entries({ arriving: open, complete, failed }).flatMap(([state, bytes]) =>
      Object.entries(bytes).map(([tier, value]) => ({ labels: { tier, state }, value })),
    );
  });
  telemetry.collect('cache_limit_bytes', () =>
    byTier(cache.spools.stats.memoryLimit, cache.spools.stats.diskLimit),
  );
}
