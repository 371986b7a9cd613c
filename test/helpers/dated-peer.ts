/**
 * A C-FIND SCP that knows studies by date and time alone, with the habits that archives have. It compares text, where
 * the code compares numbers.
 */
import { GatewayError, baselineQueryOptions, systemClock, type QueryOptions } from '../../src/core/index.js';
import { Dataset, Tags } from '../../src/dicom/index.js';
import { PeerKnowledge } from '../../src/dimse/peer-knowledge.js';
import type { Peer } from '../../src/dimse/index.js';
import type { SearchSource } from '../../src/gateway/search-run.js';
import { defaultPeerQueryProfile, type PeerQueryProfile } from '../../src/query/index.js';

export type DatedStudy = readonly [date: string, time: string];

export interface Habits {
  /** What an upper bound of whole seconds stands for. */
  readonly upper: 'ceil' | 'floor';
  /** Whether a range also finds what has no value. */
  readonly findsEmptyTimes: boolean;
  readonly findsEmptyDates: boolean;
  /** Whether a range of dates and one of times are one range. */
  readonly combines: boolean;
  /** Times are compared as they are written, so that an empty one is before all others. */
  readonly comparesText?: boolean;
  /** Most rows of an answer, and how it ends then. */
  readonly cap?: number;
  readonly capAs?: 'cancel' | 'refusal' | 'silence';
}

export const plainHabits: Habits = {
  upper: 'floor',
  findsEmptyTimes: true,
  findsEmptyDates: true,
  combines: false,
};

const fullTime = (time: string, rest = '000000'): string => {
  const [seconds = '', fraction] = time.split('.');
  return `${seconds.padEnd(6, '0')}${fraction?.padEnd(6, '0') ?? rest}`;
};

function bounds(key: string): readonly [string, string] {
  const [from = '', to = from] = key.split('-');
  return [from, to];
}

const isRange = (key: string): boolean => key.includes('-');
const formOf = (key: string): string => key.replace(/\d+(?:\.\d+)?/g, 'x');

/** The numbers of the studies that an SCP with these habits finds, from 0. */
export function found(
  studies: readonly DatedStudy[],
  asked: { readonly date: string; readonly time: string },
  habits: Habits,
): number[] {
  const [firstDay, lastDay] = bounds(asked.date);
  const [start, end] = bounds(asked.time);
  const from = start === '' ? '' : fullTime(start);
  const to = end === '' ? '' : fullTime(end, habits.upper === 'ceil' ? '999999' : undefined);
  const isJoined =
    habits.combines &&
    isRange(asked.date) &&
    isRange(asked.time) &&
    formOf(asked.date) === formOf(asked.time);
  const isWithin = ([date, time]: DatedStudy): boolean => {
    if (date === '') return asked.date === '' || habits.findsEmptyDates;
    const isDay = (firstDay === '' || date >= firstDay) && (lastDay === '' || date <= lastDay);
    if (asked.time === '') return isDay;
    if (habits.comparesText === true)
      return isDay && (start === '' || time >= start) && (end === '' || time <= end);
    if (time === '') return isDay && habits.findsEmptyTimes;
    const at = fullTime(time);
    if (isJoined)
      return (
        (firstDay === '' || date + at >= firstDay + from) && (lastDay === '' || date + at <= lastDay + to)
      );
    return isDay && (from === '' || at >= from) && (to === '' || at <= to);
  };
  return studies.flatMap((study, index) => (isWithin(study) ? [index] : []));
}

export interface DatedPeer {
  readonly source: SearchSource;
  /** What it was asked for, as `DA·TM`. */
  readonly asked: string[];
  readonly identifiers: Dataset[];
  readonly planned: (QueryOptions | undefined)[];
  readonly knowledge: PeerKnowledge;
  /** How often it was asked what it can do. */
  optionsAsked: number;
}

export interface DatedPeerOptions {
  readonly studies: readonly DatedStudy[];
  readonly habits?: Partial<Habits>;
  readonly options?: Partial<QueryOptions>;
  readonly dateTime?: Partial<PeerQueryProfile['dateTime']>;
  readonly timezone?: string;
  readonly maxScan?: number;
  readonly maxSlices?: number;
  readonly findLimit?: number;
  /** Further values of each row. */
  readonly complete?: (row: Dataset) => void;
}

/** `20220101·1000-`; without the dot where no time is asked for. */
function keysOf(identifier: Dataset): string {
  const [date, time] = [Tags.StudyDate, Tags.StudyTime].map((tag) => identifier.string(tag) ?? '');
  return time === '' ? (date ?? '') : `${date ?? ''}·${time ?? ''}`;
}

export function datedPeer(given: DatedPeerOptions): DatedPeer {
  const habits = { ...plainHabits, ...given.habits };
  const knowledge = new PeerKnowledge({ peer: 'main', clock: systemClock, observe: () => undefined });
  const peer: DatedPeer = {
    asked: [],
    identifiers: [],
    planned: [],
    knowledge,
    optionsAsked: 0,
    source: { find, binding: bindingOf(given, knowledge, () => (peer.optionsAsked += 1)) },
  };
  async function* find(...[, identifier, context]: Parameters<Peer['find']>): ReturnType<Peer['find']> {
    peer.asked.push(keysOf(identifier));
    peer.identifiers.push(identifier);
    peer.planned.push(context.planned);
    await Promise.resolve();
    const [date = '', time = ''] = keysOf(identifier).split('·');
    const all = found(given.studies, { date, time }, habits);
    const { cap = Number.POSITIVE_INFINITY, capAs = 'cancel' } = habits;
    for (const index of all.slice(0, cap)) yield rowOf(given, index);
    if (all.length <= cap || capAs === 'silence') return { status: 0, truncated: false };
    if (capAs === 'refusal') throw new GatewayError('peer-out-of-resources', 'A700');
    return { status: 0xfe00, truncated: true };
  }
  return peer;
}

function rowOf({ studies, complete }: DatedPeerOptions, index: number): Dataset {
  const [date = '', time = ''] = studies[index] ?? [];
  const row = new Dataset()
    .setString(Tags.StudyInstanceUID, `1.2.${index + 1}`, 'UI')
    .setString(Tags.StudyDate, date, 'DA')
    .setString(Tags.StudyTime, time, 'TM');
  complete?.(row);
  return row;
}

function bindingOf(
  given: DatedPeerOptions,
  knowledge: PeerKnowledge,
  onAsked: () => void,
): SearchSource['binding'] {
  const { options, dateTime, timezone, maxScan = 1000, maxSlices = 1000, findLimit } = given;
  const peer = {
    knowledge,
    queryOptions: () => {
      onAsked();
      return Promise.resolve({ ...baselineQueryOptions, ...options });
    },
  };
  const binding = {
    peer,
    profile: {
      ...defaultPeerQueryProfile,
      dateTime: { ...defaultPeerQueryProfile.dateTime, ...dateTime },
      ...(timezone === undefined ? {} : { timezone }),
    },
    search: { keepMs: 0, lookAhead: 1000, lookAheadMs: 0, maxResults: 50_000, maxScan, maxSlices },
    retrieve: { joinConcurrency: 2, findLimit, relearnMs: 60_000 },
  };
  // What else is bound to a peer is of no concern to a search.
  return binding as unknown as SearchSource['binding'];
}
