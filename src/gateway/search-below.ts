import { abortReason, GatewayError, Semaphore, type OperationContext } from '../core/index.js';
import { Tags, type Dataset, type Tag } from '../dicom/index.js';
import { belowIdentifier, studyFrom, seriesFrom, uniqueKey, type SeriesBelow } from '../query/index.js';
import type { SearchSource } from './search-run.js';

/** Studies, and series, of which one search remembers what is below; the oldest go first. */
const MOST_REMEMBERED = 2000;
/** A study of more series than these is not summed up. */
const MOST_SERIES = 10_000;

/** What is kept of a row. */
interface Listed {
  readonly uid: string;
  readonly modality: string | undefined;
  readonly instances: number | undefined;
  readonly sopClass: string | undefined;
}

/** What the peer holds below studies and series, as far as one search asks; each list is asked for once. */
export class SearchBelow {
  readonly #source: SearchSource;
  readonly #context: OperationContext;
  readonly #turns: Semaphore;
  readonly #lists = new Map<string, Promise<readonly Listed[] | undefined>>();
  /** Instances that may still be listed to count them. */
  #instancesLeft: number;

  constructor(source: SearchSource, context: OperationContext) {
    this.#source = source;
    this.#context = context;
    this.#turns = new Semaphore(source.binding.retrieve.joinConcurrency);
    this.#instancesLeft = source.binding.search.completeRows;
  }

  /** The values of `tags` of a study, as far as they can be known. @throws GatewayError of the C-FIND that failed */
  async study(study: string, tags: readonly Tag[]): Promise<Dataset> {
    const listed = await this.#list(study);
    const needsClasses = tags.includes(Tags.SOPClassesInStudy);
    const needsCounts = tags.includes(Tags.NumberOfStudyRelatedInstances);
    const series = (listed ?? []).map(async (one): Promise<SeriesBelow> => {
      if (!needsClasses && !(needsCounts && one.instances === undefined)) return one;
      return { modality: one.modality, ...(await this.#instancesOf(study, one.uid)) };
    });
    return studyFrom(await allSettled(series));
  }

  /** The same of a series. */
  async series(study: string, series: string): Promise<Dataset> {
    return seriesFrom({ modality: undefined, ...(await this.#instancesOf(study, series)) });
  }

  async #instancesOf(study: string, series: string): Promise<Omit<SeriesBelow, 'modality'>> {
    const listed = await this.#list(study, series);
    if (!listed) return { instances: undefined };
    const classes = listed.map(({ sopClass }) => sopClass);
    return {
      instances: listed.length,
      sopClasses: classes.every((uid) => uid !== undefined) ? [...new Set(classes)] : undefined,
    };
  }

  /** `undefined` where the peer does not say all, or there is too much of it. */
  #list(study: string, series?: string): Promise<readonly Listed[] | undefined> {
    const key = `${study} ${series ?? ''}`;
    const known = this.#lists.get(key);
    if (known) return known;
    const listing = this.#ask(study, series);
    listing.catch(() => undefined); // whoever asked sees it
    this.#lists.set(key, listing);
    const [oldest] = this.#lists.keys();
    if (this.#lists.size > MOST_REMEMBERED && oldest !== undefined) this.#lists.delete(oldest);
    return listing;
  }

  async #ask(study: string, series?: string): Promise<readonly Listed[] | undefined> {
    // Whoever holds a turn gives it back when the search is over.
    const release = await this.#turns.acquire();
    try {
      if (this.#context.signal.aborted) throw abortReason(this.#context.signal);
      if (series !== undefined && this.#instancesLeft <= 0) return undefined;
      return await this.#read(study, series);
    } finally {
      release();
    }
  }

  async #read(study: string, series?: string): Promise<readonly Listed[] | undefined> {
    const { find, findAtOnce = find, binding } = this.#source;
    const level = series === undefined ? 'SERIES' : 'IMAGE';
    const rows = findAtOnce(level, belowIdentifier(study, series), this.#context);
    const listed = new Map<string, Listed>();
    try {
      for (let count = 0; ; count += 1) {
        const next = await rows.next();
        if (next.done) {
          const isWhole = !next.value.truncated && count !== binding.retrieve.findLimit;
          return isWhole && listed.size > 0 ? [...listed.values()] : undefined;
        }
        const uid = uniqueKey(level, next.value);
        if (uid === undefined || !this.#mayTake(level, listed.size)) return undefined;
        if (isBelow(next.value, study, series)) listed.set(uid, keptOf(uid, next.value));
      }
    } finally {
      // Leaving early cancels the C-FIND.
      await rows.return({ status: 0xfe00, truncated: true });
    }
  }

  #mayTake(level: 'SERIES' | 'IMAGE', listed: number): boolean {
    if (level === 'SERIES') return listed < MOST_SERIES;
    this.#instancesLeft -= 1;
    return this.#instancesLeft >= 0;
  }
}

/** A series without instances is not one: a count of none is none that is known. */
function keptOf(uid: string, row: Dataset): Listed {
  const instances = row.integer(Tags.NumberOfSeriesRelatedInstances) ?? 0;
  return {
    uid,
    modality: row.string(Tags.Modality),
    instances: instances > 0 ? instances : undefined,
    sopClass: row.string(Tags.SOPClassUID),
  };
}

/** Some peers ignore the keys above the level; what they return then is of something else. */
function isBelow(row: Dataset, study: string, series: string | undefined): boolean {
  return (
    (row.string(Tags.StudyInstanceUID) ?? study) === study &&
    (series === undefined || (row.string(Tags.SeriesInstanceUID) ?? series) === series)
  );
}

/** All of them, when all have ended: none is left running for a caller that has gone. */
async function allSettled<T>(promises: readonly Promise<T>[]): Promise<readonly T[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((one) => {
    if (one.status === 'fulfilled') return one.value;
    throw one.reason instanceof Error ? one.reason : new GatewayError('internal', 'The gateway failed.');
  });
}
