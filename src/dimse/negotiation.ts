import { GatewayError, type AeAddress } from '../core/index.js';
import { negotiatedOptions, type NegotiatedOptions } from './extended-negotiation.js';
import type { ExtendedNegotiation, RoleSelection, UserInformation } from './pdu-items.js';
import {
  ContextResults,
  type AssociateAccept,
  type AssociateReject,
  type AssociateRequest,
  type ContextProposal,
} from './pdu.js';
import { isInForce } from './query-roots.js';
import type { UserIdentity } from './user-identity.js';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from './uids.js';

/** What an association is opened for. Associations of the same signature stand in for each other. */
export interface ContextSet {
  readonly signature: string;
  /** 128 at most; ids are given in this order. */
  readonly contexts: readonly Omit<ContextProposal, 'id'>[];
  readonly roles?: readonly RoleSelection[];
  readonly extendedNegotiations?: readonly ExtendedNegotiation[];
  /** Most C-STOREs under way at one time that are proposed; one when left out. @see PS3.7 D.3.3.3 */
  readonly storesAtOnce?: number;
  /** How long an association of this kind is kept open unused; as configured for the peer when left out. */
  readonly idleMs?: number;
}

/** The same contexts for a peer that cannot bear extended negotiation. */
export function withoutNegotiation({ extendedNegotiations: _left, ...others }: ContextSet): ContextSet {
  return others;
}

/** A presentation context that messages can use. */
export interface AcceptedContext {
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntaxUid: string;
}

/** What an acceptor said of a proposed presentation context. */
export interface ContextOutcome {
  readonly abstractSyntax: string;
  /** See `ContextResults`. */
  readonly result: number;
  /** Of one that was accepted. */
  readonly transferSyntaxUid?: string;
}

/** One more id there is not: they are odd bytes. @see PS3.8 9.3.2.2 */
export const MAX_CONTEXTS = 128;

/** The A-ASSOCIATE-RQ for a context set. */
export function associateRequest(
  names: { readonly address: AeAddress; readonly callingAeTitle: string; readonly maxPduLength: number },
  contextSet: ContextSet,
  userIdentity?: UserIdentity,
): AssociateRequest {
  return {
    kind: 'associate-request',
    calledAeTitle: names.address.aeTitle,
    callingAeTitle: names.callingAeTitle,
    contexts: contextSet.contexts
      .slice(0, MAX_CONTEXTS)
      .map((context, index) => ({ id: 2 * index + 1, ...context })),
    user: {
      maxPduLength: names.maxPduLength,
      implementationClassUid: IMPLEMENTATION_CLASS_UID,
      implementationVersionName: IMPLEMENTATION_VERSION_NAME,
      ...proposedWindow(contextSet),
      roles: contextSet.roles ?? [],
      extendedNegotiations: contextSet.extendedNegotiations ?? [],
      ...(userIdentity && { userIdentity }),
    },
  };
}

/** The gateway performs nothing asynchronously. */
const proposedWindow = ({ storesAtOnce: invoked = 1 }: ContextSet): Pick<UserInformation, 'asyncWindow'> =>
  invoked > 1 ? { asyncWindow: { invoked, performed: 1 } } : {};

/** How many operations may be outstanding: what both want, where 0 is any number, and one where a side is silent. */
function storesAtOnce(asked: UserInformation, answered: UserInformation): number {
  const [proposed, accepted] = [asked, answered].map(({ asyncWindow }) => asyncWindow?.invoked ?? 1);
  return Math.min(proposed ?? 1, accepted === 0 ? Infinity : (accepted ?? 1));
}

/** What came of each proposed context. */
export class NegotiatedContexts {
  readonly accepted: readonly AcceptedContext[];
  readonly #proposals: readonly ContextProposal[];
  readonly #results: ReadonlyMap<number, number>;

  /** @throws GatewayError `peer-protocol` when the answer does not fit the request */
  constructor(request: AssociateRequest, accept: AssociateAccept) {
    this.#proposals = request.contexts;
    const proposals = new Map(request.contexts.map((proposal) => [proposal.id, proposal]));
    const accepted: AcceptedContext[] = [];
    const results = new Map<number, number>();
    for (const { id, result, transferSyntax } of accept.contexts) {
      const proposal = proposals.get(id);
      if (!proposal || results.has(id)) throw violation(`an answer for presentation context ${id}`);
      results.set(id, result);
      if (result !== ContextResults.accepted) continue;
      if (!proposal.transferSyntaxes.includes(transferSyntax)) throw violation('a transfer syntax');
      accepted.push({ id, abstractSyntax: proposal.abstractSyntax, transferSyntaxUid: transferSyntax });
    }
    this.accepted = accepted;
    this.#results = results;
  }

  /** The first accepted context of an abstract syntax, in a transfer syntax if one is named. */
  find(abstractSyntax: string, transferSyntaxUid?: string): AcceptedContext | undefined {
    return this.accepted.find(
      (context) =>
        context.abstractSyntax === abstractSyntax &&
        (transferSyntaxUid === undefined || context.transferSyntaxUid === transferSyntaxUid),
    );
  }

  /**
   * Transfer syntaxes that were proposed and accepted for no SOP class, although the peer accepts others of these SOP
   * classes: a SOP class that it refuses as a whole says nothing of them.
   */
  get refusedTransferSyntaxes(): readonly string[] {
    const classes = new Set(this.accepted.map(({ abstractSyntax }) => abstractSyntax));
    const taken = new Set(this.accepted.map(({ transferSyntaxUid }) => transferSyntaxUid));
    const refused = this.#proposals.filter(
      ({ id, abstractSyntax }) =>
        this.#results.get(id) !== ContextResults.accepted && classes.has(abstractSyntax),
    );
    return [...new Set(refused.flatMap(({ transferSyntaxes }) => transferSyntaxes))].filter(
      (uid) => !taken.has(uid),
    );
  }

  /** What came of each proposal, in their order. */
  get outcomes(): readonly ContextOutcome[] {
    return this.#proposals.map(({ id, abstractSyntax }) => {
      const taken = this.accepted.find((context) => context.id === id);
      return {
        abstractSyntax,
        result: this.#results.get(id) ?? ContextResults.noReason,
        ...(taken && { transferSyntaxUid: taken.transferSyntaxUid }),
      };
    });
  }

  /** Why the first context of an abstract syntax was refused: see `ContextResults`; no answer counts as "no reason". */
  refusal(abstractSyntax: string): number {
    const proposal = this.#proposals.find((context) => context.abstractSyntax === abstractSyntax);
    return this.#results.get(proposal?.id ?? 0) ?? ContextResults.noReason;
  }
}

/** What two application entities agreed on. */
export interface Negotiation {
  readonly contexts: NegotiatedContexts;
  /** What the acceptor said of itself. */
  readonly user: UserInformation;
  readonly options: NegotiatedOptions;
  /** Most C-STOREs that may be under way at one time. */
  readonly storesAtOnce: number;
}

/**
 * @throws GatewayError `peer-protocol` when the answer does not fit the request, `peer-rejected` when the identity was
 *   not confirmed as it was asked to be
 */
export function negotiationOf(
  request: AssociateRequest,
  accept: AssociateAccept,
  peer?: string,
): Negotiation {
  checkConfirmation(request, accept, peer);
  const { user } = accept;
  const contexts = new NegotiatedContexts(request, accept);
  const proposed = request.user.extendedNegotiations.filter(({ sopClassUid }) =>
    isInForce(sopClassUid, contexts),
  );
  return {
    contexts,
    user,
    options: negotiatedOptions(proposed, user.extendedNegotiations),
    storesAtOnce: storesAtOnce(request.user, user),
  };
}

/** What is wrong is named, and it is not what was proposed. */
const namedReasons = ['1.2', '1.3', '1.7', '2.2'];

/**
 * Whether an acceptor that was asked to confirm the identity did.
 * @throws GatewayError `peer-rejected`
 * @see PS3.7 D.3.3.7
 */
function checkConfirmation(
  { user: asked }: AssociateRequest,
  { user }: AssociateAccept,
  peer: string | undefined,
): void {
  if (!asked.userIdentity?.responseRequested || user.userIdentityResponse) return;
  const message =
    'The peer did not confirm the user identity: perhaps it does not know user identities at all.';
  throw new GatewayError('peer-rejected', message, {
    ...(peer !== undefined && { peer }),
    cause: new Unconfirmed('no sub-item 59H'),
  });
}

/** The cause of an error where what was asked of the identity did not come. */
class Unconfirmed extends Error {}

/** Whether an association may have been refused for what was proposed in it: the peer gave no reason, or broke off. */
export function mayBeProposal({ code, cause }: GatewayError): boolean {
  if (code !== 'peer-rejected') return code === 'peer-aborted';
  if (cause instanceof Unconfirmed) return false;
  return !(cause instanceof Rejection && namedReasons.includes(cause.reason));
}

/** An A-ASSOCIATE-RJ, as the cause of an error. */
class Rejection extends Error {
  /** Source and reason. */
  readonly reason: string;

  constructor(reason: string) {
    super(`A-ASSOCIATE-RJ ${reason}`);
    this.reason = reason;
  }
}

const REJECT_TRANSIENT = 2;
const SOURCE_PRESENTATION = 3;
const BUSY_RETRY_SECONDS = 5;

/** Reason by source and reason. @see PS3.8 table 9-21 */
const rejectReasons: Readonly<Record<string, string>> = {
  '1.2': 'it does not support the application context',
  '1.3': 'it does not know the calling AE title: enter it at the peer, with the address of this gateway',
  '1.7': 'it does not know the called AE title: check the AE title in the address of the peer',
  '2.2': 'it does not support the protocol version',
  '3.1': 'it has temporarily too much to do',
  '3.2': 'a limit of the peer, mostly the number of associations, is reached',
};

/** An A-ASSOCIATE-RJ as an error: `peer-busy` when it may go away by itself, else `peer-rejected`. */
export function rejectionError(
  reject: AssociateReject,
  peer: string,
  asked?: Pick<AssociateRequest, 'user'>,
): GatewayError {
  const cause = new Rejection(`${reject.source}.${reject.reason}`);
  const without = asked?.user.userIdentity
    ? 'it gave no reason; perhaps it does not take the user identity'
    : 'it gave no reason';
  const reason = rejectReasons[cause.reason] ?? without;
  const message = `The peer refused the association: ${reason}.`;
  if (reject.result === REJECT_TRANSIENT || reject.source === SOURCE_PRESENTATION) {
    return new GatewayError('peer-busy', message, { peer, cause, retryAfterSeconds: BUSY_RETRY_SECONDS });
  }
  return new GatewayError('peer-rejected', message, { peer, cause });
}

const UNREACHABLE_RETRY_SECONDS = 10;

/** An error of opening an association, with the peer's name and when to try again if that can help. */
export function withRetryAdvice(error: GatewayError, peer: string): GatewayError {
  if (error.code !== 'peer-unreachable') return error;
  const details = { cause: error.cause, peer, retryAfterSeconds: UNREACHABLE_RETRY_SECONDS };
  return new GatewayError(error.code, error.message, details);
}

function violation(what: string): GatewayError {
  return new GatewayError(
    'peer-protocol',
    `The peer accepted the association with ${what} that was not proposed.`,
  );
}
