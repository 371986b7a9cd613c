import { Tags, type DicomJsonObject } from '../dicom/index.js';
import { nameOf, type Member } from './group.js';
import type { Asking, Part } from './group-asking.js';
import { fill, withoutEmptyIssuer } from './group-merge.js';
import { byUids, uidOf } from './group-query.js';
import { isSamePatient, patientOfRow } from './patient.js';

type Row = DicomJsonObject;

/** A row with what the members that hold its study under the same patient say of it. */
export interface Entry {
  readonly own: Member;
  /** The row as it came. */
  readonly came: Row;
  readonly row: Row;
  readonly holders: readonly Member[];
  /** What these say of the study; none where the study is that of the URL. */
  readonly study: readonly Row[];
  /** What the others of them say of the series. */
  readonly series: readonly Part[];
}

/** `rows` of `own` with their studies at the other members; without those that are another patient's for the group. */
export async function withStudies(
  asking: Asking,
  own: Member,
  rows: readonly Row[],
): Promise<readonly Entry[]> {
  const studies = [...new Set(rows.map((row) => uidOf(row, 'STUDY')))];
  const { level, includeFields, includeAll } = asking.call.request;
  const fields = level === 'STUDY' ? { includeFields, includeAll } : { includeFields: [], includeAll: false };
  const others = await asking.lookUp(own, asking.group.members, byUids('STUDY', studies, fields));
  return rows.flatMap((row) => {
    const study = uidOf(row, 'STUDY');
    const entry = entryOf(asking, study, { member: own, row }, others.get(study) ?? []);
    if (entry) return entry;
    asking.leaveOut(row);
    return [];
  });
}

function entryOf(asking: Asking, study: string, own: Part, others: readonly Part[]): Entry | undefined {
  // Looked at first: those who are left may not agree either, which makes none of them the owner.
  if (isOwnerOut(asking, study)) return undefined;
  const { members } = asking.group;
  const parts = members.flatMap((member) =>
    member === own.member ? [own] : others.filter((part) => part.member === member),
  );
  const same = ofOwner(asking, study, parts);
  if (!same.includes(own)) return undefined;
  const rows = same.map(({ row }) => row);
  const { level, includeFields } = asking.call.request;
  const isAsked = includeFields.some(([tag, ...more]) => tag === Tags.IssuerOfPatientID && more.length === 0);
  const rest = rows.filter((row) => row !== own.row);
  const row = level === 'STUDY' ? fill(own.row, rest) : own.row;
  return {
    own: own.member,
    came: own.row,
    row: isAsked ? row : withoutEmptyIssuer(row),
    holders: same.map(({ member }) => member),
    study: rows,
    series: [],
  };
}

/** Those of `parts` that hold the study under the patient of the first. */
function ofOwner(asking: Asking, study: string, parts: readonly Part[]): readonly Part[] {
  const [owner] = parts;
  if (owner === undefined) return [];
  const patient = patientOfRow(owner.row);
  const same = parts.filter(({ row }) => isSamePatient(patient, patientOfRow(row)));
  for (const { member } of parts.filter((part) => !same.includes(part))) {
    asking.group.contested.set(study, nameOf(owner.member));
    asking.contest(owner.member, member, study);
  }
  return same;
}

/** Whether the study is known to be another patient's at a member that cannot be asked now. */
function isOwnerOut({ group, failures }: Asking, study: string): boolean {
  const owner = group.contested.ownerOf(study);
  return group.members.some((member) => nameOf(member) === owner && failures.isOut(member));
}

/** `entries` of `own` with their series at the other members that hold the study. */
export async function withSeries(
  asking: Asking,
  own: Member,
  entries: readonly Entry[],
): Promise<readonly Entry[]> {
  const { studyInstanceUid, includeFields, includeAll } = asking.call.request;
  const isFixed = studyInstanceUid !== undefined;
  const fields = isFixed ? { includeFields, includeAll } : { includeFields: [], includeAll: false };
  const found = new Map<string, readonly Part[]>();
  for (const [study, some] of byStudy(asking, entries)) {
    const uids = some.map(({ row }) => uidOf(row, 'SERIES'));
    const request = byUids('SERIES', uids, fields, study);
    for (const [uid, parts] of await asking.lookUp(own, some[0]?.holders ?? [], request))
      found.set(uid, parts);
  }
  return entries.map((entry) => {
    const series = found.get(uidOf(entry.row, 'SERIES')) ?? [];
    return {
      ...entry,
      series,
      row: fill(
        entry.row,
        series.map(({ row }) => row),
      ),
    };
  });
}

function byStudy(asking: Asking, entries: readonly Entry[]): ReadonlyMap<string, readonly Entry[]> {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const study = asking.call.request.studyInstanceUid ?? uidOf(entry.row, 'STUDY');
    groups.set(study, [...(groups.get(study) ?? []), entry]);
  }
  return groups;
}
