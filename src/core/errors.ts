/**
 * Everything that can go wrong, told apart by who is at fault. Only `http/` knows status codes.
 *
 * The client asked wrongly; the peer answered wrongly; the peer did not answer; the peer is not there;
 * we are full; we are broken.
 */
export type GatewayErrorCode =
  // the client asked wrongly
  | 'bad-request'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'method-not-allowed'
  | 'conflict'
  | 'gone'
  | 'not-acceptable'
  | 'payload-too-large'
  | 'query-too-broad'
  | 'unsupported-media-type'
  | 'expectation-failed'
  | 'rate-limited'
  | 'not-implemented'
  // the peer is not there, or said no
  | 'peer-unreachable'
  | 'peer-busy'
  | 'peer-changed'
  | 'peer-rejected'
  | 'peer-unsupported'
  | 'peer-not-authorized'
  | 'peer-out-of-resources'
  // the peer answered wrongly, or not at all
  | 'peer-failed'
  | 'peer-aborted'
  | 'peer-protocol'
  | 'peer-timeout'
  | 'peer-incomplete'
  | 'peer-move-destination'
  | 'retrieve-pending'
  // the bytes are not what they claim to be
  | 'malformed-dataset'
  // they may be, and take longer to work on than they are given
  | 'transcode-timeout'
  // who tells whose a token is cannot be asked
  | 'identity-unavailable'
  // we are full, leaving or broken
  | 'overloaded'
  | 'reader-stalled'
  | 'shutting-down'
  | 'cancelled'
  | 'cache-failed'
  | 'internal';

export interface GatewayErrorDetails {
  /** Logged, never shown. */
  readonly cause?: unknown;
  /** Configured name of the peer. */
  readonly peer?: string;
  /** (0000,0900) as the peer sent it. */
  readonly dimseStatus?: number;
  readonly retryAfterSeconds?: number;
  /** How the client may say who it is, as `WWW-Authenticate` has it. @see RFC 9110 11.6.1 */
  readonly challenges?: readonly string[];
}

/** A failure with a stable code and a message that is safe to show: it never holds patient data. */
export class GatewayError extends Error {
  readonly code: GatewayErrorCode;
  readonly peer: string | undefined;
  readonly dimseStatus: number | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly challenges: readonly string[] | undefined;

  constructor(code: GatewayErrorCode, message: string, details: GatewayErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.peer = details.peer;
    this.dimseStatus = details.dimseStatus;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.challenges = details.challenges;
  }
}

/** Any thrown value as a `GatewayError`: itself, or `internal` with the value as its cause. */
export function toGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new GatewayError('cancelled', 'The request was cancelled.', { cause: thrown });
  }
  return new GatewayError('internal', 'The gateway failed.', { cause: thrown });
}

/** Why `signal` was aborted, as a `GatewayError`: its reason, or `cancelled`. */
export function abortReason(signal: AbortSignal): GatewayError {
  return signal.reason instanceof GatewayError
    ? signal.reason
    : new GatewayError('cancelled', 'The request was cancelled.', { cause: signal.reason });
}
