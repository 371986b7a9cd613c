import type { Config, PeerConfig } from './config/index.js';
import { systemClock, type Observe } from './core/index.js';
import { createPeer, type Peer, type PeerFacts, type StorageScp } from './dimse/index.js';
import type { GroupBinding, PeerBinding } from './gateway/index.js';

/** A configured peer with the associations that are opened to it. */
export function openPeer(
  config: Config,
  name: string,
  peer: PeerConfig,
  deps: {
    readonly observe: Observe;
    readonly storageScp: StorageScp | undefined;
    readonly known?: PeerFacts;
  },
): Peer {
  const { timeouts } = peer;
  return createPeer(
    {
      name,
      address: peer.address,
      callingAeTitle: peer.callingAeTitle ?? config.dimse.aeTitle,
      retrieve: peer.retrieve,
      associations: peer.associations,
      backgroundAssociations: peer.background.associations,
      queue: peer.queue,
      maxPduLength: config.dimse.maxPduLength,
      idleMs: peer.idleTimeout,
      timeouts: {
        connectMs: timeouts.connect,
        associationMs: timeouts.association,
        firstResponseMs: timeouts.firstResponse,
        firstSubOperationMs: timeouts.firstSubOperation,
        betweenResponsesMs: timeouts.betweenResponses,
        totalMs: timeouts.total,
        queueMs: timeouts.queue,
      },
      breaker: { failures: peer.breaker.failures, openForMs: peer.breaker.openFor },
      relearnMs: peer.relearnAfter,
      characterSetReturnKey: peer.characterSetReturnKey,
      ...(peer.fallbackCharacterSet === undefined ? {} : { fallbackCharacterSet: peer.fallbackCharacterSet }),
    },
    {
      observe: deps.observe,
      clock: systemClock,
      ...(deps.storageScp ? { storageScp: deps.storageScp } : {}),
      ...(deps.known ? { known: deps.known } : {}),
    },
  );
}

/** A peer with everything that is configured for it. */
export function bindPeer(config: Config, peer: Peer, settings: PeerConfig): PeerBinding {
  const { search, retrieve, preload, store } = config;
  const { depth, elements, collectedBytes } = config.limits;
  const limits = { maxDepth: depth, maxElements: elements, maxCollectedBytes: collectedBytes };
  return {
    peer,
    profile: {
      characterSets: settings.characterSets,
      unencodable: settings.unencodable,
      characterSetReturnKey: settings.characterSetReturnKey,
      dateTime: settings.dateTime,
    },
    issuerOfPatientId: settings.issuerOfPatientId,
    search: { lookAhead: search.lookAhead, maxResults: search.maxResults, keepMs: search.keepAnswers },
    store: { parallel: store.parallel, maxPartBytes: store.maxPartBytes, limits },
    preload: { parallel: preload.parallel, queue: preload.queue, keepMs: preload.keep },
    retrieve: {
      // One association is kept for searches, where there is more than one.
      workers: Math.max(1, settings.associations - 1),
      batchSize: retrieve.batchInstances,
      background: {
        workers: settings.background.associations,
        batchSize: retrieve.backgroundInstances,
        bytesPerSecond: settings.background.rate,
        hours: settings.background.hours ?? [],
      },
      maxInstances: retrieve.maxInstances,
      headStartMs: retrieve.headStart,
      firstInstanceMs: settings.timeouts.firstInstance,
      retryAfterSeconds: Math.ceil(retrieve.retryAfter / 1000),
      cancelDelayMs: retrieve.cancelDelay,
      refusalMs: retrieve.refusalExpiry,
      relearnMs: settings.relearnAfter,
      prefetch: retrieve.prefetch,
      revalidateMs: config.cache.revalidateAfter,
      relistMs: config.cache.relistAfter,
      inlineBytes: retrieve.inlineBytes,
      limits,
      findLimit: settings.findLimit,
      joinConcurrency: search.joinConcurrency,
      fallbackCharacterSet: settings.fallbackCharacterSet,
    },
  };
}

/** The configured groups of peers. */
export function groupsOf({ groups }: Config): ReadonlyMap<string, GroupBinding> {
  return new Map(
    Object.entries(groups).map(([name, { members, onMemberFailure, store }]) => [
      name,
      { members, onMemberFailure, store },
    ]),
  );
}
