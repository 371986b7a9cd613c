import { z } from 'zod';
import { keyInfo, type KeyInfo } from './kind.js';

/** A key of the schema with its place in it. */
export interface Leaf extends KeyInfo {
  /** `*` stands for the name of an entry that the user chooses, such as a peer's. */
  readonly path: readonly string[];
  /** As one would write it; undefined when the key has none. */
  readonly preset: unknown;
  readonly required: boolean;
}

interface Unwrapped {
  readonly schema: unknown;
  readonly preset: unknown;
  readonly required: boolean;
}

function unwrap(schema: unknown): Unwrapped {
  if (schema instanceof z.ZodPrefault) {
    return { schema: schema.def.innerType, preset: schema.def.defaultValue, required: false };
  }
  if (schema instanceof z.ZodExactOptional)
    return { schema: schema.def.innerType, preset: undefined, required: false };
  return { schema, preset: undefined, required: true };
}

/** The keys of `schema`, in the order in which it names them. */
export function* leavesOf(schema: unknown, path: readonly string[] = []): Generator<Leaf> {
  const { schema: inner, preset, required } = unwrap(schema);
  if (inner instanceof z.ZodObject) {
    const shape = inner.shape as Readonly<Record<string, unknown>>;
    for (const [name, child] of Object.entries(shape)) yield* leavesOf(child, [...path, name]);
  } else if (inner instanceof z.ZodRecord) {
    yield* leavesOf(inner.def.valueType, [...path, '*']);
  } else if (inner instanceof z.ZodPipe) {
    const info = keyInfo.get(inner);
    if (info) yield { ...info, path, preset, required };
  }
}

/** The names that may stand directly under `path`; undefined when the user chooses them. */
export function namesUnder(schema: unknown, path: readonly PropertyKey[]): readonly string[] | undefined {
  const { schema: inner } = unwrap(schema);
  const [first, ...rest] = path;
  if (inner instanceof z.ZodRecord)
    return first === undefined ? undefined : namesUnder(inner.def.valueType, rest);
  if (!(inner instanceof z.ZodObject)) return undefined;
  const shape = inner.shape as Readonly<Record<string, unknown>>;
  return first === undefined ? Object.keys(shape) : namesUnder(shape[String(first)], rest);
}
