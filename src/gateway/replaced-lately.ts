/** UIDs remembered per peer; the oldest go first. */
const MOST_UIDS = 10_000;

/**
 * Which instances of one peer were replaced, and which studies lost something, and when: bytes that were asked for before
 * may be those that are not there any more.
 *
 * What is not remembered any more counts as replaced when the last of that was.
 */
export class ReplacedLately {
  readonly #noted = new Map<string, number>();
  readonly #most: number;
  #now = 0;
  #forgotten = 0;

  constructor(most = MOST_UIDS) {
    this.#most = most;
  }

  /** To be taken when something is asked for, and given to `since`. */
  get mark(): number {
    return this.#now;
  }

  /** The peer has, or may have, something else than before under this UID from now on. */
  note(uid: string): void {
    this.#now += 1;
    this.#noted.delete(uid);
    this.#noted.set(uid, this.#now);
    for (const [oldest, when] of this.#noted) {
      if (this.#noted.size <= this.#most) break;
      this.#noted.delete(oldest);
      this.#forgotten = when;
    }
  }

  /** Whether that has, or may have, happened to an instance after `mark`. */
  since(mark: number, { studyInstanceUid, sopInstanceUid }: InstanceNames): boolean {
    const when = [sopInstanceUid, studyInstanceUid].map((uid) => this.#noted.get(uid) ?? this.#forgotten);
    return Math.max(...when) > mark;
  }
}

type InstanceNames = Readonly<Record<'studyInstanceUid' | 'sopInstanceUid', string>>;
