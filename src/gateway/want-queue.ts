import type { Want } from './want.js';

const seriesText = (want: Want): string => `${want.key.studyInstanceUid} ${want.key.seriesInstanceUid}`;

/** Wants in the order they are to be asked for, series by series, with those that somebody waits for right now first. */
export class WantQueue {
  readonly #bySeries = new Map<string, Set<Want>>();
  readonly #urgent = new Set<Want>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(want: Want, urgent: boolean): void {
    this.#size += 1;
    if (urgent) {
      this.#urgent.add(want);
      return;
    }
    const series = this.#bySeries.get(seriesText(want));
    if (series) series.add(want);
    else this.#bySeries.set(seriesText(want), new Set([want]));
  }

  /** Moves a want that waits to the front. */
  promote(want: Want): void {
    if (this.remove(want)) this.add(want, true);
  }

  remove(want: Want): boolean {
    if (!this.#urgent.delete(want) && !this.#removeFromSeries(want)) return false;
    this.#size -= 1;
    return true;
  }

  /**
   * Takes the next wants, all of one series, for one retrieve: at most `most`, and no more than this worker's share of
   * what waits, so that the others have something to do.
   */
  takeBatch(most: number, workers: number): readonly Want[] {
    const [urgent] = this.#urgent;
    if (urgent) return this.#take(this.#urgent, urgent, Math.min(most, this.#urgent.size));
    const [series] = this.#bySeries.values();
    const [first] = series ?? [];
    if (series === undefined || first === undefined) return [];
    return this.#take(series, first, Math.min(most, Math.ceil(series.size / workers)));
  }

  #take(from: ReadonlySet<Want>, first: Want, most: number): readonly Want[] {
    const batch: Want[] = [];
    for (const want of from) {
      if (batch.length >= (first.alone ? 1 : most)) break;
      if (want === first || (!want.alone && seriesText(want) === seriesText(first))) batch.push(want);
    }
    for (const want of batch) this.remove(want);
    return batch;
  }

  #removeFromSeries(want: Want): boolean {
    const series = this.#bySeries.get(seriesText(want));
    if (!series?.delete(want)) return false;
    if (series.size === 0) this.#bySeries.delete(seriesText(want));
    return true;
  }
}
