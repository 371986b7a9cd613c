import { GatewayError, type OperationContext, type QueryOptions } from '../core/index.js';
import { Tags, type Dataset } from '../dicom/index.js';
import type {
  CommitmentRequest,
  FindCompletion,
  InstanceReceiver,
  Peer,
  QueryRetrieveLevel,
  RetrieveCompletion,
  RetrieveRequest,
  StoreRequest,
} from '../dimse/index.js';
import {
  addPatient,
  asksOfPatient,
  belowPatient,
  isOf,
  patientIdOf,
  splitByPatient,
  type PatientParts,
} from '../query/index.js';
import type { Find } from './find-flight.js';
import { PatientIds, type PatientRootSettings } from './patient-ids.js';
import { filtered, readAll } from './patient-rows.js';
import { isCut, PatientWalk } from './patient-walk.js';

/**
 * A peer that is asked as one of the Study Root, whichever model it offers: of one that offers the Patient Root alone
 * patients are asked for where a search is by them or wants something of them, and everything below them has their Patient
 * ID. What was planned for the Patient Root (`context.root`) goes out as it is.
 *
 * @see PS3.4 C.6.1
 */
export function withPatients(peer: Peer, settings: PatientRootSettings): Peer {
  return new PatientRootPeer(peer, settings);
}

const nothing: FindCompletion = { status: 0, truncated: false };

class PatientRootPeer implements Peer {
  readonly name: string;
  readonly knowledge: Peer['knowledge'];
  readonly #peer: Peer;
  readonly #settings: PatientRootSettings;
  readonly #ids: PatientIds;
  /** An association was accepted for the Study Root. */
  #isStudyRoot = false;

  constructor(peer: Peer, settings: PatientRootSettings) {
    this.name = peer.name;
    this.knowledge = peer.knowledge;
    this.#peer = peer;
    this.#settings = settings;
    this.#ids = new PatientIds(peer, settings);
  }

  get stats(): Peer['stats'] {
    return this.#peer.stats;
  }

  echo(...asked: Parameters<Peer['echo']>): ReturnType<Peer['echo']> {
    return this.#peer.echo(...asked);
  }

  probeAssociations(context: OperationContext): Promise<number> {
    return this.#peer.probeAssociations(context);
  }

  queryOptions(context: OperationContext): Promise<QueryOptions> {
    return this.#peer.queryOptions(context);
  }

  store(request: StoreRequest, context: OperationContext): ReturnType<Peer['store']> {
    return this.#peer.store(request, context);
  }

  requestCommitment(request: CommitmentRequest, context: OperationContext): Promise<void> {
    return this.#peer.requestCommitment(request, context);
  }

  close(graceMs: number): Promise<void> {
    return this.#peer.close(graceMs);
  }

  find(level: QueryRetrieveLevel, identifier: Dataset, context: OperationContext): Find {
    if (context.root === 'patient') return this.#asItIs(level, identifier, context);
    const isPatientRoot = this.knowledge.get('root') === 'patient';
    // Who has planned it plans anew.
    if (!isPatientRoot && (this.#isStudyRoot || context.planned))
      return this.#peer.find(level, identifier, context);
    return this.#ask(level, identifier, context);
  }

  async retrieve(
    request: RetrieveRequest,
    receiver: InstanceReceiver,
    context: OperationContext,
  ): Promise<RetrieveCompletion> {
    const ask = (): Promise<RetrieveCompletion> =>
      this.#retrievesByPatient
        ? this.#retrieve(request, receiver, context)
        : this.#peer.retrieve(request, receiver, context);
    try {
      return await ask();
    } catch (thrown) {
      if (!isOtherModel(thrown)) throw thrown;
    }
    return ask();
  }

  retrieveNow(
    request: RetrieveRequest,
    receiver: InstanceReceiver,
    context: OperationContext,
  ): Promise<RetrieveCompletion> | undefined {
    if (!this.#retrievesByPatient) return this.#peer.retrieveNow(request, receiver, context);
    const patientId = this.#ids.known(studyOf(request.identifier));
    if (patientId === undefined) return undefined;
    return this.#peer.retrieveNow(ofPatient(request, patientId), receiver, { ...context, root: 'patient' });
  }

  get #retrievesByPatient(): boolean {
    return (this.knowledge.get('retrieveRoot') ?? this.knowledge.get('root')) === 'patient';
  }

  async #retrieve(
    request: RetrieveRequest,
    receiver: InstanceReceiver,
    context: OperationContext,
  ): Promise<RetrieveCompletion> {
    const study = studyOf(request.identifier);
    const known = this.#ids.known(study);
    const patientId = known ?? (await this.#ids.lookUp(study, context));
    if (patientId === undefined) throw this.#gone();
    const of = { ...context, root: 'patient' } as const;
    const completion = await this.#peer.retrieve(ofPatient(request, patientId), receiver, of);
    if (completion.received + completion.failed > 0 || completion.cancelled || known === undefined)
      return completion;
    // It may be another patient's by now.
    const now = await this.#ids.lookUp(study, context);
    if (now === undefined) throw this.#gone();
    return now === known ? completion : this.#peer.retrieve(ofPatient(request, now), receiver, of);
  }

  #gone(): GatewayError {
    return new GatewayError('not-found', 'The PACS does not have this study.', { peer: this.name });
  }

  /** By the model that the peer offers, which may turn out to be the other one before the first row. */
  async *#ask(level: QueryRetrieveLevel, identifier: Dataset, context: OperationContext): Find {
    try {
      return yield* this.#asked(level, identifier, context);
    } catch (thrown) {
      if (!isOtherModel(thrown)) throw thrown;
    }
    return yield* this.#asked(level, identifier, context);
  }

  async *#asked(level: QueryRetrieveLevel, identifier: Dataset, context: OperationContext): Find {
    if (this.knowledge.get('root') === 'patient') {
      const of = { ...context, root: 'patient' } as const;
      return yield* level === 'STUDY' ? this.#studies(identifier, of) : this.#below(level, identifier, of);
    }
    const completion = yield* this.#peer.find(level, identifier, context);
    this.#isStudyRoot = this.knowledge.get('root') !== 'patient';
    return completion;
  }

  /** What was planned for the Patient Root; it tells whose studies are. */
  async *#asItIs(level: QueryRetrieveLevel, identifier: Dataset, context: OperationContext): Find {
    const find = this.#peer.find(level, identifier, context);
    if (level !== 'STUDY') return yield* find;
    return yield* this.#remembered(find, patientIdOf(identifier));
  }

  /** Series and instances of one study. */
  async *#below(level: QueryRetrieveLevel, identifier: Dataset, context: OperationContext): Find {
    const study = studyOf(identifier);
    // Whoever leaves it out has planned for another model.
    if (study === '') throw new GatewayError('peer-changed', 'The peer offers the Patient Root model alone.');
    return yield* this.#ofStudy(study, context, (patientId) =>
      this.#peer.find(level, belowPatient(identifier, patientId), context),
    );
  }

  async *#studies(identifier: Dataset, context: OperationContext): Find {
    const parts = splitByPatient(identifier);
    const patientId = patientIdOf(identifier);
    if (patientId !== undefined) return yield* this.#ofPatient(patientId, parts, context);
    const named = identifier.strings(Tags.StudyInstanceUID).filter((uid) => uid !== '');
    if (named.length === 0) return yield* this.#ofPatients(parts, context);
    return yield* this.#named(named, parts, context);
  }

  /** Of a list of studies those whose patients are remembered, and then all others by one look-up. */
  async *#named(studies: readonly string[], parts: PatientParts, context: OperationContext): Find {
    const missing: string[] = [];
    let truncated = false;
    const ask = (study: string, id: string): Find =>
      this.#ofPatient(id, { ...parts, study: belowPatient(parts.study, id, study) }, context);
    for (const study of studies) {
      const known = this.#ids.known(study);
      let found = 0;
      if (known !== undefined) {
        const counted = filtered(this.#peer, ask(study, known), () => (found += 1) > 0);
        const completion = yield* counted;
        truncated ||= completion.truncated;
        if (completion.truncated) continue;
      }
      // It may be another patient's by now, or do not match what else is asked for.
      if (found === 0) missing.push(study);
    }
    const before = new Map(missing.map((study) => [study, this.#ids.known(study)]));
    for (const [study, id] of await this.#ids.lookUpAll(missing, context)) {
      if (id === before.get(study)) continue;
      const completion = yield* ask(study, id);
      truncated ||= completion.truncated;
    }
    return { ...nothing, truncated };
  }

  /** What there is of a study; where a patient that is remembered has nothing of it, it may be another one's by now. */
  async *#ofStudy(study: string, context: OperationContext, ask: (patientId: string) => Find): Find {
    const known = this.#ids.known(study);
    if (known !== undefined) {
      let found = 0;
      const count = (): boolean => {
        found += 1;
        return true;
      };
      const completion = yield* filtered(this.#peer, ask(known), count);
      if (found > 0 || completion.truncated) return completion;
    }
    const patientId = await this.#ids.lookUp(study, context);
    if (patientId === undefined || patientId === known) return nothing;
    return yield* ask(patientId);
  }

  /** Studies of every patient that the search is by, one patient after the other. */
  async *#ofPatients(parts: PatientParts, context: OperationContext): Find {
    if (!parts.patient.has(Tags.PatientID)) parts.patient.setEmpty(Tags.PatientID, 'LO');
    const walk = new PatientWalk(this.#peer, parts.patient, context);
    const { maxPatients } = this.#settings;
    let walked = 0;
    let truncated = false;
    for await (const { patientId, row } of walk.patients()) {
      walked += 1;
      if (walked > maxPatients)
        throw new GatewayError('query-too-broad', `There are more than ${maxPatients} patients.`);
      const completion = yield* this.#studiesOf(patientId, [row], parts.study, context);
      truncated ||= completion.truncated;
    }
    return { ...nothing, truncated: truncated || walk.truncated };
  }

  async *#ofPatient(patientId: string, parts: PatientParts, context: OperationContext): Find {
    let rows: readonly Dataset[] = [];
    // Without an id all patients would be listed, and none of them is known to be the one.
    if (patientId !== '' && asksOfPatient(parts)) {
      const found = await readAll(
        this.#peer.find('PATIENT', belowPatient(parts.patient, patientId), context),
        (row) => isOf(row, patientId),
      );
      const { completion, count } = found;
      rows = found.rows;
      if (rows.length === 0) return { ...completion, truncated: isCut(this.#peer, completion, count) };
    }
    return yield* this.#studiesOf(patientId, rows, parts.study, context);
  }

  async *#studiesOf(
    patientId: string,
    patients: readonly Dataset[],
    study: Dataset,
    context: OperationContext,
  ): Find {
    const find = this.#peer.find('STUDY', belowPatient(study, patientId), context);
    return yield* this.#remembered(find, patientId, patients);
  }

  /** Remembers whose the studies are, and leaves out those of others: some peers pass over the keys above the level. */
  #remembered(find: Find, patientId: string | undefined, patients?: readonly Dataset[]): Find {
    return filtered(this.#peer, find, (row) => {
      if (patientId !== undefined && !isOf(row, patientId)) return false;
      const study = row.string(Tags.StudyInstanceUID);
      const holder = patientId ?? row.string(Tags.PatientID);
      if (patients && holder !== undefined) addPatient(row, holder, patients);
      if (study !== undefined && holder !== undefined) this.#ids.remember(study, holder);
      return true;
    });
  }
}

function studyOf(identifier: Dataset): string {
  return identifier.string(Tags.StudyInstanceUID) ?? '';
}

/** Where the peer shows no Patient ID it is not asked by one. */
function ofPatient(request: RetrieveRequest, patientId: string): RetrieveRequest {
  if (patientId === '') return request;
  return { ...request, identifier: belowPatient(request.identifier, patientId) };
}

function isOtherModel(thrown: unknown): boolean {
  return thrown instanceof GatewayError && thrown.code === 'peer-changed';
}
