import type { Clock } from '../core/index.js';

/** Most studies that are remembered, some 100 bytes each; the oldest goes first. */
const MOST = 10_000;

/** Studies that one peer said it does not hold, for a while: each image of a study asks every member of a group. */
export class AbsentStudies {
  readonly #clock: Clock;
  readonly #lifeMs: number;
  /** When the peer was asked, by the clock. */
  readonly #at = new Map<string, number>();
  #clears = 0;

  constructor(clock: Clock, lifeMs: number) {
    this.#clock = clock;
    this.#lifeMs = lifeMs;
  }

  has(studyInstanceUid: string): boolean {
    const at = this.#at.get(studyInstanceUid);
    return at !== undefined && this.#clock.now() - at < this.#lifeMs;
  }

  /** The peer is asked now; to be called when it says that it does not hold the study. */
  asking(studyInstanceUid: string): () => void {
    const at = this.#clock.now();
    const clears = this.#clears;
    return () => {
      if (this.#clears === clears) this.#add(studyInstanceUid, at);
    };
  }

  /** Something was stored, or somebody wants to be sure. */
  clear(): void {
    this.#clears += 1;
    this.#at.clear();
  }

  #add(studyInstanceUid: string, at: number): void {
    this.#at.delete(studyInstanceUid);
    this.#at.set(studyInstanceUid, at);
    const [oldest] = this.#at.keys();
    if (this.#at.size > MOST && oldest !== undefined) this.#at.delete(oldest);
  }
}
