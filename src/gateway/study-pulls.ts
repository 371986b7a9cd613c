import type { Priority } from '../core/index.js';
import { outranks, type Want } from './want.js';

/** What is being brought of one study now, whoever asked for it. */
export interface StudyPull {
  readonly studyInstanceUid: string;
  /** The best of what was asked for: a person waits, or nobody does. */
  readonly priority: Priority;
  /** Instances that were asked of the peer since it began; it grows while they are listed. */
  readonly asked: number;
  readonly complete: number;
  readonly failed: number;
  /** Bytes that came. */
  readonly bytes: number;
  readonly elapsedMs: number;
}

/** One study with wants that are open. */
interface Running {
  priority: Priority;
  readonly begunAt: number;
  asked: number;
  complete: number;
  failed: number;
  bytes: number;
  open: number;
}

/** Counts what comes of each study, while anything of it is on its way. Bounded by the wants. */
export class StudyPulls {
  readonly #now: () => number;
  readonly #studies = new Map<string, Running>();
  /** Bytes that came of each want. */
  readonly #open = new Map<Want, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  began(want: Want): void {
    const { studyInstanceUid } = want.key;
    const study = this.#studies.get(studyInstanceUid) ?? this.#begin(want);
    if (outranks(want.priority, study.priority)) study.priority = want.priority;
    study.asked += 1;
    study.open += 1;
    this.#open.set(want, 0);
  }

  /** Counts bytes that come of it. */
  counting(want: Want): (bytes: number) => void {
    return (bytes) => {
      const before = this.#open.get(want);
      const study = this.#studies.get(want.key.studyInstanceUid);
      if (before === undefined || study === undefined) return;
      this.#open.set(want, before + bytes);
      study.bytes += bytes;
    };
  }

  /** It is there, or will not come, or nobody wants it any more. */
  ended(want: Want): void {
    const came = this.#open.get(want);
    const study = this.#studies.get(want.key.studyInstanceUid);
    if (came === undefined || study === undefined) return;
    this.#open.delete(want);
    const { instance } = want;
    if (instance?.meta !== undefined) {
      study.complete += 1;
      // What a head start brought was not seen to come.
      study.bytes += Math.max(0, (instance.source.size ?? 0) - came);
    } else if (want.wanted) study.failed += 1;
    else study.asked -= 1;
    study.open -= 1;
    if (study.open === 0) this.#studies.delete(want.key.studyInstanceUid);
  }

  /** In the order in which they began. */
  list(): readonly StudyPull[] {
    const now = this.#now();
    return [...this.#studies].map(([studyInstanceUid, { open: _open, begunAt, ...counts }]) => ({
      studyInstanceUid,
      ...counts,
      elapsedMs: now - begunAt,
    }));
  }

  #begin({ key, priority }: Want): Running {
    const study = { priority, begunAt: this.#now(), asked: 0, complete: 0, failed: 0, bytes: 0, open: 0 };
    this.#studies.set(key.studyInstanceUid, study);
    return study;
  }
}
