import { abortReason, systemClock, type OperationContext } from '../core/index.js';
import { Tags, type Dataset } from '../dicom/index.js';
import type { Peer } from '../dimse/index.js';
import { StudyProbe, type Key } from './study-probe.js';

const KEYWORD = 'ModalitiesInStudy';
/** No study is of this. */
const NO_MODALITY = 'ZZ9QX';
/** Most modalities of a study that are tried. */
const MOST_MODALITIES = 5;

/** A study of several modalities that a peer has shown. */
interface Example {
  readonly studyInstanceUid: string;
  readonly patientId: string | undefined;
  readonly modalities: readonly string[];
}

/** One for each peer; nothing of it is written down or told. */
const examples = new WeakMap<Peer['knowledge'], Example>();

/** When a peer that did not say may be asked again, by the monotonic clock. */
const retryAt = new WeakMap<Peer['knowledge'], number>();

/** Remembers a study of several modalities, by which it can be seen what the peer makes of them. */
export function seeModalities(knowledge: Peer['knowledge'], row: Dataset): void {
  if (examples.has(knowledge) || !row.has(Tags.ModalitiesInStudy)) return;
  const modalities = severalModalities(row);
  const studyInstanceUid = row.string(Tags.StudyInstanceUID);
  if (modalities.length < 2 || studyInstanceUid === undefined) return;
  examples.set(knowledge, { studyInstanceUid, patientId: row.string(Tags.PatientID), modalities });
}

/** The modalities of a study, where there are several: by one alone a peer that knows no more of them looks right. */
export function severalModalities(row: Dataset): readonly string[] {
  const modalities = [...new Set(row.strings(Tags.ModalitiesInStudy))].filter((one) => one !== '');
  return modalities.length < 2 ? [] : modalities.slice(0, MOST_MODALITIES);
}

/**
 * Finds out whether the peer matches by ModalitiesInStudy as the standard says, where that is not known and a study was seen to
 * try it with: every modality of it must find it, and one that there is not must find nothing. A peer that does not say is
 * not asked again for as long as `relearnMs`: searches do without it.
 *
 * @throws GatewayError when nobody waits for it any more
 * @see PS3.4 C.6.2.1.2
 */
export async function proveModalities(
  peer: Peer,
  context: OperationContext,
  relearnMs: number,
): Promise<void> {
  const { knowledge } = peer;
  const example = examples.get(knowledge);
  if (!example || isKnown(knowledge) || systemClock.now() < (retryAt.get(knowledge) ?? 0)) return;
  examples.delete(knowledge);
  const { studyInstanceUid, patientId, modalities } = example;
  const probe = new StudyProbe(peer, { studyInstanceUid, relearnMs }, context);
  const needsPatient = knowledge.get('needsPatientId') === true && patientId !== undefined;
  if (needsPatient) probe.base = [[Tags.PatientID, patientId]];
  const isLearnt = await learnModalities(probe, modalities).catch(() => {
    if (context.signal.aborted) throw abortReason(context.signal);
    return false;
  });
  if (!isLearnt) retryAt.set(knowledge, systemClock.now() + relearnMs);
}

/** The same of a study whose modalities are known. Returns whether it was found out. @throws GatewayError */
export async function learnModalities(probe: StudyProbe, modalities: readonly string[]): Promise<boolean> {
  const { peer, study } = probe;
  const byUid: Key = [Tags.StudyInstanceUID, study.studyInstanceUid];
  const finds = (modality: string): Promise<boolean | undefined> =>
    probe.finds([byUid, [Tags.ModalitiesInStudy, modality]]);
  // It may be gone.
  if (modalities.length < 2 || (await probe.finds([byUid])) !== true) return false;
  const answers = [await finds(NO_MODALITY).then((found) => (found === undefined ? undefined : !found))];
  for (const modality of modalities) answers.push(await finds(modality));
  const fact = answers.includes(false) ? 'ignoredKeys' : 'trustedKeys';
  if (fact === 'trustedKeys' && answers.includes(undefined)) return false;
  const known = peer.knowledge.get(fact) ?? [];
  if (!known.includes(KEYWORD)) peer.knowledge.learn(fact, [...known, KEYWORD], study.relearnMs);
  return true;
}

function isKnown(knowledge: Peer['knowledge']): boolean {
  const known = [...(knowledge.get('trustedKeys') ?? []), ...(knowledge.get('ignoredKeys') ?? [])];
  const isFixed =
    knowledge.fixed('trustedKeys') !== undefined || knowledge.fixed('ignoredKeys') !== undefined;
  return isFixed || known.includes(KEYWORD);
}
