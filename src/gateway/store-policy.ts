import { isArchivedUid, type Part10Meta } from '../dicom/index.js';
import type { CoercionRule } from './coercion-rules.js';
import type { OutgoingInstance } from './outgoing-instance.js';

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

/** What is wrong with how an instance is named, where it is to be of `study`; undefined when nothing is. @see rule S-07 */
export function mismatchIn(
  { meta, uids }: Pick<OutgoingInstance, 'meta' | 'uids'>,
  study: string | undefined,
): string | undefined {
  const { studyInstanceUid, seriesInstanceUid } = uids;
  for (const [name, uid] of [
    ['SOP Class UID', meta.sopClassUid],
    ['SOP Instance UID', meta.sopInstanceUid],
    ['Study Instance UID', studyInstanceUid],
    ['Series Instance UID', seriesInstanceUid],
  ] as const) {
    if (uid === undefined) return `It has no ${name}.`;
    if (!isArchivedUid(uid)) return `Its ${name} is none that an archive could keep.`;
  }
  if (uids.sopInstanceUid !== meta.sopInstanceUid || uids.sopClassUid !== meta.sopClassUid)
    return 'Its File Meta Information and its dataset name different instances or SOP classes.';
  return study === undefined || study === studyInstanceUid
    ? undefined
    : 'It is of another study than that of the URL.';
}
