import { quantileBetween, sumOf, type Sample } from './metrics.js';

/** One reading of the gateway's metrics. */
export interface Reading {
  /** In ms. */
  readonly at: number;
  readonly samples: readonly Sample[];
}

export type FigureName =
  | 'requests'
  | 'firstByte'
  | 'latency'
  | 'errors'
  | 'hits'
  | 'cache'
  | 'bytesOut'
  | 'bytesIn'
  | 'associations'
  | 'waiting'
  | 'memory'
  | 'eventLoop';

/** Figures between two readings; undefined where nothing happened that they are of. */
export type Figures = Readonly<Record<FigureName, number | undefined>>;

const FIRST_BYTE = 'dicomgw_http_time_to_first_byte_seconds';
const LAST_BYTE = 'dicomgw_http_request_duration_seconds';
const CACHE_EVENTS = 'dicomgw_cache_events_total';

/** What happened from one reading to the next. A gateway that was started again has counted anew: nothing is said. */
export function figuresBetween(before: Reading, after: Reading): Figures {
  const seconds = Math.max(0.001, (after.at - before.at) / 1000);
  const grown = (name: string, labels?: Readonly<Record<string, string>>): number =>
    sumOf(after.samples, name, labels) - sumOf(before.samples, name, labels);
  const rate = (name: string, labels?: Readonly<Record<string, string>>): number | undefined => {
    const more = grown(name, labels);
    return more < 0 ? undefined : more / seconds;
  };
  const now = (name: string, labels?: Readonly<Record<string, string>>): number =>
    sumOf(after.samples, name, labels);
  const hits = grown(CACHE_EVENTS, { event: 'hit' }) + grown(CACHE_EVENTS, { event: 'join' });
  const lookUps = hits + grown(CACHE_EVENTS, { event: 'miss' });
  return {
    requests: rate('dicomgw_http_requests_total'),
    firstByte: quantileBetween(before.samples, after.samples, FIRST_BYTE, 0.95),
    latency: quantileBetween(before.samples, after.samples, LAST_BYTE, 0.95),
    errors: rate('dicomgw_http_errors_total'),
    hits: hits >= 0 && lookUps >= hits && lookUps > 0 ? hits / lookUps : undefined,
    cache: now('dicomgw_cache_bytes'),
    bytesOut: rate('dicomgw_http_response_bytes_total'),
    bytesIn: rate('dicomgw_dimse_bytes_total', { direction: 'received' }),
    associations: now('dicomgw_associations', { state: 'busy' }),
    waiting: now('dicomgw_association_waiters'),
    memory: now('process_resident_memory_bytes'),
    eventLoop: now('nodejs_eventloop_lag_p99_seconds'),
  };
}
