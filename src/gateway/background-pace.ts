import { abortReason, wait, type Clock } from '../core/index.js';
import type { InstanceWriter } from '../dimse/index.js';
import { minutesUntilWork, type WorkHours } from './work-hours.js';

export interface BackgroundLimits {
  /** Bytes in a second; 0 = as fast as they come. */
  readonly bytesPerSecond: number;
  /** When the peer may be asked; none = at any time. In local time of the day. */
  readonly hours: readonly WorkHours[];
}

/** What may come at once after a pause, in seconds of the rate. */
const BURST_SECONDS = 0.25;
const MINUTE_MS = 60_000;
/** Who is paused looks this often whether somebody waits. */
const LOOK_MS = 100;

const localMinute = (): number => {
  const now = new Date();
  return now.getHours() * 60 + now.getMinutes();
};

/** When and how fast one peer sends what no person waits for. */
export class BackgroundPace {
  readonly #limits: BackgroundLimits;
  readonly #clock: Clock;
  readonly #minuteOfDay: () => number;
  /** When, at the rate, everything taken so far will have come. */
  #paidUntil = Number.NEGATIVE_INFINITY;

  constructor(limits: BackgroundLimits, clock: Clock, minuteOfDay = localMinute) {
    this.#limits = limits;
    this.#clock = clock;
    this.#minuteOfDay = minuteOfDay;
  }

  /** Minutes until background work may begin; 0 = now. */
  get closedFor(): number {
    return minutesUntilWork(this.#limits.hours, this.#minuteOfDay());
  }

  /** Resolves when the hours of background work have come. @throws the signal's reason */
  async open(signal: AbortSignal): Promise<void> {
    for (;;) {
      if (signal.aborted) throw abortReason(signal);
      if (this.closedFor === 0) return;
      // Looked at every minute: the clock of the machine may be set, and summer time may begin.
      await wait(this.#clock, MINUTE_MS, signal);
    }
  }

  /** Takes what has come; returns the milliseconds until it would have come at the configured rate, beyond the burst. */
  take(bytes: number): number {
    const { bytesPerSecond } = this.#limits;
    if (bytesPerSecond === 0) return 0;
    const now = this.#clock.now();
    this.#paidUntil = Math.max(now, this.#paidUntil) + (bytes / bytesPerSecond) * 1000;
    return Math.max(0, this.#paidUntil - now - BURST_SECONDS * 1000);
  }

  /** `writer` at this pace, as long as `isBackground`: somebody may come to wait for it, also while it is paused. */
  slow(writer: InstanceWriter, isBackground: () => boolean): InstanceWriter {
    if (this.#limits.bytesPerSecond === 0) return writer;
    const failed = new AbortController();
    return {
      write: async (chunk) => {
        const { length } = chunk;
        await writer.write(chunk);
        if (isBackground()) await this.#pause(this.take(length), isBackground, failed.signal);
      },
      end: () => writer.end(),
      fail: (error) => {
        failed.abort();
        writer.fail(error);
      },
    };
  }

  async #pause(ms: number, isBackground: () => boolean, signal: AbortSignal): Promise<void> {
    for (let left = ms; left > 0 && isBackground() && !signal.aborted; left -= LOOK_MS)
      await wait(this.#clock, Math.min(left, LOOK_MS), signal);
  }
}
