import { APPLICATION_CONTEXT, type AssociateRequest } from './pdu.js';
import type { InboundCaller, InboundHost } from './storage-scp-host.js';
import { Rejections, type Rejection } from './storage-scp-rejections.js';

/** The other end of a connection. */
export interface Connected {
  /** Its address. */
  readonly remote: string;
  /** Fingerprint of its certificate. */
  readonly certificate: string | undefined;
}

/** Who asks for an association, as far as its place is concerned. */
export const callerOf = (
  { callingAeTitle }: AssociateRequest,
  { remote }: Connected,
  { callers }: Pick<InboundHost, 'callers'>,
): InboundCaller => ({ remote, isKnown: callers.peersOf(callingAeTitle).length > 0 });

/** Why an association is not accepted, whoever it is for; undefined if it may be. @see PS3.8 table 9-21 */
export function judge(
  request: AssociateRequest,
  connected: Connected,
  host: Pick<InboundHost, 'aeTitle' | 'callers' | 'refuses'>,
): Rejection | undefined {
  if (((request.protocolVersion ?? 1) & 1) === 0) return Rejections.protocolVersion;
  if (request.applicationContext !== APPLICATION_CONTEXT) return Rejections.applicationContext;
  if (request.calledAeTitle !== host.aeTitle) return Rejections.calledAeTitle;
  const rejection = host.callers.judge({ aeTitle: request.callingAeTitle, ...connected });
  if (rejection) return rejection;
  const refusal = host.refuses(callerOf(request, connected, host));
  return refusal && Rejections[refusal];
}
