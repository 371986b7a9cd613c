import { readFileSync } from 'node:fs';
import type { Config } from './config/index.js';
import type { Observe } from './core/index.js';
import { StageBook } from './http/index.js';
import { openTracing, type Telemetry, type Tracing } from './telemetry/index.js';

/** Who observes a gateway, beside its logs and metrics. */
export interface Observing {
  /** With everybody hearing what is observed. */
  readonly telemetry: Telemetry;
  readonly stages: StageBook | undefined;
  /** Sends the spans that wait, for some seconds at most; that they cannot be sent is told and is no failure. */
  close(): Promise<void>;
}

/** Adds traces and what requests are told of their time, where the configuration wants them. */
export async function observing(config: Config, telemetry: Telemetry): Promise<Observing> {
  const stages = config.http.serverTiming === 'off' ? undefined : new StageBook();
  const tracing = await tracingOf(config);
  if (tracing) telemetry.traces(tracing.traceOf);
  const observe: Observe = (observation) => {
    // What begins a trace comes before the line that names it, what ends it after.
    if (observation.kind !== 'http-request') tracing?.observe(observation);
    telemetry.observe(observation);
    if (observation.kind === 'http-request') tracing?.observe(observation);
    stages?.observe(observation);
  };
  const close = async (): Promise<void> => {
    await tracing?.close().catch((error: unknown) => {
      observe({ kind: 'log', level: 'warn', message: 'The last spans could not be sent.', error });
    });
  };
  return { telemetry: { ...telemetry, observe }, stages, close };
}

async function tracingOf({ tracing }: Config): Promise<Tracing | undefined> {
  if (!tracing.enabled) return undefined;
  const { endpoint, oneIn, serviceName } = tracing;
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return openTracing({ endpoint, serviceName, version, ratio: 1 / oneIn });
}
