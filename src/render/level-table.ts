import type { StoredSamples } from './stored-samples.js';

/** From a stored value to a level. */
export type Level = (value: number) => number;

/** What decides about levels: the same text, the same levels. Undefined where that would take a long one. */
export type LevelKey = string | undefined;

/** The level of each byte or word that may hold a sample, whatever its other bits are. */
export type LevelTable = Uint8Array;

/**
 * Works out the level of every code once, and spreads them over all units of `unitBits` that hold it from `lowestBit` on.
 */
function makeTable(unitBits: number, lowestBit: number, stored: StoredSamples, level: Level): LevelTable {
  const codes = 2 ** stored.bits;
  const table = new Uint8Array(2 ** unitBits);
  const first = lowestBit === 0 ? table : new Uint8Array(codes);
  for (let code = 0; code < codes; code++) first[code] = level(stored.valueOf(code));
  if (lowestBit > 0)
    for (let unit = 0; unit < table.length; unit++)
      table[unit] = first[(unit >> lowestBit) & (codes - 1)] ?? 0;
  else for (let at = codes; at < table.length; at *= 2) table.copyWithin(at, 0, at);
  return table;
}

let latest: { readonly key: string; readonly table: LevelTable } | undefined;

/** The table of levels; the latest one is kept, for the slices of a series are mostly shown alike. */
export function levelTable(
  unitBits: number,
  { stored, lowestBit }: { readonly stored: StoredSamples; readonly lowestBit: number },
  level: Level,
  by: LevelKey,
): LevelTable {
  if (by === undefined) return makeTable(unitBits, lowestBit, stored, level);
  const key = `${unitBits} ${lowestBit} ${stored.bits} ${stored.isSigned} ${by}`;
  if (latest?.key !== key) latest = { key, table: makeTable(unitBits, lowestBit, stored, level) };
  return latest.table;
}
