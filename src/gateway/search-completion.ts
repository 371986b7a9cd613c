import { systemClock, type Clock } from '../core/index.js';
import { formatTag, Tags, type Dataset, type DicomJsonObject, type Tag } from '../dicom/index.js';
import { completeRow, missingIn, namesOf, type CompletionPlan } from '../query/index.js';
import type { SearchBelow } from './search-below.js';
import type { SearchSource } from './search-run.js';

/** After so many failures nothing more is asked: it is the peer, not the study. */
const MOST_FAILURES = 3;

/**
 * Fills in what the peer did not return of results, from what is below them.
 *
 * What cannot be found out stays as it is, and a Warning says so: a count that may be wrong is never written. A peer that
 * returns the attributes is asked for nothing.
 *
 * @see rule Q-42
 */
export class RowCompletion {
  readonly #plan: CompletionPlan;
  readonly #below: SearchBelow;
  readonly #withinMs: number;
  readonly #clock: Clock;
  /** What was not found out of some result. */
  readonly #gaps = new Set<Tag>();
  #failures = 0;
  #isNeeded = false;
  /** Who waits for an answer. */
  readonly #waiting = new Set<() => void>();

  constructor(plan: CompletionPlan, below: SearchBelow, { binding, clock = systemClock }: SearchSource) {
    this.#plan = plan;
    this.#below = below;
    this.#withinMs = binding.search.completeMs;
    this.#clock = clock;
  }

  /** The row with what could be found out of it. It never rejects. */
  complete(row: DicomJsonObject): DicomJsonObject | Promise<DicomJsonObject> {
    for (const tag of missingIn(row, this.#plan.untold)) this.#gaps.add(tag);
    const study = missingIn(row, this.#plan.STUDY);
    const series = missingIn(row, this.#plan.SERIES);
    if (study.length + series.length === 0) return row;
    this.#isNeeded = true;
    return this.#fill(row, study, series);
  }

  /** Texts for Warning headers: of what was not found out, and with `hasMore` of what may not be for later rows. */
  gaps(hasMore: boolean): readonly string[] {
    const may = hasMore && this.#isNeeded ? [...this.#plan.STUDY, ...this.#plan.SERIES] : [];
    const tags = [...new Set([...may, ...this.#gaps])];
    if (tags.length === 0) return [];
    return [
      `The archive does not tell ${namesOf(tags)} of every result: what it does not tell is left empty or out`,
    ];
  }

  async #fill(row: DicomJsonObject, study: readonly Tag[], series: readonly Tag[]): Promise<DicomJsonObject> {
    const [studyUid, seriesUid] = [uidOf(row, Tags.StudyInstanceUID), uidOf(row, Tags.SeriesInstanceUID)];
    const ofStudy =
      study.length > 0 && studyUid ? this.#find(() => this.#below.study(studyUid, study)) : undefined;
    const ofSeries =
      series.length > 0 && studyUid && seriesUid
        ? this.#find(() => this.#below.series(studyUid, seriesUid))
        : undefined;
    const completed = this.#put(row, study, await ofStudy);
    return this.#put(completed, series, await ofSeries);
  }

  /** `undefined` when it failed, or takes too long. */
  #find(ask: () => Promise<Dataset>): Promise<Dataset | undefined> {
    if (this.#failures >= MOST_FAILURES) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const done = (found?: Dataset): void => {
        cancel();
        this.#waiting.delete(done);
        resolve(found);
      };
      this.#waiting.add(done);
      const cancel = this.#clock.after(this.#withinMs, () => {
        this.#giveUp();
      });
      ask().then(done, () => {
        this.#failures += 1;
        done();
      });
    });
  }

  #giveUp(): void {
    this.#failures = MOST_FAILURES;
    for (const leave of [...this.#waiting]) leave();
  }

  #put(row: DicomJsonObject, tags: readonly Tag[], found: Dataset | undefined): DicomJsonObject {
    for (const tag of tags) if (found?.has(tag) !== true) this.#gaps.add(tag);
    return found === undefined ? row : completeRow(row, tags, found);
  }
}

function uidOf(row: DicomJsonObject, tag: Tag): string | undefined {
  const value = row[formatTag(tag)]?.Value?.[0];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
