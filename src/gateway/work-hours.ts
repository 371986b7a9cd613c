/** A span of the day in minutes since midnight; one that ends before it begins goes over midnight. */
export interface WorkHours {
  readonly from: number;
  readonly to: number;
}

const DAY = 24 * 60;

/**
 * How many minutes remain at `minute` of the day until one of the spans begins; 0 within one, and where there is none
 * at all, for then every hour is one of work.
 */
export function minutesUntilWork(spans: readonly WorkHours[], minute: number): number {
  const waits = spans.map(({ from, to }) => {
    const length = (to - from + DAY) % DAY || DAY;
    const since = (minute - from + DAY) % DAY;
    return since < length ? 0 : DAY - since;
  });
  return waits.length === 0 ? 0 : Math.min(...waits);
}
