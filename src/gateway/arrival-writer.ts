import { crc32 } from 'node:zlib';
import { GatewayError, toGatewayError, type Observe } from '../core/index.js';
import { DatasetIndexer, transferSyntax, type DatasetIndex } from '../dicom/index.js';
import type { Arrival, InstanceKey } from '../cache/index.js';
import type { InstanceWriter } from '../dimse/index.js';
import type { DatasetLimits, InstanceRecord } from './ports.js';
import { sameIdentity, type StudyState } from './study-state.js';

const SUCCESS = 0x0000;
/** Refused: out of resources, for bytes that could not be kept. @see PS3.4 Table B.2-1 */
const OUT_OF_RESOURCES = 0xa700;
/** Error: data set does not match what was asked for. @see PS3.4 Table B.2-1 */
const DOES_NOT_MATCH = 0xa900;

/** Takes the bytes of an instance that nobody needs, such as one that came twice. */
export const drain: InstanceWriter = { write: () => undefined, end: () => SUCCESS, fail: () => undefined };

/** Why `index` is not of the instance that `key` names, which would show one patient under another's name. */
export function mismatch(index: DatasetIndex, key: InstanceKey): GatewayError | undefined {
  const same =
    (index.sopInstanceUid ?? key.sopInstanceUid) === key.sopInstanceUid &&
    (index.studyInstanceUid ?? key.studyInstanceUid) === key.studyInstanceUid &&
    (index.seriesInstanceUid ?? key.seriesInstanceUid) === key.seriesInstanceUid;
  if (same) return undefined;
  return new GatewayError(
    'peer-protocol',
    'The PACS sent an instance that is not the one it was asked for.',
    {
      peer: key.peer,
    },
  );
}

export interface ArrivalWriterOptions {
  readonly limits: DatasetLimits;
  readonly observe: Observe;
  /** What the peer said of a study last. */
  readonly seen: (studyInstanceUid: string) => StudyState | undefined;
}

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
  #bytes = 0;
  #crc = 0;

  readonly #seen: () => StudyState | undefined;
  /** Whose it is: these bytes are from before anything that the peer says later. */
  readonly #begunAs: StudyState | undefined;

  constructor(arrival: Arrival<InstanceRecord>, { limits, observe, seen }: ArrivalWriterOptions) {
    this.#arrival = arrival;
    this.#observe = observe;
    this.#seen = () => seen(arrival.instance.key.studyInstanceUid);
    this.#begunAs = this.#seen();
    const { transferSyntaxUid } = arrival.instance.info;
    const syntax = transferSyntax(transferSyntaxUid);
    if (syntax) this.#indexer = new DatasetIndexer(syntax, limits);
    else
      this.#problem = new GatewayError('malformed-dataset', `Unknown transfer syntax ${transferSyntaxUid}.`);
  }

  write(chunk: Buffer): void | Promise<void> {
    this.#bytes += chunk.length;
    this.#crc = crc32(chunk, this.#crc);
    const stored = this.#arrival.write(chunk);
    const indexed = this.#index((indexer) => indexer.push(chunk));
    if (stored === undefined) return indexed;
    return indexed === undefined ? stored : Promise.all([stored, indexed]).then(() => undefined);
  }

  async end(): Promise<number> {
    const index = await this.#finishIndex();
    const { key } = this.#arrival.instance;
    const wrong = (index && mismatch(index, key)) ?? this.#overtaken(key);
    if (wrong) {
      this.fail(wrong);
      return DOES_NOT_MATCH;
    }
    try {
      const digest = `${this.#bytes.toString(36)}-${this.#crc.toString(36)}`;
      const seenAs = this.#begunAs ?? this.#seen();
      await this.#arrival.finish({ index, problem: this.#problem, digest, seenAs });
    } catch (thrown) {
      this.fail(toGatewayError(thrown));
      return OUT_OF_RESOURCES;
    }
    this.#tell('complete');
    return SUCCESS;
  }

  /** The study has become another patient's while this came: it would be shown, and kept, under the wrong name. */
  #overtaken({ peer }: InstanceKey): GatewayError | undefined {
    const now = this.#seen();
    if (!this.#begunAs || !now || sameIdentity(this.#begunAs, now)) return undefined;
    const message = 'The study was changed at the PACS while it was being fetched. Ask for it again.';
    return new GatewayError('peer-incomplete', message, { peer });
  }

  fail(error: GatewayError): void {
    this.#indexer = undefined;
    this.#arrival.fail(error);
    this.#tell('failed');
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

  #tell(outcome: 'complete' | 'failed'): void {
    this.#observe({
      kind: 'instance-arrived',
      peer: this.#arrival.instance.key.peer,
      bytes: this.#bytes,
      outcome,
    });
  }
}
