import type { Config } from './config/index.js';
import { systemClock } from './core/index.js';
import type { Telemetry } from './telemetry/index.js';
import { Certificates } from './tls/index.js';

/** The place where all certificates of a gateway are read, and its metric. */
export function openCertificates(config: Config, { observe, collect }: Telemetry): Certificates {
  const certificates = new Certificates({
    observe,
    clock: systemClock,
    intervalMs: config.certificates.reloadInterval,
  });
  collect('certificate_expiry_timestamp_seconds', () =>
    certificates.expiries.map(({ listener, seconds }) => ({ labels: { listener }, value: seconds })),
  );
  return certificates;
}
