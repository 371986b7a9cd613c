import type { Priority } from '../core/index.js';
import type { Want } from './want.js';

const seriesText = (want: Want): string => `${want.key.studyInstanceUid} ${want.key.seriesInstanceUid}`;

/** What waits at one priority: series by series, with those that somebody waits for right now first. */
class Lane {
  readonly urgent = new Set<Want>();
  readonly bySeries = new Map<string, Set<Want>>();
  size = 0;

  add(want: Want, urgent: boolean): void {
    this.size += 1;
    if (urgent) {
      this.urgent.add(want);
      return;
    }
    const series = this.bySeries.get(seriesText(want));
    if (series) series.add(want);
    else this.bySeries.set(seriesText(want), new Set([want]));
  }

  remove(want: Want): boolean {
    if (!this.urgent.delete(want) && !this.#removeFromSeries(want)) return false;
    this.size -= 1;
    return true;
  }

  /** Puts the series of `want` first, and goes on in it from there: what was listed before it comes last. */
  continueFrom(want: Want): void {
    const text = seriesText(want);
    const all = [...(this.bySeries.get(text) ?? [])];
    const at = all.indexOf(want);
    if (at < 0) return;
    const others = [...this.bySeries].filter(([other]) => other !== text);
    this.bySeries.clear();
    this.bySeries.set(text, new Set([...all.slice(at), ...all.slice(0, at)]));
    for (const [other, series] of others) this.bySeries.set(other, series);
  }

  /** Puts what waits of the study of `want` behind what waits of others. */
  letOthersPass(want: Want): void {
    const prefix = `${want.key.studyInstanceUid} `;
    const own = [...this.bySeries].filter(([text]) => text.startsWith(prefix));
    if (own.length === this.bySeries.size) return;
    for (const [text, series] of own) {
      this.bySeries.delete(text);
      this.bySeries.set(text, series);
    }
  }

  take(most: number, workers: number): readonly Want[] {
    const [urgent] = this.urgent;
    if (urgent) return this.#take(this.urgent, urgent, Math.min(most, this.urgent.size));
    const [series] = this.bySeries.values();
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
    const series = this.bySeries.get(seriesText(want));
    if (!series?.delete(want)) return false;
    if (series.size === 0) this.bySeries.delete(seriesText(want));
    return true;
  }
}

/**
 * Wants in the order they are to be asked for, by priority and series by series, with those that somebody waits for
 * right now first. What is taken together is of one priority.
 */
export class WantQueue {
  readonly #lanes: Readonly<Record<Priority, Lane>> = {
    interactive: new Lane(),
    prefetch: new Lane(),
    bulk: new Lane(),
  };

  get size(): number {
    const { interactive, prefetch, bulk } = this.#lanes;
    return interactive.size + prefetch.size + bulk.size;
  }

  /** How many wait at one priority. */
  waiting(priority: Priority): number {
    return this.#lanes[priority].size;
  }

  /** Only what is interactive can be urgent. */
  add(want: Want, urgent: boolean): void {
    this.#lanes[want.priority].add(want, urgent && want.priority === 'interactive');
  }

  /**
   * Moves a want that waits up to `priority`; an urgent one goes to the front, and its series goes on from there. What
   * is at the front already keeps its place there, however many ask.
   */
  promote(want: Want, priority: Priority = 'interactive', urgent = true): void {
    const lane = this.#lanes[want.priority];
    if (lane.urgent.has(want)) return;
    if (urgent) lane.continueFrom(want);
    if (!lane.remove(want)) return;
    want.priority = priority;
    this.add(want, urgent);
  }

  remove(want: Want): boolean {
    return this.#lanes[want.priority].remove(want);
  }

  /**
   * Takes the next interactive wants, all of one series, for one retrieve: at most `most`, and no more than this
   * worker's share of what waits, so that the others have something to do.
   */
  takeBatch(most: number, workers: number): readonly Want[] {
    const batch = this.#lanes.interactive.take(most, workers);
    const [first] = batch;
    // Who has opened a large study does not hold up all others until its end.
    if (first) this.#lanes.interactive.letOthersPass(first);
    return batch;
  }

  /** As `takeBatch`, of what nobody waits for: what is prefetched before what is preloaded. */
  takeBackground(most: number, workers: number): readonly Want[] {
    const { prefetch, bulk } = this.#lanes;
    return (prefetch.size > 0 ? prefetch : bulk).take(most, workers);
  }
}
