import type { OperationContext } from '../core/index.js';
import { Contested, type Group } from './group.js';
import { failureOfLookUp, type Failures } from './group-failures.js';

/**
 * The group as it is to who asks for a study: of those who may see some studies alone (`context.restriction`), only the
 * members by whose word it is one of these. What others hold under its UID is not told, nor that they hold it.
 *
 * @throws GatewayError of a member that failed, as `Failures.note` says
 */
export async function permittedGroup(
  group: Group,
  studyInstanceUid: string,
  failures: Failures,
  context: OperationContext,
): Promise<Group> {
  const { restriction } = context;
  if (restriction === undefined) return group;
  const answers = await Promise.allSettled(
    group.members.map(({ guard }) => guard.ask(studyInstanceUid, restriction, context)),
  );
  const members = group.members.filter((member, at) => {
    const answer = answers[at];
    if (answer?.status === 'rejected') failures.note(member, failureOfLookUp(answer.reason));
    return answer?.status === 'fulfilled' && answer.value === 'permitted';
  });
  // Whose a study is to all is not learnt from some of them.
  return members.length === group.members.length ? group : { ...group, members, contested: new Contested() };
}
