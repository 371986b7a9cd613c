/** How far something was at a time. */
interface Mark {
  readonly at: number;
  readonly bytes: number;
  readonly done: number;
}

/** Rates are of so long, in ms. */
const SPAN_MS = 5000;
const MOST_MARKS = 40;

export interface Rate {
  readonly bytesPerSecond: number;
  /** Seconds that the rest takes at this rate; undefined while nothing can be said. */
  readonly remaining: number | undefined;
}

/** The rate of each of several things, over the last seconds of what was told of it. */
export class PullRates {
  readonly #marks = new Map<string, readonly Mark[]>();

  /** What is told now; `left`: how many are still to come. */
  told(id: string, mark: Mark, left: number): Rate {
    const before = this.#marks.get(id) ?? [];
    const marks = [...before.filter(({ at }) => mark.at - at <= SPAN_MS), mark].slice(-MOST_MARKS);
    this.#marks.set(id, marks);
    const [first = mark] = marks;
    const seconds = (mark.at - first.at) / 1000;
    if (seconds <= 0) return { bytesPerSecond: 0, remaining: undefined };
    const perSecond = (mark.done - first.done) / seconds;
    return {
      bytesPerSecond: Math.max(0, (mark.bytes - first.bytes) / seconds),
      remaining: perSecond > 0 ? left / perSecond : undefined,
    };
  }

  /** Forgets all but these. */
  keep(ids: ReadonlySet<string>): void {
    for (const id of this.#marks.keys()) if (!ids.has(id)) this.#marks.delete(id);
  }
}
