import type { AssociateAccept, AssociateRequest, ContextResult } from './pdu.js';
import { answerRoles } from './storage-scp-contexts.js';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from './uids.js';

/** What an association is accepted with, beside its presentation contexts. */
interface Terms {
  readonly maxPduLength: number;
  /** Reports of storage commitment are taken on it. */
  readonly takesEvents: boolean;
  /** The requestor wants to hear that its identity was taken. */
  readonly confirms: boolean;
}

/** The A-ASSOCIATE-AC of the storage SCP. @see PS3.8 9.3.3 */
export function acceptOf(
  request: AssociateRequest,
  contexts: readonly ContextResult[],
  { maxPduLength, takesEvents, confirms }: Terms,
): AssociateAccept {
  return {
    kind: 'associate-accept',
    calledAeTitle: request.calledAeTitle,
    callingAeTitle: request.callingAeTitle,
    contexts,
    user: {
      maxPduLength,
      implementationClassUid: IMPLEMENTATION_CLASS_UID,
      implementationVersionName: IMPLEMENTATION_VERSION_NAME,
      roles: answerRoles(request.user.roles, takesEvents),
      extendedNegotiations: [],
      ...(confirms && { userIdentityResponse: Buffer.alloc(0) }),
    },
  };
}
