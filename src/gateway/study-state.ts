import { createHash } from 'node:crypto';
import { Tags, type Dataset, type Tag } from '../dicom/index.js';

/** Hashes of the attributes that a peer returned, by tag: what tells two values apart, and not the values. */
export type Fingerprint = Readonly<Record<string, string>>;

/** What a C-FIND says of a study: whose it is, without the values themselves, and how much there is. */
export interface StudyState {
  readonly identity: Fingerprint;
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

/** What the metadata of every instance of a series repeat, as far as peers know it without reading files. */
const OF_SERIES: readonly Tag[] = [
  Tags.Modality,
  Tags.SeriesNumber,
  Tags.SeriesDescription,
  Tags.SeriesDate,
  Tags.SeriesTime,
  Tags.BodyPartExamined,
];

/** What tells two values apart: 48 bits. */
const HASH_CHARACTERS = 12;

/** What tells one value from another, without the value. */
export const hashOf = (value: string): string =>
  createHash('sha256').update(value).digest('hex').slice(0, HASH_CHARACTERS);

/** In an identity, beside the tags: the hash of the part of a name that all archives can hold. */
export const ALPHABETIC_NAME = 'alphabetic';

/**
 * The hash of the alphabetic group of a name, whatever its case; undefined where it has none. Ideographic and phonetic
 * groups are lost in archives of one character set, and are then no other patient's.
 */
export function alphabeticName(name: string): string | undefined {
  const [group = ''] = name.split('=');
  const plain = group
    .normalize('NFC')
    .toUpperCase()
    .replace(/[\^\s]+/g, ' ')
    .trim();
  return plain === '' ? undefined : hashOf(plain);
}

function fingerprint(row: Dataset, tags: readonly Tag[]): Fingerprint {
  const hashes: Record<string, string> = {};
  for (const tag of tags) {
    if (!row.has(tag)) continue;
    hashes[tag.toString(16)] = hashOf((row.string(tag) ?? '').trimEnd());
  }
  return hashes;
}

/** Reads a row of a C-FIND at SERIES level. */
export const seriesState = (row: Dataset): Fingerprint => fingerprint(row, OF_SERIES);

/** Reads a row of a C-FIND at STUDY level. */
export function studyState(row: Dataset): StudyState {
  return {
    identity: { ...fingerprint(row, IDENTIFYING), ...alphabeticPart(row) },
    series: row.integer(Tags.NumberOfStudyRelatedSeries),
    instances: row.integer(Tags.NumberOfStudyRelatedInstances),
  };
}

/** What is said of a study under several patients, as one; the order of these says nothing. */
export function togetherOf(states: readonly StudyState[]): StudyState {
  const [only] = states;
  if (only && states.length === 1) return only;
  const tags = new Set(states.flatMap(({ identity }) => Object.keys(identity)));
  const identity = Object.fromEntries(
    [...tags].map((tag) => {
      const hashes = new Set(states.flatMap((state) => state.identity[tag] ?? []));
      const [first = '', ...others] = [...hashes].sort();
      return [tag, others.length === 0 ? first : hashOf([first, ...others].join(' '))];
    }),
  );
  const sum = (numbers: readonly (number | undefined)[]): number | undefined =>
    numbers.reduce((all, one) => (all === undefined || one === undefined ? undefined : all + one), 0);
  return {
    identity,
    series: sum(states.map(({ series }) => series)),
    instances: sum(states.map(({ instances }) => instances)),
  };
}

function alphabeticPart(row: Dataset): Fingerprint {
  const hash = alphabeticName(row.string(Tags.PatientName) ?? '');
  return hash === undefined ? {} : { [ALPHABETIC_NAME]: hash };
}

/** Whether both say the same, as far as both say something. */
export function agree(before: Fingerprint, now: Fingerprint): boolean {
  // What is compared for each instance of an answer is the same thing most of the time.
  if (before === now) return true;
  return Object.entries(before).every(([tag, hash]) => (now[tag] ?? hash) === hash);
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
  if (!agree(before.identity, now.identity)) return 'changed';
  const counts = [
    [before.series, now.series],
    [before.instances, now.instances],
  ] as const;
  const moved = counts.map(([then, here]) => (then === undefined || here === undefined ? 0 : here - then));
  if (moved.some((more) => more < 0)) return 'changed';
  return moved.some((more) => more > 0) ? 'grown' : 'same';
}

/** What the peer had said, at some moment, of the study and the series that an instance belongs to. */
export interface Seen {
  readonly study: StudyState;
  /** Undefined when it was not asked. */
  readonly series: Fingerprint | undefined;
  /** Another one when the study had gone in between. */
  readonly life: number;
}

/** Whether bytes that began to come when `before` was said are what `now` tells of. */
export const isStill = (before: Seen, now: Seen): boolean =>
  before.life === now.life &&
  agree(before.study.identity, now.study.identity) &&
  agree(before.series ?? {}, now.series ?? {});
