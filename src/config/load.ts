import { ConfigError } from './config-error.js';
import { isTree, overlayEnvironment, type Environment, type Overlay } from './environment.js';
import { readFile } from './file.js';
import { leavesOf, namesUnder } from './leaf.js';
import { brokenRules, defaultPeerOf } from './rules.js';
import { configSchema, type ParsedConfig } from './schema.js';

type DeepReadonly<T> = T extends readonly unknown[]
  ? Readonly<T>
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

/** The effective configuration: every default filled in, deeply frozen; times in milliseconds, sizes in bytes. */
export type Config = DeepReadonly<Omit<ParsedConfig, 'defaultPeer'>> & {
  /** The peer or group behind `http.basePath`; always a key of `peers` or of `groups`. */
  readonly defaultPeer: string;
};

/** One peer of the configuration. */
export type PeerConfig = Config['peers'][string];

/** Where a configuration comes from. */
export interface ConfigSources {
  /** The YAML text of the configuration file. */
  readonly file?: string;
  /** Usually `process.env`; the variables that begin with `DICOMGW_` count, above the file. */
  readonly env: Environment;
}

interface Issue {
  readonly code: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

/**
 * The configuration that a file and the environment give together.
 * @throws ConfigError that lists every problem with the path of its key and what it takes
 */
export function loadConfig({ file = '', env }: ConfigSources): Config {
  const { tree, problems } = readFile(file);
  if (problems.length > 0) throw new ConfigError(problems);
  const overlay = overlayEnvironment(tree, env, [...leavesOf(configSchema)]);
  const strangers = overlay.unknown.map((variable) => `${variable}: names no key of the configuration`);
  const result = configSchema.safeParse(tree);
  if (!result.success) {
    const issues: readonly Issue[] = result.error.issues;
    throw new ConfigError([...strangers, ...issues.flatMap((issue) => describe(issue, overlay))]);
  }
  const parsed = result.data;
  const { store, access, console } = tree;
  const named = [
    ...ownNames('peers', 'peer', tree['peers'], parsed.peers),
    ...ownNames('groups', 'group', tree['groups'], parsed.groups),
    ...ownNames('store.coercions', 'rule', isTree(store) ? store['coercions'] : {}, parsed.store.coercions),
    ...(['roles', 'issuers', 'users', 'tokens', 'certificates'] as const).flatMap((group) =>
      ownNames(`access.${group}`, 'entry', isTree(access) ? access[group] : {}, parsed.access[group]),
    ),
    ...ownNames(
      'console.viewers',
      'viewer',
      isTree(console) ? console['viewers'] : {},
      parsed.console.viewers,
    ),
  ];
  const broken = [...strangers, ...named, ...brokenRules(parsed)];
  const defaultPeer = defaultPeerOf(parsed);
  if (broken.length > 0 || defaultPeer === undefined) throw new ConfigError(broken);
  return freeze({ ...parsed, defaultPeer });
}

function describe({ code, path, message, keys }: Issue, { origin }: Overlay): string[] {
  const dotted = path.map(String).join('.');
  if (code === 'unrecognized_keys') {
    const takes = (namesUnder(configSchema, path) ?? []).join(', ');
    return (keys ?? []).map(
      (name) => `${dotted === '' ? name : `${dotted}.${name}`}: unknown key; here are ${takes}`,
    );
  }
  const variable = origin.get(dotted);
  const from = variable === undefined ? '' : ` (${variable})`;
  const names = namesUnder(configSchema, path);
  const sentence =
    code === 'custom' ? message : `takes a group of keys${names ? `: ${names.join(', ')}` : ''}`;
  return [`${dotted}${from}: ${sentence}`];
}

/** Names that the schema library passes over in silence, `__proto__` being one. */
function ownNames(path: string, what: string, given: unknown, taken: object): string[] {
  const names = isTree(given) ? Object.keys(given) : [];
  return names
    .filter((name) => !Object.hasOwn(taken, name))
    .map((name) => `${path}.${name}: is no name for a ${what}`);
}

/** Freezes a value and all that is in it; objects lose their prototype, so that a lookup by name finds only entries. */
function freeze<T>(value: T): T {
  if (Array.isArray(value)) return Object.freeze(value.map(freeze)) as T;
  if (!isTree(value)) return value;
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [name, entry] of Object.entries(value)) copy[name] = freeze(entry);
  return Object.freeze(copy) as T;
}
