import type { GatewayError } from '../core/index.js';
import type { Part10Meta } from '../dicom/index.js';
import type { FailedInstance, StoredInstance } from '../dicomweb/index.js';

/** What became of one instance, or of one part that is none. */
export type PartResult =
  | { readonly kind: 'stored'; readonly instance: StoredInstance }
  | {
      readonly kind: 'failed';
      readonly instance: FailedInstance;
      readonly error?: GatewayError;
      /** Some of it was on its way to the peer: whether that has it nobody knows. */
      readonly isBrokenOff?: boolean;
    };

/** Failure reasons of (0008,1197). @see PS3.18 10.5.3 and PS3.4 Table B.2-1 */
export const Reason = {
  /** Refused: not authorized. @see PS3.7 C.5.8 */
  notAuthorized: 0x0124,
  processingFailure: 0x0110,
  outOfResources: 0xa700,
  doesNotMatch: 0xa900,
  cannotUnderstand: 0xc000,
} as const;

/** Reasons for which nothing that follows on this peer can fare better. */
export const UNAVAILABLE: ReadonlySet<string> = new Set<string>([
  'peer-unreachable',
  'peer-busy',
  'peer-out-of-resources',
  'overloaded',
  'shutting-down',
]);

const NOT_UNDERSTOOD: ReadonlySet<string> = new Set<string>(['malformed-dataset', 'bad-request']);

/** What stops an instance on this side of the peer for a reason of its own, which its sender can do something about. */
const TOLD: ReadonlySet<string> = new Set<string>([
  ...NOT_UNDERSTOOD,
  'unsupported-media-type',
  'payload-too-large',
  'forbidden',
]);

/** The reason for what stopped a part on this side of the peer. */
export function reasonOf(error: GatewayError | undefined): number {
  if (error === undefined || NOT_UNDERSTOOD.has(error.code)) return Reason.cannotUnderstand;
  return UNAVAILABLE.has(error.code) ? Reason.outOfResources : Reason.processingFailure;
}

/** Warnings of PS3.7 annex C that are not Bxxx: an attribute list error, and a value out of range. */
const GENERAL_WARNINGS: ReadonlySet<number> = new Set([0x0001, 0x0107, 0x0116]);

/** Whether a C-STORE status says that the instance is stored, but not as it was sent. @see PS3.7 C.4, PS3.4 B.2.3 */
export const isWarning = (status: number): boolean =>
  (status & 0xf000) === 0xb000 || GENERAL_WARNINGS.has(status);

/** The failure of what is, or was to be, the instance of `meta`; of no instance where that is not known. */
export function failure(
  meta: Partial<Part10Meta> | undefined,
  failureReason: number,
  error?: GatewayError,
): Extract<PartResult, { kind: 'failed' }> {
  const { sopClassUid, sopInstanceUid } = meta ?? {};
  const uids =
    sopClassUid === undefined || sopInstanceUid === undefined ? {} : { sopClassUid, sopInstanceUid };
  const why = error && TOLD.has(error.code) ? { why: error.message } : {};
  return { kind: 'failed', instance: { ...uids, failureReason, ...why }, ...(error ? { error } : {}) };
}
