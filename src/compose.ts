import { availableParallelism } from 'node:os';
import { createHotBytes, type Cache, type HotBytes } from './cache/index.js';
import { openCache } from './compose-cache.js';
import { commitmentEvents, openCommitments } from './compose-commitment.js';
import { watch } from './compose-metrics.js';
import { bindPeer, groupsOf, openPeer, peerFile } from './compose-peer.js';
import { coercionRules } from './compose-coercions.js';
import { storeRequestBytes } from './compose-store.js';
import { openStorageScp } from './compose-storage-scp.js';
import type { Config } from './config/index.js';
import { GatewayError, systemClock, type Observe } from './core/index.js';
import { attributeByTag, Tags } from './dicom/index.js';
import type { Peer, StorageScp } from './dimse/index.js';
import {
  createGateway,
  type Commitments,
  type Gateway,
  type InstanceRecord,
  type PeerBinding,
} from './gateway/index.js';
import {
  createAdminApp,
  createApp,
  listen,
  type AdminDependencies,
  type ListeningServer,
} from './http/index.js';
import type { PeerFile } from './peer-file.js';
import type { Telemetry } from './telemetry/index.js';
import { createFramePool, type FramePool, type LossySettings } from './transcode/index.js';

/** A gateway that runs. */
export interface RunningGateway {
  readonly origin: string;
  /** Of the operator's endpoints. */
  readonly adminOrigin: string;
  readonly peers: ReadonlyMap<string, Peer>;
  readonly storageScp: StorageScp | undefined;
  /** Takes nothing new, lets what runs end within the configured time, releases associations. */
  close(): Promise<void>;
}

/** What the parts of a gateway are made of. */
interface Parts {
  readonly cache: Cache<InstanceRecord>;
  readonly hotFrames: HotBytes;
  readonly hotPictures: HotBytes;
  readonly framePool: FramePool;
  readonly peers: ReadonlyMap<string, Peer>;
  readonly storageScp: StorageScp | undefined;
  readonly commitments: Commitments | undefined;
  /** By peer: whether its latest association could be opened. */
  readonly reachable: ReadonlyMap<string, 'up' | 'down'>;
}

type Loss = Pick<Config['transcode'], 'jpegQuality' | 'jpegLsError' | 'j2kRatio' | 'htJ2kStep'>;

const lossOf = ({ jpegQuality, jpegLsError, j2kRatio, htJ2kStep }: Loss): LossySettings => ({
  jpegQuality,
  jpegLsError,
  j2kRatio,
  htJ2kStep: htJ2kStep / STEPS,
});

/** The configuration counts in whole millionths. */
const STEPS = 1_000_000;

function openFramePool({ transcode }: Config, observe: Observe): FramePool {
  const { workers, queue, frameTimeout, maxFrameBytes, maxPicturePixels } = transcode;
  const { workerHeap, codecMemory, lossy, lossyUid, ...loss } = transcode;
  return createFramePool(
    {
      workers: workers === 0 ? availableParallelism() : workers,
      queue,
      frameMs: frameTimeout,
      heapMegabytes: Math.round(workerHeap / 2 ** 20),
      codecBytes: codecMemory,
      frameBytes: maxFrameBytes,
      picturePixels: maxPicturePixels,
      ...(lossy && { lossy: lossOf(loss) }),
      derivesInstances: lossyUid === 'new',
    },
    observe,
  );
}

/** Remembers of each peer whether its latest association could be opened. Bounded by the configured peers. */
function watchReachability(config: Config, observe: Observe): [Observe, ReadonlyMap<string, 'up' | 'down'>] {
  const reachable = new Map<string, 'up' | 'down'>();
  const states = {
    opened: 'up',
    rejected: 'down',
    failed: 'down',
    released: undefined,
    aborted: undefined,
  } as const;
  const watching: Observe = (observation) => {
    observe(observation);
    if (observation.kind !== 'association' || observation.direction !== 'out') return;
    const state = states[observation.event];
    if (state && Object.hasOwn(config.peers, observation.peer)) reachable.set(observation.peer, state);
  };
  return [watching, reachable];
}

/** Whether the gateway stops, which every new request is told. */
interface Stopping {
  now: boolean;
}

function adminOf(telemetry: Telemetry, parts: Parts, stopping: Stopping): AdminDependencies {
  return {
    metrics: () => telemetry.metrics(),
    readiness: () => {
      const checks = {
        listening: true,
        cache: !parts.cache.spools.stats.diskFailing,
        accepting: !stopping.now,
      };
      return { ready: checks.accepting && checks.cache, checks };
    },
    peers: () =>
      [...parts.peers].map(([name, { stats, knowledge }]) => ({
        name,
        state: parts.reachable.get(name) ?? 'unknown',
        retrieve: stats.retrieve,
        associations: stats.associations,
        waiting: stats.waiting,
        breaker: stats.breaker.state,
        learnt: knowledge.facts,
        ...(stats.breaker.lastError !== undefined && { lastError: stats.breaker.lastError }),
      })),
  };
}

function gatewayOf(config: Config, parts: Parts, observe: Observe): Gateway {
  const { cache, hotFrames, hotPictures, framePool, peers, commitments } = parts;
  const bindings = new Map<string, PeerBinding>();
  for (const [name, settings] of Object.entries(config.peers)) {
    const peer = peers.get(name);
    if (peer) bindings.set(name, bindPeer(config, peer, settings));
  }
  return createGateway({
    peers: bindings,
    groups: groupsOf(config),
    instances: cache.instances,
    spools: cache.spools,
    metadataBytes: config.cache.metadata,
    hotFrames,
    hotPictures,
    framePool,
    commitments,
    rendered: {
      mostPixels: config.rendered.maxPixels,
      thumbnailPixels: config.rendered.thumbnailPixels,
    },
    observe,
    clock: systemClock,
  });
}

/** What is open so far; it is filled as parts open, so that a start that fails can close them. */
interface Opened {
  cache?: Parts['cache'];
  framePool?: FramePool;
  commitments?: Commitments | undefined;
  storageScp?: StorageScp | undefined;
  readonly peers: Map<string, Peer>;
  readonly peerFiles: PeerFile[];
  readonly stopping: Stopping;
  gateway?: Gateway;
  main?: ListeningServer;
  /** Where it is not the main one. */
  admin?: ListeningServer;
}

/** Adds the listeners to what is open. @throws GatewayError when an address cannot be used */
async function listenAll(
  config: Config,
  opened: Opened,
  parts: Parts & { readonly gateway: Gateway },
  telemetry: Telemetry,
): Promise<Listeners> {
  const { observe } = telemetry;
  const { gateway } = parts;
  const { stopping } = opened;
  const refuse = (): GatewayError | undefined =>
    stopping.now ? new GatewayError('shutting-down', 'The gateway is stopping.') : undefined;
  const deps = { gateway, observe, clock: systemClock, refuse };
  const { http, admin, search, store, commitment } = config;
  const adminDeps = adminOf(telemetry, parts, stopping);
  const serverOptions = {
    headersTimeoutMs: http.headersTimeout,
    keepAliveTimeoutMs: http.keepAliveTimeout,
    maxHeaderBytes: http.maxHeaderBytes,
    maxConnections: http.maxConnections,
  };
  // The origin of a listener on port 0 is known only once it listens; requests come later than that.
  const listenOrigin = { value: '' };
  const app = createApp(
    deps,
    {
      basePath: http.basePath,
      defaultPeer: config.defaultPeer,
      trustProxy: http.trustProxy,
      emptySearch: search.emptyResponse,
      storeBody: {
        maxBodyBytes: storeRequestBytes(config),
        maxBodyRatio: http.maxBodyRatio,
        maxParts: store.maxParts,
        bodyTimeoutMs: http.bodyTimeout,
      },
      storeClients: store.clients,
      maxCommitmentBytes: commitment.maxBytes,
      serviceUrl: {
        publicUrl: http.publicUrl,
        trustProxy: http.trustProxy !== false,
        listenOrigin: () => listenOrigin.value,
      },
    },
    admin.listen ? undefined : adminDeps,
  );
  const main = await listen(app, { ...http.listen, ...serverOptions });
  opened.main = main;
  listenOrigin.value = main.origin;
  if (admin.listen === undefined) return { main, admin: main };
  opened.admin = await listen(createAdminApp(deps, adminDeps), { ...admin.listen, ...serverOptions });
  return { main, admin: opened.admin };
}

interface Listeners {
  readonly main: ListeningServer;
  readonly admin: ListeningServer;
}

/** Opens every configured peer, with what was learnt of it before; associations are opened when a request needs them. */
async function openPeers(
  config: Config,
  observe: Observe,
  { commitments, storageScp, peers, peerFiles }: Opened,
): Promise<void> {
  for (const [name, settings] of Object.entries(config.peers)) {
    const file = peerFile(config, name, { observe });
    const known = (await file?.read()) ?? {};
    const events = commitmentEvents(config, commitments);
    const peer = openPeer(config, name, settings, { observe, storageScp, events, known });
    file?.keep(peer.knowledge);
    if (file) peerFiles.push(file);
    peers.set(name, peer);
  }
}

/**
 * Starts everything that the configuration names. Of a start that fails nothing stays open.
 *
 * @throws GatewayError when a listener or the cache cannot be opened
 */
export async function startGateway(config: Config, telemetry: Telemetry): Promise<RunningGateway> {
  // Loads the dictionary, which would otherwise make the first search wait.
  attributeByTag(Tags.PatientID);
  coercionRules(config);
  const opened: Opened = { peers: new Map(), peerFiles: [], stopping: { now: false } };
  try {
    return await open(config, telemetry, opened);
  } catch (thrown) {
    // What is wrong with the start says more than what may go wrong with its end.
    await stop(opened, 0).catch(() => undefined);
    throw thrown;
  }
}

async function open(config: Config, telemetry: Telemetry, opened: Opened): Promise<RunningGateway> {
  const { observe } = telemetry;
  const cache = (opened.cache = await openCache(config, observe));
  const commitments = (opened.commitments = await openCommitments(config, observe));
  const events = commitmentEvents(config, commitments);
  const storageScp = (opened.storageScp = await openStorageScp(config, observe, events));
  const framePool = (opened.framePool = openFramePool(config, observe));
  const [watching, reachable] = watchReachability(config, observe);
  await openPeers(config, watching, opened);
  const { peers } = opened;
  const hotFrames = createHotBytes(config.cache.frames);
  const hotPictures = createHotBytes(config.cache.rendered);
  const parts: Parts = {
    cache,
    hotFrames,
    hotPictures,
    framePool,
    peers,
    storageScp,
    commitments,
    reachable,
  };
  const gateway = (opened.gateway = gatewayOf(config, parts, observe));
  const all = { ...parts, gateway };
  watch(telemetry, all);
  const listeners = await listenAll(config, opened, all, telemetry);
  const running: RunningGateway = {
    origin: listeners.main.origin,
    adminOrigin: listeners.admin.origin,
    peers,
    storageScp,
    close: () => stop(opened, config.http.drainTimeout),
  };
  observe({
    kind: 'ready',
    urls: [`${running.origin}${config.http.basePath}`, `${running.adminOrigin}/readyz`],
    ...(storageScp ? { storageScp: storageScp.advertised } : {}),
  });
  return running;
}

/** Closes what is open, one after the other, whatever becomes of each. @throws what the first one that failed throws */
async function stop(opened: Opened, graceMs: number): Promise<void> {
  opened.stopping.now = true;
  opened.gateway?.close();
  opened.commitments?.close();
  const closers: (() => Promise<unknown> | undefined)[] = [
    () => opened.main?.close(graceMs, systemClock),
    () => Promise.all([...opened.peers.values()].map((peer) => peer.close(graceMs))),
    () => Promise.all(opened.peerFiles.map((file) => file.close())),
    () => opened.storageScp?.close(graceMs),
    () => opened.admin?.close(0, systemClock),
    () => opened.framePool?.close(),
    () => opened.cache?.close(),
  ];
  const failures: unknown[] = [];
  for (const close of closers) {
    try {
      await close();
    } catch (thrown) {
      failures.push(thrown);
    }
  }
  if (failures.length > 0) throw failures[0];
}
