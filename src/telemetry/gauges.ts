import { Gauge, type Registry } from 'prom-client';

/** What is asked of the parts of the gateway when metrics are read, rather than told by them: name, help and labels. */
const gauges = {
  associations: { help: 'Associations with a peer by state.', labels: ['peer', 'state'] },
  association_waiters: { help: 'Requests that wait for an association.', labels: ['peer', 'priority'] },
  association_limit: {
    help: 'Most associations that are opened to a peer now, as configured or learnt.',
    labels: ['peer'],
  },
  breaker_state: {
    help: '1 for the state that the circuit breaker of a peer is in.',
    labels: ['peer', 'state'],
  },
  inbound_associations: { help: 'Associations that the storage SCP has accepted.', labels: [] },
  cache_bytes: { help: 'Bytes that the cache holds, arriving and finished.', labels: ['tier'] },
  cache_limit_bytes: { help: 'Bytes that the cache may hold.', labels: ['tier'] },
  spool_bytes: {
    help: 'Bytes of instances by where they are and whether more of them will come.',
    labels: ['tier', 'state'],
  },
  metadata_bytes: { help: 'Bytes of metadata documents that are kept.', labels: ['peer'] },
  hot_frame_bytes: { help: 'Bytes of frames that are kept beside their instances.', labels: [] },
  hot_picture_bytes: { help: 'Bytes of rendered pictures that are kept beside their instances.', labels: [] },
  frames_in_work: {
    help: 'Frames being decoded or encoded, and requests that wait for it.',
    labels: ['state'],
  },
  wanted_instances: {
    help: 'Instances that were asked for and not yet of the peer.',
    labels: ['peer', 'priority'],
  },
  certificate_expiry_timestamp_seconds: {
    help: 'When the certificate of a listener expires, in seconds since 1970-01-01.',
    labels: ['listener'],
  },
  cache_instances: { help: 'Instances that the cache holds.', labels: [] },
} as const satisfies Readonly<Record<string, { help: string; labels: readonly string[] }>>;

/** A gauge that `Telemetry.collect` feeds. */
export type GaugeName = keyof typeof gauges;

/** One value of a gauge, for one combination of its labels. */
interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads a gauge: a number where it has no labels, else a sample for each combination. */
export type ReadGauge = () => number | readonly Sample[];

/** The function returned adds a reader to a gauge; one that nobody reads is not shown, for it would say 0. */
export function createGauges(registry: Registry): (name: GaugeName, read: ReadGauge) => void {
  const readers = new Map<GaugeName, ReadGauge[]>();
  return (name, read) => {
    const known = readers.get(name);
    if (known) {
      known.push(read);
      return;
    }
    const own = [read];
    readers.set(name, own);
    new Gauge<string>({
      name: `dicomgw_${name}`,
      help: gauges[name].help,
      labelNames: gauges[name].labels,
      registers: [registry],
      collect() {
        this.reset();
        for (const each of own) setSamples(this, each());
      },
    });
  };
}

function setSamples(gauge: Gauge, result: number | readonly Sample[]): void {
  if (typeof result === 'number') gauge.inc(result);
  else for (const { labels, value } of result) gauge.inc(labels, value);
}
