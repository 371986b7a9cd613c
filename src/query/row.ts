/** What a row of a C-FIND answer must have to be one. */
import { GatewayError } from '../core/index.js';
import type { Dataset } from '../dicom/index.js';
import { uniqueKeyTags, type QueryLevel } from './levels.js';

/**
 * The UID that a row of `level` is about; `undefined` when it has none. Rows of one search with the same key are one
 * entity: some peers answer once per instance at every level.
 */
export function uniqueKey(level: QueryLevel, row: Dataset): string | undefined {
  return row.string(uniqueKeyTags[level]);
}

/**
 * The UID that a row is about, whatever Query/Retrieve Level the row claims: a row that names its entity can be used,
 * one that does not can neither be shown nor left out unnoticed.
 *
 * @throws GatewayError `peer-protocol` for a row without its unique key.
 * @see PS3.4 C.4.1.1.3.2
 */
export function requireUniqueKey(level: QueryLevel, row: Dataset): string {
  const uid = uniqueKey(level, row);
  if (uid === undefined) {
    throw new GatewayError(
      'peer-protocol',
      `The peer answered a ${level} level query without the unique key of that level.`,
    );
  }
  return uid;
}
