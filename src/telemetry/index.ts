/** Renders observations as logs, metrics and traces. */
export type { LogLevel } from './log.js';
export { openTracing } from './open-tracing.js';
export type { Tracing } from './tracing.js';
export { createTelemetry, type Telemetry } from './telemetry.js';
