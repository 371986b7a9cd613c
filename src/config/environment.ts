import type { Leaf } from './leaf.js';

/** Environment variables, as `process.env` holds them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Raw values as a file holds them: no prototype, so that no name means more than it says. */
export type Tree = Record<string, unknown>;

const PREFIX = 'DICOMGW_';
/** `AE@host:port` of the one peer: enough to start. */
const ONE_PEER = 'DICOMGW_PEER';
const ONE_PEER_MEANS = 'DICOMGW_PEERS_MAIN_ADDRESS';

/** The variable of a key: `http.basePath` is `DICOMGW_HTTP_BASE_PATH`. */
export function variableOf(path: readonly string[]): string {
  return PREFIX + path.map(upperSnake).join('_');
}

function upperSnake(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9*]/g, '_')
    .toUpperCase();
}

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface Match {
  readonly leaf: Leaf;
  readonly path: readonly string[];
  /** The part that the user chose, such as a peer's name. */
  readonly chosen: string;
}

/** The key that a variable names, if it names `leaf`. */
function matchLeaf(variable: string, leaf: Leaf, file: Tree): Match | undefined {
  const [before = '', after] = variableOf(leaf.path).split('*');
  if (after === undefined) return variable === before ? { leaf, path: leaf.path, chosen: '' } : undefined;
  const chosen = variable.slice(before.length, variable.length - after.length);
  if (!variable.startsWith(before) || !variable.endsWith(after) || !/^[A-Z0-9]/.test(chosen))
    return undefined;
  const name = namedInFile(chosen, leaf, file) ?? chosen.toLowerCase().replaceAll('_', '-');
  return { leaf, path: leaf.path.map((part) => (part === '*' ? name : part)), chosen };
}

function namedInFile(chosen: string, leaf: Leaf, file: Tree): string | undefined {
  const entries = file[leaf.path[0] ?? ''];
  return isTree(entries) ? Object.keys(entries).find((name) => upperSnake(name) === chosen) : undefined;
}

/**
 * The key that a variable names.
 *
 * `_` separates both words and levels. Where a chosen name could end in more than one place, the place that makes it a
 * name of the file wins, else the one that makes it shortest.
 */
function matchVariable(variable: string, leaves: readonly Leaf[], file: Tree): Match | undefined {
  const matches = leaves
    .map((leaf) => matchLeaf(variable, leaf, file))
    .filter((match) => match !== undefined);
  matches.sort((a, b) => a.chosen.length - b.chosen.length);
  return matches.find(({ chosen, leaf }) => namedInFile(chosen, leaf, file) !== undefined) ?? matches[0];
}

function place(tree: Tree, path: readonly string[], value: unknown): void {
  let place = tree;
  for (const name of path.slice(0, -1)) {
    const next = place[name];
    const child: Tree = isTree(next) ? next : (Object.create(null) as Tree);
    place[name] = child;
    place = child;
  }
  place[path.at(-1) ?? ''] = value;
}

/** What the environment said beside the values it set. */
export interface Overlay {
  /** The variable that set a key, by the key's dotted path. */
  readonly origin: ReadonlyMap<string, string>;
  /** Variables that name no key. */
  readonly unknown: readonly string[];
}

/** Puts what the environment says into `tree`. A variable that is set to nothing counts as not set. */
export function overlayEnvironment(tree: Tree, environment: Environment, leaves: readonly Leaf[]): Overlay {
  const origin = new Map<string, string>();
  const unknown: string[] = [];
  for (const [variable, text] of Object.entries(environment).sort()) {
    if (!variable.startsWith(PREFIX) || text === undefined || text === '') continue;
    const match = matchVariable(variable === ONE_PEER ? ONE_PEER_MEANS : variable, leaves, tree);
    if (match === undefined) {
      unknown.push(variable);
      continue;
    }
    place(tree, match.path, match.leaf.fromText(text));
    origin.set(match.path.join('.'), variable);
  }
  return { origin, unknown };
}
