import { GatewayError, type OperationContext } from '../core/index.js';
import { attributeByTag, Tags, type Dataset, type Tag } from '../dicom/index.js';
import type { Peer } from '../dimse/index.js';
import { returnedTags } from '../query/index.js';
import { learnModalities, severalModalities } from './modalities-proof.js';
import { probeDateTime } from './probe-date-time.js';
import { probeKeys, type KeyFindings } from './probe-keys.js';
import { probeNames } from './probe-names.js';
import { probeOptions } from './probe-options.js';
import { learnReturned as learnReturnedKeys } from './returned-keys.js';
import { SeenCharacterSets } from './seen-character-sets.js';
import { completedKeys, isEnding, StudyProbe, type Key, type ProbedStudy } from './study-probe.js';

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
/** Most rows in which a peer that passes over UIDs is looked for the study. */
const MOST_ROWS = 1000;

/** What searches for one study told. */
export interface StudyFindings {
  /** What was done, in words. */
  readonly text: string;
  /** What they did not tell, in words. */
  readonly unknown: readonly string[];
  /** The patient's name, where it and all others that were seen are in upper case. Never to be told. */
  readonly shownName?: string | undefined;
}

/**
 * Finds out by searches for one study what the peer makes of keys, and learns it; what it does not answer is not learnt.
 * @throws GatewayError `not-found` when the peer does not show the study, or why there was no answer
 */
export async function probeStudy(
  peer: Peer,
  study: ProbedStudy,
  context: OperationContext,
): Promise<StudyFindings> {
  const probe = new StudyProbe(peer, study, context);
  const row = await sampleRow(probe);
  learnReturned(probe, row);
  askOfPatient(probe, row);
  const keys = await learnKeys(probe, row);
  const narrow = await probeKeys(probe, row);
  learnTrusted(probe, narrow);
  const names = await probeNames(probe, row);
  const modalities = await learnOfModalities(probe, row);
  const options = await probeOptions(probe, row);
  const isCompared = await probeDateTime(peer, study, context);
  const dates = isCompared
    ? []
    : [
        'whether it combines dates and times as it says: it needs a study with date and time, on a day of few',
      ];
  return {
    text: [
      `${probe.searches} searches for one study tried what the PACS makes of keys`,
      ...doubts(narrow),
    ].join('; '),
    unknown: [...keys, ...modalities, ...untried(narrow), ...names.unknown, ...options, ...dates],
    shownName: names.shownName,
  };
}

async function sampleRow(probe: StudyProbe): Promise<Dataset> {
  const { patientId, relearnMs } = probe.study;
  const { knowledge } = probe.peer;
  const shown = await rowOfStudy(probe).catch((thrown: unknown) => {
    // A peer that needs a Patient ID may also refuse.
    if (patientId === undefined || isEnding(thrown)) throw thrown;
  });
  if (shown) {
    // By the Patient Root it was found by its patient, which others have to be asked for.
    if (knowledge.get('root') !== 'patient') knowledge.learn('needsPatientId', false, relearnMs);
    return shown;
  }
  const base: readonly Key[] = patientId === undefined ? [] : [[Tags.PatientID, patientId]];
  const row = patientId === undefined ? undefined : await rowOfStudy(probe, base);
  if (!row) {
    throw new GatewayError(
      'not-found',
      'The PACS shows no such study, so nothing was found out of its searches. Where it needs a Patient ID to find one, give --patient as well.',
    );
  }
  probe.base = base;
  knowledge.learn('needsPatientId', true, relearnMs);
  return row;
}

/** By the Patient Root a search without a patient goes through all of them, again and again. */
function askOfPatient(probe: StudyProbe, row: Dataset): void {
  const patientId = row.string(Tags.PatientID);
  const isAsked = probe.peer.knowledge.get('root') === 'patient' && probe.base.length === 0;
  if (isAsked && patientId !== undefined) probe.base = [[Tags.PatientID, patientId]];
}

/** A peer that passes over UIDs shows others as well. */
async function rowOfStudy(probe: StudyProbe, keys: readonly Key[] = []): Promise<Dataset | undefined> {
  const { studyInstanceUid } = probe.study;
  let seen = 0;
  for await (const row of probe.rows([[Tags.StudyInstanceUID, studyInstanceUid], ...keys])) {
    if (row.string(Tags.StudyInstanceUID) === studyInstanceUid) return row;
    seen += 1;
    if (seen === MOST_ROWS) break;
  }
  return undefined;
}

function learnReturned({ peer: { knowledge }, study: { relearnMs } }: StudyProbe, row: Dataset): void {
  knowledge.learn(
    'unreturnedKeys',
    completedKeys.filter((tag) => row.string(tag) === undefined).map(keywordOf),
    relearnMs,
  );
  new SeenCharacterSets({ knowledge }).see(row);
  const returned = returnedTags(row);
  if (returned.length > 0) learnReturnedKeys({ knowledge }, returned, relearnMs);
}

/**
 * A peer that matches by a key finds nothing by a value that there is not, one that passes it over finds the others.
 * Returns in words which keys it did not answer to.
 */
async function learnKeys(probe: StudyProbe, row: Dataset): Promise<readonly string[]> {
  const { studyInstanceUid, relearnMs } = probe.study;
  const date = row.string(Tags.StudyDate);
  const byUid: Key = [Tags.StudyInstanceUID, studyInstanceUid];
  const byDate: Key | undefined = date === undefined ? undefined : [Tags.StudyDate, date];
  // With the study's own UID some peers look at nothing else; and what finds nothing by itself proves nothing.
  const narrow = byDate && (await probe.finds([byDate])) === true ? byDate : byUid;
  const ignored: string[] = [];
  const untold: string[] = [];
  for (const key of impossible) {
    const isFound = await probe.finds([narrow, key]);
    if (isFound === undefined) untold.push(keywordOf(key[0]));
    else if (isFound) ignored.push(keywordOf(key[0]));
  }
  // That it matches by all of them is said of all of them alone.
  if (ignored.length > 0 || untold.length === 0)
    probe.peer.knowledge.learn('ignoredKeys', ignored, relearnMs);
  return untold.length === 0
    ? []
    : [`whether it matches by ${untold.join(', ')}: it refuses to search by that`];
}

/** Whether it may be asked by modalities. Returns in words what was not found out. */
async function learnOfModalities(probe: StudyProbe, row: Dataset): Promise<readonly string[]> {
  if (probe.peer.knowledge.get('ignoredKeys')?.includes('ModalitiesInStudy') === true) return [];
  if (await learnModalities(probe, severalModalities(row))) return [];
  return [
    'whether it finds studies by each of their ModalitiesInStudy: it needs a study of several, which the PACS returns, so the gateway filters by that itself',
  ];
}

/** Learns by which keys the peer may be asked although others find too little by them. */
function learnTrusted({ peer, study }: StudyProbe, { trusted, doubtful }: KeyFindings): void {
  if (trusted.length + doubtful.length > 0) peer.knowledge.learn('trustedKeys', trusted, study.relearnMs);
}

function doubts({ doubtful }: KeyFindings): readonly string[] {
  if (doubtful.length === 0) return [];
  return [
    `by ${doubtful.join(', ')} it does not find what it should, such as 1 by 01 or one of several values: the gateway filters by that itself`,
  ];
}

function untried({ untold }: KeyFindings): readonly string[] {
  if (untold.length === 0) return [];
  return [
    `whether it finds what it should by ${untold.join(', ')}: the study has nothing to tell it by, so the gateway filters by that itself`,
  ];
}

function keywordOf(tag: Tag): string {
  return attributeByTag(tag)?.keyword ?? '';
}
