import { GatewayError, type GatewayErrorCode } from '../core/index.js';

/**
 * What the end of an attempt says of the peer as a whole: it is there; it is not, or is silent; it broke off, which one
 * bad request or instance may have caused; or nothing, for the end was not its doing.
 */
export type PeerSign = 'alive' | 'gone' | 'suspect' | 'none';

const failures: ReadonlySet<GatewayErrorCode> = new Set([
  'peer-unreachable',
  'peer-timeout',
  'peer-aborted',
  'peer-protocol',
]);
/** It said no, or not now: it is there. */
const answers: ReadonlySet<GatewayErrorCode> = new Set([
  'peer-busy',
  'peer-changed',
  'peer-rejected',
  'peer-unsupported',
  'peer-not-authorized',
  'peer-out-of-resources',
  'peer-failed',
  'peer-incomplete',
  'peer-move-destination',
]);

/**
 * The sign of an association that could not be opened. A peer that was `heard` on another one meanwhile is there: it has
 * too much to do.
 */
export function openingSign({ code }: GatewayError, heard: boolean): PeerSign {
  if (failures.has(code)) return heard ? 'none' : 'gone';
  return answers.has(code) ? 'alive' : 'none';
}

/** The sign of an operation that ended in `error`, if in any; `heard` is whether the peer said anything to it. */
export function operationSign(error: unknown, heard: boolean): PeerSign {
  if (error === undefined) return heard ? 'alive' : 'none';
  if (!(error instanceof GatewayError)) return 'none';
  if (failures.has(error.code)) return error.code === 'peer-timeout' && !heard ? 'gone' : 'suspect';
  return answers.has(error.code) ? 'alive' : 'none';
}

/**
 * Whether an association that could not be opened beside others says that the peer has as many as it takes. Not all
 * peers reject it with a reason: some close the connection, some let it wait while they are `heard` on the others.
 */
export function saysFull({ code }: GatewayError, heard: boolean): boolean {
  return code === 'peer-busy' || code === 'peer-aborted' || (code === 'peer-unreachable' && heard);
}
