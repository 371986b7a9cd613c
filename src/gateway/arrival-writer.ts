import { GatewayError, nextCrc32, toGatewayError, type Observe } from '../core/index.js';
import {
  DatasetIndexer,
  formatTag,
  indexForFrame,
  transferSyntax,
  type DatasetIndex,
  type DatasetUids,
  type RepeatedElements,
} from '../dicom/index.js';
import type { Arrival, InstanceKey } from '../cache/index.js';
import type { InstanceWriter } from '../dimse/index.js';
import { overtaken } from './fetch-outcome.js';
import type { DatasetLimits, InstanceRecord } from './ports.js';
import { isStill, type Seen } from './study-state.js';
import type { HeldInstance } from './want.js';

const SUCCESS = 0x0000;
/** Refused: out of resources, for bytes that could not be kept. @see PS3.4 Table B.2-1 */
const OUT_OF_RESOURCES = 0xa700;
/** Error: data set does not match what was asked for. @see PS3.4 Table B.2-1 */
const DOES_NOT_MATCH = 0xa900;

/** Takes the bytes of an instance that nobody needs, such as one that came twice. */
export const drain: InstanceWriter = { write: () => undefined, end: () => SUCCESS, fail: () => undefined };

/** Takes the bytes of an instance that came twice, and tells so. */
export function duplicate(observe: Observe, peer: string): InstanceWriter {
  observe({ kind: 'instance-arrived', peer, bytes: 0, outcome: 'duplicate' });
  return drain;
}

/** Bytes that wait at most for the UIDs of the instance that they are of, which stand before all that is long. */
const MOST_UNNAMED = 64 * 1024;

/** Why what has these UIDs is not the instance that `key` names: it would show one patient under another's name. */
function mismatch(uids: DatasetUids, key: InstanceKey): GatewayError | undefined {
  if (UIDS.every((name) => (uids[name] ?? key[name]) === key[name])) return undefined;
  return new GatewayError(
    'peer-protocol',
    'The PACS sent an instance that is not the one it was asked for.',
    {
      peer: key.peer,
    },
  );
}

const UIDS = ['studyInstanceUid', 'seriesInstanceUid', 'sopInstanceUid'] as const;

export interface ArrivalWriterOptions {
  readonly limits: DatasetLimits;
  readonly observe: Observe;
  /** What the peer said last of the study and the series. */
  readonly seen: (key: InstanceKey) => Seen | undefined;
  /** The same when it was asked for. */
  readonly askedAs?: Seen | undefined;
  /** Hears of the bytes as they come. */
  readonly came?: (bytes: number) => void;
}

/** Who writes what is arriving, by the promise of its end. */
const writers = new WeakMap<Promise<unknown>, ArrivalWriter>();

/** Who writes an instance that is arriving; undefined for one that an earlier process left. */
export const writerOf = ({ complete }: Pick<HeldInstance, 'complete'>): ArrivalWriter | undefined =>
  writers.get(complete);

/**
 * Writes an arriving instance into the cache and indexes it as the bytes pass.
 *
 * A dataset that cannot be parsed is still what the peer holds: its bytes are kept and delivered, only what needs
 * its elements is refused.
 */
export class ArrivalWriter implements InstanceWriter {
  readonly #arrival: Arrival<InstanceRecord>;
  readonly #observe: Observe;
  #indexer: DatasetIndexer | undefined;
  #problem: GatewayError | undefined;
  /** Of the whole instance, once it is there. */
  #repeated: RepeatedElements | undefined;
  /** What has come before it is known of which instance it is; undefined from then on. */
  #unnamed: Buffer[] | undefined = [];
  #isFailed = false;
  #bytes = 0;
  #crc = 0;
  /** Who waits for more to be known of where its elements lie. */
  #wake: (() => void)[] = [];

  readonly #came: ((bytes: number) => void) | undefined;
  readonly #seen: () => Seen | undefined;
  /**
   * Whose it is: these bytes are from before anything that the peer says after they were asked for, or, where it had not
   * said anything by then, after the first of them came: that may be younger than they are, and proves nothing.
   */
  readonly begunAs: Seen | undefined;

  constructor(
    arrival: Arrival<InstanceRecord>,
    { limits, observe, seen, askedAs, came }: ArrivalWriterOptions,
  ) {
    this.#arrival = arrival;
    this.#came = came;
    this.#observe = observe;
    this.#seen = () => seen(arrival.instance.key);
    const now = this.#seen();
    this.begunAs = askedAs ? { ...askedAs, series: askedAs.series ?? now?.series } : now;
    writers.set(arrival.instance.complete, this);
    const { transferSyntaxUid } = arrival.instance.info;
    const syntax = transferSyntax(transferSyntaxUid);
    if (syntax) this.#indexer = new DatasetIndexer(syntax, limits);
    else
      this.#problem = new GatewayError('malformed-dataset', `Unknown transfer syntax ${transferSyntaxUid}.`);
  }

  /** Whether the peer had said whose it is before the first byte came, and says so still. */
  get isProved(): boolean {
    const now = this.#seen();
    return this.begunAs !== undefined && now !== undefined && isStill(this.begunAs, now);
  }

  /**
   * Resolves when frame `frame` (1-based) can be cut out of what has come, to the index by which it can; to undefined
   * when only the whole instance tells.
   */
  async findFrame(frame: number): Promise<DatasetIndex | undefined> {
    for (;;) {
      const soFar = this.#indexer?.soFar();
      // Of another instance than the one asked for nothing may leave.
      if (soFar === undefined || mismatch(soFar, this.#arrival.instance.key)) return undefined;
      const index = indexForFrame(soFar, frame);
      if (index === 'never') return undefined;
      if (index !== 'later') return index;
      await this.#more();
    }
  }

  /**
   * Resolves to the elements that have come again when all that comes before the pixel data has passed, or so much of it
   * that nobody should wait for more; to undefined when there are none, or its elements cannot be read.
   */
  async findRepeated(): Promise<RepeatedElements | undefined> {
    while (this.#indexer?.isHeadOver === false) await this.#more();
    return this.#indexer?.repeated ?? this.#repeated;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  write(chunk: Buffer): void | Promise<void> {
    this.#bytes += chunk.length;
    this.#came?.(chunk.length);
    this.#crc = nextCrc32(chunk, this.#crc);
    // Of another instance than the one asked for nothing leaves.
    if (this.#isFailed) return undefined;
    if (this.#unnamed) return this.#writeUnnamed(this.#unnamed, chunk);
    const stored = this.#arrival.write(chunk);
    const indexed = this.#index((indexer) => indexer.push(chunk));
    this.#tellMore();
    if (stored === undefined) return indexed;
    return indexed === undefined ? stored : Promise.all([stored, indexed]).then(() => undefined);
  }

  /** Indexes first. */
  async #writeUnnamed(unnamed: Buffer[], chunk: Buffer): Promise<void> {
    unnamed.push(Buffer.from(chunk));
    await this.#index((indexer) => indexer.push(chunk));
    const { uids } = this.#indexer ?? {};
    const isNamed = uids === undefined || UIDS.every((name) => uids[name] !== undefined);
    if (isNamed || this.#bytes > MOST_UNNAMED) await this.#release(uids);
    this.#tellMore();
  }

  /** What has come goes on, if it is of the instance that was asked for. */
  async #release(uids: DatasetUids | undefined): Promise<void> {
    const wrong = uids && mismatch(uids, this.#arrival.instance.key);
    if (wrong) this.fail(wrong);
    else await this.#flush();
  }

  async #flush(): Promise<void> {
    const unnamed = this.#unnamed ?? [];
    this.#unnamed = undefined;
    for (const chunk of unnamed) await this.#arrival.write(chunk);
  }

  async end(): Promise<number> {
    const index = await this.#finishIndex();
    this.#repeated = index?.repeated;
    this.#isOver();
    if (this.#isFailed) return DOES_NOT_MATCH;
    const { key } = this.#arrival.instance;
    const wrong = (index && mismatch(index, key)) ?? this.#overtaken(key);
    if (wrong) {
      this.fail(wrong);
      return DOES_NOT_MATCH;
    }
    try {
      await this.#flush();
      const digest = `${this.#bytes.toString(36)}-${this.#crc.toString(36)}`;
      const { study: seenAs, series: seriesAs } = this.begunAs ?? {};
      await this.#arrival.finish({ index, problem: this.#problem, digest, seenAs, seriesAs });
    } catch (thrown) {
      this.fail(toGatewayError(thrown));
      return OUT_OF_RESOURCES;
    }
    this.#tell('complete');
    this.#tellRepeated(index?.repeated);
    return SUCCESS;
  }

  /**
   * While this came the study has become another patient's, its series was corrected, or it has gone and come back: it
   * would be shown, and kept, under the wrong name.
   */
  #overtaken({ peer }: InstanceKey): GatewayError | undefined {
    const now = this.#seen();
    if (!this.begunAs || !now || isStill(this.begunAs, now)) return undefined;
    return overtaken(peer);
  }

  fail(error: GatewayError): void {
    if (this.#isFailed) return;
    this.#isFailed = true;
    this.#unnamed = undefined;
    this.#arrival.fail(error);
    this.#isOver();
    this.#tell('failed');
  }

  /** What is there longer than it took to arrive should not keep what wrote it. */
  #isOver(): void {
    this.#indexer = undefined;
    writers.delete(this.#arrival.instance.complete);
    this.#tellMore();
  }

  #tellMore(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** Runs one step of the indexer; when the dataset turns out to be malformed, indexing stops and storing goes on. */
  #index(step: (indexer: DatasetIndexer) => void | Promise<void>): void | Promise<void> {
    if (this.#indexer === undefined) return undefined;
    try {
      const pending = step(this.#indexer);
      return pending?.catch((thrown: unknown) => {
        this.#giveUpIndexing(thrown);
      });
    } catch (thrown) {
      this.#giveUpIndexing(thrown);
      return undefined;
    }
  }

  async #finishIndex(): Promise<DatasetIndex | undefined> {
    try {
      return await this.#indexer?.end();
    } catch (thrown) {
      this.#giveUpIndexing(thrown);
      return undefined;
    }
  }

  #giveUpIndexing(thrown: unknown): void {
    this.#problem = toGatewayError(thrown);
    this.#indexer = undefined;
  }

  #tellRepeated(repeated: RepeatedElements | undefined): void {
    if (repeated === undefined) return;
    const { peer } = this.#arrival.instance.key;
    const { tags, isPartial = false } = repeated;
    this.#observe({
      kind: 'repeated-attributes',
      peer,
      in: 'instance',
      tags: tags.map(formatTag),
      isPartial,
    });
  }

  #tell(outcome: 'complete' | 'failed'): void {
    this.#observe({
      kind: 'instance-arrived',
      peer: this.#arrival.instance.key.peer,
      bytes: this.#bytes,
      outcome,
    });
  }
}
