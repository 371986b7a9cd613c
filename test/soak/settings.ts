import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** What one soak is made of. */
export interface Settings {
  readonly minutes: number;
  readonly seed: number;
  /** Clients at once. */
  readonly clients: number;
  /** Studies at each PACS. */
  readonly studies: number;
  /** The program of the gateway and what comes before it on the command line of Node. */
  readonly main: readonly string[];
  /** Where the report, the samples and the log of the gateway go. */
  readonly directory: string;
  /** Whether the figures are published, in docs/. */
  readonly publish: boolean;
  /** Tells how far it is. */
  readonly say: (text: string) => void;
}

const ROOT = join(import.meta.dirname, '../..');
/** Shorter ones say little of leaks: their figures are published only when that is asked for. */
const PUBLISHED_FROM_MINUTES = 60;

function positive(name: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!(value > 0)) throw new RangeError(`${name} must be a positive number, not ${text ?? ''}`);
  return value;
}

function optionOf(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(name);
  return at < 0 ? undefined : (args[at + 1] ?? '');
}

/**
 * Reads `--minutes N`, `--seed N` and `--publish`, and SOAK_MINUTES, SOAK_SEED, SOAK_CLIENTS and SOAK_DIR (artifacts/soak).
 * @throws RangeError for what is no positive number
 */
export function readSettings(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Settings {
  const minutes = positive('minutes', optionOf(args, '--minutes') ?? env['SOAK_MINUTES'], 60);
  const directory = env['SOAK_DIR'] ?? join(ROOT, 'artifacts/soak');
  mkdirSync(directory, { recursive: true });
  return {
    minutes,
    seed: positive('seed', optionOf(args, '--seed') ?? env['SOAK_SEED'], 1),
    clients: positive('SOAK_CLIENTS', env['SOAK_CLIENTS'], 10),
    studies: 14,
    main: [join(ROOT, 'dist/main.js')],
    directory,
    publish: minutes >= PUBLISHED_FROM_MINUTES || args.includes('--publish'),
    say: console.log,
  };
}
