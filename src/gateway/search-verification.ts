import { GatewayError } from '../core/index.js';
import { Tags, type Tag } from '../dicom/index.js';
import { completableTags, namesOf, type SearchPlan } from '../query/index.js';
import type { SearchBelow } from './search-below.js';
import type { Match } from './search-run.js';

/** Candidates that are looked up for the order and the number of results alone. */
const MOST_COUNTED = 100;

/**
 * The filter of keys that the peer neither matched visibly nor returned, by what is below: a study is of the modalities
 * of its series.
 *
 * @see rule Q-46
 */
export class MatchVerification {
  readonly #plan: SearchPlan;
  readonly #below: SearchBelow;
  readonly #most: number;
  readonly #candidates = new Set<string>();
  /** Keys of which it is not known whether all rows match them. */
  readonly undecided = new Set<Tag>();

  constructor(plan: SearchPlan, below: SearchBelow, most: number) {
    this.#plan = plan;
    this.#below = below;
    this.#most = most;
  }

  /** Whether there is a key that may have to be verified so. */
  static appliesTo(plan: SearchPlan): boolean {
    return plan.steps.some(({ level, constrained }) =>
      completableTags[level].some((tag) => constrained.has(tag)),
    );
  }

  /**
   * How many results beyond a page are worth being counted, of `most`: as long as few candidates had to be looked up, those
   * of a small search, so that it is sorted; then one more, for each costs the peer a question.
   */
  mostBeyond(most: number): number {
    if (this.#candidates.size === 0) return most;
    const few = Math.min(MOST_COUNTED, Math.floor(this.#most / 2));
    return this.#candidates.size > few ? 1 : Math.min(most, few);
  }

  /** Whether this must be asked for before `match` is known to match. */
  needs(match: Match): boolean {
    return this.#plan.steps.some((_, index) => this.#tagsOf(match, index).length > 0);
  }

  /** @throws GatewayError of the C-FIND that failed, or `query-too-broad` after too many candidates */
  async matches(match: Match): Promise<boolean> {
    for (const index of this.#plan.steps.keys()) {
      const tags = this.#tagsOf(match, index);
      if (tags.length > 0 && !(await this.#matchesAt(match, index, tags))) return false;
    }
    return true;
  }

  #tagsOf(match: Match, index: number): readonly Tag[] {
    const [step, row] = [this.#plan.steps[index], match[index]];
    if (step === undefined || row === undefined) return [];
    const completable = completableTags[step.level].filter((tag) => step.constrained.has(tag));
    if (completable.length === 0) return [];
    const unverified = step.unverified(row);
    return completable.filter((tag) => unverified.includes(tag));
  }

  async #matchesAt(match: Match, index: number, tags: readonly Tag[]): Promise<boolean> {
    const step = this.#plan.steps[index];
    const uidOf = (tag: Tag): string | undefined => match.map((row) => row.string(tag)).find((uid) => uid);
    const study = this.#plan.fixed.studyInstanceUid ?? uidOf(Tags.StudyInstanceUID);
    const series = this.#plan.fixed.seriesInstanceUid ?? uidOf(Tags.SeriesInstanceUID);
    if (step === undefined || study === undefined) return true;
    this.#count(step.level === 'STUDY' ? study : `${study} ${series ?? ''}`, tags);
    const found =
      step.level === 'STUDY' || series === undefined
        ? await this.#below.study(study, tags)
        : await this.#below.series(study, series);
    const verdicts = tags.map((tag) => ({ tag, verdict: step.judge(tag, found) }));
    if (verdicts.some(({ verdict }) => verdict === 'no-match')) return false;
    for (const { tag, verdict } of verdicts) if (verdict === 'unverified') this.undecided.add(tag);
    return true;
  }

  #count(candidate: string, tags: readonly Tag[]): void {
    this.#candidates.add(candidate);
    if (this.#candidates.size <= this.#most) return;
    throw new GatewayError(
      'query-too-broad',
      `The archive does not tell ${namesOf(tags)}, which is looked up for ${this.#most} studies at most; narrow the search, by a date or a patient.`,
    );
  }
}
