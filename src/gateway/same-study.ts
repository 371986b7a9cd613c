import { writerOf } from './arrival-writer.js';
import { agree, type Fingerprint, type Seen } from './study-state.js';
import type { StudyWatch } from './study-watch.js';
import type { FoundInstance } from './want.js';

type SeriesKey = Parameters<StudyWatch['seen']>[0];

/**
 * Whose the instances of one answer are: what the peer had said when each of them began to come. What was corrected
 * meanwhile may not stand beside what came before; a study that has only grown, or of which nobody had heard, is no
 * other.
 */
export class SameStudy {
  readonly #seen: StudyWatch['seen'];
  #identity: Fingerprint | undefined;
  #life: number | undefined;
  /** By Series Instance UID; bounded by the series of one request. */
  readonly #series = new Map<string, Fingerprint>();
  #isMixed = false;
  /** What was added last: hundreds of instances of a series came as the same. */
  #latest: (Seen & { readonly seriesInstanceUid: string }) | undefined;

  /** `seen` tells what the peer said of a study and series last. */
  constructor(seen: StudyWatch['seen']) {
    this.#seen = seen;
  }

  /** The instance is to be part of the answer. */
  add(instance: FoundInstance): void {
    const as = this.#cameAs(instance);
    if (as === undefined) return;
    const { seriesInstanceUid } = instance.key;
    if (this.#isLatest(as, seriesInstanceUid)) return;
    this.#latest = { ...as, seriesInstanceUid };
    const series = this.#series.get(seriesInstanceUid);
    this.#isMixed ||= !this.#agrees(as, series);
    this.#identity = merged(this.#identity, as.study.identity);
    this.#life = as.life;
    this.#series.set(seriesInstanceUid, merged(series, as.series ?? {}));
  }

  #isLatest({ study, series, life }: Seen, seriesInstanceUid: string): boolean {
    const latest = this.#latest;
    if (latest?.seriesInstanceUid !== seriesInstanceUid || latest.life !== life) return false;
    return latest.study.identity === study.identity && latest.series === series;
  }

  /** Whether the peer says of the study and the series of `key` what it had said of all that was added. */
  isStill(key: SeriesKey): boolean {
    const now = this.#seen(key);
    const series = this.#series.get(key.seriesInstanceUid);
    return !this.#isMixed && (now === undefined || this.#agrees(now, series));
  }

  /** The same of every series. */
  isAllStill(studyInstanceUid: string): boolean {
    const all = [...this.#series.keys()];
    return all.every((seriesInstanceUid) => this.isStill({ studyInstanceUid, seriesInstanceUid }));
  }

  #agrees({ study, series, life }: Seen, before: Fingerprint = {}): boolean {
    return (
      (this.#life ?? life) === life &&
      agree(this.#identity ?? {}, study.identity) &&
      agree(before, series ?? {})
    );
  }

  #cameAs({ key, meta, complete }: FoundInstance): Seen | undefined {
    const now = this.#seen(key);
    if (meta?.seenAs) return now && { study: meta.seenAs, series: meta.seriesAs, life: now.life };
    // What is there and was nobody's when it came proves nothing.
    if (meta) return undefined;
    const writer = writerOf({ complete });
    return writer ? writer.begunAs : now;
  }
}

/** What is left out for once is not forgotten. */
const merged = (before: Fingerprint | undefined, now: Fingerprint): Fingerprint =>
  before ? { ...before, ...now } : now;
