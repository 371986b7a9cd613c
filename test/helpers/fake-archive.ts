import {
  baselineQueryOptions,
  GatewayError,
  Semaphore,
  type OperationContext,
} from '../../src/core/index.js';
import { Dataset, Tags, type Tag, type Vr } from '../../src/dicom/index.js';
import type { FindCompletion, Peer } from '../../src/dimse/index.js';
import type { SearchLevel } from '../../src/dicomweb/index.js';
import type { SearchSource } from '../../src/gateway/search-run.js';
import type { SearchSettings } from '../../src/gateway/ports.js';
import { defaultPeerQueryProfile } from '../../src/query/index.js';

export interface FakeSeries {
  readonly uid: string;
  readonly modality?: string;
  /** How many instances it has. */
  readonly instances: number;
  readonly sopClass?: string;
}

export interface FakeStudy {
  readonly uid: string;
  /** Attributes of the study's row, by tag. */
  readonly values?: readonly (readonly [Tag, Vr, string | readonly string[]])[];
  readonly series?: readonly FakeSeries[];
}

export interface ArchiveOptions {
  readonly studies: Iterable<FakeStudy>;
  /** C-FINDs at once; one more waits. */
  readonly associations?: number;
  /** Whether rows of series have Number of Series Related Instances. */
  readonly counts?: boolean;
  /** Runs before each C-FIND; may throw. */
  readonly before?: (level: SearchLevel, identifier: Dataset) => void | Promise<void>;
  /** Whether an answer ends as one that is cut short. */
  readonly truncates?: (level: SearchLevel, identifier: Dataset) => boolean;
  /** What it makes of a list of Study Instance UIDs. */
  readonly lists?: 'all' | 'none' | 'first';
}

/** An archive as `Peer.find` shows it, that counts what is asked of it. */
export interface FakeArchive {
  readonly find: Peer['find'];
  readonly asked: { readonly level: SearchLevel; readonly identifier: Dataset }[];
  /** Rows given so far, by level. */
  readonly given: Record<SearchLevel, number>;
  /** C-FINDs under way. */
  readonly open: () => number;
  count(level: SearchLevel): number;
}

/** It matches UIDs alone: what other keys say is passed over. */
export function fakeArchive(options: ArchiveOptions): FakeArchive {
  const { studies, associations = 4, before, truncates } = options;
  const turns = new Semaphore(associations);
  const asked: FakeArchive['asked'] = [];
  const given = { STUDY: 0, SERIES: 0, IMAGE: 0 };
  async function* find(
    level: SearchLevel,
    identifier: Dataset,
    context: OperationContext,
  ): AsyncGenerator<Dataset, FindCompletion, undefined> {
    asked.push({ level, identifier });
    const release = await turns.acquire(context.signal);
    try {
      await before?.(level, identifier);
      const heeded = listsHeeded(identifier, options.lists);
      for (const row of rowsOf(studies, level, heeded, options.counts === true)) {
        if (context.signal.aborted) throw new GatewayError('cancelled', 'gone');
        given[level] += 1;
        yield row;
        await Promise.resolve();
      }
      return { status: 0, truncated: truncates?.(level, identifier) === true };
    } finally {
      release();
    }
  }
  return {
    find,
    asked,
    given,
    open: () => turns.held,
    count: (level) => asked.filter((one) => one.level === level).length,
  };
}

function listsHeeded(identifier: Dataset, lists: ArchiveOptions['lists'] = 'all'): Dataset {
  const uids = identifier.strings(Tags.StudyInstanceUID);
  const [first = ''] = uids;
  if (lists === 'all' || uids.length <= 1) return identifier;
  return new Dataset().setString(Tags.StudyInstanceUID, lists === 'first' ? first : '0.0', 'UI');
}

function* rowsOf(
  studies: Iterable<FakeStudy>,
  level: SearchLevel,
  identifier: Dataset,
  counts: boolean,
): Generator<Dataset> {
  const isWanted = (tag: Tag, uid: string): boolean => {
    const wanted = identifier.strings(tag);
    return wanted.length === 0 || wanted.includes(uid);
  };
  const wanted = new Set(identifier.strings(Tags.StudyInstanceUID));
  for (const study of studies) {
    if (wanted.size > 0 && !wanted.has(study.uid)) continue;
    if (level === 'STUDY') {
      const row = new Dataset().setString(Tags.StudyInstanceUID, study.uid, 'UI');
      for (const [tag, vr, value] of study.values ?? []) row.setString(tag, value, vr);
      yield row;
      continue;
    }
    for (const series of study.series ?? []) {
      if (!isWanted(Tags.SeriesInstanceUID, series.uid)) continue;
      if (level === 'SERIES') yield seriesRow(study, series, counts);
      else yield* imageRows(study, series);
    }
  }
}

function seriesRow(study: FakeStudy, series: FakeSeries, counts: boolean): Dataset {
  const row = new Dataset()
    .setString(Tags.StudyInstanceUID, study.uid, 'UI')
    .setString(Tags.SeriesInstanceUID, series.uid, 'UI');
  if (series.modality !== undefined) row.setString(Tags.Modality, series.modality, 'CS');
  if (counts) row.setString(Tags.NumberOfSeriesRelatedInstances, String(series.instances), 'IS');
  return row;
}

function* imageRows(study: FakeStudy, series: FakeSeries): Generator<Dataset> {
  for (let number = 1; number <= series.instances; number += 1) {
    yield new Dataset()
      .setString(Tags.StudyInstanceUID, study.uid, 'UI')
      .setString(Tags.SeriesInstanceUID, series.uid, 'UI')
      .setString(Tags.SOPClassUID, series.sopClass ?? '1.2.840.10008.5.1.4.1.1.2', 'UI')
      .setString(Tags.SOPInstanceUID, `${series.uid}.${number}`, 'UI');
  }
}

/** An archive with what the gateway is told of it. */
export function sourceOf(archive: FakeArchive, settings: Partial<SearchSettings> = {}): SearchSource {
  const search: SearchSettings = {
    keepMs: 0,
    lookAhead: 1000,
    lookAheadMs: 0,
    maxResults: 50_000,
    maxScan: 10_000,
    maxSlices: 1000,
    maxUnlimited: 0,
    order: 'sorted',
    complete: 'page',
    completeMs: 5000,
    completeRows: 10_000,
    maxLookups: 2000,
    maxPatients: 2000,
    numericStrings: 'numbers',
    ...settings,
  };
  const facts = new Map<string, unknown>();
  const retrieve = { joinConcurrency: 2, findLimit: undefined, relearnMs: 1000 };
  const peer = {
    queryOptions: () => Promise.resolve(baselineQueryOptions),
    knowledge: {
      get: (name: string) => facts.get(name),
      fixed: () => undefined,
      learn: (name: string, value: unknown) => void facts.set(name, value),
    },
  };
  const binding = { peer, search, retrieve, profile: defaultPeerQueryProfile };
  // What else is bound to a peer is of no concern to a search.
  return { binding: binding as unknown as SearchSource['binding'], find: archive.find };
}
