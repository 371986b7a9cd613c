/** Dates and times that tell a peer which combines them from one that does not. */
import { firstDay, formatDate, formatTime, lastDay, parseStoredDate, parseStoredTime } from './calendar.js';

const HOUR = 3600;

/**
 * A span from the day before to the day after, whose times taken by themselves are a window of the day without that of
 * the study: who combines finds the study, who does not misses it. `undefined` where the study has no date and time.
 */
export function spanAround(
  date: string,
  time: string,
): { readonly date: string; readonly time: string } | undefined {
  const day = parseStoredDate(date);
  const at = parseStoredTime(time);
  if (day === undefined || at === undefined || day <= firstDay || day >= lastDay) return undefined;
  const second = Math.floor(at / 1_000_000);
  const from = second < 12 * HOUR ? second + HOUR : second - 2 * HOUR;
  return {
    date: `${formatDate(day - 1)}-${formatDate(day + 1)}`,
    time: `${formatTime(from)}-${formatTime(from + HOUR / 2)}`,
  };
}
