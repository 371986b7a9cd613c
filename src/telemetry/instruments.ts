import { Counter, Histogram, type Registry } from 'prom-client';

/** From what is in memory and a C-ECHO beside the gateway to a study out of a tape library. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

const counters = {
  httpRequests: ['http_requests_total', 'HTTP requests that ended.', 'method', 'route', 'status'],
  httpBytes: ['http_response_bytes_total', 'Bytes of answers.', 'route'],
  httpIncomplete: ['http_incomplete_bodies_total', 'Answers that were cut off, by either side.', 'route'],
  httpErrors: ['http_errors_total', 'Requests that failed, by error code.', 'route', 'code'],
  associations: ['association_events_total', 'Associations opened and ended.', 'peer', 'direction', 'event'],
  operations: ['dimse_operations_total', 'DIMSE operations that ended.', 'peer', 'operation', 'outcome'],
  dimseBytes: ['dimse_bytes_total', 'Bytes of associations.', 'peer', 'direction'],
  instances: ['instances_arrived_total', 'Instances that peers sent.', 'peer', 'outcome'],
  instanceBytes: ['instance_bytes_total', 'Bytes of datasets that peers sent.', 'peer', 'outcome'],
  cacheEvents: ['cache_events_total', 'Cache hits, misses, joins, evictions and overflows.', 'tier', 'event'],
  cacheEventBytes: ['cache_event_bytes_total', 'Bytes that cache events were about.', 'tier', 'event'],
  evictions: ['cache_evictions_total', 'Instances that left the cache, and why.', 'tier', 'reason'],
  diskFailures: [
    'cache_disk_failures_total',
    'Times that the directory or the journal of the cache could not be used.',
  ],
  partsSent: ['parts_sent_total', 'Instances, frames and values sent to clients.', 'peer', 'item'],
  partBytesSent: ['part_bytes_sent_total', 'Bytes of what was sent to clients.', 'peer', 'item'],
  breakerOpenings: [
    'breaker_openings_total',
    'Times a peer kept failing and was not asked any more.',
    'peer',
  ],
  certificateReloads: [
    'certificate_reloads_total',
    'Certificates that were read anew, and whether they are used.',
    'listener',
    'outcome',
  ],
  refused: ['inbound_refused_total', 'Connections and associations that the storage SCP refused.', 'reason'],
  revalidations: ['revalidations_total', 'What became of studies since they were cached.', 'peer', 'outcome'],
  headStarts: ['head_starts_total', 'Retrieves begun beside their listing.', 'peer', 'outcome'],
  pulls: ['pulls_total', 'Series and studies brought ahead of their readers.', 'peer', 'purpose', 'outcome'],
  commitments: [
    'commitments_total',
    'Requests for storage commitment, and their results.',
    'peer',
    'outcome',
  ],
  frames: ['frames_total', 'Frames decoded, encoded and rendered.', 'from', 'to', 'outcome'],
  readerResets: ['reader_resets_total', 'Readers that the gateway cut off.', 'reason'],
  auditEvents: [
    'audit_events_total',
    'Events of the audit trail, and attempts to send them that failed.',
    'event',
    'sink',
  ],
  accessRefused: ['access_refused_total', 'Requests refused because of who asks.', 'by', 'reason'],
  logDropped: [
    'log_lines_dropped_total',
    'Log lines that the output did not take in time, and writes of lines that failed.',
  ],
} as const satisfies Readonly<Record<string, readonly [name: string, help: string, ...labels: string[]]>>;

const histograms = {
  httpFirstByte: ['http_time_to_first_byte_seconds', 'Time to the head of the answer.', 'method', 'route'],
  httpSeconds: ['http_request_duration_seconds', 'Time to the last byte of the answer.', 'method', 'route'],
  frameSeconds: ['frame_duration_seconds', 'Time to decode or encode a frame.', 'from', 'to'],
  operationSeconds: [
    'dimse_operation_duration_seconds',
    'Time to the final response.',
    'peer',
    'operation',
    'outcome',
  ],
} as const satisfies Readonly<Record<string, readonly [name: string, help: string, ...labels: string[]]>>;

/** The metrics that observations feed. */
export type Instruments = Readonly<Record<keyof typeof counters, Counter>> &
  Readonly<Record<keyof typeof histograms, Histogram>>;

/** Registers the metrics that observations feed. */
export function createInstruments(registry: Registry): Instruments {
  const registers = [registry];
  const build = <N extends string, T>(
    table: Readonly<Record<N, readonly [string, string, ...string[]]>>,
    create: (definition: { name: string; help: string; labelNames: string[] }) => T,
  ): Record<N, T> => {
    const entries = Object.entries<readonly [string, string, ...string[]]>(table).map(
      ([key, [name, help, ...labelNames]]) => [key, create({ name: `dicomgw_${name}`, help, labelNames })],
    );
    return Object.fromEntries(entries) as Record<N, T>;
  };
  return {
    ...build(counters, (definition) => new Counter({ ...definition, registers })),
    ...build(histograms, (definition) => new Histogram({ ...definition, buckets: SECONDS, registers })),
  };
}
