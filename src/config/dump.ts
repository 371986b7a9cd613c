import { stringify } from 'yaml';
import { isTree, variableOf, type Tree } from './environment.js';
import { leavesOf, type Leaf } from './leaf.js';
import type { Config } from './load.js';
import { configSchema } from './schema.js';

/** What stands in place of a secret. */
const REDACTED = '<redacted>';

/**
 * YAML of the effective configuration, which `loadConfig` reads back to the same value; secrets are redacted.
 */
export function dumpConfig(config: Config): string {
  return stringify(writable(config, [...leavesOf(configSchema)]), { lineWidth: 0 });
}

/** A value of the schema as it stands in a file. */
export function writable(value: object, leaves: readonly Leaf[]): Tree {
  const written = Object.create(null) as Tree;
  for (const [name, entry] of Object.entries(value)) {
    const below = leaves
      .filter(({ path }) => path[0] === name || path[0] === '*')
      .map((leaf) => ({ ...leaf, path: leaf.path.slice(1) }));
    const [leaf] = below;
    written[name] =
      leaf?.path.length === 0
        ? leaf.secret
          ? REDACTED
          : leaf.write(entry)
        : isTree(entry)
          ? writable(entry, below)
          : entry;
  }
  return written;
}

/** A key of the configuration, for people. */
export interface ConfigKey {
  /** Dotted path; `*` stands for a peer's name. */
  readonly key: string;
  /** What it takes. */
  readonly type: string;
  /** As one would write it; undefined when the key has none. */
  readonly default: string | undefined;
  readonly description: string;
  readonly required: boolean;
  /** The environment variable that sets it. */
  readonly variable: string;
}

/** Every key of the configuration, from the schema itself, in its order. */
export function configReference(): readonly ConfigKey[] {
  return [...leavesOf(configSchema)].map(({ path, takes, preset, description, required }) => ({
    key: path.join('.'),
    type: takes,
    default: preset === undefined ? undefined : formatDefault(preset),
    description,
    required,
    variable: variableOf(path).replace('*', '{NAME}'),
  }));
}

function formatDefault(preset: unknown): string {
  return Array.isArray(preset) ? `[${preset.join(', ')}]` : String(preset);
}
