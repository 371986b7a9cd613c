import { GatewayError, type OperationContext } from '../core/index.js';
import { attributeByTag, Tags, type Dataset, type Tag } from '../dicom/index.js';
import type { Peer } from '../dimse/index.js';
import { probeDateTime } from './probe-date-time.js';
import { completedKeys, StudyProbe, type Key, type ProbedStudy } from './study-probe.js';

/** Keys that peers are known to pass over, each with a value that no study has. */
const impossible: readonly (readonly [tag: Tag, value: string])[] = [
  [Tags.ModalitiesInStudy, 'ZZ9QX'],
  [Tags.StudyDescription, 'ZZ9QX NO SUCH STUDY'],
  [Tags.AccessionNumber, 'ZZ9QX'],
  [Tags.StudyID, 'ZZ9QX'],
  [Tags.ReferringPhysicianName, 'ZZ9QX^NOBODY'],
  [Tags.PatientName, 'ZZ9QX^NOBODY'],
  [Tags.PatientID, 'ZZ9QX-NOBODY'],
  [Tags.PatientBirthDate, '18000101'],
];
/** Names that can be sent to any peer as they are, and do not mean something else there. */
const PLAIN_NAME = /^[A-Za-z][A-Za-z^ '-]{2,60}$/;
/** Names that are looked at for lower case. */
const MOST_NAMES = 50;
/** As facts may have them. */
const CHARACTER_SET = /^[A-Z0-9_ ]{1,16}$/;
/**
 * Finds out by searches for one study what the peer makes of keys, and learns it. Returns in words what was done.
 * @throws GatewayError `not-found` when the peer does not show the study, or why there was no answer
 */
export async function probeStudy(peer: Peer, study: ProbedStudy, context: OperationContext): Promise<string> {
  const probe = new StudyProbe(peer, study, context);
  const row = await sampleRow(probe);
  const { relearnMs } = study;
  learnReturned(probe, row);
  const ignored = await ignoredKeys(probe, row.string(Tags.StudyDate));
  peer.knowledge.learn('ignoredKeys', ignored, relearnMs);
  await learnNames(probe, row);
  await probeDateTime(peer, study, context);
  return `${probe.searches} searches for one study tried what the PACS makes of keys`;
}

async function sampleRow(probe: StudyProbe): Promise<Dataset> {
  const { studyInstanceUid, patientId, relearnMs } = probe.study;
  const { knowledge } = probe.peer;
  const uid: Key = [Tags.StudyInstanceUID, studyInstanceUid];
  if ((await probe.finds([uid])) === true) {
    knowledge.learn('needsPatientId', false, relearnMs);
    const row = await probe.first([uid]);
    if (row) return row;
  }
  const base: readonly Key[] = patientId === undefined ? [] : [[Tags.PatientID, patientId]];
  const row = patientId === undefined ? undefined : await probe.first([uid, ...base]);
  if (!row) {
    throw new GatewayError(
      'not-found',
      'The PACS shows no such study. Where it needs a Patient ID to find one, give --patient as well.',
    );
  }
  probe.base = base;
  knowledge.learn('needsPatientId', true, relearnMs);
  return row;
}

function learnReturned({ peer: { knowledge }, study: { relearnMs } }: StudyProbe, row: Dataset): void {
  knowledge.learn(
    'unreturnedKeys',
    completedKeys.filter((tag) => row.string(tag) === undefined).map(keywordOf),
    relearnMs,
  );
  const named = row.strings(Tags.SpecificCharacterSet).filter((set) => CHARACTER_SET.test(set));
  knowledge.learn('characterSets', named.length > 0 ? named : ['ISO_IR 6'], relearnMs);
}

/** A peer that matches by a key finds nothing by a value that there is not, one that passes it over finds the others. */
async function ignoredKeys(probe: StudyProbe, date: string | undefined): Promise<readonly string[]> {
  const { studyInstanceUid } = probe.study;
  // With the study's own UID some peers look at nothing else.
  const narrow: Key = date === undefined ? [Tags.StudyInstanceUID, studyInstanceUid] : [Tags.StudyDate, date];
  const ignored: string[] = [];
  for (const key of impossible) if (await probe.finds([narrow, key])) ignored.push(keywordOf(key[0]));
  return ignored;
}

/** What becomes of a name in another case, and of one with a wildcard; nothing where names do not matter at all. */
async function learnNames(probe: StudyProbe, row: Dataset): Promise<void> {
  const name = row.string(Tags.PatientName) ?? '';
  const { knowledge } = probe.peer;
  const { studyInstanceUid, relearnMs } = probe.study;
  if (!PLAIN_NAME.test(name)) return;
  const finds = (value: string): Promise<boolean | undefined> =>
    probe.finds([
      [Tags.StudyInstanceUID, studyInstanceUid],
      [Tags.PatientName, value],
    ]);
  if ((await finds('ZZ9QX^NOBODY')) !== false || !(await finds(name))) return;
  const wild = await finds(`${name.slice(0, Math.ceil(name.length / 2))}*`);
  if (wild !== undefined) knowledge.learn('literalWildcard', !wild, relearnMs);
  const upper = name === name.toUpperCase() ? await finds(name.toLowerCase()) : false;
  if (upper === undefined) return;
  knowledge.learn('upperCasesNames', upper && (await allUpper(probe, row)), relearnMs);
}

/** Whether no name of the same day is seen in lower case: of one study alone it may be the name that was stored. */
async function allUpper(probe: StudyProbe, row: Dataset): Promise<boolean> {
  const date = row.string(Tags.StudyDate);
  if (date === undefined) return true;
  let seen = 0;
  for await (const other of probe.rows([[Tags.StudyDate, date]])) {
    const name = other.string(Tags.PatientName) ?? '';
    if (name !== name.toUpperCase()) return false;
    seen += 1;
    if (seen === MOST_NAMES) break;
  }
  return true;
}

function keywordOf(tag: Tag): string {
  return attributeByTag(tag)?.keyword ?? '';
}
