import { fileURLToPath } from 'node:url';
import { moveHintOf, subjectOf } from './check-command.js';
import { fixedFacts, groupsOf } from './compose-peer.js';
import { openPeerTls } from './compose-dimse-tls.js';
import type { Parts } from './compose-parts.js';
import type { Config } from './config/index.js';
import { formatAeAddress, GatewayError, systemClock } from './core/index.js';
import { allKeywords } from './dicom/index.js';
import type { Peer, StorageScp } from './dimse/index.js';
import { checkEcho, checkPeer, factLines, fixedLines, type Gateway } from './gateway/index.js';
import {
  readConsoleFiles,
  type ConsoleData,
  type ConsolePage,
  type ConsolePeer,
  type ConsoleSelf,
  type ConsoleSettings,
  type PeerState,
} from './http/index.js';
import { Certificates } from './tls/index.js';
import { programVersion } from './version.js';

/** Where the build leaves the page: the same seen from the sources and from what is built of them. */
const DIRECTORY = fileURLToPath(new URL('../dist/console/', import.meta.url));
/** How long a peer may take in all to be checked. */
const CHECK_MS = 120_000;

function settingsOf({ console, defaultPeer, http: { publicUrl } }: Config): ConsoleSettings {
  const { viewers, grafanaUrl } = console;
  const { issuer, clientId, scopes } = console.oidc;
  return {
    version: programVersion(),
    defaultPeer,
    ...(publicUrl === undefined ? {} : { publicUrl }),
    viewers: Object.entries(viewers).map(([name, url]) => ({ name, url })),
    ...(grafanaUrl === undefined ? {} : { grafanaUrl }),
    ...(issuer === undefined || clientId === undefined ? {} : { oidc: { issuer, clientId, scopes } }),
  };
}

/** Whom the page may ask beside the gateway. */
function loginOrigins({ console }: Config): readonly string[] {
  const { issuer, origins } = console.oidc;
  return issuer === undefined ? [] : [...new Set([issuer, ...origins].map((url) => new URL(url).origin))];
}

function selfOf(config: Config, storageScp: StorageScp | undefined): ConsoleSelf {
  const { aeTitle, advertise } = config.dimse;
  const { host, port } = advertise ?? storageScp?.listening ?? {};
  return { aeTitle, ...(storageScp && { host, port }) };
}

/** What the console shows and asks beside DICOMweb. */
export function consoleOf(
  config: Config,
  { peers, storageScp, gateway }: Parts & { readonly gateway: Gateway },
  states: () => readonly PeerState[],
): ConsolePage & ConsoleData {
  const peerOf = (name: string): Peer => {
    const peer = peers.get(name);
    if (peer) return peer;
    throw new GatewayError('not-found', 'No peer of this name is configured.');
  };
  const dictionary = (): string => JSON.stringify(allKeywords());
  return {
    files: readConsoleFiles(DIRECTORY),
    settings: settingsOf(config),
    loginOrigins: loginOrigins(config),
    dictionary,
    stallMs: config.http.bodyTimeout,
    overview: () => ({
      self: selfOf(config, storageScp),
      peers: states().flatMap((state) => consolePeer(config, state, peerOf(state.name), gateway)),
      groups: [...groupsOf(config)].map(([name, { members }]) => ({
        name,
        members,
        isReadOnly: gateway.isReadOnly(name),
      })),
    }),
    echo: (name, context) => checkEcho(peerOf(name), moveHintOf(config, storageScp), context),
    check: checking(config, storageScp, peerOf),
  };
}

function consolePeer(
  config: Config,
  state: PeerState,
  { stats, knowledge }: Peer,
  gateway: Gateway,
): readonly ConsolePeer[] {
  const settings = config.peers[state.name];
  if (!settings) return [];
  return [
    {
      ...state,
      address: formatAeAddress(settings.address),
      limit: stats.associationLimit,
      configuredLimit: settings.associations,
      queue: settings.queue,
      facts: factLines(knowledge.facts),
      configured: fixedLines(fixedFacts(settings)),
      isReadOnly: gateway.isReadOnly(state.name),
    },
  ];
}

/** Checks as the command does, on associations of their own; what is learnt by it the gateway goes by. */
function checking(
  config: Config,
  storageScp: StorageScp | undefined,
  peerOf: (name: string) => Peer,
): ConsoleData['check'] {
  const running = new Set<string>();
  return async (name, onStep, context) => {
    const peer = peerOf(name);
    if (running.has(name)) throw new GatewayError('overloaded', 'This peer is being checked already.');
    running.add(name);
    // Read anew, and for this check alone.
    const certificates = new Certificates({ observe: () => undefined, clock: systemClock, intervalMs: 0 });
    try {
      const tls = await openPeerTls(name, config.peers[name], certificates);
      const subject = subjectOf(config, name, { storageScp, tls, refusals: [] }, {});
      const signal = AbortSignal.any([context.signal, AbortSignal.timeout(CHECK_MS)]);
      const remembered = peer.knowledge.facts;
      const report = await checkPeer({ ...subject, remembered }, { ...context, signal }, onStep);
      peer.knowledge.adopt(report.facts);
      return report;
    } finally {
      certificates.close();
      running.delete(name);
    }
  };
}
