import type { AuditedStudy, PatientIdentity } from '../core/index.js';

/** Whose instances came with a store, whatever became of them. */
export interface StoredAbout {
  readonly studies: readonly AuditedStudy[];
  readonly patients: readonly PatientIdentity[];
  /** There were more than are named. */
  readonly isPartialList: boolean;
}

/** Studies and patients of one request that are named, some 100 bytes each. */
const MOST_NAMED = 500;

/** Gathers whose the instances of one request are. */
export class StoredAboutCollector {
  readonly #studies = new Set<string>();
  readonly #patients = new Map<string, PatientIdentity>();
  #isPartialList = false;

  add(studyInstanceUid: string | undefined, patient: PatientIdentity | undefined): void {
    if (studyInstanceUid !== undefined && this.#hasRoomFor(this.#studies, studyInstanceUid))
      this.#studies.add(studyInstanceUid);
    if (patient === undefined) return;
    const key = JSON.stringify([patient.id, patient.issuer]);
    if (this.#hasRoomFor(this.#patients, key)) this.#patients.set(key, patient);
  }

  get about(): StoredAbout {
    const studies = [...this.#studies].map((studyInstanceUid) => ({ studyInstanceUid }));
    return { studies, patients: [...this.#patients.values()], isPartialList: this.#isPartialList };
  }

  #hasRoomFor(named: ReadonlySet<string> | ReadonlyMap<string, unknown>, key: string): boolean {
    if (named.has(key)) return false;
    const hasRoom = named.size < MOST_NAMED;
    if (!hasRoom) this.#isPartialList = true;
    return hasRoom;
  }
}
