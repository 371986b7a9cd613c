import type { GatewayErrorCode } from '../core/index.js';

/**
 * The status of every failure: the one place where codes become numbers. Adding a code without a status does not
 * compile.
 *
 * @see PS3.18 8.5, and the table of DIMSE events in docs/errors.md
 */
export const statusOf: Readonly<Record<GatewayErrorCode, number>> = {
  'bad-request': 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  'method-not-allowed': 405,
  'not-acceptable': 406,
  conflict: 409,
  gone: 410,
  'payload-too-large': 413,
  'query-too-broad': 413,
  'unsupported-media-type': 415,
  'expectation-failed': 417,
  'rate-limited': 429,
  'not-implemented': 501,
  'peer-unreachable': 503,
  'peer-busy': 503,
  'peer-changed': 503,
  'peer-rejected': 502,
  'peer-unsupported': 501,
  'peer-not-authorized': 403,
  'peer-out-of-resources': 503,
  'peer-failed': 502,
  'peer-aborted': 502,
  'peer-protocol': 502,
  'peer-timeout': 504,
  'peer-incomplete': 502,
  'peer-move-destination': 502,
  'retrieve-pending': 503,
  'malformed-dataset': 502,
  'transcode-timeout': 503,
  'identity-unavailable': 503,
  overloaded: 503,
  'reader-stalled': 503,
  'shutting-down': 503,
  cancelled: 499,
  'cache-failed': 500,
  internal: 500,
};

/** What a client that gets a 503 without a wait of its own is told, in seconds. */
export const defaultRetryAfterSeconds = 5;
