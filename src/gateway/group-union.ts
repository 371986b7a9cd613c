import { toGatewayError, type GatewayError, type OperationContext } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import { asTheyCome } from './as-they-come.js';
import { overtaken } from './fetch-outcome.js';
import { nameOf, type Group, type Member } from './group.js';
import type { Failures } from './group-failures.js';
import { locateAgain, type Located } from './group-locate.js';
import { openRetrieve, type OpenedAtPeer, type OpenedRetrieve } from './retrieve.js';
import { Union } from './union-turn.js';
import type { HeldInstance } from './want.js';

type Result =
  | { readonly member: Member; readonly opened: OpenedAtPeer }
  | { readonly member: Member; readonly error: GatewayError };
type OpenedMember = Extract<Result, { opened: unknown }>;

/** Whose is retrieved what. */
export interface UnionRequest {
  readonly group: Group;
  readonly target: RetrieveTarget;
}

/** A retrieve of several members, and who of them hold the study as it is now known. */
export interface OpenedUnion {
  readonly opened: OpenedRetrieve | 'nothing';
  readonly located: Located;
}

/** What all members have begun to deliver. */
interface Opening {
  readonly opened: OpenedRetrieve;
  /** Those who deliver any of it. */
  readonly parts: readonly OpenedMember[];
}

/**
 * Opens a retrieve of what several members hold in part: each lists what it has, and an instance comes from the first of
 * them that lists it. Resolves when every one of them has begun to deliver, or has nothing that the others do not have;
 * `nothing` when none has any of it, of those that did not fail. Those who hold the study under another patient than was
 * believed are left out by then.
 *
 * @throws GatewayError as `openRetrieve`; of a member that failed as `Failures.note` says
 */
export async function openUnion(
  { group, target }: UnionRequest,
  before: Located,
  failures: Failures,
  context: OperationContext,
): Promise<OpenedUnion> {
  let located = before;
  for (let changed = 0; ;) {
    failures.requireSome(located.holders);
    const members = located.holders.filter((member) => !failures.isOut(member));
    const found = await openAll(members, target, failures, context);
    if (found === 'again') continue;
    if (found === 'nothing') return { opened: found, located };
    try {
      const asked = deliverers(found);
      const { studyInstanceUid } = target;
      const again = { studyInstanceUid, located: { ...located, holders: members }, asked };
      located = await locateAgain(group, again, failures, context);
      const other = found.parts.find(({ opened }) => !opened.isSame());
      if (other === undefined && located.holders.length === members.length)
        return { opened: found.opened, located };
      // Once it is corrected; a member that says something else each time would be asked for ever.
      if (other && (changed += 1) > 1) throw overtaken(nameOf(other.member));
    } catch (thrown) {
      found.opened.close();
      throw thrown;
    }
    found.opened.close();
  }
}

/**
 * Who are to be asked whose the study is now: where several deliver, and not only what was there, what was believed when
 * the request began is too old.
 */
const deliverers = ({ parts }: Opening): readonly Member[] =>
  parts.length > 1 && parts.some(({ opened }) => opened.fetches) ? parts.map(({ member }) => member) : [];

/** `again` when a member has failed: what it had taken the others may have, so they are to begin anew. */
async function openAll(
  members: readonly Member[],
  target: RetrieveTarget,
  failures: Failures,
  context: OperationContext,
): Promise<Opening | 'nothing' | 'again'> {
  const union = new Union();
  const results = await Promise.all(members.map((member) => open(member, target, union, context)));
  const parts = results.filter((result) => 'opened' in result);
  const opened = parts.map((part) => part.opened);
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
      return { opened: { ...merge(opened, close), refused, lists: () => union.lists }, parts };
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
    return { member, opened: await openRetrieve(member, target, context, union.turn()) };
  } catch (thrown) {
    return { member, error: toGatewayError(thrown) };
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

function merge(
  opened: readonly OpenedRetrieve[],
  close: () => void,
): Omit<OpenedRetrieve, 'refused' | 'lists'> {
  return {
    instances: inTurn(opened, close),
    stalled: AbortSignal.any(opened.map(({ stalled }) => stalled)),
    sopClassUids: async () => {
      const sets = await Promise.all(opened.map(({ sopClassUids }) => sopClassUids()));
      return new Set(sets.flatMap((set) => [...set]));
    },
    whole: async () => {
      const all = await Promise.all(opened.map(({ whole }) => whole()));
      return all.every((one) => one !== undefined) ? all.flat() : undefined;
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
