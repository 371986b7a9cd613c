import type { Part10Meta } from '../dicom/index.js';
import type { CoercionRule } from './coercion-rules.js';

/** What the operator lets be stored. */
export interface StorePolicy {
  /** Nothing at all if not. */
  readonly enabled: boolean;
  /** UIDs of SOP classes, or how they begin where they end in `.*`; all when left out. */
  readonly allowedSopClasses: readonly string[] | undefined;
  readonly deniedSopClasses: readonly string[];
  /** What is changed of instances, in the order in which it counts. */
  readonly coercions: readonly CoercionRule[];
  /** Who says in them that they were changed. */
  readonly modifyingSystem: string;
}

/** Refused: SOP class not supported. @see PS3.7 C.5.6 */
const SOP_CLASS_NOT_SUPPORTED = 0x0122;

/** The failure reason of an instance that may not be stored; undefined for one that may. */
export function refusalOf(
  { allowedSopClasses, deniedSopClasses }: StorePolicy,
  { sopClassUid }: Part10Meta,
): number | undefined {
  const isAllowed = allowedSopClasses === undefined || holds(allowedSopClasses, sopClassUid);
  return isAllowed && !holds(deniedSopClasses, sopClassUid) ? undefined : SOP_CLASS_NOT_SUPPORTED;
}

const holds = (patterns: readonly string[], uid: string): boolean =>
  patterns.some((pattern) =>
    pattern.endsWith('.*') ? uid.startsWith(pattern.slice(0, -1)) : uid === pattern,
  );
