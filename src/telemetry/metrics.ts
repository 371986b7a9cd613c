import { METHODS } from 'node:http';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Observation } from '../core/index.js';
import { dispatch, type ByKind } from './by-kind.js';
import { createGauges, type GaugeName, type ReadGauge } from './gauges.js';
import { createInstruments, type Instruments } from './instruments.js';
import { BoundedLabels, KnownLabels } from './labels.js';

/** Patterns of routes: some fifty exist. */
const MAX_ROUTES = 100;
/** Reasons that the code itself names. */
const MAX_REASONS = 50;
/** All transfer syntaxes there are. */
const MAX_SYNTAXES = 80;
/** Users of certificates beside the peers. */
const MAX_LISTENERS = 10;

/** What a metrics endpoint answers. */
export interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

/** The metrics of one gateway. */
export interface Metrics {
  readonly count: (observation: Observation) => void;
  readonly collect: (name: GaugeName, read: ReadGauge) => void;
  readonly logLineDropped: () => void;
  readonly read: () => Promise<Exposition>;
}

interface Labels {
  readonly peer: KnownLabels;
  readonly method: KnownLabels;
  readonly route: BoundedLabels;
  readonly reason: BoundedLabels;
  readonly syntax: BoundedLabels;
  readonly listener: BoundedLabels;
}

/** Metrics in a registry of their own; `peers` are the only names that become label values. */
export function createMetrics({ version, peers }: { version: string; peers: readonly string[] }): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const build = new Gauge({
    name: 'dicomgw_build_info',
    help: 'Version of the gateway.',
    labelNames: ['version'],
    registers: [registry],
  });
  build.set({ version }, 1);
  const instruments = createInstruments(registry);
  const labels: Labels = {
    peer: new KnownLabels(peers),
    method: new KnownLabels(METHODS),
    route: new BoundedLabels(MAX_ROUTES),
    reason: new BoundedLabels(MAX_REASONS),
    syntax: new BoundedLabels(MAX_SYNTAXES),
    listener: new BoundedLabels(MAX_LISTENERS + peers.length),
  };
  const counters = createCounters(instruments, labels);
  return {
    count: (observation) => {
      dispatch(counters, observation);
    },
    collect: createGauges(registry),
    logLineDropped: () => {
      instruments.logDropped.inc();
    },
    read: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}

const uncounted = (): void => undefined;
const notCounted = {
  learnt: uncounted,
  'http-started': uncounted,
  stage: uncounted,
  'repeated-attributes': uncounted,
  ready: uncounted,
  stopping: uncounted,
  stopped: uncounted,
  log: uncounted,
} as const;

/** What each kind of observation adds to which metric. */
function createCounters(to: Instruments, labels: Labels): ByKind<void> {
  return {
    'http-request': (observation) => {
      countHttp(to, labels, observation);
    },
    association: ({ peer, direction, event }) => {
      to.associations.inc({ peer: labels.peer.of(peer), direction, event });
    },
    dimse: ({ peer, operation, outcome, durationMs }) => {
      const of = { peer: labels.peer.of(peer), operation, outcome };
      to.operations.inc(of);
      to.operationSeconds.observe(of, durationMs / 1000);
    },
    'dimse-bytes': ({ peer, sent, received }) => {
      const of = labels.peer.of(peer);
      to.dimseBytes.inc({ peer: of, direction: 'sent' }, sent);
      to.dimseBytes.inc({ peer: of, direction: 'received' }, received);
    },
    'instance-arrived': ({ peer, outcome, bytes }) => {
      const of = { peer: labels.peer.of(peer), outcome };
      to.instances.inc(of);
      to.instanceBytes.inc(of, bytes);
    },
    cache: (observation) => {
      const { tier, event, bytes = 0 } = observation;
      to.cacheEvents.inc({ tier, event });
      to.cacheEventBytes.inc({ tier, event }, bytes);
      if (observation.event === 'evicted') to.evictions.inc({ tier, reason: observation.reason });
    },
    'cache-disk-failed': () => {
      to.diskFailures.inc();
    },
    'part-sent': ({ peer, item, bytes }) => {
      const of = { peer: labels.peer.of(peer), item };
      to.partsSent.inc(of);
      to.partBytesSent.inc(of, bytes);
    },
    breaker: ({ peer, event }) => {
      if (event === 'opened') to.breakerOpenings.inc({ peer: labels.peer.of(peer) });
    },
    pull: ({ peer, purpose, state }) => {
      to.pulls.inc({ peer: labels.peer.of(peer), purpose, outcome: state });
    },
    frame: (observation) => {
      countFrame(to, labels, observation);
    },
    'reader-reset': ({ reason }) => {
      to.readerResets.inc({ reason: labels.reason.of(reason) });
    },
    ...outcomeCounters(to, labels),
    ...securityCounters(to, labels),
    ...notCounted,
  };
}

/** Of who is let in, and what is kept of that. */
function securityCounters(
  to: Instruments,
  labels: Labels,
): Pick<ByKind<void>, 'certificate' | 'inbound-refused' | 'access-refused' | 'audit'> {
  return {
    certificate: ({ listener, event }) => {
      if (event === 'loaded') return;
      to.certificateReloads.inc({ listener: labels.listener.of(listener), outcome: event });
    },
    'inbound-refused': ({ reason }) => {
      to.refused.inc({ reason: labels.reason.of(reason) });
    },
    'access-refused': ({ by, reason }) => {
      to.accessRefused.inc({ by, reason: labels.reason.of(reason) });
    },
    audit: ({ event, sink = '', count }) => {
      to.auditEvents.inc({ event, sink }, count);
    },
  };
}

/** Of what happens to a peer, by how it ends. */
function outcomeCounters(
  to: Instruments,
  labels: Labels,
): Pick<ByKind<void>, 'revalidation' | 'head-start' | 'commitment'> {
  return {
    revalidation: ({ peer, outcome }) => {
      to.revalidations.inc({ peer: labels.peer.of(peer), outcome });
    },
    'head-start': ({ peer, outcome }) => {
      to.headStarts.inc({ peer: labels.peer.of(peer), outcome });
    },
    commitment: ({ peer, outcome }) => {
      to.commitments.inc({ peer: labels.peer.of(peer), outcome });
    },
  };
}

type HttpRequest = Extract<Observation, { kind: 'http-request' }>;

function countFrame(
  { frames, frameSeconds }: Instruments,
  { syntax }: Labels,
  { from, to, outcome, durationMs }: Extract<Observation, { kind: 'frame' }>,
): void {
  const syntaxes = { from: syntax.of(from), to: syntax.of(to) };
  frames.inc({ ...syntaxes, outcome });
  frameSeconds.observe(syntaxes, durationMs / 1000);
}

function countHttp(to: Instruments, labels: Labels, observation: HttpRequest): void {
  const route = labels.route.of(observation.route);
  const method = labels.method.of(observation.method);
  to.httpRequests.inc({ method, route, status: observation.status });
  if (!observation.isFollowed) to.httpSeconds.observe({ method, route }, observation.durationMs / 1000);
  const { firstByteMs } = observation;
  if (firstByteMs !== undefined) to.httpFirstByte.observe({ method, route }, firstByteMs / 1000);
  to.httpBytes.inc({ route }, observation.bytesOut);
  if (!observation.complete) to.httpIncomplete.inc({ route });
  if (observation.errorCode !== undefined) to.httpErrors.inc({ route, code: observation.errorCode });
}
