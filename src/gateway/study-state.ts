import { createHash } from 'node:crypto';
import { Tags, type Dataset, type Tag } from '../dicom/index.js';

/** What a C-FIND says of a study: whose it is, without the values themselves, and how much there is. */
export interface StudyState {
  /** Hashes of the identifying attributes that the peer returned, by tag. */
  readonly identity: Readonly<Record<string, string>>;
  readonly series: number | undefined;
  readonly instances: number | undefined;
}

/** Whoever these belong to, and which examination it is: none of them changes unless somebody corrects it. */
const IDENTIFYING: readonly Tag[] = [
  Tags.PatientID,
  Tags.IssuerOfPatientID,
  Tags.PatientName,
  Tags.PatientBirthDate,
  Tags.StudyDate,
  Tags.StudyTime,
  Tags.AccessionNumber,
  Tags.StudyID,
  Tags.StudyDescription,
];

/** What tells two values apart: 48 bits. */
const HASH_CHARACTERS = 12;

/** Reads a row of a C-FIND at STUDY level. */
export function studyState(row: Dataset): StudyState {
  const identity: Record<string, string> = {};
  for (const tag of IDENTIFYING) {
    if (!row.has(tag)) continue;
    const value = (row.string(tag) ?? '').trimEnd();
    identity[tag.toString(16)] = createHash('sha256').update(value).digest('hex').slice(0, HASH_CHARACTERS);
  }
  return {
    identity,
    series: row.integer(Tags.NumberOfStudyRelatedSeries),
    instances: row.integer(Tags.NumberOfStudyRelatedInstances),
  };
}

/** Whether both are of the same patient and examination, as far as both tell. */
export function sameIdentity(before: StudyState, now: StudyState): boolean {
  return Object.entries(before.identity).every(([tag, hash]) => (now.identity[tag] ?? hash) === hash);
}

/** `now`, with what only `before` tells: what a peer leaves out for once must not be forgotten. */
export function mergeStates(before: StudyState, now: StudyState): StudyState {
  return {
    identity: { ...before.identity, ...now.identity },
    series: now.series ?? before.series,
    instances: now.instances ?? before.instances,
  };
}

/**
 * What became of a study between two looks at it: `changed` when it is another patient's or examination's, or has lost
 * something; `grown` when it has got something. What one of the looks did not show is not compared.
 */
export function compareStudies(before: StudyState, now: StudyState): 'same' | 'grown' | 'changed' {
  if (!sameIdentity(before, now)) return 'changed';
  const counts = [
    [before.series, now.series],
    [before.instances, now.instances],
  ] as const;
  const moved = counts.map(([then, here]) => (then === undefined || here === undefined ? 0 : here - then));
  if (moved.some((more) => more < 0)) return 'changed';
  return moved.some((more) => more > 0) ? 'grown' : 'same';
}
