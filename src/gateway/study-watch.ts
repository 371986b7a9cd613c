import { abortReason, GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import { Tags, type Dataset } from '../dicom/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import { listingIdentifier } from '../query/index.js';
import { ListingMemory } from './listing-memory.js';
import type { ListedInstance } from './listing.js';
import type { FetcherDependencies, Instances, PeerBinding } from './ports.js';
import { compareStudies, mergeStates, studyState, type StudyState } from './study-state.js';

interface Known {
  /** What the peer said last. */
  readonly state: StudyState;
  /** The same with what it said before and left out then: what the next answer is compared with. */
  readonly baseline: StudyState;
  /** How often the study was found to be another than before, or was forgotten. */
  readonly changes: number;
  /** When it was asked, by the clock. */
  readonly at: number;
  /** The SOP classes in it as the peer told them last; none where it does not. */
  readonly sopClassUids: readonly string[];
}

/** Studies remembered per peer, some 700 bytes each; the longest unused go first. */
const MOST_STUDIES = 10_000;

/**
 * Sees to it that nothing is served from the cache under a name that the peer no longer gives it.
 *
 * Before something cached is served the peer is asked what it says of the study, once for all who ask within
 * `revalidateMs`. A study that has become another patient's, or has lost something, is dropped from the cache; one that
 * is gone is gone here too; one that has grown is listed anew.
 */
export class StudyWatch {
  readonly #binding: PeerBinding;
  readonly #deps: FetcherDependencies;
  readonly #onForget: () => void;
  readonly #known = new Map<string, Known>();
  /** Bounded by the requests that wait for them. */
  readonly #asking = new Map<string, Promise<StudyState>>();
  readonly #lists = new ListingMemory();
  #fastestMs: number | undefined;

  /** `onForget` is called when what was heard of the peer before may not hold any more. */
  constructor(binding: PeerBinding, deps: FetcherDependencies, onForget: () => void) {
    this.#binding = binding;
    this.#deps = deps;
    this.#onForget = onForget;
  }

  /** What the peer said of the study last, to be kept with what arrives of it. */
  seen(studyInstanceUid: string): StudyState | undefined {
    return this.#known.get(studyInstanceUid)?.baseline;
  }

  /** How soon the peer tells of a study at best, in milliseconds; 0 before it was asked. */
  get fastestMs(): number {
    return this.#fastestMs ?? 0;
  }

  /** The SOP classes in the study; empty when the peer does not tell them. Waits for an answer that is on its way. */
  async sopClassUids(studyInstanceUid: string): Promise<readonly string[]> {
    await this.#asking.get(studyInstanceUid)?.catch(() => undefined);
    return this.#known.get(studyInstanceUid)?.sopClassUids ?? [];
  }

  /** To be taken before a listing begins, and given to `remember` when it has ended. */
  changes({ studyInstanceUid }: RetrieveTarget): number {
    return this.#known.get(studyInstanceUid)?.changes ?? 0;
  }

  /** Whether anything of the study may be served without a listing. */
  holds({ studyInstanceUid }: RetrieveTarget): boolean {
    return this.#deps.instances.hasStudy(this.#binding.peer.name, studyInstanceUid);
  }

  /** What `target` was proved to consist of; to be used after `check` alone. */
  listing(target: RetrieveTarget): readonly ListedInstance[] | undefined {
    const list = this.#lists.get(target);
    const { sopInstanceUid } = target;
    if (list === undefined || sopInstanceUid === undefined) return list;
    const one = list.find((listed) => listed.sopInstanceUid === sopInstanceUid);
    return one && [one];
  }

  /** `list` is all of `target`, as the peer said; of no use if something `changes` since the listing began. */
  remember(target: RetrieveTarget, list: readonly ListedInstance[], changes: number): void {
    const known = this.#known.get(target.studyInstanceUid);
    if (target.sopInstanceUid !== undefined || known?.changes !== changes) return;
    // One that is there is as good, and what was made of it stays so.
    if (this.#lists.get(target) === undefined) this.#lists.set(target, list);
  }

  /**
   * What the peer says of the study, now or lately; what is cached of it may be served then.
   * @throws GatewayError `not-found` when the peer does not have it any more, or why it cannot be asked
   */
  async check(studyInstanceUid: string, context: OperationContext): Promise<StudyState> {
    const known = this.#known.get(studyInstanceUid);
    const { revalidateMs } = this.#binding.retrieve;
    if (known && this.#deps.clock.now() - known.at < revalidateMs) return known.state;
    return untilAborted(this.#asked(studyInstanceUid, context), context.signal);
  }

  /**
   * As `check`, before anything that is cached is served: what came while the peer could not be asked whose it was is
   * dropped first, because no answer from now on can tell.
   * @throws GatewayError as `check`
   */
  async checkCached(studyInstanceUid: string, context: OperationContext): Promise<StudyState> {
    if (!this.#known.has(studyInstanceUid) && !this.#asking.has(studyInstanceUid)) {
      for (const { key, meta } of this.#cached(studyInstanceUid)) {
        if (meta && meta.seenAs === undefined) this.#deps.instances.delete(key);
      }
    }
    return this.check(studyInstanceUid, context);
  }

  /** The next who opens the study asks the peer: something was stored, or somebody wants to be sure. */
  forget(studyInstanceUid: string): void {
    this.#onForget();
    const known = this.#known.get(studyInstanceUid);
    if (known) {
      const { changes } = known;
      this.#known.set(studyInstanceUid, { ...known, changes: changes + 1, at: Number.NEGATIVE_INFINITY });
    }
    this.#lists.deleteStudy(studyInstanceUid);
  }

  /** Drops what is cached of a study, or below it; says how many instances. What still arrives stays. */
  purge(target: RetrieveTarget): number {
    this.forget(target.studyInstanceUid);
    const { instances } = this.#deps;
    const { seriesInstanceUid, sopInstanceUid } = target;
    let dropped = 0;
    for (const { key, meta } of this.#cached(target.studyInstanceUid)) {
      const within =
        (seriesInstanceUid ?? key.seriesInstanceUid) === key.seriesInstanceUid &&
        (sopInstanceUid ?? key.sopInstanceUid) === key.sopInstanceUid;
      if (!within || meta === undefined) continue;
      instances.delete(key);
      dropped += 1;
    }
    return dropped;
  }

  #asked(study: string, context: OperationContext): Promise<StudyState> {
    const running = this.#asking.get(study);
    if (running) return running;
    const asking = this.#ask(study, context).finally(() => {
      this.#asking.delete(study);
    });
    asking.catch(() => undefined); // whoever waits sees it
    this.#asking.set(study, asking);
    return asking;
  }

  async #ask(study: string, { requestId }: OperationContext): Promise<StudyState> {
    const asked = { at: this.#deps.clock.now(), changes: this.changes({ studyInstanceUid: study }) };
    const { name } = this.#binding.peer;
    const tell = (outcome: 'agreed' | 'grown' | 'changed' | 'gone' | 'failed'): void => {
      this.#deps.observe({ kind: 'revalidation', peer: name, outcome });
    };
    let row: Dataset | undefined;
    try {
      // Others may wait for it too: whoever asked first cannot take it back, the peer's time-outs bound it.
      row = await this.#row(study, { requestId, signal: new AbortController().signal, patient: true });
    } catch (thrown) {
      tell('failed');
      throw toGatewayError(thrown);
    }
    const took = this.#deps.clock.now() - asked.at;
    this.#fastestMs = Math.min(took, this.#fastestMs ?? took);
    if (row === undefined) {
      this.purge({ studyInstanceUid: study });
      this.#known.delete(study);
      tell('gone');
      throw new GatewayError('not-found', 'The PACS does not have this study.', { peer: name });
    }
    const state = studyState(row);
    // Something was stored or purged while the peer was asked: then the answer may be older than that.
    const at =
      this.changes({ studyInstanceUid: study }) === asked.changes ? asked.at : Number.NEGATIVE_INFINITY;
    tell(this.#compare(study, state, { at, sopClassUids: sopClassesIn(row) }));
    // What came before the answer did.
    for (const { meta } of this.#cached(study)) if (meta) meta.seenAs ??= state;
    return state;
  }

  async #row(study: string, context: OperationContext): Promise<Dataset | undefined> {
    const { peer } = this.#binding;
    const find = peer.find('STUDY', listingIdentifier('STUDY', { studyInstanceUid: study }), context);
    let found: Dataset | undefined;
    for (;;) {
      const next = await find.next();
      if (next.done) {
        if (found || !next.value.truncated) return found;
        throw new GatewayError('peer-incomplete', 'The PACS did not say what it has of the study.', {
          peer: peer.name,
        });
      }
      // Peers that ignore a key return everything.
      if ((next.value.string(Tags.StudyInstanceUID) ?? study) === study) found ??= next.value;
    }
  }

  #compare(
    study: string,
    now: StudyState,
    asked: Pick<Known, 'at' | 'sopClassUids'>,
  ): 'agreed' | 'grown' | 'changed' {
    const before = this.#known.get(study);
    const outcome = before ? compareStudies(before.baseline, now) : this.#compareCached(study, now);
    const baseline = before && outcome !== 'changed' ? mergeStates(before.baseline, now) : now;
    const changes = (before?.changes ?? 0) + (outcome === 'same' ? 0 : 1);
    if (outcome === 'changed') this.purge({ studyInstanceUid: study });
    if (outcome !== 'same') this.#lists.deleteStudy(study);
    // Who does not count leaves nothing to tell that a list is still whole.
    else if (now.instances === undefined) this.#lists.deleteStudy(study);
    this.#remember(study, { state: now, baseline, changes, ...asked });
    return outcome === 'same' ? 'agreed' : outcome;
  }

  /** What an earlier process left, or was forgotten about: each instance against what was said when it came. */
  #compareCached(study: string, now: StudyState): 'same' | 'changed' {
    for (const { meta } of this.#cached(study)) {
      if (meta?.seenAs && compareStudies(meta.seenAs, now) === 'changed') return 'changed';
    }
    return 'same';
  }

  #cached(study: string): ReturnType<Instances['ofStudy']> {
    return this.#deps.instances.ofStudy(this.#binding.peer.name, study);
  }

  #remember(study: string, known: Known): void {
    this.#known.delete(study);
    this.#known.set(study, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_STUDIES && oldest !== undefined) {
      this.#known.delete(oldest);
      this.#lists.deleteStudy(oldest);
    }
  }
}

/** Sites have studies of a few SOP classes; a longer list is not worth being remembered. */
const MOST_SOP_CLASSES = 16;

function sopClassesIn(row: Dataset): readonly string[] {
  const uids = row.strings(Tags.SOPClassesInStudy).filter((uid) => /^[0-9.]{1,64}$/.test(uid));
  return uids.length > MOST_SOP_CLASSES ? [] : uids;
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(abortReason(signal));
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(abortReason(signal));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
}
