import { createRequire } from 'node:module';
import { parseAllDocuments } from 'yaml';

const require = createRequire(import.meta.url);

/** A Kubernetes object, as far as every one has it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly [key: string]: unknown;
}

/** The objects of a file, those that are comments alone left out. */
export const readManifests = (text: string): readonly Manifest[] =>
  parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors;
    if (error) throw error;
    const value = document.toJS() as Manifest | null;
    return value === null ? [] : [value];
  });

/** What no schema of Kubernetes has. */
const WITHOUT_SCHEMA = ['monitoring.coreos.com/v1'];

interface Model {
  validate(): void;
}

/** The class that knows the schema of a kind. @throws Error when Kubernetes has no such kind */
function modelOf({ apiVersion, kind }: Manifest): { readonly prototype: Model } {
  const exports = require(`kubernetes-models/${apiVersion}/${kind}`) as Record<
    string,
    { readonly prototype: Model }
  >;
  const model = exports[kind];
  if (!model) throw new Error(`no schema for ${apiVersion} ${kind}`);
  return model;
}

/** Watches what is read of a value: whoever checks it reads every property that it knows, and no other. */
function watched<T>(value: T, path: string, unread: Set<string>): T {
  if (typeof value !== 'object' || value === null) return value;
  const at = (key: string): string => `${path}.${key}`;
  const children = new Map<PropertyKey, unknown>();
  for (const key of Object.keys(value)) {
    unread.add(at(key));
    children.set(key, watched((value as Record<string, unknown>)[key], at(key), unread));
  }
  return new Proxy(value, {
    get(target, key) {
      if (typeof key === 'string') unread.delete(at(key));
      return children.has(key) ? children.get(key) : Reflect.get(target, key);
    },
  });
}

/** Whether `path` lies below one that nobody has read either: then that one is what is wrong. */
const isBelow = (path: string, others: ReadonlySet<string>): boolean =>
  [...path.matchAll(/\./g)].some(({ index }) => others.has(path.slice(0, index)));

/** What Kubernetes would refuse or, worse, silently drop of an object: empty when it is right. */
export function wrongWith(manifest: Manifest): readonly string[] {
  if (WITHOUT_SCHEMA.includes(manifest.apiVersion)) return [];
  const unread = new Set<string>();
  const model = modelOf(manifest);
  const name = `${manifest.kind} ${manifest.metadata.name}`;
  try {
    // The class itself would copy what it is given, which reads everything.
    model.prototype.validate.call(watched(manifest, name, unread));
  } catch (thrown) {
    return [`${name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`];
  }
  return [...unread].filter((path) => !isBelow(path, unread)).map((path) => `${path}: unknown`);
}
