import { GatewayError } from '../core/index.js';
import { decodeLiteral, splitQuery } from './query-string.js';

/** The parameters of a query of which each may stand there once. */
export interface SingleValues {
  /** Decoded, by name; those that are known and no others. */
  readonly values: ReadonlyMap<string, string>;
  /** Names that mean nothing here. @see PS3.18 8.3 (H-02) */
  readonly unknown: readonly string[];
}

/**
 * Reads the parameters `known` of an undecoded query without its question mark; a `+` stays one.
 *
 * @throws GatewayError `bad-request` for one that is given twice, or a query that cannot be read
 */
export function singleValues(rawQuery: string, known: ReadonlySet<string>): SingleValues {
  const values = new Map<string, string>();
  const unknown = new Set<string>();
  for (const { name, rawValue } of splitQuery(rawQuery)) {
    if (!known.has(name)) {
      unknown.add(name);
      continue;
    }
    if (values.has(name)) throw new GatewayError('bad-request', `The parameter "${name}" is given twice.`);
    values.set(name, decodeLiteral(rawValue));
  }
  return { values, unknown: [...unknown] };
}

/** What a client is told whose parameters were not all understood: with a name mistyped it gets another picture. */
export function unknownWarnings(unknown: readonly string[]): readonly string[] {
  return unknown.length === 0
    ? []
    : [`Parameters that are not known here were ignored: ${unknown.slice(0, 8).join(', ')}.`];
}
