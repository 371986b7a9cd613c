import { toGatewayError } from '../core/index.js';
import type { Dataset } from '../dicom/index.js';
import type { FindStep } from '../query/index.js';
import type { Asking, SliceReport } from './search-slices.js';

/** Asks in one character set. */
export interface SetRun {
  readonly report: SliceReport;
  readonly rows: () => AsyncGenerator<Dataset, void, undefined>;
}

/**
 * Asks for one step in every character set in which the peer may have its text, one after the other: archives compare text
 * as it is written, or convert it between some of the sets. Rows may come in several of them, and whoever reads leaves out
 * those that it has.
 *
 * Code extension has escape sequences around a run of characters: what begins or ends within one is asked for without them, too.
 * Of a peer that refuses one of the sets everything is asked for, as far as it is ASCII, and filtered.
 *
 * @see rule Q-51
 */
export class CharacterSetRun {
  readonly #asking: Asking;
  readonly #open: (asking: Asking) => SetRun;
  readonly #runs: SetRun[] = [];
  /** Text in a set that the peer refuses may not have been found: there is too much else. */
  mayMiss = false;

  constructor(asking: Asking, open: (asking: Asking) => SetRun) {
    this.#asking = asking;
    this.#open = open;
  }

  get report(): SliceReport {
    return {
      truncated: this.#runs.some(({ report }) => report.truncated),
      findsEmptyTimes: this.#runs.some(({ report }) => report.findsEmptyTimes),
    };
  }

  /** @throws GatewayError as `SliceRun.rows` */
  async *rows(): AsyncGenerator<Dataset, void, undefined> {
    const { characterSets, inAscii, mayBeRefused } = this.#asking.step;
    if (characterSets.length === 0) return yield* this.#run(this.#asking).rows();
    for (const characterSet of characterSets) {
      const isAnswered =
        (yield* this.#ask(characterSet, mayBeRefused)) && (yield* this.#askBare(characterSet));
      // What is found now is all that the sets which are left can find.
      if (!isAnswered) return yield* this.#filtered(inAscii());
    }
  }

  /** Returns whether the peer took it. */
  async *#ask(characterSet: string, mayBeRefused: boolean): AsyncGenerator<Dataset, boolean, undefined> {
    const run = this.#run({ ...this.#asking, characterSet });
    let isBegun = false;
    try {
      for await (const row of run.rows()) {
        isBegun = true;
        yield row;
      }
      return true;
    } catch (thrown) {
      if (!isBegun && mayBeRefused && isRefusal(thrown)) return false;
      throw thrown;
    }
  }

  /** Asks for what the text of a pattern is a part of. Returns whether the peer took it. */
  async *#askBare(characterSet: string): AsyncGenerator<Dataset, boolean, undefined> {
    const step = this.#asking.step.bare(characterSet);
    if (step === undefined) return true;
    let isBegun = false;
    try {
      for await (const row of this.#filtered(step)) {
        isBegun = true;
        yield row;
      }
      return true;
    } catch (thrown) {
      if (!isBegun && isRefusal(thrown)) return false;
      throw thrown;
    }
  }

  async *#filtered(step: FindStep): AsyncGenerator<Dataset, void, undefined> {
    const { parent, limits } = this.#asking;
    let inVain = 0;
    for await (const row of this.#run({ ...this.#asking, step }).rows()) {
      if (step.accepts(row, parent)) yield row;
      else if ((inVain += 1) > limits.maxScan) {
        this.mayMiss = true;
        return;
      }
    }
  }

  #run(asking: Asking): SetRun {
    const run = this.#open(asking);
    this.#runs.push(run);
    return run;
  }
}

/** The peer answered with a status of its own; a peer that is full, or not there, says nothing about character sets. */
function isRefusal(thrown: unknown): boolean {
  const { code, dimseStatus } = toGatewayError(thrown);
  return code === 'peer-failed' && dimseStatus !== undefined;
}
