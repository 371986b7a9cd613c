import { GatewayError, type GatewayErrorCode } from '../core/index.js';

/** DIMSE statuses that the code names. @see PS3.7 annex C, PS3.4 B.2.3, C.4 */
export const Statuses = {
  success: 0x0000,
  processingFailure: 0x0110,
  noSuchEventType: 0x0113,
  invalidArgument: 0x0115,
  noSuchSopClass: 0x0118,
  sopClassNotSupported: 0x0122,
  notAuthorized: 0x0124,
  unrecognizedOperation: 0x0211,
  outOfResources: 0xa700,
  subOperationsFailed: 0xa702,
  identifierMismatch: 0xa900,
  transferSyntaxNotSupported: 0xc122,
  cancel: 0xfe00,
} as const;

export type StatusCategory = 'success' | 'pending' | 'cancel' | 'warning' | 'failure';

const PENDING = new Set([0xff00, 0xff01]);
const GENERAL_WARNINGS = new Set([0x0001, 0x0107, 0x0116]);

/** What kind of status it is. @see PS3.7 C.1 to C.4 */
export function statusCategory(status: number): StatusCategory {
  if (status === Statuses.success) return 'success';
  if (PENDING.has(status)) return 'pending';
  if (status === Statuses.cancel) return 'cancel';
  return status >> 12 === 0xb || GENERAL_WARNINGS.has(status) ? 'warning' : 'failure';
}

const failures: Readonly<Record<number, readonly [code: GatewayErrorCode, text: string]>> = {
  0x0112: ['peer-unsupported', 'it does not have the instance that stands for the service'],
  0x0118: ['peer-unsupported', 'it does not support the service'],
  0x0122: ['peer-unsupported', 'it does not support the service'],
  0x0123: ['peer-unsupported', 'it does not support the action'],
  0x0211: ['peer-unsupported', 'it does not support the operation'],
  0x0124: ['peer-not-authorized', 'it does not allow this gateway to do that'],
  0x0213: ['peer-out-of-resources', 'it is out of resources'],
  0xa700: ['peer-out-of-resources', 'it is out of resources'],
  0xa701: ['peer-out-of-resources', 'it could not count the matches'],
  0xa702: ['peer-out-of-resources', 'it could not send the instances'],
  0xa801: [
    'peer-move-destination',
    'it does not know the AE title of this gateway as a move destination: enter it with its address',
  ],
};

/** A failure status as an error. The peer's own words stay out: they may name patients. */
export function statusError(operation: string, status: number, peer: string): GatewayError {
  const [code, text] = failures[status] ?? ['peer-failed' as const, 'it failed'];
  const hex = status.toString(16).toUpperCase().padStart(4, '0');
  const message = `The peer refused the ${operation}: ${text} (status ${hex}).`;
  return new GatewayError(code, message, { peer, dimseStatus: status });
}
