import { GatewayError, toGatewayError, type Observe, type OperationContext } from '../core/index.js';
import { nameOf, type Group, type Member } from './group.js';

/** Whether a failure is one of the peer, or of the way to it; others are of the request, or of the gateway. */
const isOfPeer = ({ code }: GatewayError): boolean => code.startsWith('peer-') || code === 'overloaded';

/** A failure with the name of the peer that it is of. */
function named(error: GatewayError, peer: string): GatewayError {
  if (error.peer !== undefined) return error;
  const { dimseStatus, retryAfterSeconds } = error;
  return new GatewayError(error.code, error.message, {
    cause: error,
    peer,
    ...(dimseStatus !== undefined && { dimseStatus }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });
}

/** Who looks something up by its UID asks for one thing: where a peer would have to be asked too much for it, that is the peer's. */
export function failureOfLookUp(thrown: unknown): GatewayError {
  const error = toGatewayError(thrown);
  if (error.code !== 'query-too-broad') return error;
  return new GatewayError('peer-incomplete', error.message, { cause: error });
}

/** Members of a group that failed while one answer was made, and what that means for it. */
export class Failures {
  readonly #group: Group;
  readonly #observe: Observe | undefined;
  readonly #requestId: string;
  readonly #mayPlanAnew: boolean;
  readonly #errors = new Map<string, GatewayError>();
  #isTold = false;

  /** `mayPlanAnew`: a member that can do something else than the request was planned for is no failure. */
  constructor(group: Group, { requestId }: OperationContext, { mayPlanAnew = false } = {}) {
    this.#group = group;
    this.#mayPlanAnew = mayPlanAnew;
    this.#observe = group.members[0]?.deps.observe;
    this.#requestId = requestId;
  }

  /**
   * A member has failed; the others are to answer without it.
   *
   * @throws GatewayError the failure itself where it is the answer: in a group that fails with any member, after the
   *   status line, when it is not the member's at all, and when what follows is that the request is planned anew
   */
  note(member: Member, thrown: unknown): void {
    const peer = nameOf(member);
    const error = named(toGatewayError(thrown), peer);
    if (this.#group.onMemberFailure === 'fail' || this.#isTold || !isOfPeer(error)) throw error;
    if (this.#mayPlanAnew && error.code === 'peer-changed') throw error;
    if (this.#errors.has(peer)) return;
    this.#errors.set(peer, error);
    const message = `the group ${this.#group.name} answers without this peer`;
    this.#observe?.({ kind: 'log', level: 'warn', message, requestId: this.#requestId, peer, error });
  }

  isOut(member: Member): boolean {
    return this.#errors.has(nameOf(member));
  }

  get any(): boolean {
    return this.#errors.size > 0;
  }

  /** Of the first member that failed. */
  get first(): GatewayError | undefined {
    const [error] = this.#errors.values();
    return error;
  }

  /** The status line has gone out: from now on nothing can be left out with a Warning. */
  tell(): void {
    this.#isTold = true;
  }

  get isTold(): boolean {
    return this.#isTold;
  }

  /** @throws GatewayError of the first member that failed, if any: that nothing was found proves nothing then */
  requireNone(): void {
    for (const member of this.#group.members) this.requireNot(nameOf(member));
  }

  /** @throws GatewayError of that member, if it failed */
  requireNot(peer: string): void {
    const error = this.#errors.get(peer);
    if (error) throw error;
  }

  /** @throws GatewayError of the first member when all of `members` failed */
  requireSome(members: readonly Member[]): void {
    if (members.length > 0 && members.every((member) => this.isOut(member))) this.requireNone();
  }

  /** Texts for Warning headers. */
  get warnings(): readonly string[] {
    return [...this.#errors.keys()].map(
      (peer) => `${peer} could not be asked: what it holds is missing here`,
    );
  }
}
