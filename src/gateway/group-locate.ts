import type { OperationContext } from '../core/index.js';
import { nameOf, type Group, type Member } from './group.js';
import { contestedWarning } from './group-contested.js';
import { failureOfLookUp, type Failures } from './group-failures.js';
import { isSamePatient, patientOfState, type Patient } from './patient.js';

/** Who holds a study. */
export interface Located {
  /** In the order of the group, all with the study under one patient; empty when nobody has it. */
  readonly holders: readonly Member[];
  /** Texts for Warning headers. */
  readonly warnings: readonly string[];
}

type Answer =
  | { readonly holds: Patient }
  | { readonly holds: undefined; readonly remembered: boolean }
  | { readonly error: unknown };

/**
 * Asks every member whether it holds the study, each once for all who ask within `cache.revalidateAfter`; but that nobody
 * has it is nobody's memory: then those are asked that were not.
 *
 * @throws GatewayError of a member that failed, as `Failures.note` says; or that of the member whose the study is known
 *   to be, where another holds it under a different patient
 */
export async function locate(
  group: Group,
  studyInstanceUid: string,
  failures: Failures,
  context: OperationContext,
): Promise<Located> {
  const { members, contested } = group;
  const answers = await askAll(members, studyInstanceUid, context);
  const found: { readonly member: Member; readonly patient: Patient }[] = [];
  for (const [index, member] of members.entries()) {
    const answer = answers[index];
    if (answer === undefined) continue;
    if ('error' in answer) failures.note(member, answer.error);
    else if (answer.holds) found.push({ member, patient: answer.holds });
  }
  const known = contested.ownerOf(studyInstanceUid);
  if (known !== undefined) failures.requireNot(known);
  const [owner] = found;
  if (owner === undefined) return { holders: [], warnings: [] };
  const others = found.filter(({ patient }) => !isSamePatient(owner.patient, patient));
  if (others.length > 0) contested.set(studyInstanceUid, nameOf(owner.member));
  else if (!failures.any) contested.delete(studyInstanceUid);
  const holders = found.filter((one) => !others.includes(one)).map(({ member }) => member);
  const warnings = others.map(({ member }) =>
    contestedWarning(nameOf(owner.member), nameOf(member), `study ${studyInstanceUid}`),
  );
  return { holders, warnings };
}

const isHeld = (answer: Answer): boolean => 'holds' in answer && answer.holds !== undefined;
const isRemembered = (answer: Answer): boolean => 'remembered' in answer && answer.remembered;

async function askAll(
  members: readonly Member[],
  studyInstanceUid: string,
  context: OperationContext,
): Promise<readonly Answer[]> {
  const answers = await Promise.all(
    members.map(async (member): Promise<Answer> => {
      if (member.absent.has(studyInstanceUid)) return { holds: undefined, remembered: true };
      return ask(member, studyInstanceUid, context);
    }),
  );
  if (answers.some(isHeld)) return answers;
  return Promise.all(
    members.map(async (member, at): Promise<Answer> => {
      const answer = answers[at];
      return answer && !isRemembered(answer) ? answer : ask(member, studyInstanceUid, context);
    }),
  );
}

async function ask(member: Member, studyInstanceUid: string, context: OperationContext): Promise<Answer> {
  const { absent, watch, binding } = member;
  const isAbsent = absent.asking(studyInstanceUid);
  try {
    const { identity } = await watch.checkCached(studyInstanceUid, { ...context, patient: true });
    return { holds: patientOfState(identity, binding.issuerOfPatientId) };
  } catch (thrown) {
    const error = failureOfLookUp(thrown);
    if (error.code !== 'not-found') return { error };
    isAbsent();
    return { holds: undefined, remembered: false };
  }
}
