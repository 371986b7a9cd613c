import type { Clock } from '../core/index.js';
import type { DicomJsonObject } from '../dicom/index.js';

type Rows = AsyncGenerator<DicomJsonObject, void, undefined>;
type Next = Awaited<ReturnType<Rows['next']>>;

/** An answer of no more rows is waited for to its end: only then it is known what it lacks. */
export const ENOUGH_ROWS = 100;

/** Rows that are waited for until some time after the first of them. */
export class LookAhead {
  readonly #rows: Rows;
  readonly #clock: Clock;
  readonly #ms: number;
  #late: Promise<'late'> | undefined;
  #cancel: () => void = () => undefined;
  /** The row that did not come in time. */
  #coming: Promise<Next> | undefined;

  /** `ms`: 0 = for as long as they take. */
  constructor(rows: Rows, clock: Clock, ms: number) {
    this.#rows = rows;
    this.#clock = clock;
    this.#ms = ms;
  }

  /** The next row; with `isEnough` only if it comes in time. @throws what the rows throw */
  async next(isEnough: boolean): Promise<Next | 'late'> {
    this.#coming ??= this.#ask();
    const next = await (isEnough && this.#late ? Promise.race([this.#late, this.#coming]) : this.#coming);
    if (next === 'late') return next;
    this.#coming = undefined;
    this.#late ??= this.#begin();
    return next;
  }

  /** The rows that were not taken. */
  async *rest(): Rows {
    const next = await this.#coming;
    if (next?.done === true) return;
    if (next) yield next.value;
    yield* this.#rows;
  }

  /** Nobody waits any more. */
  end(): void {
    this.#cancel();
  }

  #ask(): Promise<Next> {
    const coming = this.#rows.next();
    coming.catch(() => undefined); // whoever takes it sees it
    return coming;
  }

  #begin(): Promise<'late'> | undefined {
    if (this.#ms === 0) return undefined;
    return new Promise((resolve) => {
      this.#cancel = this.#clock.after(this.#ms, () => {
        resolve('late');
      });
    });
  }
}
