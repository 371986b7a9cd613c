import { LineCounter, parseDocument } from 'yaml';
import { isTree, type Tree } from './environment.js';

/** A configuration of a hundred peers is some 100 KiB. */
const MAX_TEXT = 2 ** 20;
/** Anchors are a convenience for a handful of peers alike; a thousand of them are an attack. */
const MAX_ALIASES = 100;
const MAX_DEPTH = 20;

/** The raw values of a YAML text, or what is wrong with it. */
export function readFile(text: string): { readonly tree: Tree; readonly problems: readonly string[] } {
  const empty = (): Tree => Object.create(null) as Tree;
  if (text.length > MAX_TEXT) return { tree: empty(), problems: ['The file is larger than 1 MiB.'] };
  const lines = new LineCounter();
  const document = parseDocument(text, {
    schema: 'core',
    customTags: [],
    merge: false,
    uniqueKeys: true,
    stringKeys: true,
    prettyErrors: false,
    lineCounter: lines,
  });
  // A tag that is not part of YAML's core schema is a warning to the parser; a value that is not what it says is none here.
  const complaints = [...document.errors, ...document.warnings];
  if (complaints.length > 0) {
    const problems = complaints.map(({ message, pos }) => `line ${lines.linePos(pos[0]).line}: ${message}`);
    return { tree: empty(), problems: problems.slice(0, 20) };
  }
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    if (value === null || value === undefined) return { tree: empty(), problems: [] };
    if (!isTree(value)) return { tree: empty(), problems: ['The file is not a list of keys and values.'] };
    return { tree: withoutNulls(value, 0), problems: [] };
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unreadable';
    return { tree: empty(), problems: [`The file cannot be read: ${reason}.`] };
  }
}

/** A copy without prototypes and without keys that have nothing after them: those count as left out. */
function withoutNulls(tree: Tree, depth: number): Tree {
  if (depth > MAX_DEPTH) throw new RangeError('nested too deeply');
  const copy = Object.create(null) as Tree;
  for (const [name, value] of Object.entries(tree)) {
    if (value === null) continue;
    copy[name] = isTree(value) ? withoutNulls(value, depth + 1) : value;
  }
  return copy;
}
