/**
 * Time zones as functions between local time and UTC, both microseconds since 1970-01-01 00:00. Zones with daylight
 * saving are the ones of `Intl`, so that their rules are those of the platform and can be updated with it.
 */
import { dayLength } from './calendar.js';

/** The zone of a peer: minutes east of UTC, or a place whose clocks are put forward and back. */
export type Zone = number | NamedZone;

/** A zone by its IANA name, such as `Europe/Berlin`. */
export interface NamedZone {
  readonly name: string;
  /** Microseconds east of UTC at an instant. */
  readonly offsetAt: (utc: bigint) => bigint;
}

const axisDay = BigInt(dayLength);
const minute = 60_000_000n;
/** Between the farthest zones, +1400 and -1200. */
export const widestShift = 26n * 60n * minute;
const offsetPattern = /GMT(?:(?<sign>[+-])(?<hours>\d{2}):(?<minutes>\d{2})(?::(?<seconds>\d{2}))?)?$/;

/** The zone of an IANA name; `undefined` when the platform does not know it. */
export function namedZone(name: string): NamedZone | undefined {
  try {
    const format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
    return { name, offsetAt: (utc) => readOffset(format.format(toMilliseconds(utc))) };
  } catch {
    return undefined;
  }
}

function toMilliseconds(utc: bigint): number {
  return Number(utc / 1000n - (utc % 1000n < 0n ? 1n : 0n));
}

function readOffset(text: string): bigint {
  const { sign, hours, minutes, seconds } = offsetPattern.exec(text)?.groups ?? {};
  const value = BigInt(Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0));
  return (sign === '-' ? -value : value) * 1_000_000n;
}

/**
 * The instants that a local time may be, ascending: two where clocks are put back, and where they are put forward and
 * there is no such time, for nobody knows which clock wrote it (DT-43).
 */
export function instantsOf(zone: Zone, local: bigint): readonly bigint[] {
  if (typeof zone === 'number') return [local - BigInt(zone) * minute];
  const [before, after] = [zone.offsetAt(local - axisDay), zone.offsetAt(local + axisDay)];
  if (before === after) return [local - before];
  const both = [local - before, local - after].sort((left, right) => (left < right ? -1 : 1));
  const real = both.filter((utc) => utc + zone.offsetAt(utc) === local);
  return real.length === 0 ? both : real;
}

/** The earliest local time that may be an instant at `utc` or later. */
export function earliestLocal(zone: Zone, utc: bigint): bigint {
  return utc + offsetsAround(zone, utc).reduce((least, offset) => (offset < least ? offset : least));
}

/** The latest local time that may be an instant at `utc` or before. */
export function latestLocal(zone: Zone, utc: bigint): bigint {
  return utc + offsetsAround(zone, utc).reduce((most, offset) => (offset > most ? offset : most));
}

/** All that hold within a day: times that clocks show twice or never are told by more than one. */
function offsetsAround(zone: Zone, utc: bigint): readonly bigint[] {
  if (typeof zone === 'number') return [BigInt(zone) * minute];
  return [utc - axisDay, utc, utc + axisDay].map((at) => zone.offsetAt(at));
}

/** The zones that a search has to do with. */
export interface Zones {
  /** Of the values in the request, in minutes east of UTC; without it nothing is converted (DT-45). */
  readonly request?: number;
  /** Of the values that the peer holds, where they do not say it themselves. */
  readonly source?: Zone;
  /** The peer is told the request's zone and converts by itself. */
  readonly peerConverts?: boolean;
}
