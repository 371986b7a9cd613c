import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MIB = 2 ** 20;

/** How much is measured: BENCH_SCALE below 1 shrinks every amount, for a run that only shows that the bench works. */
export interface Settings {
  readonly scale: number;
  /** Measured runs of each side of a comparison, after one that is thrown away. */
  readonly runs: number;
  readonly seed: number;
  /** Temporary directory of this run. */
  readonly directory: string;
  readonly slices: number;
  readonly studies: number;
  /** Sizes of the study whose retrieve is measured in memory: the size and half of it. */
  readonly studyBytes: readonly number[];
  readonly multiFrameBytes: readonly number[];
  /** How long the client that stops reading does so. */
  readonly pauseMs: number;
}

function positive(name: string, fallback: number): number {
  const text = process.env[name];
  const value = text === undefined ? fallback : Number(text);
  if (!(value > 0)) throw new RangeError(`${name} must be a positive number, not ${text ?? ''}`);
  return value;
}

/** Reads BENCH_SCALE, BENCH_RUNS, BENCH_SEED and BENCH_DIR (where the data go; 8 GB at full size). */
export function readSettings(): Settings {
  const scale = positive('BENCH_SCALE', 1);
  const scaled = (amount: number, least: number): number => Math.max(least, Math.round(amount * scale));
  return {
    scale,
    runs: positive('BENCH_RUNS', 5),
    seed: positive('BENCH_SEED', 1),
    directory: mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'gateway-bench-')),
    slices: scaled(500, 10),
    studies: scaled(1000, 10),
    studyBytes: [scaled(2048, 8) * MIB, scaled(1024, 4) * MIB],
    multiFrameBytes: [scaled(1024, 8) * MIB, scaled(512, 4) * MIB],
    pauseMs: scaled(30_000, 1000),
  };
}
