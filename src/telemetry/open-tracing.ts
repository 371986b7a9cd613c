import type { Tracing, TracingOptions } from './tracing.js';

/** Opens the exporter of traces, which is loaded here alone: it is larger than all of the gateway's own telemetry. */
export async function openTracing(options: TracingOptions): Promise<Tracing> {
  const { createTracing } = await import('./tracing.js');
  return createTracing(options);
}
