import { GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import { Dataset, Tags } from '../dicom/index.js';
import type { Peer } from '../dimse/index.js';
import { isOf } from '../query/index.js';
import { inOrder } from './in-order.js';
import { isCut, PatientWalk } from './patient-walk.js';
import { SharedWork } from './shared-work.js';
import { isEnding } from './study-probe.js';

/** Studies whose patients are remembered, some 200 bytes each; the longest unused go first. */
const MOST_STUDIES = 10_000;

/** Studies of a list that are asked for without a patient, before the peer is taken for one that needs it. */
const MOST_ALONE = 3;

/** How a peer is asked that offers the Patient Root alone. */
export interface PatientRootSettings {
  /** Most patients that one question walks through. */
  readonly maxPatients: number;
  /** C-FINDs at once for it. */
  readonly joinConcurrency: number;
  /** How long what is learnt of the peer is believed. */
  readonly relearnMs: number;
}

/** Whose studies are, at a peer that finds none of them without their patients. Nothing of it is written down or told. */
export class PatientIds {
  readonly #peer: Peer;
  readonly #settings: PatientRootSettings;
  readonly #known = new Map<string, string>();
  readonly #asking = new SharedWork<string | undefined>();
  readonly #askingAll = new SharedWork<ReadonlyMap<string, string>>();

  constructor(peer: Peer, settings: PatientRootSettings) {
    this.#peer = peer;
    this.#settings = settings;
  }

  /** As the peer said last. */
  known(study: string): string | undefined {
    return this.#known.get(study);
  }

  /** The peer shows the study under this patient. */
  remember(study: string, patientId: string): void {
    this.#known.delete(study);
    this.#known.set(study, patientId);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_STUDIES && oldest !== undefined) this.#known.delete(oldest);
  }

  /**
   * Asks whose the study is: under the patient that is remembered, then without one, which many peers bear, at last under
   * each patient. Undefined when the peer does not have it.
   * @throws GatewayError `query-too-broad` where there are too many patients to be asked for, or why there was no answer
   */
  async lookUp(study: string, context: OperationContext): Promise<string | undefined> {
    return this.#asking.run(study, () => this.#lookUp(study, context), context.signal);
  }

  /**
   * The same of several studies: by one walk through the patients for all of them, in which each is asked for all its studies.
   * Those that the peer does not have are missing in what it returns.
   * @throws GatewayError as `lookUp`
   */
  async lookUpAll(
    studies: readonly string[],
    context: OperationContext,
  ): Promise<ReadonlyMap<string, string>> {
    const [first, ...others] = studies;
    if (first === undefined) return new Map();
    if (others.length > 0) {
      const key = [...studies].sort().join('\\');
      return this.#askingAll.run(key, () => this.#lookUpAll(studies, context), context.signal);
    }
    const patientId = await this.lookUp(first, context);
    return patientId === undefined ? new Map() : new Map([[first, patientId]]);
  }

  async #lookUpAll(
    studies: readonly string[],
    { requestId }: OperationContext,
  ): Promise<ReadonlyMap<string, string>> {
    const controller = new AbortController();
    const context: OperationContext = {
      requestId,
      signal: controller.signal,
      patient: true,
      root: 'patient',
    };
    const found = new Map<string, string>();
    const { knowledge } = this.#peer;
    try {
      for (const study of studies) {
        const holder = await this.#stillOf(this.#known.get(study), study, context);
        if (holder !== undefined) found.set(study, holder);
      }
      const isAskedAlone = knowledge.get('needsPatientId') !== true;
      const hidden = isAskedAlone ? await this.#findAlone(studies, found, context) : new Set<string>();
      const missing = new Set(studies.filter((study) => !found.has(study)));
      if (missing.size > 0) await this.#walkFor(missing, found, context);
      // What was not asked for alone proves nothing.
      if ([...hidden].some((study) => found.has(study)))
        knowledge.learn('needsPatientId', true, this.#settings.relearnMs);
      for (const study of studies) this.#told(study, found.get(study));
      return found;
    } finally {
      controller.abort(new GatewayError('cancelled', 'The patients are known.'));
    }
  }

  /**
   * By their UIDs alone; a peer that shows none of the first few so is asked for no more of them. Returns those that it did
   * not show.
   */
  async #findAlone(
    studies: readonly string[],
    found: Map<string, string>,
    context: OperationContext,
  ): Promise<ReadonlySet<string>> {
    const hidden = new Set<string>();
    let shown = 0;
    for (const study of studies) {
      if (found.has(study)) continue;
      if (shown === 0 && hidden.size === MOST_ALONE) break;
      const row = await this.#alone(study, context);
      if (row) shown += 1;
      else hidden.add(study);
      if (row) found.set(study, row.string(Tags.PatientID) ?? '');
    }
    return hidden;
  }

  #told(study: string, patientId: string | undefined): void {
    if (patientId === undefined) this.#known.delete(study);
    else this.remember(study, patientId);
  }

  /** Moves studies from `missing` to `found`, until none is left or there are no more patients. */
  async #walkFor(missing: Set<string>, found: Map<string, string>, context: OperationContext): Promise<void> {
    const { maxPatients, joinConcurrency } = this.#settings;
    const walk = new PatientWalk(this.#peer, new Dataset().setEmpty(Tags.PatientID), context);
    let asked = 0;
    const holders = inOrder(walk.patients(), joinConcurrency, async ({ patientId }) => {
      asked += 1;
      if (asked > maxPatients) throw tooMany(maxPatients);
      return { patientId, held: await this.#heldBy(patientId, missing, context) };
    });
    for await (const { patientId, held } of holders) {
      for (const study of held) if (missing.delete(study)) found.set(study, patientId);
      if (missing.size === 0) break;
    }
    if (missing.size > 0 && walk.truncated) throw this.#incomplete();
  }

  /** Which of `wanted` the patient has. All its studies are asked for: not every peer knows lists of UIDs. */
  async #heldBy(
    patientId: string,
    wanted: ReadonlySet<string>,
    context: OperationContext,
  ): Promise<readonly string[]> {
    const held: string[] = [];
    const isCut = await this.#read(patientId, '', context, (study) => {
      if (wanted.has(study)) held.push(study);
      return false;
    });
    if (isCut) throw this.#incomplete();
    return held;
  }

  async #lookUp(study: string, { requestId }: OperationContext): Promise<string | undefined> {
    // Others may wait for it too: whoever asked first cannot take it back, the peer's time-outs bound it.
    const controller = new AbortController();
    const { signal } = controller;
    // Where only retrieves are by the Patient Root the study itself tells its patient.
    const root = this.#peer.knowledge.get('root') === 'patient' ? 'patient' : 'study';
    const context: OperationContext = { requestId, signal, patient: true, root };
    const known = this.#known.get(study);
    try {
      const found = (await this.#stillOf(known, study, context)) ?? (await this.#find(study, context));
      this.#told(study, found);
      return found;
    } finally {
      controller.abort(new GatewayError('cancelled', 'The patient is known.'));
    }
  }

  async #stillOf(
    known: string | undefined,
    study: string,
    context: OperationContext,
  ): Promise<string | undefined> {
    if (known === undefined) return undefined;
    return (await this.#row(study, known, context)) ? known : undefined;
  }

  async #find(study: string, context: OperationContext): Promise<string | undefined> {
    const { knowledge } = this.#peer;
    if (context.root !== 'patient') {
      const shown = await this.#row(study, '', context);
      return shown && (shown.string(Tags.PatientID) ?? '');
    }
    const row = knowledge.get('needsPatientId') === true ? undefined : await this.#alone(study, context);
    if (row) return row.string(Tags.PatientID) ?? '';
    const found = await this.#walk(study, context);
    if (found !== undefined) knowledge.learn('needsPatientId', true, this.#settings.relearnMs);
    return found;
  }

  /** By its UID alone, which the model forbids: a refusal is no failure. */
  async #alone(study: string, context: OperationContext): Promise<Dataset | undefined> {
    try {
      return await this.#row(study, '', context);
    } catch (thrown) {
      if (isEnding(thrown)) throw toGatewayError(thrown);
      return undefined;
    }
  }

  async #walk(study: string, context: OperationContext): Promise<string | undefined> {
    const { maxPatients, joinConcurrency } = this.#settings;
    const walk = new PatientWalk(this.#peer, new Dataset().setEmpty(Tags.PatientID), context);
    let asked = 0;
    const holders = inOrder(walk.patients(), joinConcurrency, async ({ patientId }) => {
      asked += 1;
      if (asked > maxPatients) throw tooMany(maxPatients);
      return (await this.#row(study, patientId, context)) ? patientId : undefined;
    });
    for await (const holder of holders) if (holder !== undefined) return holder;
    if (!walk.truncated) return undefined;
    throw this.#incomplete();
  }

  async #row(study: string, patientId: string, context: OperationContext): Promise<Dataset | undefined> {
    let found: Dataset | undefined;
    const isCut = await this.#read(patientId, study, context, (uid, row) => {
      if (uid === study) found = row;
      return uid === study;
    });
    if (found === undefined && isCut) throw this.#incomplete();
    return found;
  }

  /** Reads studies of a patient until one `is` wanted; returns whether there may be more than came. */
  async #read(
    patientId: string,
    study: string,
    context: OperationContext,
    is: (uid: string, row: Dataset) => boolean,
  ): Promise<boolean> {
    const identifier = new Dataset()
      .setString(Tags.PatientID, patientId, 'LO')
      .setString(Tags.StudyInstanceUID, study, 'UI');
    const find = this.#peer.find('STUDY', identifier, context);
    try {
      for (let count = 0; ; count += 1) {
        const next = await find.next();
        if (next.done) return isCut(this.#peer, next.value, count);
        const uid = next.value.string(Tags.StudyInstanceUID) ?? '';
        if ((patientId === '' || isOf(next.value, patientId)) && is(uid, next.value)) return false;
      }
    } finally {
      await find.return({ status: 0xfe00, truncated: true });
    }
  }

  #incomplete(): GatewayError {
    return new GatewayError('peer-incomplete', 'The PACS did not list the patient of the study.', {
      peer: this.#peer.name,
    });
  }
}

function tooMany(most: number): GatewayError {
  return new GatewayError(
    'query-too-broad',
    `The archive tells of studies by their patients alone, and has more than ${most} of them: search for the study by its patient first.`,
  );
}
