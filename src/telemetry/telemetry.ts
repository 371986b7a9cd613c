import type { Observe } from '../core/index.js';
import type { GaugeName, ReadGauge } from './gauges.js';
import { createLogger, logObservation, type LogLevel } from './log.js';
import { createMetrics, type Exposition } from './metrics.js';
import { standardOutput, type LogDestination } from './output.js';

/** An output that nobody reads must not hold up the end. */
const FLUSH_MS = 2000;

/** How a gateway tells about itself. */
export interface TelemetryOptions {
  readonly level: LogLevel;
  readonly version: string;
  /** Names of the configured peers: the only ones that become label values; all others are counted as `other`. */
  readonly peers: readonly string[];
  /** Standard output if left out. */
  readonly destination?: LogDestination;
}

/** Logs and metrics of one gateway. */
export interface Telemetry {
  /** Never throws and never waits. */
  readonly observe: Observe;
  /** Adds a reader to a gauge; several readers of one gauge are added up. */
  readonly collect: (name: GaugeName, read: ReadGauge) => void;
  /** From now on log lines of a request say which trace it is in. */
  readonly traces: (of: (requestId: string) => string | undefined) => void;
  /** All metrics in Prometheus' text format. */
  readonly metrics: () => Promise<Exposition>;
  /** Resolves when the log lines written so far have left the process, or the output has not taken them in 2 s. */
  readonly flush: () => Promise<Flushed>;
}

/** Whether the output took everything; `stuck` when a thread waits for it, for which the process would wait at exit. */
export type Flushed = 'whole' | 'cut' | 'stuck';

/** Renders observations as JSON log lines and metrics. */
export function createTelemetry({ level, version, peers, destination }: TelemetryOptions): Telemetry {
  const metrics = createMetrics({ version, peers });
  const output: LogDestination =
    destination ??
    standardOutput(() => {
      metrics.logLineDropped();
    });
  const logger = createLogger(level, output);
  let traceOf: (requestId: string) => string | undefined = () => undefined;
  return {
    observe: (observation) => {
      try {
        metrics.count(observation);
        logObservation(logger, observation, traceOf);
      } catch {
        // Who observes is in the middle of something that matters more than its record.
        metrics.logLineDropped();
      }
    },
    collect: metrics.collect,
    traces: (of) => {
      traceOf = of;
    },
    metrics: metrics.read,
    flush: () =>
      new Promise((resolve) => {
        if (!output.flush) {
          resolve('whole');
          return;
        }
        const timer = setTimeout(() => {
          resolve(output.holdsUpExit === true ? 'stuck' : 'cut');
        }, FLUSH_MS);
        output.flush(() => {
          clearTimeout(timer);
          resolve('whole');
        });
      }),
  };
}
