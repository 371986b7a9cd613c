/** Days, times of day and zone offsets of PS3.5 as integers: never `Date`, whose local time and milliseconds lose what a PACS wrote. */

/** Microseconds of one day. */
export const dayLength = 86_400_000_000;
const secondLength = 1_000_000;

/** First and last microsecond of the day that a TM of reduced precision stands for. */
export interface TimeSpan {
  readonly first: number;
  readonly last: number;
}

/** Whole days since 1970-01-01 in the proleptic Gregorian calendar; `undefined` when there is no such day. */
export function dayNumber(year: number, month: number, day: number): number | undefined {
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  // Years begin in March, so that the leap day is their last.
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** 0000-01-01 and 9999-12-31: the days that DA can write. */
export const firstDay = -719_528;
export const lastDay = 2_932_896;

/** `YYYYMMDD` of a day from `firstDay` to `lastDay`. */
export function formatDate(dayNumberOf: number): string {
  const shifted = dayNumberOf + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return digits(year, 4) + digits(month, 2) + digits(day, 2);
}

/** `HHMMSS` of a second of the day. */
export function formatTime(second: number): string {
  return (
    digits(Math.floor(second / 3600), 2) + digits(Math.floor(second / 60) % 60, 2) + digits(second % 60, 2)
  );
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0');
}

/** A DA as PS3.5 writes it now, `YYYYMMDD`; `undefined` for anything else. */
export function parseDate(text: string): number | undefined {
  if (!/^\d{8}$/.test(text)) return undefined;
  return dayNumber(Number(text.slice(0, 4)), Number(text.slice(4, 6)), Number(text.slice(6)));
}

/** A TM of PS3.5: `HH`, `HHMM`, `HHMMSS` or `HHMMSS.F` with up to six digits; `undefined` for anything else. */
export function parseTime(text: string): TimeSpan | undefined {
  const parts = /^(\d{2})(?:(\d{2})(?:(\d{2})(?:\.(\d{1,6}))?)?)?$/.exec(text);
  return parts === null ? undefined : timeSpan(parts[1] ?? '', parts[2], parts[3], parts[4]);
}

/** The span of a time of day from its digits, as far as they are given. */
export function timeSpan(
  hour: string,
  minute?: string,
  second?: string,
  fraction?: string,
): TimeSpan | undefined {
  if (Number(hour) > 23 || Number(minute ?? 0) > 59 || Number(second ?? 0) > 60) return undefined;
  const start = (Number(hour) * 3600 + Number(minute ?? 0) * 60) * secondLength;
  // A leap second has no place of its own in a day of 86,400 s.
  if (Number(second) === 60) {
    const folded = start + 60 * secondLength - 1;
    return { first: folded, last: folded };
  }
  const first = start + Number(second ?? 0) * secondLength + Number((fraction ?? '').padEnd(6, '0'));
  return { first, last: first + precision(minute, second, fraction) - 1 };
}

function precision(minute?: string, second?: string, fraction?: string): number {
  if (fraction !== undefined) return 10 ** (6 - fraction.length);
  if (second !== undefined) return secondLength;
  return (minute === undefined ? 3600 : 60) * secondLength;
}

/** A DA that a peer sent, the ACR-NEMA form `YYYY.MM.DD` included. */
export function parseStoredDate(text: string): number | undefined {
  const trimmed = text.trim();
  return parseDate(/^\d{4}\.\d{2}\.\d{2}$/.test(trimmed) ? trimmed.replaceAll('.', '') : trimmed);
}

/** First microsecond of a TM that a peer sent, the ACR-NEMA form `HH:MM:SS` included. */
export function parseStoredTime(text: string): number | undefined {
  const trimmed = text.trim();
  const plain = /^\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?$/.test(trimmed)
    ? trimmed.replaceAll(':', '')
    : trimmed;
  return parseTime(plain)?.first;
}

/** Minutes east of UTC of `+HHMM` or `-HHMM`, from -1200 to +1400; `undefined` for anything else. */
export function parseZone(text: string): number | undefined {
  const parts = /^([+-])(\d{2})([0-5]\d)$/.exec(text.trim());
  if (parts === null) return undefined;
  const minutes = (Number(parts[2]) * 60 + Number(parts[3])) * (parts[1] === '-' ? -1 : 1);
  return minutes < -720 || minutes > 840 ? undefined : minutes;
}
