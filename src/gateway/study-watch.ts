import { GatewayError, toGatewayError, type OperationContext, type PatientIdentity } from '../core/index.js';
import type { InstanceKey } from '../cache/index.js';
import type { Dataset } from '../dicom/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import { KnownStudies, type Known } from './known-studies.js';
import { ListingMemory } from './listing-memory.js';
import type { ListedInstance } from './listing.js';
import type { FetcherDependencies, InstanceRecord, Instances, PeerBinding } from './ports.js';
import { keyText } from './refusals.js';
import { SeriesMemory } from './series-memory.js';
import { SharedWork } from './shared-work.js';
import { askStudy, type StudyTold } from './study-rows.js';
import { ReplacedLately } from './replaced-lately.js';
import {
  agree,
  compareStudies,
  mergeStates,
  studyState,
  type Fingerprint,
  type Seen,
  type StudyState,
} from './study-state.js';
import { isWithin } from './want.js';

/** A cached instance whose last byte has come. */
interface Complete {
  readonly key: InstanceKey;
  readonly meta: InstanceRecord;
}

/** What was known when a listing began. */
export interface ListingStart {
  readonly changes: number;
  readonly at: number;
}

/**
 * Sees to it that nothing is served from the cache under a name that the peer no longer gives it.
 *
 * Before something cached is served the peer is asked what it says of the study, once for all who ask within
 * `revalidateMs`, or `reopenMs` where they open it. A study that has become another patient's, or has lost something, is dropped from the cache; one that
 * is gone is gone here too; one that has grown is listed anew. A list older than `relistMs` is made anew for who opens
 * the study or series: what the peer has put in the place of something else does not show in its counts.
 */
export class StudyWatch {
  /** What the peer has in another form than before, or not any more. */
  readonly replaced = new ReplacedLately();
  readonly #binding: PeerBinding;
  readonly #deps: FetcherDependencies;
  readonly #onForget: () => void;
  readonly #known = new KnownStudies((study) => {
    this.#lists.deleteStudy(study);
    this.#series.deleteStudy(study);
  });
  readonly #asking = new SharedWork<StudyState>();
  readonly #lists = new ListingMemory();
  readonly #series = new SeriesMemory();
  #fastestMs: number | undefined;
  /** What was asked about studies so far. */
  #questions = 0;

  /** `onForget` is called when what was heard of the peer before may not hold any more. */
  constructor(binding: PeerBinding, deps: FetcherDependencies, onForget: () => void) {
    this.#binding = binding;
    this.#deps = deps;
    this.#onForget = onForget;
  }

  /** What the peer said last of an instance's study and series, to be kept with what arrives of it. */
  seen(key: Pick<ListedInstance, 'studyInstanceUid' | 'seriesInstanceUid'>): Seen | undefined {
    const known = this.#known.get(key.studyInstanceUid);
    return known && { study: known.baseline, series: this.#series.get(key), life: known.life };
  }

  /** Another number whenever something has become of the study. */
  changes({ studyInstanceUid }: RetrieveTarget): number {
    return this.#known.changes(studyInstanceUid);
  }

  /** Whether the peer can be asked while it delivers something: it takes more than one association. */
  get asksBeside(): boolean {
    const { peer, retrieve } = this.#binding;
    return (peer.knowledge.get('associations') ?? retrieve.associations) > 1;
  }

  /** How soon the peer tells of a study at best, in milliseconds; 0 before it was asked. */
  get fastestMs(): number {
    return this.#fastestMs ?? 0;
  }

  /** The SOP classes in the study; empty when the peer does not tell them. Waits for an answer that is on its way. */
  async sopClassUids(studyInstanceUid: string): Promise<readonly string[]> {
    await this.#asking.running(studyInstanceUid)?.catch(() => undefined);
    return this.#known.get(studyInstanceUid)?.sopClassUids ?? [];
  }

  /** Whose the study is, as the peer said last; none when it has not. */
  patientsOf(studyInstanceUid: string): readonly PatientIdentity[] {
    return this.#known.get(studyInstanceUid)?.patients ?? [];
  }

  /** What the peer said of the study last; undefined when it has not. */
  told(studyInstanceUid: string): StudyState | undefined {
    return this.#known.get(studyInstanceUid)?.state;
  }

  /** To be taken before a listing begins, and given to `remember` when it has ended. */
  listingStart(target: RetrieveTarget): ListingStart {
    return { changes: this.changes(target), at: this.#deps.clock.now() };
  }

  /** Whether anything of the study may be served without a listing. */
  holds({ studyInstanceUid }: RetrieveTarget): boolean {
    return this.#deps.instances.hasStudy(this.#binding.peer.name, studyInstanceUid);
  }

  /** What `target` was proved to consist of; to be used after `check` alone. */
  listing(target: RetrieveTarget): readonly ListedInstance[] | undefined {
    const list = this.#lists.get(target)?.list;
    const { sopInstanceUid } = target;
    if (list === undefined || sopInstanceUid === undefined) return list;
    const one = list.find((listed) => listed.sopInstanceUid === sopInstanceUid);
    return one && [one];
  }

  /** Whether who opens `target`, a study or a series, is to list it anew; one instance is taken from any list. */
  isOutdated(target: RetrieveTarget): boolean {
    const at = target.sopInstanceUid === undefined ? this.#lists.get(target)?.at : undefined;
    return at !== undefined && this.#deps.clock.now() - at >= this.#binding.retrieve.relistMs;
  }

  forgetListing(target: RetrieveTarget): void {
    this.#lists.delete(target);
  }

  /**
   * `list` is all of `target`, as the peer said; of no use if something has become of the study since `start`. What is
   * cached and not in it is gone at the peer. Returns what `listing` is from now on; undefined where it was of no use.
   */
  remember(
    target: RetrieveTarget,
    list: readonly ListedInstance[],
    { changes, at }: ListingStart,
  ): readonly ListedInstance[] | undefined {
    const { studyInstanceUid } = target;
    if (target.sopInstanceUid !== undefined || this.#known.get(studyInstanceUid)?.changes !== changes)
      return undefined;
    const names = new Set(list.map(keyText));
    const before = this.#lists.get(target)?.list;
    const isSame = before?.length === names.size && before.every((listed) => names.has(keyText(listed)));
    const dropped = this.#dropCached(target, ({ key }) => !names.has(keyText(key)));
    if (dropped > 0 || (before && !isSame)) {
      this.#changed(studyInstanceUid);
      return undefined;
    }
    if (list.length === 0) return undefined;
    // One that says the same is as good, and what was made of it stays so.
    const kept = before ?? list;
    this.#lists.set(target, kept, at);
    return kept;
  }

  /**
   * What the peer says of the study of `target`, now or lately; what is cached of it may be served then. Who opens a study
   * or a series is to see what it is now, and asks for all of it at once; whoever reads single instances has opened it.
   * @throws GatewayError `not-found` when the peer does not have it any more, or why it cannot be asked
   */
  async check(
    { studyInstanceUid, sopInstanceUid }: RetrieveTarget,
    context: OperationContext,
  ): Promise<StudyState> {
    const known = this.#known.get(studyInstanceUid);
    const { revalidateMs, reopenMs } = this.#binding.retrieve;
    const believedMs = sopInstanceUid === undefined ? reopenMs : revalidateMs;
    if (known && this.#deps.clock.now() - known.at < believedMs) return known.state;
    return this.checkNow(studyInstanceUid, context);
  }

  /**
   * As `check`, before anything that is cached is served: what came while the peer could not be asked whose it was is
   * dropped first, because no answer from now on can tell.
   * @throws GatewayError as `check`
   */
  async checkCached(target: RetrieveTarget, context: OperationContext): Promise<StudyState> {
    const { studyInstanceUid } = target;
    const isFirst = !this.#known.has(studyInstanceUid) && !this.#asking.has(studyInstanceUid);
    if (isFirst) this.#dropUnproved(studyInstanceUid);
    return this.check(target, context);
  }

  /** As `check`, of which an answer that was asked for at `since` or after is good enough. @throws GatewayError as `check` */
  async checkSince(studyInstanceUid: string, since: number, context: OperationContext): Promise<StudyState> {
    const known = this.#known.get(studyInstanceUid);
    return known && known.at >= since ? known.state : this.checkNow(studyInstanceUid, context);
  }

  /**
   * Sees to it that the peer was asked about the study after the last of what is served together had come, the one that
   * has the ordinal `latest`, or from now on where that is infinite: what it said before proves of none that came later
   * whose that is. Nothing is asked about what is there where the question would wait for a retrieve to end.
   * @throws GatewayError as `check`
   */
  async checkAfter(studyInstanceUid: string, latest: number, context: OperationContext): Promise<void> {
    if (Number.isFinite(latest) && !this.asksBeside) return;
    const begun = this.#questions;
    const isOlder = (): boolean => {
      const { question = 0, after = -1 } = this.#known.get(studyInstanceUid) ?? {};
      return Number.isFinite(latest) ? after < latest : question <= begun;
    };
    // What was asked by somebody else, before that, is waited for and is not enough.
    for (let turn = 0; turn < 2 && isOlder(); turn += 1) await this.checkNow(studyInstanceUid, context);
  }

  /** As `check`, of which no earlier answer is good enough. @throws GatewayError as `check` */
  checkNow(studyInstanceUid: string, context: OperationContext): Promise<StudyState> {
    return this.#asking.run(studyInstanceUid, () => this.#ask(studyInstanceUid, context), context.signal);
  }

  /** Whether the peer has said whose `target`, a study or a series, is. */
  knows({ studyInstanceUid, seriesInstanceUid }: RetrieveTarget): boolean {
    const known = this.#known.get(studyInstanceUid);
    // What was forgotten is asked for anew.
    if (known === undefined || known.at === Number.NEGATIVE_INFINITY) return false;
    return seriesInstanceUid === undefined
      ? this.#series.hasStudy(studyInstanceUid)
      : this.knowsSeries(studyInstanceUid, seriesInstanceUid);
  }

  knowsSeries(studyInstanceUid: string, seriesInstanceUid: string): boolean {
    return this.#series.get({ studyInstanceUid, seriesInstanceUid }) !== undefined;
  }

  /** The peer says `now` of a series: what is cached of it and came when it said something else is dropped. */
  sawSeries(studyInstanceUid: string, seriesInstanceUid: string, now: Fingerprint): void {
    const series = { studyInstanceUid, seriesInstanceUid };
    const before = this.#series.set(series, now);
    // What came before the first answer of all may be older than that; who waited for it then has it.
    const isOther = ({ meta: { seriesAs } }: Complete): boolean =>
      seriesAs === undefined ? before !== undefined : !agree(seriesAs, now);
    const dropped = this.#dropCached(series, isOther);
    if (dropped > 0 || (before && !agree(before, now))) this.#changed(studyInstanceUid);
  }

  /**
   * A search has found the study. Where it says something else than the peer did when it was asked about the study, who
   * opens it next does not believe that any more: a viewer that shows a corrected name is not to open the old images.
   */
  heard(study: string, row: Dataset): void {
    const known = this.#known.get(study);
    if (known && !agree(known.state.identity, studyState(row).identity)) this.#known.outdate(study);
  }

  /** The next who opens the study asks the peer: something was stored, or somebody wants to be sure. */
  forget(studyInstanceUid: string): void {
    this.#onForget();
    this.#known.forget(studyInstanceUid);
    this.#lists.deleteStudy(studyInstanceUid);
  }

  /** An instance was stored, perhaps in the place of one of the same UID. */
  stored({ studyInstanceUid, sopInstanceUid }: InstanceKey): void {
    this.replaced.note(sopInstanceUid);
    this.forget(studyInstanceUid);
  }

  /** Drops what is cached of a study, or below it; says how many instances. What still arrives stays. */
  purge(target: RetrieveTarget): number {
    this.forget(target.studyInstanceUid);
    return this.#dropCached(target, () => true);
  }

  async #ask(study: string, { requestId }: OperationContext): Promise<StudyState> {
    const { clock, instances } = this.#deps;
    const asked = { at: clock.now(), changes: this.changes({ studyInstanceUid: study }) };
    const after = instances.latestOrdinal;
    const question = (this.#questions += 1);
    let told: StudyTold | undefined;
    try {
      // Others may wait for it too: whoever asked first cannot take it back, the peer's time-outs bound it.
      told = await askStudy(this.#binding, study, {
        requestId,
        signal: new AbortController().signal,
        patient: true,
      });
    } catch (thrown) {
      this.#tell('failed');
      throw toGatewayError(thrown);
    }
    const took = this.#deps.clock.now() - asked.at;
    this.#fastestMs = Math.min(took, this.#fastestMs ?? took);
    if (told === undefined) {
      // Of a study that nobody has heard of nothing can have changed.
      if (this.#known.has(study) || this.holds({ studyInstanceUid: study }))
        this.purge({ studyInstanceUid: study });
      this.#known.delete(study);
      this.#tell('gone');
      const { name } = this.#binding.peer;
      throw new GatewayError('not-found', 'The PACS does not have this study.', { peer: name });
    }
    const { state, ...of } = told;
    // Something was stored or purged while the peer was asked: then the answer may be older than that.
    const at =
      this.changes({ studyInstanceUid: study }) === asked.changes ? asked.at : Number.NEGATIVE_INFINITY;
    this.#tell(this.#compare(study, state, { at, after, question, ...of }));
    return state;
  }

  #compare(
    study: string,
    now: StudyState,
    asked: Pick<Known, 'at' | 'after' | 'question' | 'sopClassUids' | 'patients'>,
  ): 'agreed' | 'grown' | 'changed' {
    const before = this.#known.get(study);
    const outcome = before ? compareStudies(before.baseline, now) : this.#compareCached(study, now);
    const isSame = outcome === 'same';
    if (outcome === 'changed') this.#lost(study);
    // What came before the first answer of all may be older than that; who waited for it then has it.
    const unproved = before ? this.#dropUnproved(study) : 0;
    // Who does not count leaves nothing to tell that a list is still whole.
    if (!isSame || unproved > 0 || now.instances === undefined) this.#lists.deleteStudy(study);
    const first = this.changes({ studyInstanceUid: study });
    const { baseline: said, changes, life } = before ?? { changes: first, life: first };
    const baseline = said && outcome !== 'changed' ? mergeStates(said, now) : now;
    const known = { state: now, baseline, changes: isSame ? changes : changes + 1, life };
    this.#known.set(study, { ...known, ...asked });
    return isSame ? 'agreed' : outcome;
  }

  /** What an earlier process left, or was forgotten about: each instance against what was said when it came. */
  #compareCached(study: string, now: StudyState): 'same' | 'changed' {
    for (const { meta } of this.#cached(study)) {
      if (meta?.seenAs && compareStudies(meta.seenAs, now) === 'changed') return 'changed';
    }
    return 'same';
  }

  /** Nor is what still arrives kept, or what was asked for before: it may be what is gone. Who reads it goes on. */
  #lost(study: string): void {
    this.replaced.note(study);
    this.purge({ studyInstanceUid: study });
    for (const { key } of this.#cached(study)) this.#deps.instances.delete(key);
  }

  #changed(study: string): void {
    this.forget(study);
    this.#tell('changed');
  }

  #tell(outcome: 'agreed' | 'grown' | 'changed' | 'gone' | 'failed'): void {
    this.#deps.observe({ kind: 'revalidation', peer: this.#binding.peer.name, outcome });
  }

  #cached(study: string): ReturnType<Instances['ofStudy']> {
    return this.#deps.instances.ofStudy(this.#binding.peer.name, study);
  }

  /** Drops that of which it is not known whose it was when it came. */
  #dropUnproved(studyInstanceUid: string): number {
    return this.#dropCached({ studyInstanceUid }, ({ meta }) => meta.seenAs === undefined);
  }

  /** Drops the complete instances of `target` that `suits` names; says how many. */
  #dropCached(target: RetrieveTarget, suits: (one: Complete) => boolean): number {
    const { sopInstanceUid } = target;
    let dropped = 0;
    for (const { key, meta } of this.#cached(target.studyInstanceUid)) {
      const within = isWithin(key, target) && (sopInstanceUid ?? key.sopInstanceUid) === key.sopInstanceUid;
      if (!within || meta === undefined || !suits({ key, meta })) continue;
      this.#deps.instances.delete(key);
      dropped += 1;
    }
    return dropped;
  }
}
