import type { InstanceInfo, InstanceKey } from './instance-key.js';
import type { JournalRecord } from './journal.js';
import type { Place } from './spool-file.js';

/** What is written down of an instance that is whole on disk. */
export interface SavedEntry {
  readonly key: InstanceKey;
  readonly info: InstanceInfo;
  readonly place: Place;
  /** Bytes of the dataset. */
  readonly length: number;
  /** When it came, in milliseconds of the calendar. */
  readonly since: number;
  /** As its owner encoded it. */
  readonly meta: unknown;
}

/** A record of the journal; `parseSavedEntry` reads it. */
export const formatSavedEntry = (id: string, entry: SavedEntry): JournalRecord => ({ id, ...entry });

/** The entry of a record; undefined for one that is not what was written. */
export function parseSavedEntry(record: JournalRecord): SavedEntry | undefined {
  const { key, info, place, length, since, meta } = record;
  if (!hasTexts(key, ['peer', 'studyInstanceUid', 'seriesInstanceUid', 'sopInstanceUid'])) return undefined;
  if (!hasTexts(info, ['sopClassUid', 'transferSyntaxUid'])) return undefined;
  if (!isPlace(place) || !isCount(length) || !isCount(since)) return undefined;
  return { key, info, place, length, since, meta };
}

function hasTexts<K extends string>(value: unknown, names: readonly K[]): value is Record<K, string> {
  return (
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof (value as Partial<Record<K, unknown>>)[name] === 'string')
  );
}

function isPlace(value: unknown): value is Place {
  return hasTexts(value, ['file']) && isCount((value as Partial<Record<'offset', unknown>>).offset);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
