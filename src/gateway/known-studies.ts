import type { PatientIdentity } from '../core/index.js';
import type { StudyState } from './study-state.js';

export interface Known {
  /** What the peer said last. */
  readonly state: StudyState;
  /** The same with what it said before and left out then: what the next answer is compared with. */
  readonly baseline: StudyState;
  /** How often the study was found to be another than before, or was forgotten; no number comes twice. */
  readonly changes: number;
  /** Another number when the study had gone and has come back. */
  readonly life: number;
  /** When it was asked, by the clock. */
  readonly at: number;
  /** The ordinal of what had come last when it was asked. */
  readonly after: number;
  /** Which of all questions it was. */
  readonly question: number;
  /** The SOP classes in it as the peer told them last; none where it does not. */
  readonly sopClassUids: readonly string[];
  /** Whose it is, for the audit trail alone: it is in memory, and nowhere else. */
  readonly patients: readonly PatientIdentity[];
}

/** Studies remembered per peer, some 700 bytes each, or 150 of what is forgotten; the longest unused go first. */
const MOST_STUDIES = 10_000;

/** What a peer has said of studies, and how often something has become of each. */
export class KnownStudies {
  readonly #known = new Map<string, Known>();
  /** The changes of studies that were forgotten before the peer had told anything of them. */
  readonly #unknown = new Map<string, number>();
  /** Above the changes of every study that was known once and is not any more. */
  #floor = 0;
  readonly #onDeleted: (study: string) => void;

  /** `onDeleted` is called with each study of which nothing is known any more. */
  constructor(onDeleted: (study: string) => void) {
    this.#onDeleted = onDeleted;
  }

  get(study: string): Known | undefined {
    return this.#known.get(study);
  }

  has(study: string): boolean {
    return this.#known.has(study);
  }

  /** Another number whenever something has become of the study. */
  changes(study: string): number {
    return this.#known.get(study)?.changes ?? Math.max(this.#floor, this.#unknown.get(study) ?? 0);
  }

  set(study: string, known: Known): void {
    this.#unknown.delete(study);
    this.#known.delete(study);
    this.#known.set(study, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_STUDIES && oldest !== undefined) this.delete(oldest);
  }

  /** What was said of it is not believed any more. */
  outdate(study: string): void {
    const known = this.#known.get(study);
    if (known) this.#known.set(study, { ...known, at: Number.NEGATIVE_INFINITY });
  }

  /** The same, because something may have become of it. */
  forget(study: string): void {
    const known = this.#known.get(study);
    const changes = this.changes(study) + 1;
    if (known) this.#known.set(study, { ...known, changes, at: Number.NEGATIVE_INFINITY });
    else this.#forgetUnknown(study, changes);
  }

  /** The peer does not have it, or nobody has asked for it for long. */
  delete(study: string): void {
    const { changes } = this.#known.get(study) ?? {};
    if (changes !== undefined) this.#floor = Math.max(this.#floor, changes) + 1;
    this.#known.delete(study);
    this.#onDeleted(study);
  }

  /** What is being asked or listed of it for the first time may be older than what has become of it. */
  #forgetUnknown(study: string, changes: number): void {
    this.#unknown.delete(study);
    this.#unknown.set(study, changes);
    const [oldest] = this.#unknown;
    if (this.#unknown.size <= MOST_STUDIES || oldest === undefined) return;
    this.#unknown.delete(oldest[0]);
    this.#floor = Math.max(this.#floor, oldest[1]);
  }
}
