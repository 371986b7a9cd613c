import { toGatewayError, type GatewayError, type OperationContext } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import { asTheyCome } from './as-they-come.js';
import type { Member } from './group.js';
import type { Failures } from './group-failures.js';
import { openRetrieve, type OpenedRetrieve } from './retrieve.js';
import { Union } from './union-turn.js';
import type { HeldInstance } from './want.js';

type Result = { readonly opened: OpenedRetrieve } | { readonly error: GatewayError };

/**
 * Opens a retrieve of what several members hold in part: each lists what it has, and an instance comes from the first of
 * them that lists it. Resolves when every one of them has begun to deliver, or has nothing that the others do not have;
 * `nothing` when none has any of it, of those that did not fail.
 *
 * @throws GatewayError as `openRetrieve`; of a member that failed as `Failures.note` says
 */
export async function openUnion(
  members: readonly Member[],
  target: RetrieveTarget,
  failures: Failures,
  context: OperationContext,
): Promise<OpenedRetrieve | 'nothing'> {
  let found: OpenedRetrieve | 'nothing' | 'again';
  do {
    failures.requireSome(members);
    const asked = members.filter((member) => !failures.isOut(member));
    found = await openAll(asked, target, failures, context);
  } while (found === 'again');
  return found;
}

/** `again` when a member has failed: what it had taken the others may have, so they are to begin anew. */
async function openAll(
  members: readonly Member[],
  target: RetrieveTarget,
  failures: Failures,
  context: OperationContext,
): Promise<OpenedRetrieve | 'nothing' | 'again'> {
  const union = new Union();
  const results = await Promise.all(members.map((member) => open(member, target, union, context)));
  const opened = results.flatMap((result) => ('opened' in result ? [result.opened] : []));
  const errors = results.map((result) => ('error' in result ? result.error : undefined));
  const close = (): void => {
    for (const one of opened) one.close();
  };
  try {
    if (!noteAll(members, errors, failures)) {
      const { lost } = union;
      const [refusal] = lost;
      if (opened.length === 0 && refusal) throw refusal;
      if (opened.length === 0) return 'nothing';
      const refused = opened.reduce((sum, one) => sum + one.refused, lost.length);
      return { ...merge(opened, close), refused };
    }
  } catch (thrown) {
    close();
    throw thrown;
  }
  close();
  return 'again';
}

async function open(
  member: Member,
  target: RetrieveTarget,
  union: Union,
  context: OperationContext,
): Promise<Result> {
  try {
    return { opened: await openRetrieve(member, target, context, union.turn()) };
  } catch (thrown) {
    return { error: toGatewayError(thrown) };
  }
}

/** Whether any member failed; one that has nothing has not. */
function noteAll(
  members: readonly Member[],
  errors: readonly (GatewayError | undefined)[],
  failures: Failures,
): boolean {
  let any = false;
  for (const [index, member] of members.entries()) {
    const error = errors[index];
    if (error === undefined || error.code === 'not-found') continue;
    failures.note(member, error);
    any = true;
  }
  return any;
}

function merge(opened: readonly OpenedRetrieve[], close: () => void): Omit<OpenedRetrieve, 'refused'> {
  return {
    instances: inTurn(opened, close),
    stalled: AbortSignal.any(opened.map(({ stalled }) => stalled)),
    sopClassUids: async () => {
      const sets = await Promise.all(opened.map(({ sopClassUids }) => sopClassUids()));
      return new Set(sets.flatMap((set) => [...set]));
    },
    close,
  };
}

/** The instances of all as they come; each is held until the next one is asked for. */
async function* inTurn(
  opened: readonly OpenedRetrieve[],
  close: () => void,
): AsyncGenerator<HeldInstance, void, undefined> {
  try {
    yield* asTheyCome(opened.map(({ instances }) => instances));
  } finally {
    close();
  }
}
