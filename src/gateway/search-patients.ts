import { crc32 } from 'node:zlib';
import { GatewayError, KeySet, type OperationContext } from '../core/index.js';
import { Dataset, Tags } from '../dicom/index.js';
import type { Peer } from '../dimse/index.js';
import { isOf, namesOf, type FindStep } from '../query/index.js';

/** Rows in which another patient of one id is looked for. */
const MOST_ROWS = 100;

/** Patients by their ids. Bounded by those that are asked for their studies, and those that are read ahead. */
export class Patients {
  readonly #areAsked: boolean;
  readonly #known = new Map<string, string>();

  constructor({ level }: FindStep) {
    this.#areAsked = level === 'PATIENT';
  }

  add(id: string, row: Dataset): void {
    if (this.#areAsked) this.#known.set(id, whoIs(row));
  }

  /** Whether somebody else has the id. */
  isAnother(id: string, row: Dataset): boolean {
    const known = this.#known.get(id);
    return known !== undefined && known !== whoIs(row);
  }
}

/** Whose the studies of one question are, as far as the peer says: their ids, which are the same in every character set. */
export class StudyOwners {
  readonly #owners: KeySet | undefined;

  constructor({ level }: FindStep) {
    this.#owners = level === 'STUDY' ? new KeySet() : undefined;
  }

  add(study: string, row: Dataset): void {
    this.#owners?.add(ownerOf(study, row));
  }

  /** Whether a study that was seen before was somebody else's then. */
  isAnother(study: string, row: Dataset, wasSeen: boolean): boolean {
    return wasSeen && this.#owners?.has(ownerOf(study, row)) === false;
  }
}

/** 16 bytes for each of hundreds of thousands; of two that are the same by chance nothing is told. */
const ownerOf = (study: string, row: Dataset): string =>
  String(crc32(`${study}\n${textOf(row, [Tags.PatientID, Tags.IssuerOfPatientID])}`));

/** What tells patients apart that have one id, as far as the peer says. */
const whoIs = (row: Dataset): string => textOf(row, [Tags.IssuerOfPatientID, ...PERSON]);

const PERSON = [Tags.PatientName, Tags.PatientBirthDate];

const textOf = (row: Dataset, tags: readonly number[]): string =>
  tags.map((tag) => row.strings(tag).join('\\')).join('\n');

/** Studies of nobody cannot be asked for by the Patient Root: they are missing, and that is said. */
export const isOfNobody = ({ level }: FindStep, row: Dataset): boolean =>
  level === 'PATIENT' && row.string(Tags.PatientID) === undefined;

/** Whether the patients of a search are not all that have their ids: it is by a name, or the like. */
export const mayHideTwins = ({ level, constrained }: FindStep): boolean =>
  level === 'PATIENT' && [...constrained].some((tag) => tag !== Tags.PatientID);

/**
 * Whether the peer has another patient of the id of `row`, whom the search does not find and whose studies come with it.
 *
 * @throws GatewayError of the C-FIND
 */
export async function hasTwin(find: Peer['find'], row: Dataset, context: OperationContext): Promise<boolean> {
  const patientId = row.string(Tags.PatientID) ?? '';
  const identifier = new Dataset()
    .setString(Tags.QueryRetrieveLevel, 'PATIENT', 'CS')
    .setString(Tags.PatientID, patientId, 'LO');
  for (const tag of PERSON) identifier.setEmpty(tag);
  const person = textOf(row, PERSON);
  const rows = find('PATIENT', identifier, context);
  try {
    for (let count = 0; count < MOST_ROWS; count += 1) {
      const next = await rows.next();
      if (next.done) return false;
      if (isOf(next.value, patientId) && textOf(next.value, PERSON) !== person) return true;
    }
    return false;
  } finally {
    await rows.return({ status: 0xfe00, truncated: true });
  }
}

/** Where more patients match than may be asked for their studies. */
export function tooManyPatients(most: number): GatewayError {
  return new GatewayError(
    'query-too-broad',
    `The archive tells of studies by their patients alone, and more than ${most} of them match; narrow the search, by PatientID or PatientName for example.`,
  );
}

/** Where what is below more rows would be asked for than may be, of which nobody knows whether they match. */
export function tooManyUnknown(step: FindStep, row: Dataset, most: number): GatewayError {
  return new GatewayError(
    'query-too-broad',
    `The archive does not tell ${namesOf(step.unverified(row))}, so that what is below more than ${most} results would have to be asked for; narrow the search, by a date or a patient.`,
  );
}
