import { storeRequestBytes } from './compose-store.js';
import { consoleOf } from './compose-console.js';
import type { Opened, Parts, Stopping } from './compose-parts.js';
import type { Config } from './config/index.js';
import { GatewayError, systemClock } from './core/index.js';
import type { Gateway } from './gateway/index.js';
import {
  createAdminApp,
  createApp,
  listen,
  type AdminDependencies,
  type AppOptions,
  type ListeningServer,
} from './http/index.js';
import type { Telemetry } from './telemetry/index.js';

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
  const { gateway } = parts;
  const { stopping } = opened;
  const refuse = (): GatewayError | undefined =>
    stopping.now ? new GatewayError('shutting-down', 'The gateway is stopping.') : undefined;
  const deps = { gateway, observe, clock: systemClock, refuse };
  const { http, admin, search, store, commitment } = config;
  const adminDeps = withConsole(config, parts, adminOf(telemetry, parts, stopping));
  const serverOptions = {
    headersTimeoutMs: http.headersTimeout,
    keepAliveTimeoutMs: http.keepAliveTimeout,
    maxHeaderBytes: http.maxHeaderBytes,
    maxConnections: http.maxConnections,
  };
  // The origin of a listener on port 0 is known only once it listens; requests come later than that.
  const listenOrigin = { value: '' };
  const options: AppOptions = {
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
  };
  const app = createApp(deps, options, admin.listen ? undefined : adminDeps);
  const main = await listen(app, { ...http.listen, ...serverOptions });
  opened.main = main;
  listenOrigin.value = main.origin;
  if (admin.listen === undefined) return { main, admin: main };
  opened.admin = await listen(createAdminApp(deps, options, adminDeps), {
    ...admin.listen,
    ...serverOptions,
  });
  return { main, admin: opened.admin };
}

interface Listeners {
  readonly main: ListeningServer;
  readonly admin: ListeningServer;
}
