import { GatewayError } from '../core/index.js';
import { Tags, type Tag } from '../dicom/index.js';
import { isLevelless, levelOf, type AttributeLevel, type SearchLevel } from './attribute-level.js';
import { parseAttributePath, type AttributePath } from './attribute-path.js';
import { decodeLiteral } from './query-string.js';

/** What `includefield` asks to be returned. */
export interface IncludeFields {
  readonly includeFields: readonly (readonly Tag[])[];
  readonly includeAll: boolean;
}

const everything = 'all';
const depth: Readonly<Record<AttributeLevel, number>> = { PATIENT: 0, STUDY: 1, SERIES: 2, IMAGE: 3 };

/**
 * The attributes that the still encoded values of `includefield` name, without duplicates; lists may be joined by commas
 * that are encoded or not. Attributes of a level below `level` are left out, as the standard asks, and so is what
 * no C-FIND identifier can hold. `check` is called for every other attribute.
 *
 * @throws GatewayError `bad-request` for an unknown attribute, and for `all` together with another one.
 * @see PS3.18 8.3.4.3
 */
export function parseIncludeFields(
  rawValues: readonly string[],
  level: SearchLevel,
  check: (attribute: AttributePath) => void,
): IncludeFields {
  const names = rawValues.flatMap((raw) => decodeLiteral(raw).split(',')).filter((name) => name !== '');
  if (names.includes(everything)) {
    if (names.length === 1) return { includeFields: [], includeAll: true };
    throw new GatewayError('bad-request', 'The parameter "includefield" takes "all" only alone.');
  }
  const fields = new Map<string, readonly Tag[]>();
  for (const name of names) {
    const attribute = parseAttributePath(name);
    if (!isReturnable(attribute.path[0], level)) continue;
    check(attribute);
    fields.set(attribute.path.join('.'), attribute.path);
  }
  return { includeFields: [...fields.values()], includeAll: false };
}

function isReturnable(tag: Tag, level: SearchLevel): boolean {
  if (!isIdentifierTag(tag) || tag === Tags.QueryRetrieveLevel) return false;
  return isLevelless(tag) || depth[levelOf(tag)] <= depth[level];
}

/** Command and file meta elements and group lengths never stand in a dataset that is searched for. */
export function isIdentifierTag(tag: Tag): boolean {
  return tag >>> 16 >= 0x0008 && (tag & 0xffff) !== 0;
}
