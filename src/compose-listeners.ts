import { openAccess, waysInto } from './compose-access.js';
import { browsersOf } from './compose-browsers.js';
import { openListenerTls } from './compose-tls.js';
import { storeRequestBytes } from './compose-store.js';
import { consoleOf } from './compose-console.js';
import type { Opened, Parts } from './compose-parts.js';
import type { Config } from './config/index.js';
import { GatewayError, systemClock, type Observe } from './core/index.js';
import type { Gateway } from './gateway/index.js';
import {
  createAdminApp,
  createApp,
  createDoor,
  listen,
  type AdminDependencies,
  type AppOptions,
  type Door,
  type ListeningServer,
  type ServerOptions,
} from './http/index.js';
import type { Telemetry } from './telemetry/index.js';
import { programVersion } from './version.js';

function adminOf(
  telemetry: Telemetry,
  parts: Parts,
  { stopping, audit }: Pick<Opened, 'stopping' | 'audit'>,
): AdminDependencies {
  return {
    metrics: () => telemetry.metrics(),
    readiness: () => {
      const checks = {
        listening: true,
        cache: !parts.cache.spools.stats.diskFailing,
        accepting: !stopping.now,
      };
      const ready = checks.accepting && checks.cache;
      return { ready, checks, ...(audit && { audit: audit.audit.state }) };
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

function openDoor(config: Config, observe: Observe): Door {
  const { rateLimit, publicUrl } = config.http;
  return createDoor(openAccess(config, observe), {
    requests: rateLimit.requests,
    withinMs: rateLimit.within,
    failedLogins: config.access.failedLogins,
    stores: config.store.maxPerClient,
    // Not said, but implied.
    strangersAreLocal: !config.access.anonymous,
    publicUrl,
  });
}

/** What both listeners bear. */
const boundsOf = ({ http }: Config): Omit<ServerOptions, 'host' | 'port' | 'tls'> => ({
  headersTimeoutMs: http.headersTimeout,
  keepAliveTimeoutMs: http.keepAliveTimeout,
  maxHeaderBytes: http.maxHeaderBytes,
  maxConnections: http.maxConnections,
  maxConnectionsPerClient: http.maxConnectionsPerClient,
  maxPipelined: http.maxPipelined,
});

function withConsole(
  config: Config,
  parts: Parts & { readonly gateway: Gateway },
  admin: AdminDependencies,
): AdminDependencies {
  return config.console.enabled ? { ...admin, console: consoleOf(config, parts, admin.peers) } : admin;
}

/** Adds the listeners to what is open. @throws GatewayError when an address cannot be used */
export async function listenAll(
  config: Config,
  opened: Opened,
  parts: Parts & { readonly gateway: Gateway },
  telemetry: Telemetry,
): Promise<Listeners> {
  const { observe } = telemetry;
  const { gateway, certificates } = parts;
  const { stopping } = opened;
  const audit = opened.audit?.audit;
  const refuse = (): GatewayError | undefined =>
    stopping.now ? new GatewayError('shutting-down', 'The gateway is stopping.') : audit?.refusal();
  const { http, admin } = config;
  const { serverTiming: mode } = http;
  const door = openDoor(config, observe);
  const stages = opened.observing?.stages;
  const timing = stages && mode !== 'off' ? { mode, stages } : undefined;
  const deps = { gateway, door, observe, clock: systemClock, refuse, audit, timing };
  const adminDeps = withConsole(config, parts, adminOf(telemetry, parts, opened));
  const bounds = boundsOf(config);
  // The origin of a listener on port 0 is known only once it listens; requests come later than that.
  const listenOrigin = { value: '' };
  const options = appOptionsOf(config, () => listenOrigin.value);
  const app = createApp(deps, options, admin.listen ? undefined : adminDeps);
  const tls = await openListenerTls('http', http.tls, certificates);
  const main = await listen(app, { ...http.listen, ...bounds, tls });
  opened.main = main;
  listenOrigin.value = main.origin;
  if (admin.listen === undefined) return { main, admin: main };
  const adminTls = await openListenerTls('admin', admin.tls, certificates);
  const adminApp = createAdminApp(deps, { ...options, browsers: browsersOf(config, 'admin') }, adminDeps);
  opened.admin = await listen(adminApp, { ...admin.listen, ...bounds, tls: adminTls });
  return { main, admin: opened.admin };
}

function appOptionsOf(config: Config, listenOrigin: () => string): AppOptions {
  const { http, admin, search, store, commitment } = config;
  return {
    basePath: http.basePath,
    defaultPeer: config.defaultPeer,
    browsers: browsersOf(config, 'http'),
    trustProxy: http.trustProxy,
    emptySearch: search.emptyResponse,
    storeBody: {
      maxBodyBytes: storeRequestBytes(config),
      maxBodyRatio: http.maxBodyRatio,
      maxParts: store.maxParts,
      bodyTimeoutMs: http.bodyTimeout,
      minBodyRate: http.minBodyRate,
    },
    storeClients: store.clients,
    maxCommitmentBytes: commitment.maxBytes,
    capabilities: {
      version: programVersion(),
      hasOperator: admin.listen === undefined,
      ways: waysInto(config),
    },
    serviceUrl: {
      publicUrl: http.publicUrl,
      trustProxy: http.trustProxy !== false,
      listenOrigin,
    },
  };
}

interface Listeners {
  readonly main: ListeningServer;
  readonly admin: ListeningServer;
}
