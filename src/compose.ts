import { createHotBytes } from './cache/index.js';
import { openAudit } from './compose-audit.js';
import { openCache } from './compose-cache.js';
import { openFramePool } from './compose-frame-pool.js';
import { openCertificates } from './compose-certificates.js';
import { listenAll } from './compose-listeners.js';
import type { Opened, Parts } from './compose-parts.js';
import { commitmentEvents, openCommitments } from './compose-commitment.js';
import { observing } from './compose-observing.js';
import { watch } from './compose-metrics.js';
import { openPeerTls, openServerTls } from './compose-dimse-tls.js';
import { bindPeer, groupsOf, openPeer, peerFile } from './compose-peer.js';
import { coercionRules } from './compose-coercions.js';
import { watchReachability } from './compose-reachability.js';
import { openStorageScp } from './compose-storage-scp.js';
import type { Config } from './config/index.js';
import { systemClock, type Observe } from './core/index.js';
import { attributeByTag, Tags } from './dicom/index.js';
import type { Peer, StorageScp } from './dimse/index.js';
import { createGateway, type Gateway, type PeerBinding } from './gateway/index.js';
import type { Certificates } from './tls/index.js';
import type { Telemetry } from './telemetry/index.js';

/** A gateway that runs. */
export interface RunningGateway {
  readonly origin: string;
  /** Of the operator's endpoints. */
  readonly adminOrigin: string;
  readonly peers: ReadonlyMap<string, Peer>;
  readonly storageScp: StorageScp | undefined;
  /** Reads the files of all certificates again. */
  reloadCertificates(): Promise<void>;
  /** Takes nothing new, lets what runs end within the configured time, releases associations. */
  close(): Promise<void>;
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

/** Opens every configured peer, with what was learnt of it before; associations are opened when a request needs them. */
async function openPeers(
  config: Config,
  observe: Observe,
  { commitments, storageScp, peers, peerFiles }: Opened,
  certificates: Certificates,
): Promise<void> {
  for (const [name, settings] of Object.entries(config.peers)) {
    const file = peerFile(config, name, { observe });
    const known = (await file?.read()) ?? {};
    const events = commitmentEvents(config, commitments);
    const tls = await openPeerTls(name, settings, certificates);
    const peer = openPeer(config, name, settings, { observe, storageScp, events, known, tls });
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
    opened.observing = await observing(config, telemetry);
    return await open(config, opened.observing.telemetry, opened);
  } catch (thrown) {
    // What is wrong with the start says more than what may go wrong with its end.
    await stop(opened, 0).catch(() => undefined);
    throw thrown;
  }
}

async function open(config: Config, telemetry: Telemetry, opened: Opened): Promise<RunningGateway> {
  const { observe } = telemetry;
  opened.audit = await openAudit(config, telemetry);
  const certificates = (opened.certificates = openCertificates(config, telemetry));
  const cache = (opened.cache = await openCache(config, observe));
  const commitments = (opened.commitments = await openCommitments(config, observe, opened));
  const events = commitmentEvents(config, commitments);
  const tls = await openServerTls(config, certificates);
  const storageScp = (opened.storageScp = await openStorageScp(config, observe, { events, tls }));
  const framePool = (opened.framePool = openFramePool(config, observe));
  const [watching, reachable] = watchReachability(config, observe);
  await openPeers(config, watching, opened, certificates);
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
    certificates,
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
    reloadCertificates: () => certificates.reload(),
    close: () => stop(opened, config.http.drainTimeout),
  };
  observe({
    kind: 'ready',
    urls: [`${running.origin}${config.http.basePath}`, `${running.adminOrigin}/readyz`],
    ...(storageScp ? { storageScp: storageScp.advertised } : {}),
  });
  return running;
}

/** What waits to be sent is sent after the next start. */
const AUDIT_GRACE_MS = 2000;

/** Closes what is open, one after the other, whatever becomes of each. @throws what the first one that failed throws */
async function stop(opened: Opened, graceMs: number): Promise<void> {
  opened.stopping.now = true;
  opened.gateway?.close();
  opened.commitments?.close();
  opened.certificates?.close();
  const closers: (() => Promise<unknown> | undefined)[] = [
    () => opened.main?.close(graceMs, systemClock),
    () => Promise.all([...opened.peers.values()].map((peer) => peer.close(graceMs))),
    () => Promise.all(opened.peerFiles.map((file) => file.close())),
    () => opened.storageScp?.close(graceMs),
    () => opened.unlockCommitments?.(),
    () => opened.admin?.close(0, systemClock),
    () => opened.framePool?.close(),
    () => opened.cache?.close(),
    // Last: what ended requests is told of until then.
    () => opened.audit?.close(AUDIT_GRACE_MS),
    () => opened.observing?.close(),
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
