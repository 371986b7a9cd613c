import { join } from 'node:path';
import type { Config, PeerConfig } from './config/index.js';
import { formatAeAddress, systemClock, type Clock, type Observe } from './core/index.js';
import { Tags } from './dicom/index.js';
import {
  createPeer,
  type CommitmentEvents,
  type FixedFacts,
  type Peer,
  type PeerFacts,
  type StorageScp,
  type TlsClient,
} from './dimse/index.js';
import { withPatients, type GroupBinding, type PeerBinding, type SearchSettings } from './gateway/index.js';
import { identityFor } from './compose-user-identity.js';
import { groupStore, storeAssociations, storePolicy } from './compose-store.js';
import { PeerFile } from './peer-file.js';

/** A configured peer with the associations that are opened to it. */
export function openPeer(
  config: Config,
  name: string,
  peer: PeerConfig,
  deps: {
    readonly observe: Observe;
    readonly storageScp: StorageScp | undefined;
    /** Takes the peer's reports of storage commitment. */
    readonly events?: CommitmentEvents | undefined;
    readonly known?: PeerFacts;
    readonly tls?: TlsClient | undefined;
  },
): Peer {
  const userIdentity = identityFor(name, peer);
  const opened = createPeer(
    {
      name,
      address: peer.address,
      callingAeTitle: peer.callingAeTitle ?? config.dimse.aeTitle,
      retrieve: peer.retrieve,
      associations: peer.associations,
      backgroundAssociations: peer.background.associations,
      storeAssociations: storeAssociations(config, peer),
      storesAtOnce: peer.asyncOperations,
      storesAhead: peer.storeAhead,
      queue: peer.queue,
      maxPduLength: config.dimse.maxPduLength,
      idleMs: peer.idleTimeout,
      commitmentIdleMs: config.commitment.keepAssociation,
      timeouts: timeoutsOf(peer),
      breaker: { failures: peer.breaker.failures, openForMs: peer.breaker.openFor },
      relearnMs: peer.relearnAfter,
      extendedNegotiation: peer.extendedNegotiation,
      fixed: fixedFacts(peer),
      ...(deps.tls && { tls: deps.tls }),
      ...(userIdentity && { userIdentity }),
      characterSetReturnKey: peer.characterSetReturnKey,
      ...(peer.fallbackCharacterSet === undefined ? {} : { fallbackCharacterSet: peer.fallbackCharacterSet }),
    },
    {
      observe: deps.observe,
      clock: systemClock,
      ...(deps.storageScp ? { storageScp: deps.storageScp } : {}),
      events: deps.events,
      ...(deps.known ? { known: deps.known } : {}),
    },
  );
  return withPatients(opened, {
    maxPatients: config.search.maxPatients,
    joinConcurrency: config.search.joinConcurrency,
    relearnMs: peer.relearnAfter,
  });
}

const timeoutsOf = ({ timeouts }: PeerConfig): Parameters<typeof createPeer>[0]['timeouts'] => ({
  connectMs: timeouts.connect,
  associationMs: timeouts.association,
  firstResponseMs: timeouts.firstResponse,
  firstSubOperationMs: timeouts.firstSubOperation,
  betweenResponsesMs: timeouts.betweenResponses,
  totalMs: timeouts.total,
  queueMs: timeouts.queue,
});

/** Where what is learnt of a peer is kept: beside the cache on disk, nowhere without one. */
export function peerFile(
  config: Config,
  name: string,
  { observe, clock = systemClock }: { readonly observe: Observe; readonly clock?: Clock },
): PeerFile | undefined {
  const { disk } = config.cache;
  const peer = config.peers[name];
  if (!disk || !peer) return undefined;
  const { retrieve, associations, extendedNegotiation, profile, findLimit } = peer;
  const configured = {
    address: formatAeAddress(peer.address),
    callingAeTitle: peer.callingAeTitle ?? config.dimse.aeTitle,
    ...{ retrieve, associations, extendedNegotiation, profile, findLimit },
  };
  // Names of peers are those of files: the configuration takes no others.
  return new PeerFile({
    path: join(disk.directory, 'peers', `${name}.json`),
    peer: name,
    configured,
    observe,
    clock,
  });
}

/** What the configuration says of a peer that would be learnt otherwise. */
export function fixedFacts({ profile, findLimit }: PeerConfig): FixedFacts {
  const { ignoredKeys, trustedKeys, root, ...flags } = profile;
  const roots: FixedFacts = root === 'auto' ? {} : { root, retrieveRoot: root };
  const known = Object.entries(flags).filter(([, value]) => value !== 'auto');
  return {
    ...(Object.fromEntries(known) as FixedFacts),
    ...roots,
    ignoredKeys,
    trustedKeys,
    findCap: findLimit,
  };
}

function searchSettings(
  search: Config['search'],
  numericStrings: SearchSettings['numericStrings'],
): SearchSettings {
  return {
    lookAhead: search.lookAhead,
    lookAheadMs: search.lookAheadTime,
    maxResults: search.maxResults,
    maxScan: search.maxScan,
    maxSlices: search.maxSlices,
    maxUnlimited: search.maxUnlimited,
    order: search.order,
    complete: search.complete,
    completeMs: search.completeWithin,
    completeRows: search.completeInstances,
    maxLookups: search.maxLookups,
    maxPatients: search.maxPatients,
    numericStrings,
    keepMs: search.keepAnswers,
  };
}

const preloadSettings = ({
  parallel,
  queue,
  answerWithin,
  keep,
}: Config['preload']): PeerBinding['preload'] => ({
  parallel,
  queue,
  answerMs: answerWithin,
  keepMs: keep,
});

/** A peer with everything that is configured for it. */
export function bindPeer(config: Config, peer: Peer, settings: PeerConfig): PeerBinding {
  const { search, retrieve, preload, store } = config;
  const { numericStrings } = config.json;
  const { depth, elements, collectedBytes } = config.limits;
  const limits = { maxDepth: depth, maxElements: elements, maxCollectedBytes: collectedBytes };
  return {
    peer,
    profile: {
      ...(settings.characterSets === undefined ? {} : { characterSets: settings.characterSets }),
      unencodable: settings.unencodable,
      characterSetReturnKey: settings.characterSetReturnKey,
      dateTime: settings.dateTime,
      ...(settings.timezone === undefined ? {} : { timezone: settings.timezone }),
      unsentKeys: settings.modalitiesInStudy === 'filter' ? [Tags.ModalitiesInStudy] : [],
      trustedKeys: settings.modalitiesInStudy === 'match' ? [Tags.ModalitiesInStudy] : [],
    },
    search: searchSettings(search, numericStrings),
    issuerOfPatientId: settings.issuerOfPatientId,
    store: {
      // One more than can be under way: it is there when its turn comes.
      handedOver: storeAssociations(config, settings) * settings.asyncOperations + 1,
      transcode: store.transcode,
      maxPartBytes: store.maxPartBytes,
      maxMetadataBytes: store.maxMetadataBytes,
      requiresType1: store.missingAttributes === 'refuse',
      limits,
      policy: storePolicy(config, settings),
    },
    preload: preloadSettings(preload),
    retrieve: {
      associations: settings.associations,
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
      reopenMs: Math.min(config.cache.reopenAfter, config.cache.revalidateAfter),
      relistMs: config.cache.relistAfter,
      inlineBytes: retrieve.inlineBytes,
      numericStrings,
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
      { members, onMemberFailure, store: groupStore(store) },
    ]),
  );
}
