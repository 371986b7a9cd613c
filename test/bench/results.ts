import type { Environment } from './environment.js';

/** What a comparison is in: seconds, of which fewer are better, or a rate, of which more is better. */
export type Unit = 's' | 'MB/s' | 'requests/s' | 'instances/s';

/** The figures of one side of a comparison, in its unit. */
export interface Summary {
  readonly runs: number;
  readonly median: number;
  readonly p95: number;
  readonly least: number;
}

/** What the gateway needs against what a tool needs for the same work at the same peer. */
export interface Comparison {
  readonly what: string;
  readonly against: string;
  readonly peer: string;
  readonly sockets: string;
  /** Seconds if left out. */
  readonly unit?: Unit;
  readonly gateway: Summary;
  readonly tool: Summary;
  /** Median of the gateway by median of the tool. */
  readonly ratio: number;
  /** The ratio that is good enough: the largest of times, the least of rates. */
  readonly toReach?: number;
}

/** What the gateway used in one scenario. */
export interface MemoryRow {
  readonly what: string;
  readonly peer: string;
  readonly megabytesMoved?: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Before the first request. */
  readonly restRssMegabytes: number;
  readonly peakRssMegabytes: number;
  /** 99th percentile of the event loop's delay, in milliseconds; an idle loop has about 10. */
  readonly loopDelayMs?: number;
  readonly toReach?: number;
  /** Most milliseconds of that delay, where the usual bar is not the one. */
  readonly loopToReach?: number;
}

/** Something that was counted. */
export interface CountRow {
  readonly what: string;
  readonly peer: string;
  readonly value: number;
  /** Largest value that is good enough; left out where there is none to reach. */
  readonly toReach?: number;
}

/** What one part of the bench found. */
export interface Findings {
  readonly comparisons: readonly Comparison[];
  readonly memory: readonly MemoryRow[];
  readonly counts?: readonly CountRow[];
}

/** Findings with the place and time they were made. */
export interface PartResult extends Findings {
  readonly environment: Environment;
}

/** Parts by name. */
export type Results = Readonly<Record<string, PartResult>>;

/** The value below which a share of the values lies: nearest rank. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** Median, 95th percentile and least of some measurements. */
export function summarise(values: readonly number[]): Summary {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length / 2;
  const median = (quantile(sorted, 0.5) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
  return { runs: sorted.length, median, p95: quantile(sorted, 0.95), least: quantile(sorted, 0) };
}

/** Puts the measurements of both sides together. */
export function compare(
  row: Pick<Comparison, 'what' | 'against' | 'peer' | 'sockets' | 'unit' | 'toReach'>,
  gatewayValues: readonly number[],
  toolValues: readonly number[],
): Comparison {
  const [gateway, tool] = [summarise(gatewayValues), summarise(toolValues)];
  return { ...row, gateway, tool, ratio: gateway.median / tool.median };
}

/** Megabytes of 10^6 bytes. */
export const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
