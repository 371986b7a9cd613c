import type { Clock } from '../core/index.js';

/** So long, and twice as long as the peer needs to answer, one that was passed over has to begin when nothing else runs. */
const QUIET_MS = 200;
/** Longest that the others wait for it in all: some of what they had asked for may be large. */
const MOST_MS = 2_000;

/** A retrieve as far as its turn at the peer goes. */
export interface Turn {
  /** The peer is being asked. */
  begun(): void;
  /** Something of it has come. */
  heard(): void;
  ended(): void;
}

interface Asked {
  state: 'waiting' | 'begun' | 'heard';
  readonly isForPerson: boolean;
  /** Another that was asked for later is over already. */
  isPassedOver: boolean;
}

/**
 * Lets retrieves begin that the peer has passed over for later ones, by leaving it alone for a moment.
 *
 * dcmqrscp needs its index for itself when an association begins, and has it only when no other reads it: as long as
 * retrieves follow one another without a gap on the others, what was asked for on the new one does not come. Archives
 * that serve a few associations at once and let the next wait behave alike.
 */
export class GivingWay {
  readonly #clock: Clock;
  /** How soon the peer answers at best, in milliseconds. */
  readonly #fastestMs: () => number;
  /** Bounded by the workers, in the order in which they were begun. */
  readonly #asked = new Set<Asked>();
  #release: (() => void)[] = [];
  #cancelMost: () => void = () => undefined;
  #cancelQuiet: (() => void) | undefined;

  constructor(clock: Clock, fastestMs: () => number) {
    this.#clock = clock;
    this.#fastestMs = fastestMs;
  }

  /** A retrieve is about to be asked for; others wait only for one that a person waits for. */
  take(isForPerson: boolean): Turn {
    const asked: Asked = { state: 'waiting', isForPerson, isPassedOver: false };
    return {
      begun: () => {
        if (asked.state !== 'waiting') return;
        asked.state = 'begun';
        this.#asked.add(asked);
      },
      heard: () => {
        if (asked.state === 'heard') return;
        asked.state = 'heard';
        this.#look();
      },
      ended: () => {
        if (this.#asked.has(asked)) this.#over(asked);
      },
    };
  }

  /** Resolves when the next retrieve may be asked for: at once, unless one was passed over. */
  async next(): Promise<void> {
    if (!this.#isAnyPassedOver()) return;
    await new Promise<void>((resolve) => {
      this.#release.push(resolve);
      if (this.#release.length === 1) this.#cancelMost = this.#clock.after(MOST_MS, this.#goOn);
      this.#look();
    });
  }

  /** Somebody waits for what comes next: those who wait go on. */
  hurry(): void {
    if (this.#release.length > 0) this.#goOn();
  }

  #over(asked: Asked): void {
    if (asked.state === 'heard')
      for (const earlier of this.#asked) {
        if (earlier === asked) break;
        earlier.isPassedOver ||= earlier.isForPerson && earlier.state === 'begun';
      }
    this.#asked.delete(asked);
    this.#look();
  }

  #isAnyPassedOver(): boolean {
    return [...this.#asked].some(isLeftOut);
  }

  #look(): void {
    if (this.#release.length === 0) return;
    if (!this.#isAnyPassedOver()) this.#goOn();
    else if ([...this.#asked].every(isLeftOut))
      this.#cancelQuiet ??= this.#clock.after(QUIET_MS + 2 * this.#fastestMs(), this.#goOn);
  }

  /** Once for each that was passed over: it may be late for a reason of its own, as what has to come from tape is. */
  readonly #goOn = (): void => {
    this.#cancelMost();
    this.#cancelQuiet?.();
    this.#cancelQuiet = undefined;
    for (const asked of this.#asked) if (isLeftOut(asked)) asked.state = 'heard';
    for (const release of this.#release.splice(0)) release();
  };
}

const isLeftOut = ({ state, isPassedOver }: Asked): boolean => state === 'begun' && isPassedOver;
