/** Identifiers and rows of the Study Root taken apart and put together for a peer that knows the Patient Root alone. */
import { Dataset, Tags, vrTraits, type Tag } from '../dicom/index.js';
import { levelOf } from '../dicomweb/index.js';

/** An identifier at STUDY level, as one for patients and one for their studies. */
export interface PatientParts {
  readonly patient: Dataset;
  /** Of the patient it has no more than the unique key, to be set. @see PS3.4 C.4.1.2.2.1 */
  readonly study: Dataset;
}

type DataElement = NonNullable<ReturnType<Dataset['get']>>;

/** What both parts have. */
const common: ReadonlySet<Tag> = new Set([Tags.SpecificCharacterSet, Tags.QueryRetrieveLevel]);

/** Takes an identifier at STUDY level apart. @see PS3.4 C.6.1.1, C.6.2.1 */
export function splitByPatient(identifier: Dataset): PatientParts {
  const [patient, study] = [emptyLike(identifier), emptyLike(identifier)];
  for (const element of identifier) {
    const { tag } = element;
    if (common.has(tag) || isOfPatient(tag)) copy(patient, element, identifier);
    if (!isOfPatient(tag)) copy(study, element, identifier);
  }
  return { patient, study };
}

/** Whether the part tells or asks for more of a patient than its unique key. */
export function asksOfPatient({ patient }: PatientParts): boolean {
  return [...patient].some(({ tag }) => !common.has(tag) && tag !== Tags.PatientID);
}

/** A copy of `identifier` below the patient, and of the study that is named. @see PS3.4 C.4.1.2.1 */
export function belowPatient(identifier: Dataset, patientId: string, studyInstanceUid?: string): Dataset {
  const below = emptyLike(identifier);
  for (const element of identifier) copy(below, element, identifier);
  below.setString(Tags.PatientID, patientId, 'LO');
  if (studyInstanceUid !== undefined) below.setString(Tags.StudyInstanceUID, studyInstanceUid, 'UI');
  return below;
}

/** The Patient ID that an identifier names; undefined where it names none, or a pattern. */
export function patientIdOf(identifier: Dataset): string | undefined {
  const [id = '', ...others] = identifier.strings(Tags.PatientID);
  return id === '' || others.length > 0 || /[*?]/.test(id) ? undefined : id;
}

/** Whether `row` is of the patient, as far as it says. */
export function isOf(row: Dataset, patientId: string): boolean {
  return (row.string(Tags.PatientID) ?? patientId).trim() === patientId.trim();
}

/**
 * Adds to the row of a study what the rows of its patient tell and it does not. Where one Patient ID stands in several
 * rows only what they agree on is added: nobody can tell whose the study is.
 */
export function addPatient(row: Dataset, patientId: string, [first, ...others]: readonly Dataset[]): void {
  if (!row.has(Tags.PatientID)) row.setString(Tags.PatientID, patientId, 'LO');
  for (const element of first ?? []) {
    const { tag } = element;
    if (first === undefined || !isOfPatient(tag) || hasValue(row.get(tag))) continue;
    const text = textOf(first, tag);
    if (others.every((other) => textOf(other, tag) === text)) copy(row, element, first);
  }
}

function isOfPatient(tag: Tag): boolean {
  return levelOf(tag) === 'PATIENT';
}

function hasValue(element: DataElement | undefined): boolean {
  return element !== undefined && element.value.length > 0;
}

function textOf(dataset: Dataset, tag: Tag): string {
  return dataset.strings(tag).join('\\');
}

function emptyLike({ encodingCharacterSets }: Dataset): Dataset {
  return new Dataset(encodingCharacterSets === undefined ? {} : { encodingCharacterSets });
}

/** As text where it is text: each dataset has a character set of its own. */
function copy(to: Dataset, { tag, vr, value }: DataElement, from: Dataset): void {
  if (!Buffer.isBuffer(value)) to.setItems(tag, value);
  else if (value.length > 0 && vrTraits(vr).text) to.setString(tag, textOf(from, tag), vr);
  else to.setBytes(tag, vr, value);
}
