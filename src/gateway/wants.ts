import type { RetrieveTarget } from '../dicomweb/index.js';
import type { Instances } from './ports.js';
import { keyText } from './refusals.js';
import type { ReplacedLately } from './replaced-lately.js';
import type { StudyPulls } from './study-pulls.js';
import { isWithin, type Want } from './want.js';

/** What is waited for at one peer: one want of each instance. */
export class Wants {
  readonly #instances: Pick<Instances, 'peek'>;
  readonly #wants = new Map<string, Want>();
  readonly #pulls: StudyPulls;
  readonly #replaced: ReplacedLately;

  constructor(instances: Pick<Instances, 'peek'>, pulls: StudyPulls, replaced: ReplacedLately) {
    this.#instances = instances;
    this.#pulls = pulls;
    this.#replaced = replaced;
  }

  get(key: Omit<Want['key'], 'peer'>): Want | undefined {
    return this.#wants.get(keyText(key));
  }

  /**
   * The want that whoever asks now may join: not one that was asked for before something was put in its place. One whose
   * arrival the cache has let go of, because it was replaced at the peer or is too large to be kept, is for those alone
   * who have it: they may go on reading, no other may begin.
   */
  joinable(key: Omit<Want['key'], 'peer'>): Want | undefined {
    const want = this.get(key);
    const isLost = want?.instance && this.#instances.peek(want.key) !== want.instance;
    return isLost || (want?.state === 'requested' && this.isReplaced(want)) ? undefined : want;
  }

  /** Whether the peer may have another instance in its place, or none, since it was asked for. */
  isReplaced({ key, asked }: Want): boolean {
    return asked !== undefined && this.#replaced.since(asked.mark, key);
  }

  /** Whether anything of a study or series is among them. */
  hasWithin(target: RetrieveTarget): boolean {
    for (const { key } of this.#wants.values()) if (isWithin(key, target)) return true;
    return false;
  }

  /** In place of one that cannot be joined any more. */
  add(want: Want): void {
    this.#wants.set(keyText(want.key), want);
    this.#pulls.began(want);
  }

  /** Another may have taken its place. */
  forget(want: Want): void {
    if (this.get(want.key) === want) this.#wants.delete(keyText(want.key));
    this.#pulls.ended(want);
  }
}
