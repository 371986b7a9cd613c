import { GatewayError, type Clock, type OperationContext, type Restriction } from '../core/index.js';
import { Dataset, isUid, Tags, type Tag } from '../dicom/index.js';
import type { FindCompletion, Peer } from '../dimse/index.js';
import { passes, restrictionTags } from '../query/index.js';
import type { PeerBinding } from './ports.js';
import type { SharedFinds } from './shared-finds.js';

/** What a study is to somebody; `absent`: the peer does not have it. */
export type Standing = 'permitted' | 'forbidden' | 'absent';

/** Answers that are remembered, some 500 bytes each; the oldest goes first. */
const MOST_REMEMBERED = 5000;
/** Rows for one study that are read: some peers answer once for each instance. */
const MOST_ROWS = 20_000;
/** Studies of one patient that are looked at before they are shown, at a peer of the Patient Root alone. */
const MOST_OF_A_PATIENT = 5000;

/** What the peer said of a study: rows with the attributes that were asked for, each different one once. */
interface Told {
  readonly at: number;
  readonly rows: readonly Dataset[];
}

/** Tells whose studies somebody may see, by what one peer says of them now. */
export class StudyGuard {
  readonly #binding: PeerBinding;
  readonly #finds: SharedFinds;
  readonly #clock: Clock;
  /** By study and attributes. */
  readonly #told = new Map<string, Told>();
  #clears = 0;

  constructor(binding: PeerBinding, finds: SharedFinds, clock: Clock) {
    this.#binding = binding;
    this.#finds = finds;
    this.#clock = clock;
  }

  /** What was heard may not hold any more. */
  clear(): void {
    this.#clears += 1;
    this.#told.clear();
  }

  /**
   * Asks the peer, once for all who ask within `cache.revalidateAfter`. Where it answers several times, what it says must
   * let the study pass each time.
   *
   * @throws GatewayError of the C-FIND that failed
   */
  async ask(study: string, restriction: Restriction, context: OperationContext): Promise<Standing> {
    const rows = await this.#rowsOf(study, restrictionTags(restriction), context);
    if (rows.length === 0) return 'absent';
    return rows.every((row) => passes(row, restriction)) ? 'permitted' : 'forbidden';
  }

  /** As `find`, with nothing of studies that may not be seen. */
  restrict(all: Peer['find'], restriction: Restriction): Peer['find'] {
    const find = withoutPatientCounts(all);
    return (level, identifier, context) => {
      if (level === 'PATIENT') return find(level, identifier, context);
      if (level !== 'STUDY')
        return this.#below(() => find(level, identifier, context), identifier, { restriction, context });
      // By the Patient Root attributes of the patient are no keys of a study.
      if (context.root === 'patient')
        return this.#ofPatient(find(level, identifier, context), restriction, context);
      for (const tag of restrictionTags(restriction)) if (!identifier.has(tag)) identifier.setEmpty(tag);
      return this.#studies(find(level, identifier, context), restriction);
    };
  }

  /** Series and instances of the one study that is asked for. */
  async *#below(
    find: () => ReturnType<Peer['find']>,
    identifier: Dataset,
    { restriction, context }: { readonly restriction: Restriction; readonly context: OperationContext },
  ): ReturnType<Peer['find']> {
    const study = identifier.string(Tags.StudyInstanceUID) ?? '';
    if (!isUid(study) || identifier.strings(Tags.StudyInstanceUID).length > 1)
      throw new GatewayError('internal', 'A search below all studies is not one of those that may be seen.');
    const standing = await this.ask(study, restriction, context);
    return standing === 'permitted' ? yield* find() : { status: 0, truncated: false };
  }

  async *#studies(answer: ReturnType<Peer['find']>, restriction: Restriction): ReturnType<Peer['find']> {
    let count = 0;
    try {
      let next = await answer.next();
      for (; !next.done; next = await answer.next()) {
        count += 1;
        if (passes(next.value, restriction)) yield next.value;
      }
      return this.#ended(next.value, count);
    } finally {
      // Who reads no further ends what is asked.
      await answer.return({ status: 0, truncated: true });
    }
  }

  /** A peer that is asked by patients tells of them elsewhere: it is asked anew when it has told all studies of one. */
  async *#ofPatient(
    answer: ReturnType<Peer['find']>,
    restriction: Restriction,
    context: OperationContext,
  ): ReturnType<Peer['find']> {
    const rows: Dataset[] = [];
    let next = await answer.next();
    for (; !next.done; next = await answer.next()) {
      if (rows.length === MOST_OF_A_PATIENT)
        throw new GatewayError('query-too-broad', 'A patient has too many studies to look at each of them.');
      rows.push(next.value);
    }
    const { root: _root, planned: _planned, ...asStudies } = context;
    for (const row of rows) {
      const study = row.string(Tags.StudyInstanceUID) ?? '';
      if (isUid(study) && (await this.ask(study, restriction, asStudies)) === 'permitted') yield row;
    }
    return this.#ended(next.value, rows.length);
  }

  /** Nobody who counts the rows from here on sees that the peer has cut them. */
  #ended(completion: FindCompletion, count: number): FindCompletion {
    return count === this.#binding.retrieve.findLimit ? { ...completion, truncated: true } : completion;
  }

  async #rowsOf(study: string, tags: readonly Tag[], context: OperationContext): Promise<readonly Dataset[]> {
    const key = [study, ...tags].join(' ');
    const told = this.#told.get(key);
    const { revalidateMs } = this.#binding.retrieve;
    if (told && this.#clock.now() - told.at < revalidateMs) return told.rows;
    const [at, clears] = [this.#clock.now(), this.#clears];
    const rows = await this.#asked(study, tags, context);
    if (clears === this.#clears && revalidateMs > 0) this.#remember(key, { at, rows });
    return rows;
  }

  async #asked(study: string, tags: readonly Tag[], context: OperationContext): Promise<readonly Dataset[]> {
    const identifier = new Dataset()
      .setString(Tags.QueryRetrieveLevel, 'STUDY', 'CS')
      .setString(Tags.StudyInstanceUID, study, 'UI');
    for (const tag of tags) if (!identifier.has(tag)) identifier.setEmpty(tag);
    const { restriction: _restriction, planned: _planned, root: _root, ...plain } = context;
    const rows = new Map<string, Dataset>();
    let count = 0;
    for await (const row of this.#finds.find('STUDY', identifier, { ...plain, patient: true }, 'guard')) {
      if ((count += 1) > MOST_ROWS)
        throw new GatewayError('peer-protocol', 'The PACS answers too often for one study.');
      if (row.string(Tags.StudyInstanceUID) !== study) continue;
      rows.set(JSON.stringify(tags.map((tag) => row.strings(tag))), onlyOf(row, tags));
    }
    return [...rows.values()];
  }

  #remember(key: string, told: Told): void {
    this.#told.delete(key);
    this.#told.set(key, told);
    const [oldest] = this.#told.keys();
    if (this.#told.size > MOST_REMEMBERED && oldest !== undefined) this.#told.delete(oldest);
  }
}

/** What a patient has in all the archive, of which somebody may see less. */
const PATIENT_COUNTS: readonly Tag[] = [
  Tags.NumberOfPatientRelatedStudies,
  Tags.NumberOfPatientRelatedSeries,
  Tags.NumberOfPatientRelatedInstances,
];

/** As `find`, by which nobody is told, and nothing is found by, how much there is of a patient. */
function withoutPatientCounts(find: Peer['find']): Peer['find'] {
  return async function* (level, identifier, context) {
    for (const tag of PATIENT_COUNTS) identifier.delete(tag);
    const answer = find(level, identifier, context);
    try {
      let next = await answer.next();
      for (; !next.done; next = await answer.next()) {
        // Some archives tell more than they are asked for.
        for (const tag of PATIENT_COUNTS) next.value.delete(tag);
        yield next.value;
      }
      return next.value;
    } finally {
      await answer.return({ status: 0, truncated: true });
    }
  };
}

/** What is to be kept of a row. */
function onlyOf(row: Dataset, tags: readonly Tag[]): Dataset {
  const kept = new Dataset({ fallbackCharacterSet: row.characterSet });
  for (const tag of tags) {
    const element = row.get(tag);
    if (element && Buffer.isBuffer(element.value)) kept.setBytes(tag, element.vr, Buffer.from(element.value));
  }
  return kept;
}
