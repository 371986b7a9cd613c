import { z } from 'zod';
import { formatAeAddress, isAeTitle, parseAeAddress, parseHostPort, type AeAddress } from '../core/index.js';

/** A sort of value that a key can take: what it looks like in a file, and what the program gets. */
export interface Kind<T> {
  /** Completes the sentence "the key takes ...". */
  readonly takes: string;
  /** The value a file or the environment gives, read; undefined when it is not one of this kind. */
  readonly read: (value: unknown) => T | undefined;
  /** What `read` reads back to the same value. */
  readonly write?: (value: T) => unknown;
  /** What a text of the environment stands for, where the text itself is not the value. */
  readonly fromText?: (text: string) => unknown;
}

/** What the schema knows about a key beside its value. */
export interface KeyInfo {
  readonly takes: string;
  readonly description: string;
  /** Never printed. */
  readonly secret: boolean;
  /** A value of the key as it stands in a file. */
  readonly write: (value: unknown) => unknown;
  /** A text of the environment as it would stand in a file. */
  readonly fromText: (text: string) => unknown;
}

/** The keys of the schema; a registry of its own, so that no other user of the library can add to it. */
export const keyInfo = z.registry<KeyInfo>();

/** A key of the configuration. */
export function key<T>(
  kind: Kind<T>,
  description: string,
  { secret = false }: { secret?: boolean } = {},
): z.ZodPipe<z.ZodUnknown, z.ZodTransform<T>> {
  const schema = z.unknown().transform((value, context): T => {
    const result = value === undefined ? undefined : kind.read(value);
    if (result !== undefined) return result;
    const given = value === undefined || secret ? '' : `, not ${quote(value)}`;
    context.addIssue({ code: 'custom', message: `takes ${kind.takes}${given}` });
    return z.NEVER;
  });
  return schema.register(keyInfo, {
    takes: kind.takes,
    description,
    secret,
    // The only values that are written are those that `read` made.
    write: (value) => (kind.write ? kind.write(value as T) : value),
    fromText: kind.fromText ?? ((text) => text),
  });
}

/** The refused value, short: a mistake should be recognised, a pasted file need not be repeated. */
function quote(value: unknown): string {
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'a group of keys';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}..."` : text;
}

const SCALED = /^(?<number>\d{1,15}(?:\.\d{1,6})?)\s*(?<unit>[A-Za-z]*)$/;

interface Unit {
  readonly name: string;
  readonly factor: number;
}

/** Whole numbers given with a unit; the first unit is meant when none is named. */
function scaled(
  units: readonly Unit[],
  [least, most]: readonly [number, number],
  takes: string,
): Kind<number> {
  const inRange = (value: number): number | undefined =>
    Number.isSafeInteger(value) && value >= least && value <= most ? value : undefined;
  return {
    takes,
    read(value) {
      if (typeof value === 'number') return inRange(value);
      const groups = typeof value === 'string' ? SCALED.exec(value.trim())?.groups : undefined;
      const name = groups?.['unit'] ?? '';
      const unit =
        name === ''
          ? units[0]
          : units.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
      return unit && inRange(Math.round(Number(groups?.['number']) * unit.factor));
    },
    write(value) {
      const unit = units.findLast(({ factor }) => value % factor === 0);
      return value === 0 || unit === undefined || unit.factor === 1
        ? value
        : `${value / unit.factor}${unit.name}`;
    },
  };
}

const timeUnits: readonly Unit[] = [
  { name: 'ms', factor: 1 },
  { name: 's', factor: 1000 },
  { name: 'm', factor: 60_000 },
  { name: 'h', factor: 3_600_000 },
];

/** The longest that Node's timers can wait. */
const LONGEST_MS = 2_147_483_647;

/** A time in milliseconds, longer than none. */
export const duration = scaled(
  timeUnits,
  [1, LONGEST_MS],
  'a time such as 500ms, 30s or 2m (a bare number is milliseconds)',
);
/** A time in milliseconds, or 0 for none. */
export const durationOrOff = scaled(
  timeUnits,
  [0, LONGEST_MS],
  'a time such as 500ms, 30s or 2m (a bare number is milliseconds), or 0 for off',
);

const sizeUnits: readonly Unit[] = [
  { name: '', factor: 1 },
  { name: ' KiB', factor: 2 ** 10 },
  { name: ' MiB', factor: 2 ** 20 },
  { name: ' GiB', factor: 2 ** 30 },
  { name: ' TiB', factor: 2 ** 40 },
];

/** A number of bytes. */
export function size(least: number, most = 2 ** 50): Kind<number> {
  const units = sizeUnits.map(({ name, factor }) => ({ name: name.trim(), factor }));
  const { read } = scaled(units, [least, most], '');
  const { write } = scaled(sizeUnits, [least, most], '');
  const show = (value: number): string => String(write?.(value));
  const takes = `a size from ${show(least)} to ${show(most)}, such as 96 MiB or 10 GiB (a bare number is bytes)`;
  return { takes, read, ...(write && { write }) };
}

/** A number of bytes, or 0 for no limit. */
export function sizeOrOff(least: number): Kind<number> {
  const { takes, read, write } = size(least);
  return {
    takes: `${takes}, or 0 for no limit`,
    read: (value) => (value === 0 || value === '0' ? 0 : read(value)),
    ...(write && { write }),
  };
}

const toNumber = (text: string): unknown => (/^-?\d{1,15}$/.test(text) ? Number(text) : text);

/** A whole number within bounds. */
export function integer(least: number, most: number): Kind<number> {
  return {
    takes: `a whole number from ${least} to ${most}`,
    read: (value) =>
      typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
        ? value
        : undefined,
    fromText: toNumber,
  };
}

const toBoolean = (text: string): unknown => (text === 'true' ? true : text === 'false' ? false : text);

/** True or false, spelled so. */
export const boolean: Kind<boolean> = {
  takes: 'true or false',
  read: (value) => (typeof value === 'boolean' ? value : undefined),
  fromText: toBoolean,
};

/** True or false, or what the program finds out. */
export const booleanOrAuto: Kind<boolean | 'auto'> = {
  takes: 'true, false or auto',
  read: (value) => (value === 'auto' || typeof value === 'boolean' ? value : undefined),
  fromText: toBoolean,
};

/** One of a few words. */
export function choice<const T extends string>(...words: readonly T[]): Kind<T> {
  return {
    takes: words.join(' or '),
    read: (value) => words.find((word) => word === value || word === String(value)),
  };
}

/** A text of a given form. */
export function text(pattern: RegExp, takes: string): Kind<string> {
  return { takes, read: (value) => (typeof value === 'string' && pattern.test(value) ? value : undefined) };
}

/** A list of values of one kind; the environment gives it with commas between. */
export function list<T>(item: Kind<T>, takes: string, least = 1): Kind<readonly T[]> {
  return {
    takes,
    write: (items) => items.map((entry) => item.write?.(entry) ?? entry),
    read(value) {
      if (!Array.isArray(value) || value.length < least || value.length > 100) return undefined;
      const items = value.map(item.read);
      return items.every((entry) => entry !== undefined) ? items : undefined;
    },
    fromText: (value) => value.split(',').map((entry) => entry.trim()),
  };
}

function parsed<T>(parse: (text: string) => T): (value: unknown) => T | undefined {
  return (value) => {
    if (typeof value !== 'string') return undefined;
    try {
      return parse(value);
    } catch {
      return undefined;
    }
  };
}

/** Where a socket listens or is reached. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, IPv6 in brackets. */
export const hostPort: Kind<HostPort> = {
  takes: 'host:port, such as 127.0.0.1:8080 or [::1]:8080',
  read: parsed(parseHostPort),
  write: ({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`,
};

/** `AE@host:port`. */
export const aeAddress: Kind<AeAddress> = {
  takes: 'AE@host:port, such as ORTHANC@127.0.0.1:4242 or PACS@[::1]:104',
  read: parsed((value) => {
    const address = parseAeAddress(value);
    if (address.port === 0) throw new RangeError('nobody listens on port 0');
    return address;
  }),
  write: formatAeAddress,
};

/** A span of the day in minutes since midnight; one that ends before it begins goes over midnight. */
export interface HoursOfDay {
  readonly from: number;
  readonly to: number;
}

const HOURS = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)$/;
const twoDigits = (value: number): string => String(value).padStart(2, '0');
const timeOfDay = (minutes: number): string =>
  `${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`;

/** `HH:MM-HH:MM`. */
export const hoursOfDay: Kind<HoursOfDay> = {
  takes: 'hours of the day such as 19:00-06:30',
  read: parsed((value) => {
    const [from = NaN, fromMinute = NaN, to = NaN, toMinute = NaN] =
      HOURS.exec(value)?.slice(1).map(Number) ?? [];
    const hours = { from: from * 60 + fromMinute, to: to * 60 + toMinute };
    if (!(hours.to <= 24 * 60) || hours.from === hours.to) throw new RangeError('no span of the day');
    return hours;
  }),
  write: ({ from, to }) => `${timeOfDay(from)}-${timeOfDay(to)}`,
};

/** An AE title. */
export const aeTitle: Kind<string> = {
  takes: 'an AE title of 1 to 16 characters',
  read: (value) => (typeof value === 'string' && isAeTitle(value.trim()) ? value.trim() : undefined),
};

/** `http` or `https`, host and perhaps a path; no trailing slash. */
export const webUrl: Kind<string> = {
  takes: 'an http or https URL without user, query and fragment, such as https://pacs.example',
  read: parsed((value) => {
    const url = new URL(value);
    const plain = url.username === '' && url.password === '' && !/[?#\s]/.test(value);
    if (!plain || !/^https?:$/.test(url.protocol)) throw new TypeError('not a plain web address');
    return url.href.replace(/\/+$/, '');
  }),
};
