/** Renders observations as logs and metrics. */
export type { LogLevel } from './log.js';
export { createTelemetry, type Telemetry } from './telemetry.js';
