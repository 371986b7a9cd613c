import { openAccess } from './compose-access.js';
import { browsersOf } from './compose-browsers.js';
import { expiriesOf, tlsOf } from './compose-tls.js';
import { storeRequestBytes } from './compose-store.js';
import type { Opened, Parts, Stopping } from './compose-parts.js';
import type { Config } from './config/index.js';
import { GatewayError, systemClock, type Observe } from './core/index.js';
import type { Gateway } from './gateway/index.js';
import {
  createAdminApp,
  createApp,
  createDoor,
  listen,
  type AdminDependencies,
  type Door,
  type ListeningServer,
  type ServerOptions,
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

function openDoor(config: Config, observe: Observe): Door {
  const { rateLimit } = config.http;
  return createDoor(openAccess(config, observe), {
    requests: rateLimit.requests,
    withinMs: rateLimit.within,
    failedLogins: config.access.failedLogins,
  });
}

/** What both listeners bear. */
const boundsOf = ({ http }: Config): Omit<ServerOptions, 'host' | 'port' | 'tls'> => ({
  headersTimeoutMs: http.headersTimeout,
  keepAliveTimeoutMs: http.keepAliveTimeout,
  maxHeaderBytes: http.maxHeaderBytes,
  maxConnections: http.maxConnections,
  maxConnectionsPerClient: http.maxConnectionsPerClient,
});

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
  const { http, admin, search, store, commitment } = config;
  const door = openDoor(config, observe);
  const deps = { gateway, door, observe, clock: systemClock, refuse };
  const adminDeps = adminOf(telemetry, parts, stopping);
  const bounds = boundsOf(config);
  // The origin of a listener on port 0 is known only once it listens; requests come later than that.
  const listenOrigin = { value: '' };
  const app = createApp(
    deps,
    {
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
      serviceUrl: {
        publicUrl: http.publicUrl,
        trustProxy: http.trustProxy !== false,
        listenOrigin: () => listenOrigin.value,
      },
    },
    admin.listen ? undefined : adminDeps,
  );
  const tls = { main: tlsOf('http', http.tls), admin: tlsOf('admin', admin.tls) };
  const main = await listen(app, { ...http.listen, ...bounds, tls: tls.main }, observe);
  opened.main = main;
  listenOrigin.value = main.origin;
  telemetry.collect('certificate_expiry_timestamp_seconds', () => expiriesOf(opened));
  if (admin.listen === undefined) return { main, admin: main };
  const adminOptions = { ...admin.listen, ...bounds, tls: tls.admin };
  opened.admin = await listen(
    createAdminApp(deps, browsersOf(config, 'admin'), adminDeps),
    adminOptions,
    observe,
  );
  return { main, admin: opened.admin };
}

interface Listeners {
  readonly main: ListeningServer;
  readonly admin: ListeningServer;
}
