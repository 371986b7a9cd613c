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
  /** Rows of the long answers: the length and a fifth of it. */
  readonly rows: readonly number[];
  /** Sizes of the study whose retrieve is measured in memory: the size and half of it. */
  readonly studyBytes: readonly number[];
  readonly multiFrameBytes: readonly number[];
  /** Instances without pixels that one request stores. */
  readonly tinyInstances: number;
  /** How many of them storescu stores where each costs it 40 ms: its rate is per instance. */
  readonly tinyBySlowTool: number;
  /** Sizes of one instance that is stored at Orthanc, and of a part that goes to a peer that drops it. */
  readonly storedBytes: number;
  readonly partBytes: number;
  /** Slices of the study that is opened as a viewer does. */
  readonly openSlices: number;
  /** Frames of the multi-frame whose frames are read at random. */
  readonly frames: number;
  /** How long requests are made to measure their rate. */
  readonly loadSeconds: number;
  /** Clients at once of one study of `crowdSlices`. */
  readonly crowd: number;
  readonly crowdSlices: number;
  /** Clients at once that read slowly, and for how long. */
  readonly slowClients: number;
  readonly slowSeconds: number;
  /** Whether the figures are published, in docs/. */
  readonly publish: boolean;
  /** How long the client that stops reading does so. */
  readonly pauseMs: number;
}

function positive(name: string, fallback: number): number {
  const text = process.env[name];
  const value = text === undefined ? fallback : Number(text);
  if (!(value > 0)) throw new RangeError(`${name} must be a positive number, not ${text ?? ''}`);
  return value;
}

/**
 * Reads BENCH_SCALE, BENCH_RUNS, BENCH_SEED, BENCH_DIR (where the data go; 20 GB at full size), BENCH_MEMORY (GiB of the
 * largest study whose memory is measured, 4 if not set) and BENCH_TRIAL (if set, figures of full size are not published).
 */
export function readSettings(): Settings {
  const scale = positive('BENCH_SCALE', 1);
  const scaled = (amount: number, least: number): number => Math.max(least, Math.round(amount * scale));
  const largest = positive('BENCH_MEMORY', 4) * 1024;
  return {
    scale,
    runs: positive('BENCH_RUNS', 5),
    seed: positive('BENCH_SEED', 1),
    directory: mkdtempSync(join(process.env['BENCH_DIR'] ?? tmpdir(), 'gateway-bench-')),
    slices: scaled(500, 10),
    studies: scaled(1000, 10),
    rows: [scaled(50_000, 1000), scaled(200_000, 4000)],
    studyBytes: [scaled(largest, 8) * MIB, scaled(largest / 2, 4) * MIB],
    multiFrameBytes: [scaled(largest / 2, 8) * MIB, scaled(largest / 4, 4) * MIB],
    tinyInstances: scaled(10_000, 200),
    tinyBySlowTool: scaled(500, 50),
    storedBytes: scaled(2048, 8) * MIB,
    partBytes: scaled(4096, 8) * MIB,
    openSlices: scaled(180, 9),
    frames: scaled(200, 10),
    loadSeconds: scaled(5, 1),
    crowd: scaled(200, 20),
    crowdSlices: scaled(50, 5),
    slowClients: scaled(50, 10),
    slowSeconds: scaled(120, 4),
    publish: scale === 1 && process.env['BENCH_TRIAL'] === undefined,
    pauseMs: scaled(30_000, 1000),
  };
}
