import type { PatientIdentity } from '../core/index.js';
import {
  formatTag,
  Tags,
  type Dataset,
  type DicomJsonElement,
  type DicomJsonObject,
} from '../dicom/index.js';
import { ALPHABETIC_NAME, alphabeticName, hashOf, type Fingerprint } from './study-state.js';

/** Whose a study is, as far as a peer says; values or their hashes, undefined where it says nothing. */
export interface Patient {
  readonly id: string | undefined;
  readonly issuer: string | undefined;
  /** Of the alphabetic group alone. */
  readonly name: string | undefined;
  readonly birthDate: string | undefined;
}

const agree = (one: string | undefined, other: string | undefined): boolean =>
  one === undefined || other === undefined || one === other;

/**
 * Whether two peers that hold the same study say that it is the same patient's.
 *
 * A patient is an id with its issuer. Where one of them names no issuer the id alone proves little, so nothing else may
 * contradict it. Different ids are different patients, whoever gave them out.
 */
export function isSamePatient(one: Patient, other: Patient): boolean {
  if (one.id !== other.id) return false;
  if (one.issuer !== undefined && other.issuer !== undefined) return one.issuer === other.issuer;
  return agree(one.name, other.name) && agree(one.birthDate, other.birthDate);
}

const EMPTY = hashOf('');

/** Reads what a peer said of a study; `issuer` stands in where it names none. */
export function patientOfState(identity: Fingerprint, issuer: string | undefined): Patient {
  const of = (tag: number): string | undefined => {
    const hash = identity[tag.toString(16)];
    return hash === EMPTY ? undefined : hash;
  };
  return {
    id: of(Tags.PatientID),
    issuer: of(Tags.IssuerOfPatientID) ?? (issuer === undefined ? undefined : hashOf(issuer)),
    name: identity[ALPHABETIC_NAME],
    birthDate: of(Tags.PatientBirthDate),
  };
}

/** Whether an element is there with something in it. */
export function hasValue(element: DicomJsonElement | undefined): boolean {
  if (element === undefined) return false;
  if (element.InlineBinary !== undefined || element.BulkDataURI !== undefined) return true;
  return element.Value?.some((value) => value !== null) === true;
}

/** Reads a row of a search. */
export function patientOfRow(row: DicomJsonObject): Patient {
  const of = (tag: number): string | undefined => {
    const element = row[formatTag(tag)];
    return hasValue(element) ? JSON.stringify(element?.Value) : undefined;
  };
  return {
    id: of(Tags.PatientID),
    issuer: of(Tags.IssuerOfPatientID),
    name: nameOf(row[formatTag(Tags.PatientName)]),
    birthDate: of(Tags.PatientBirthDate),
  };
}

function nameOf(element: DicomJsonElement | undefined): string | undefined {
  const [value] = element?.Value ?? [];
  const alphabetic = typeof value === 'object' && value !== null && 'Alphabetic' in value && value.Alphabetic;
  return typeof alphabetic === 'string' ? alphabeticName(alphabetic) : undefined;
}

/** Whose a study is, as a row of a C-FIND says in its own words. */
export function patientIn(row: Dataset): PatientIdentity | undefined {
  const id = (row.string(Tags.PatientID) ?? '').trim();
  const issuer = (row.string(Tags.IssuerOfPatientID) ?? '').trim();
  return id === '' ? undefined : { id, ...(issuer !== '' && { issuer }) };
}
