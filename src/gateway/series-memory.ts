import { agree, type Fingerprint } from './study-state.js';

/** Series remembered per peer, some 500 bytes each; the longest unused go first. */
const MOST_SERIES = 20_000;

interface SeriesKey {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
}

const keyOf = ({ studyInstanceUid, seriesInstanceUid }: SeriesKey): string =>
  `${studyInstanceUid} ${seriesInstanceUid}`;

/** What the peer said of series, with what it said before and left out then. */
export class SeriesMemory {
  readonly #series = new Map<string, Fingerprint>();

  get(series: SeriesKey): Fingerprint | undefined {
    return this.#series.get(keyOf(series));
  }

  /** Whether any series of the study is known. */
  hasStudy(studyInstanceUid: string): boolean {
    for (const key of this.#series.keys()) if (key.startsWith(`${studyInstanceUid} `)) return true;
    return false;
  }

  /** Takes what the peer says now; returns what it said before. */
  set(series: SeriesKey, now: Fingerprint): Fingerprint | undefined {
    const key = keyOf(series);
    const before = this.#series.get(key);
    this.#series.delete(key); // moved to the end: the order is that of use
    this.#series.set(key, before && agree(before, now) ? { ...before, ...now } : now);
    const [oldest] = this.#series.keys();
    if (this.#series.size > MOST_SERIES && oldest !== undefined) this.#series.delete(oldest);
    return before;
  }

  deleteStudy(studyInstanceUid: string): void {
    for (const key of [...this.#series.keys()]) {
      if (key.startsWith(`${studyInstanceUid} `)) this.#series.delete(key);
    }
  }
}
