import type { OperationContext } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
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
  /** When the question was, by the clock; what is believed may be older. */
  readonly at: number;
}

interface Found {
  readonly member: Member;
  readonly patient: Patient;
}

interface LocateAgain {
  readonly studyInstanceUid: string;
  readonly located: Located;
  readonly asked: readonly Member[];
}

type Answer =
  | { readonly holds: Patient }
  | { readonly holds: undefined; readonly remembered: boolean }
  | { readonly error: unknown };

/**
 * Asks every member whether it holds the study of `target`, each once for all who ask within `cache.revalidateAfter`, or
 * `cache.reopenAfter` where they open it; but that nobody has it is nobody's memory: then those are asked that were not.
 *
 * @throws GatewayError of a member that failed, as `Failures.note` says; or that of the member whose the study is known
 *   to be, where another holds it under a different patient
 */
export async function locate(
  group: Group,
  target: RetrieveTarget,
  failures: Failures,
  context: OperationContext,
): Promise<Located> {
  const { members, contested } = group;
  const at = members[0]?.deps.clock.now() ?? 0;
  const answers = await askAll(members, target, context);
  const { studyInstanceUid } = target;
  const found: Found[] = [];
  for (const [index, member] of members.entries()) {
    const answer = answers[index];
    if (answer === undefined) continue;
    if ('error' in answer) failures.note(member, answer.error);
    else if (answer.holds) found.push({ member, patient: answer.holds });
  }
  const known = contested.ownerOf(studyInstanceUid);
  if (known !== undefined) failures.requireNot(known);
  const { holders, warnings } = ofOnePatient(group, studyInstanceUid, found);
  if (holders.length > 0 && warnings.length === 0 && !failures.any) contested.delete(studyInstanceUid);
  return { holders, warnings, at };
}

/**
 * The same of those who were located, after each has said what it has: what is believed of a study may have been found
 * wrong meanwhile. Members in `asked` are asked, unless they were since `located.at`.
 *
 * @throws GatewayError as `locate`
 */
export async function locateAgain(
  group: Group,
  { studyInstanceUid, located, asked }: LocateAgain,
  failures: Failures,
  context: OperationContext,
): Promise<Located> {
  const found = await Promise.all(
    located.holders.map(async (member): Promise<Found | undefined> => {
      const { watch, binding } = member;
      try {
        const believed = asked.includes(member) ? undefined : watch.told(studyInstanceUid);
        const state =
          believed ?? (await watch.checkSince(studyInstanceUid, located.at, { ...context, patient: true }));
        return { member, patient: patientOfState(state.identity, binding.issuerOfPatientId) };
      } catch (thrown) {
        const error = failureOfLookUp(thrown);
        if (error.code !== 'not-found') failures.note(member, error);
        return undefined;
      }
    }),
  );
  const known = group.contested.ownerOf(studyInstanceUid);
  if (known !== undefined) failures.requireNot(known);
  const held = found.filter((one) => one !== undefined);
  const { holders, warnings } = ofOnePatient(group, studyInstanceUid, held);
  return { ...located, holders, warnings: [...located.warnings, ...warnings] };
}

/** Those who hold the study under the patient of the first of them; the others are left out. */
function ofOnePatient(
  { contested }: Group,
  studyInstanceUid: string,
  found: readonly Found[],
): Pick<Located, 'holders' | 'warnings'> {
  const [owner] = found;
  if (owner === undefined) return { holders: [], warnings: [] };
  const others = found.filter(({ patient }) => !isSamePatient(owner.patient, patient));
  if (others.length > 0) contested.set(studyInstanceUid, nameOf(owner.member));
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
  target: RetrieveTarget,
  context: OperationContext,
): Promise<readonly Answer[]> {
  const answers = await Promise.all(
    members.map(async (member): Promise<Answer> => {
      if (member.absent.has(target.studyInstanceUid)) return { holds: undefined, remembered: true };
      return ask(member, target, context);
    }),
  );
  if (answers.some(isHeld)) return answers;
  return Promise.all(
    members.map(async (member, at): Promise<Answer> => {
      const answer = answers[at];
      return answer && !isRemembered(answer) ? answer : ask(member, target, context);
    }),
  );
}

async function ask(member: Member, target: RetrieveTarget, context: OperationContext): Promise<Answer> {
  const { absent, watch, binding } = member;
  const isAbsent = absent.asking(target.studyInstanceUid);
  try {
    const { identity } = await watch.checkCached(target, { ...context, patient: true });
    return { holds: patientOfState(identity, binding.issuerOfPatientId) };
  } catch (thrown) {
    const error = failureOfLookUp(thrown);
    if (error.code !== 'not-found') return { error };
    isAbsent();
    return { holds: undefined, remembered: false };
  }
}
