import { Gauge, type Registry } from 'prom-client';

/** What is asked of the parts of the gateway when metrics are read, rather than told by them: name, help and labels. */
const gauges = {
  associations: { help: 'Associations with a peer by state.', labels: ['peer', 'state'] },
  association_waiters: { help: 'Requests that wait for an association.', labels: ['peer'] },
  inbound_associations: { help: 'Associations that the storage SCP has accepted.', labels: [] },
  cache_bytes: { help: 'Bytes that the cache holds, arriving and finished.', labels: ['tier'] },
  cache_limit_bytes: { help: 'Bytes that the cache may hold.', labels: ['tier'] },
  cache_instances: { help: 'Instances that the cache holds.', labels: ['tier'] },
  http_requests_running: { help: 'HTTP requests that have not ended.', labels: [] },
  http_connections: { help: 'Open client connections.', labels: [] },
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

/** Registers all gauges; the function returned adds a reader to one of them. */
export function createGauges(registry: Registry): (name: GaugeName, read: ReadGauge) => void {
  const readers = new Map<GaugeName, ReadGauge[]>();
  for (const name of Object.keys(gauges) as GaugeName[]) {
    const own: ReadGauge[] = [];
    readers.set(name, own);
    new Gauge<string>({
      name: `dicomgw_${name}`,
      help: gauges[name].help,
      labelNames: gauges[name].labels,
      registers: [registry],
      collect() {
        this.reset();
        for (const read of own) setSamples(this, read());
      },
    });
  }
  return (name, read) => readers.get(name)?.push(read);
}

function setSamples(gauge: Gauge, result: number | readonly Sample[]): void {
  if (typeof result === 'number') gauge.inc(result);
  else for (const { labels, value } of result) gauge.inc(labels, value);
}
